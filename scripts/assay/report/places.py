"""Which line of the repository a finding is about, for annotations.

Pure: `read` gives the files of the head revision, relative to the project folder. They are parsed
as text and nothing of them is run.
"""

from __future__ import annotations

import fnmatch
import functools
import itertools
from typing import TYPE_CHECKING

from assay.contract import beside, promises
from assay.report import lineage, wording
from assay.section import Reason
from assay.stages.validate import message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from assay.changes import MetricChange
    from assay.configdata import DataSpec
    from assay.record import RunRecord
    from assay.stages.compare import CompareSection, ParameterChange
    from assay.stages.validate import CheckFailure, FileResult
    from assay.yamlfile import YamlDocument

    KeyPath = tuple[str | int, ...]
    Read = Callable[[str], bytes | None]

CONFIG = "assay.yaml"
MOST_PARAMETERS = 5
_MOST_CHECKS = 100
"""Broken checks that are looked up in a schema: `validate` gives a reason for fewer."""
_LONGEST_VALUE = 40
_LONGEST_KEY = 100


def of(record: RunRecord, read: Read) -> tuple[Reason, ...]:
    """All that belongs on a line: why stages did not pass, and what may have made it worse.

    Not of stages that never ran: somebody else's problem kept them from it.
    """
    reasons = [
        reason
        for _, section in record.sections()
        if section.blocked_by is None
        for reason in section.reasons
    ]
    named = (reason.file for reason in reasons if reason.key is not None and reason.file)
    config = next(named, CONFIG)
    return (*located(record, reasons, read, config=config), *parameters(record, read))


def located(
    record: RunRecord, reasons: Iterable[Reason], read: Read, *, config: str = CONFIG
) -> tuple[Reason, ...]:
    """Reasons, and those without a line put on one, where it is known.

    A key of the configuration file gets its line there; a broken check of a schema the line that
    promises it, else that of the entry of `data` that names the schema.

    Args:
        record: The run.
        reasons: What to place.
        read: The content of a file of the project.
        config: The configuration file.
    """
    checks = dict(itertools.islice(_checks(record), _MOST_CHECKS))

    @functools.cache
    def document() -> YamlDocument | None:
        content = promises.text(read, config)
        return None if content is None else promises.document(content, config)

    @functools.cache
    def promised(reference: str) -> Callable[[str | None, str | None], tuple[str, int] | None]:
        return promises.lines_of(reference, read)

    def of_key(key: Sequence[str | int]) -> int | None:
        found = document()
        return None if found is None else found.line(key)

    def placed(reason: Reason) -> Reason:
        file, line = reason.file, reason.line
        if line is None and reason.key is not None:
            file, line = file or config, of_key(reason.key)
        elif line is None and reason.message in checks:
            reference, failure, key = checks[reason.message]
            known = promised(reference)(failure.column, failure.check)
            file, line = (config, of_key(key)) if known is None else known
        if line is None or line == reason.line:
            return reason
        return reason.model_copy(update={"file": file, "line": line})

    return tuple(map(placed, reasons))


def parameters(record: RunRecord, read: Read) -> tuple[Reason, ...]:
    """Notices on parameters that changed, where something got worse: at most five.

    Of a metric that got worse or failed, the parameters of the stages that lead to it. That they
    are the cause nobody knows: it says what changed, and what fell.
    """
    compare = record.compare
    if compare is None or not compare.parameters:
        return ()
    stages = lineage.stages(promises.text(read, "dvc.lock"))
    worse = _worse(record, compare)
    behind = {source: lineage.behind(stages, source) for source in {s for s, _ in worse}}
    notices = []
    for change in compare.parameters:
        what = next(
            (w for s, w in worse if lineage.reads(behind[s], change.file, change.key)), None
        )
        if what is not None:
            notices.append(_notice(change, what, read))
        if len(notices) == MOST_PARAMETERS:
            break
    return tuple(notices)


def _checks(record: RunRecord) -> Iterator[tuple[str, tuple[str, CheckFailure, KeyPath]]]:
    """Broken checks of schemas by the message that `validate` makes: schema, failure, its key."""
    for file in record.validation.files if record.validation else ():
        entry = _entry(record, file)
        if entry is None:
            continue
        number, spec = entry
        for failure in file.failures:
            if beside.key(failure.check, failure.column) is None:
                said = message(file, failure)
                yield said, (spec.pandera_schema, failure, ("data", number, "schema"))


def _entry(record: RunRecord, file: FileResult) -> tuple[int, DataSpec] | None:
    """The entry of `data` that a table was checked by."""
    for number, spec in enumerate(record.config.data):
        path = spec.table or spec.path
        # A glob of ours: `**/` stands for no folder too, which `fnmatch` does not know.
        if file.path == path or fnmatch.fnmatchcase(file.path, path.replace("**/", "*")):
            return number, spec
    return None


def _worse(record: RunRecord, compare: CompareSection) -> list[tuple[str | None, str]]:
    """What got worse or failed: the file that it was measured in, and a phrase."""
    head = record.evaluate.head if record.evaluate else None
    sources = {metric.name: metric.source for metric in (head.metrics if head else ())}
    changes = {change.name: change for change in compare.metrics}
    found: dict[str, str] = {}
    for gate in compare.gates:
        if gate.stops or gate.warns:
            change = changes.get(gate.metric) if gate.slice is None else None
            found.setdefault(gate.metric, _moved(change) or gate.message)
    for change in compare.metrics:
        if change.change == "worse":
            found.setdefault(change.name, _moved(change) or change.name)
    for part in compare.slices:
        if part.change == "worse":
            place = wording.short(part.name, _LONGEST_KEY)
            title = wording.metric_title(part.metric)
            found.setdefault(part.metric, f"{title} got worse on {place}")
    return [(sources.get(name), what) for name, what in found.items()]


def _moved(change: MetricChange | None) -> str:
    """`F1 fell from 0.6512 to 0.5812`; empty where it did not move for the worse."""
    if change is None or change.head is None or change.base is None or not change.difference:
        return ""
    if change.direction is not None and (change.difference > 0) == (change.direction == "higher"):
        return ""
    base, head, _ = wording.pair(change.base, change.head)
    verb = "fell" if change.difference < 0 else "rose"
    title = wording.short(wording.metric_title(change.name), _LONGEST_KEY)
    return f"{title} {verb} from {base} to {head}"


def _notice(change: ParameterChange, what: str, read: Read) -> Reason:
    was, now = (
        "not set" if value is None else wording.short(value, _LONGEST_VALUE)
        for value in (change.base, change.head)
    )
    key = wording.short(change.key, _LONGEST_KEY)
    return Reason(
        message=f"{key} {was} → {now}; {what.rstrip('.')}.",
        severity="note",
        file=change.file,
        line=_parameter_line(change, read),
    )


def _parameter_line(change: ParameterChange, read: Read) -> int | None:
    """The line of a parameter in a YAML or JSON file, else of what it stood in."""
    content = promises.text(read, change.file)
    if content is None or not change.file.endswith((".yaml", ".yml", ".json")):
        return None
    document = promises.document(content, change.file)
    if document is None:
        return None
    lines = {".".join(map(str, path)): line for path, line in document.lines.items()}
    key = change.key
    while key and key not in lines:
        key = key.rpartition(".")[0]
    return lines.get(key)

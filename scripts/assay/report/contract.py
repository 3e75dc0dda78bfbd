"""The data contract in a report: what each file breaks, and how it was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.contract import beside
from assay.report import wording
from assay.report.escape import Code, Phrase
from assay.report.lines import joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from assay.record import RunRecord
    from assay.stages.validate import CheckFailure, FileResult, PlannedCheck, ValidateSection

LEAST = 3
"""Broken checks that each file shows, where there are many files."""
_MOST_NAMES = 3
_HOW = {
    "scan": "in one scan of the data",
    "batches": "by Pandera, on batches of rows",
    "column": "by Pandera, on the whole column",
    "table": "by Pandera, on the whole table",
}


@dataclass(frozen=True, kw_only=True)
class CheckRow:
    """A check that some rows of a file, or all of it, do not satisfy."""

    column: Phrase
    check: Code
    count: str
    """Of failing rows; empty where the check is not about rows."""
    share: str
    examples: Phrase
    spread: Phrase
    """How the values of the column are spread, as bars."""
    where: str
    """`file:line` of the promise."""


@dataclass(frozen=True, kw_only=True)
class ContractFile:
    """A file that does not keep its contract, or only with a warning."""

    path: Code
    facts: str
    """`17,379 rows; 28 of 31 checks hold`."""
    error: str
    """Why it could not be checked."""
    checks: tuple[CheckRow, ...]
    """Those that do not hold, by column."""
    more: int
    """How many of them are not shown."""
    warnings: tuple[str, ...]
    failing_rows: str
    """The file with the first rows that fail, among those that the run leaves."""


def files(record: RunRecord, most: int | None = None) -> tuple[ContractFile, ...]:
    """The files with anything to say, as many as `most`, with about so many checks in all."""
    found = list(_of_interest(record.validation))
    shown = found if most is None else found[:most]
    breaking = sum(1 for file in shown if file.failures)
    each = None if most is None else max(most // max(breaking, 1), LEAST)
    # Where somebody else made the record, their files are not among what this run leaves.
    own = record.provenance is None
    return tuple(_file(file, each, own=own) for file in shown)


def count(record: RunRecord) -> int:
    """How many files `files` gives, if all are asked for."""
    return sum(1 for _ in _of_interest(record.validation))


def title(record: RunRecord) -> str:
    """What stands over `files`; empty without any."""
    found = list(_of_interest(record.validation))
    broken = sum(len(file.failures) for file in found)
    unread = sum(file.error is not None for file in found)
    said = []
    if broken:
        said.append(f"Rules of the data contract that are broken ({broken:,})")
    if unread:
        said.append(f"{'data' if said else 'Data'} that could not be checked ({unread:,})")
    warned = sum(len(file.warnings) for file in found)
    if warned and not said:
        said.append(f"Warnings of the data contract ({warned:,})")
    return ", and ".join(said)


def summary(section: ValidateSection) -> Phrase:
    """One line on all files."""
    if not section.files:
        return ()
    unread = [file for file in section.files if file.error is not None]
    failing = [file for file in section.files if file.failures]
    rows = sum(file.rows or 0 for file in section.files)
    scope = f"{wording.count(rows, 'row')} in {wording.count(len(section.files), 'file')}"
    if not unread and not failing:
        return (f"{scope} keep every rule of the schema",)
    said: list[str] = []
    if failing:
        broken = wording.count(sum(len(file.failures) for file in failing), "rule")
        said += [f"{broken} broken in ", *joined(tuple(file.path for file in failing[:3]))]
        said += [f" and {len(failing) - 3:,} more"] if len(failing) > 3 else []
    if unread:
        verb = wording.count(len(unread), "file") + " could not be checked"
        said += [", ", verb] if said else [verb]
    return (*said, f" ({scope})")


def held(file: FileResult) -> int | None:
    """How many checks hold; `None` where the schema has no plan, and so nobody counted them."""
    if all(beside.key(planned.check, planned.column) for planned in file.plan):
        return None
    broken = {(failure.column, failure.check) for failure in file.failures}
    return sum((planned.column, planned.check) not in broken for planned in file.plan)


def looked_at(record: RunRecord) -> Iterator[tuple[Phrase | str, ...]]:
    """By file how its checks were looked at, and which; files with equal plans are one."""
    plans: dict[tuple[PlannedCheck, ...], list[FileResult]] = {}
    for file in record.validation.files if record.validation else ():
        if file.plan:
            plans.setdefault(file.plan, []).append(file)
    for plan, alike in plans.items():
        name: Phrase = (Code(alike[0].path),)
        name += (f" and {len(alike) - 1:,} more",) if len(alike) > 1 else ()
        ways: dict[str, list[PlannedCheck]] = {}
        # The scan first, which most checks are a part of.
        for planned in sorted(plan, key=lambda one: one.how != "scan"):
            why = "" if planned.why is None else f": {planned.why}"
            ways.setdefault(f"{_HOW[planned.how]}{why}", []).append(planned)
        if len(ways) > 1:
            yield name, f"{len(plan):,}"
            name = ()
        for words, checks in ways.items():
            where: Phrase = (*name, ", ", words) if name else (words,)
            yield where, (f"{len(checks):,}", *_named(checks))


def _named(checks: list[PlannedCheck]) -> Iterator[str]:
    """The checks that Pandera looked at itself, by name."""
    if checks[0].how == "scan":
        return
    for at, planned in enumerate(checks[:_MOST_NAMES]):
        yield ", " if at else ": "
        if planned.column is not None:
            yield from (Code(planned.column), " ")
        yield Code(planned.check)
    if len(checks) > _MOST_NAMES:
        yield f" and {len(checks) - _MOST_NAMES:,} more"


def _of_interest(section: ValidateSection | None) -> Iterator[FileResult]:
    for file in section.files if section is not None else ():
        if file.failures or file.warnings or file.error is not None:
            yield file


def _file(file: FileResult, most: int | None, *, own: bool) -> ContractFile:
    rows = tuple(map(_row, _by_column(file.failures)))
    return ContractFile(
        path=Code(file.path),
        facts=_facts(file),
        error=file.error or "",
        checks=rows[:most],
        more=len(rows) - len(rows[:most]),
        warnings=file.warnings,
        failing_rows=(file.failing_rows or "") if own else "",
    )


def _facts(file: FileResult) -> str:
    said = [] if file.rows is None else [wording.count(file.rows, "row")]
    good = held(file) if file.error is None else None
    if good is not None:
        whole = good + len(file.failures)
        said.append(f"{good:,} of {wording.count(whole, 'check')} hold{'s' if whole == 1 else ''}")
    return "; ".join(said)


def _by_column(failures: Iterable[CheckFailure]) -> list[CheckFailure]:
    """Failures of one column together, in the order in which columns first come."""
    groups: dict[str | None, list[CheckFailure]] = {}
    for failure in failures:
        groups.setdefault(failure.column, []).append(failure)
    return [failure for group in groups.values() for failure in group]


def _row(failure: CheckFailure) -> CheckRow:
    place = failure.file or ""
    # Of a property of a whole column or table the count is 1, which is no row.
    about_rows = failure.share is not None or failure.count != 1
    return CheckRow(
        column=("whole table",) if failure.column is None else (Code(failure.column),),
        check=Code(failure.check),
        count=f"{failure.count:,}" if about_rows else "",
        share=wording.share(failure.share),
        examples=joined(failure.examples),
        spread=(Code(failure.spread),) if failure.spread else (),
        where=place if failure.line is None else f"{place}:{failure.line}" if place else "",
    )

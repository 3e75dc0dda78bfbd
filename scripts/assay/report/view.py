"""What a report contains, before it is Markdown, HTML or a terminal's text: plain values.

Every format shows the same content, so it is worked out once, here and in `comparison` and
`findings`. Nothing is escaped yet; a `Code` in a phrase marks what the user's repository gave.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.record import CHECK, STAGES
from assay.report import (
    acceptance,
    comparison,
    contract,
    details,
    findings,
    heading,
    newer,
    package,
)
from assay.report.escape import Code, Phrase
from assay.report.wording import OUTCOMES, count, duration, percent, size, status_words
from assay.verdict import decide

if TYPE_CHECKING:
    from assay.provenance import Provenance
    from assay.record import Revision, RunRecord
    from assay.report.comparison import FileRow, MetricRow, ParameterRow, SliceRow
    from assay.report.contract import ContractFile
    from assay.report.details import Table
    from assay.report.findings import Problem, TestRow
    from assay.report.lines import Line
    from assay.report.package import MismatchRow
    from assay.verdict import Outcome, Verdict


@dataclass(frozen=True, kw_only=True)
class View:
    """The content of a report."""

    outcome: Outcome
    tone: str
    """The outcome as one word: `no-gate`."""
    icon: str
    word: str
    """`Passed`, or with the stage that decided: `Failed (test)`."""
    title: str
    """What the model is called, where there are several."""
    headline: str
    """A short sentence; backticks mark code."""
    more: str
    """What the headline leaves out so that it is short."""
    said: str
    """The problem that the headline says in full."""
    decided_by: str
    provenance: Provenance | None
    """Where another run than this one made the record: whose word it rests on."""
    overall: str
    """The first metric that matters, where the headline is about something else."""
    sure: str
    """Of intervals: `95 %`; empty where there are none."""
    how_sure: str
    """What the intervals rest on, as sentences."""
    revision: Phrase
    notes: tuple[Phrase, ...]
    problems: tuple[Problem, ...]
    not_run: tuple[str, ...]
    overrides: tuple[Phrase, ...]
    """What people said about gates that stop the run."""
    baseline: bool
    compared: bool
    """Whether any metric has a value at base."""
    metrics: tuple[MetricRow, ...]
    """Those that matter."""
    all_metrics: tuple[MetricRow, ...]
    """As many as were asked for; empty where these are all that matter."""
    metric_count: int
    sources: Phrase
    """Where the metrics come from."""
    worse: tuple[SliceRow, ...]
    """The slices that got worse, the hardest hit first; only so many."""
    worse_count: int
    worse_on: int
    """On how many slices any metric got worse."""
    sliced: int
    """How many slices there are."""
    slices: tuple[SliceRow, ...]
    """Of each slice, each metric; as many as were asked for."""
    slice_count: int
    """Rows that there are of them."""
    lines: tuple[Line, ...]
    tests: tuple[TestRow, ...]
    contract: tuple[ContractFile, ...]
    """Files that break the data contract; as many as were asked for."""
    contract_count: int
    contract_title: str
    mismatches: tuple[MismatchRow, ...]
    """Rows on which the exported model answers otherwise."""
    parameters: tuple[ParameterRow, ...]
    files: tuple[FileRow, ...]
    tables: tuple[Table, ...]
    """Why: groups, data, code, packages, features."""
    stages: tuple[tuple[str, str, str, str], ...]
    """Stage, status in words, duration, its share of the whole."""
    pipeline: tuple[tuple[Code, Phrase, str], ...]
    """Stage of dvc.yaml, what happened, duration."""
    seconds: str
    transferred: str
    """What was fetched from the DVC remote, as a sentence; empty where nothing was needed."""
    environment: tuple[tuple[str, str], ...]
    undefined: tuple[tuple[str, str], ...]
    """Metrics that the predictions cannot give, and why."""
    reproduce: str
    """Commands to copy into a shell."""


def of(record: RunRecord, verdict: Verdict | None = None, *, most: int | None = None) -> View:
    """The content of the report on a run.

    Args:
        record: The run.
        verdict: What `decide` says of it, where that is known already.
        most: Rows of each long table; by default all of them.
    """
    verdict = verdict or decide(record)
    icon, word = OUTCOMES[verdict.outcome]
    compare = record.compare
    changes = comparison.changes(record)
    that_matter = comparison.that_matter(changes)
    slices = compare.slices if compare else ()
    worse = comparison.worse(record)
    by_stage = verdict.decided_by in STAGES and verdict.outcome in ("fail", "error")
    head = heading.of(record, verdict)
    overall = heading.overall(record)
    return View(
        outcome=verdict.outcome,
        tone=verdict.outcome.replace(" ", "-"),
        icon=icon,
        word=f"{word} ({verdict.decided_by})" if by_stage else word,
        title=record.title,
        headline=head.text,
        more=head.more,
        said=verdict.headline if head.whole else "",
        decided_by=verdict.decided_by,
        provenance=record.provenance,
        overall="" if head.text == overall else overall,
        sure=_sure(record),
        how_sure=findings.how_sure(record),
        revision=_revision(record),
        notes=_notes(record, verdict),
        problems=findings.problems(record),
        not_run=findings.not_run(record),
        overrides=acceptance.lines(record),
        baseline=bool(compare and compare.baseline),
        compared=any(change.base is not None for change in changes),
        metrics=comparison.metrics(record, that_matter, drawn=True),
        all_metrics=(
            comparison.metrics(record, changes[:most]) if len(changes) > len(that_matter) else ()
        ),
        metric_count=len(changes),
        sources=comparison.sources(record),
        worse=comparison.slices(worse[: comparison.MOST_WORSE], drawn=True),
        worse_count=len(worse),
        worse_on=compare.worse_on if compare else 0,
        sliced=compare.sliced if compare else 0,
        slices=comparison.slices(slices[:most]),
        slice_count=len(slices),
        lines=findings.lines(record),
        tests=findings.tests(record),
        contract=contract.files(record, most),
        contract_count=contract.count(record),
        contract_title=contract.title(record),
        mismatches=package.mismatches(record),
        parameters=comparison.parameters(record),
        files=comparison.files(record),
        tables=details.tables(record),
        stages=_stages(record),
        pipeline=findings.pipeline(record),
        seconds=duration(_seconds(record)),
        transferred=_transferred(record),
        environment=_environment(record),
        undefined=_undefined(record),
        reproduce=_reproduce(record),
    )


def _sure(record: RunRecord) -> str:
    evidence = record.evaluate.evidence if record.evaluate else ()
    return percent(evidence[0].confidence) if evidence else ""


def _revision(record: RunRecord) -> Phrase:
    """`feature` at `abc1234` against `main` at `def5678`."""
    ci = record.ci
    head = _commit(record.head, ci.head_ref, ci.head_sha)
    base = _commit(record.base, ci.base_ref, None)
    if not head:
        return ()
    return (*head, " against ", *base) if base else head


def _commit(revision: Revision | None, branch: str | None, sha: str | None) -> Phrase:
    # The checked-out commit may be GitHub's merge of the pull request, which nobody knows.
    sha = sha or (revision.sha if revision else None)
    branch = branch or (revision.branch if revision else None)
    names = [Code(name) for name in (branch, sha[:7] if sha else None) if name]
    return (names[0], " at ", names[1]) if len(names) == 2 else tuple(names)


def _notes(record: RunRecord, verdict: Verdict) -> tuple[Phrase, ...]:
    notes: list[Phrase] = []
    compare = record.compare
    compared = compare is not None and compare.status not in ("error", "skipped")
    if compared and compare is not None and compare.metrics and not compare.baseline:
        notes.append(
            ("There is no baseline: nothing to compare with, so only fixed bounds count.",)
        )
    if verdict.outcome == "no gate" and compared and not record.config.has_gate:
        notes.append(_how_to_gate(record))
    if compare is not None and compare.same_rows is False:
        notes.append(
            ("Head and base were evaluated on different rows; the model is not all that differs.",)
        )
    if record.evaluate is not None and record.evaluate.recent is not None:
        notes += newer.phrases(record.evaluate.recent)
    if record.head is not None and record.head.dirty:
        notes.append(
            ("The working tree had changes that are in no commit; nobody can repeat this run.",)
        )
    if record.ci.from_fork and record.provenance is None:
        notes.append(("This run was made by a fork's code, without access to secrets.",))
    return tuple(notes)


def _how_to_gate(record: RunRecord) -> Phrase:
    compare = record.compare
    name = compare.metrics[0].name if compare and compare.metrics else "f1"
    return (
        "No metric has a bound, so nothing could fail. To have it judged, set one in ",
        Code("assay.yaml"),
        ", such as ",
        Code(f"metrics: {{{name}: {{max_regression: 0.01}}}}"),
        ".",
    )


def _seconds(record: RunRecord) -> float:
    return sum(section.seconds for _, section in record.sections())


def _stages(record: RunRecord) -> tuple[tuple[str, str, str, str], ...]:
    rows = []
    whole = _seconds(record)
    for stage in STAGES:
        section = record.section(stage)
        if section is None:
            rows += [(stage, status_words("not run"), "", "")] if stage in CHECK else []
            continue
        part = f"{100 * section.seconds / whole:.0f} %" if whole else ""
        rows.append((stage, status_words(section.status), duration(section.seconds), part))
    return tuple(rows)


def _transferred(record: RunRecord) -> str:
    """How much came from the DVC remote, and how much was here already."""
    transfers = record.checkout.transfers if record.checkout else ()
    files = sum(transfer.files for transfer in transfers)
    cached = sum(transfer.cached for transfer in transfers)
    if not files and not cached:
        return ""
    amount = sum(transfer.bytes for transfer in transfers)
    said = f"{size(amount)} in {count(files, 'file')}" if files else "nothing"
    kept = f"; {count(cached, 'file')} {'was' if cached == 1 else 'were'} in the cache"
    return f"Fetched from the DVC remote: {said}{kept if cached else ''}."


def _environment(record: RunRecord) -> tuple[tuple[str, str], ...]:
    found = [("Assay", record.assay), ("Created", f"{record.created:%Y-%m-%d %H:%M} UTC")]
    if record.environment is not None:
        found += [("Python", record.environment.python), ("Platform", record.environment.platform)]
        found += sorted(record.environment.packages.items())
    checkout = record.checkout
    if checkout is not None and checkout.remote:
        where = f" ({checkout.url})" if checkout.url else ""
        found.append(("DVC remote", f"{checkout.remote}{where}"))
    return tuple(found)


def _undefined(record: RunRecord) -> tuple[tuple[str, str], ...]:
    """Of head; of base where only base has none; and what has values and no interval."""
    found = record.evaluate
    if found is None:
        return ()
    head = dict(found.head.undefined) if found.head else {}
    base = dict(found.base.undefined) if found.base else {}
    return (
        *head.items(),
        *((name, f"at base: {why}") for name, why in base.items() if name not in head),
        *((name, f"no interval: {why}") for name, why in found.no_evidence.items()),
    )


def _reproduce(record: RunRecord) -> str:
    """Commands that make this run again; nothing in them is the shell's to interpret."""
    ci = record.ci
    head = ci.head_sha or (record.head.sha if record.head else None)
    lines = []
    if ci.host != "local" and _is_sha(head):
        lines += [f"git fetch origin {_fetched(record)}", f"git checkout --detach {head}"]
    base = record.base.sha if record.base else ci.base_sha
    folder = f" -C {shlex.quote(record.project)}" if record.project else ""
    lines.append(f"assay check{folder}" + (f" --base {base}" if _is_sha(base) else ""))
    return "\n".join(lines)


def _fetched(record: RunRecord) -> str:
    """What to fetch so that the commit is there: a fork's is only found by the pull request."""
    ci = record.ci
    if ci.host == "github" and ci.pull_request is not None:
        return f"pull/{ci.pull_request}/head"
    if ci.head_ref and ci.head_ref.isprintable():
        return shlex.quote(f"refs/heads/{ci.head_ref}")
    return ci.head_sha or "HEAD"


def _is_sha(text: str | None) -> bool:
    return text is not None and re.fullmatch(r"[0-9a-f]{7,64}", text) is not None

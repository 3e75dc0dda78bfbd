"""What a report contains, before it is Markdown, HTML or a terminal's text: plain values.

Every format shows the same content, so it is worked out once, here and in `comparison` and
`findings`. Nothing is escaped yet; a `Code` in a phrase marks what the user's repository gave.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.report import acceptance, comparison, details, findings
from assay.report.escape import Code, Phrase
from assay.report.wording import OUTCOMES, duration, percent, status_words
from assay.verdict import decide, summary

if TYPE_CHECKING:
    from assay.record import Revision, RunRecord
    from assay.report.comparison import FileRow, MetricRow, ParameterRow, SliceRow
    from assay.report.details import Table
    from assay.report.findings import CheckRow, Problem, TestRow
    from assay.report.lines import Line
    from assay.verdict import Outcome, Verdict

STAGE_ORDER = ("checkout", "validate", "test", "train", "evaluate", "compare")


@dataclass(frozen=True, kw_only=True)
class View:
    """The content of a report."""

    outcome: Outcome
    icon: str
    word: str
    """`Passed`, or with the stage that decided: `Failed (test)`."""
    headline: str
    """A sentence; backticks mark code."""
    decided_by: str
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
    metrics: tuple[MetricRow, ...]
    """Those that matter."""
    all_metrics: tuple[MetricRow, ...]
    worse: tuple[SliceRow, ...]
    """The slices that got worse, the hardest hit first."""
    worse_on: int
    """On how many slices any metric got worse."""
    sliced: int
    """How many slices there are."""
    slices: tuple[SliceRow, ...]
    """Of each slice, each metric."""
    lines: tuple[Line, ...]
    tests: tuple[TestRow, ...]
    checks: tuple[CheckRow, ...]
    parameters: tuple[ParameterRow, ...]
    files: tuple[FileRow, ...]
    tables: tuple[Table, ...]
    """Why: groups, data, code, packages, features."""
    stages: tuple[tuple[str, str, str], ...]
    """Stage, status in words, duration."""
    pipeline: tuple[tuple[Code, Phrase, str], ...]
    """Stage of dvc.yaml, what happened, duration."""
    seconds: str
    environment: tuple[tuple[str, str], ...]
    undefined: tuple[tuple[str, str], ...]
    """Metrics that the predictions cannot give, and why."""
    reproduce: str
    """Commands to copy into a shell."""


def of(record: RunRecord, verdict: Verdict | None = None) -> View:
    """The content of the report on a run."""
    verdict = verdict or decide(record)
    icon, word = OUTCOMES[verdict.outcome]
    everything = comparison.metrics(record)
    slices = comparison.slices(record)
    compare = record.compare
    by_stage = verdict.decided_by in STAGE_ORDER and verdict.outcome in ("fail", "error")
    return View(
        outcome=verdict.outcome,
        icon=icon,
        word=f"{word} ({verdict.decided_by})" if by_stage else word,
        headline=verdict.headline,
        decided_by=verdict.decided_by,
        overall=_overall(record, verdict),
        sure=_sure(record),
        how_sure=findings.how_sure(record),
        revision=_revision(record),
        notes=_notes(record, verdict),
        problems=findings.problems(record),
        not_run=findings.not_run(record),
        overrides=acceptance.lines(record),
        baseline=bool(compare and compare.baseline),
        metrics=comparison.that_matter(everything),
        all_metrics=everything,
        worse=comparison.worse(slices),
        worse_on=compare.worse_on if compare else 0,
        sliced=compare.sliced if compare else 0,
        slices=slices,
        lines=findings.lines(record),
        tests=findings.tests(record),
        checks=findings.checks(record),
        parameters=comparison.parameters(record),
        files=comparison.files(record),
        tables=details.tables(record),
        stages=_stages(record),
        pipeline=findings.pipeline(record),
        seconds=duration(sum(section.seconds for _, section in record.sections())),
        environment=_environment(record),
        undefined=_undefined(record),
        reproduce=_reproduce(record),
    )


def _overall(record: RunRecord, verdict: Verdict) -> str:
    found = summary(record)
    return "" if verdict.headline == found else found


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
    if record.head is not None and record.head.dirty:
        notes.append(
            ("The working tree had changes that are in no commit; nobody can repeat this run.",)
        )
    if record.ci.from_fork:
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


def _stages(record: RunRecord) -> tuple[tuple[str, str, str], ...]:
    rows = []
    for stage in STAGE_ORDER:
        section = record.section(stage)
        status = "not run" if section is None else section.status
        rows.append(
            (stage, status_words(status), "" if section is None else duration(section.seconds))
        )
    return tuple(rows)


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

"""What the stages found, as lines and rows to show: problems, failures, one line a subject."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.record import CHECK
from assay.report import causes, contract, package, wording
from assay.report.comparison import file_phrase
from assay.report.escape import Code, Phrase, marked, pieces
from assay.report.lines import Line, joined
from assay.section import Reason, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.record import RunRecord
    from assay.section import Section
    from assay.stages.compare import CompareSection
    from assay.stages.test import TestSection
    from assay.stages.train import TrainSection


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Why a stage did not pass, for the top of the report."""

    stage: str
    status: str
    """Icon and word."""
    message: str
    hint: str
    where: str
    """`file:line`."""
    blocking: bool
    """Whether it decides; otherwise it is a warning."""


@dataclass(frozen=True, kw_only=True)
class TestRow:
    """A test that did not pass."""

    __test__ = False  # not a test class

    name: Code
    outcome: str
    message: str
    details: str
    where: str


def problems(record: RunRecord) -> tuple[Problem, ...]:
    """Why stages did not pass, errors first; not those that the table of metrics shows."""
    gates = record.compare.gates if record.compare else ()
    rows = (gate for gate in gates if gate.value is not None and gate.column is None)
    in_table = {gate.message.rstrip(".") for gate in rows}
    found = []
    for stage, section in record.sections():
        if section.status in (Status.PASS, Status.SKIPPED):
            continue
        blocking = section.status is not Status.WARN
        for reason in _in_short(record, stage, section):
            shown = stage == "compare" and reason.message.rstrip(".") in in_table
            if shown or reason.severity == "note":
                continue
            found.append(_problem(stage, section, reason, blocking=blocking))
    return tuple(sorted(found, key=lambda problem: not problem.blocking))


def _in_short(record: RunRecord, stage: str, section: Section) -> tuple[Reason, ...]:
    """The reasons of a stage; several that the report lists one by one below become one."""
    if stage == "validate" and record.validation is not None:
        broken = (file for file in record.validation.files if file.failures)
        begins = tuple(f"{file.path}: " for file in broken)
        summary = contract.summary(record.validation)
    elif stage == "test" and record.test is not None:
        begins = tuple(failure.name[:100] for failure in record.test.failures)
        summary = _tests(record.test)
    else:
        return section.reasons
    listed = [
        reason
        for reason in section.reasons
        if reason.severity == "error" and reason.hint is None and reason.message.startswith(begins)
    ]
    if len(listed) < 2:
        return section.reasons
    whole = Reason(message=f"{_as_message(summary)}.")
    return (whole, *(reason for reason in section.reasons if reason not in listed))


def _as_message(phrase: Phrase) -> str:
    """A phrase as one text, in which `backticks` mark code."""
    return "".join(marked(piece) if isinstance(piece, Code) else piece for piece in phrase)


def not_run(record: RunRecord) -> tuple[str, ...]:
    """Stages that an earlier problem kept from running. What the user switched off is not one.

    Nor is one that no check runs, unless it was asked for.
    """
    ran = {stage: section for stage, section in record.sections() if stage in CHECK}
    if not any(s.status in (Status.ERROR, Status.FAIL) for s in ran.values()):
        return ()
    last = max(map(CHECK.index, ran))
    missed = [
        stage
        for stage, section in record.sections()
        if section.status is Status.SKIPPED and section.blocked_by is not None
    ]
    return (*missed, *CHECK[last + 1 :])


def lines(record: RunRecord) -> tuple[Line, ...]:
    """Data, contract, tests, training, model: one line each, where there is something to say."""
    return tuple(_lines(record))


def how_sure(record: RunRecord) -> str:
    """What the intervals rest on, and what they were corrected for; empty without any."""
    evaluate = record.evaluate
    if evaluate is None or not evaluate.evidence:
        return ""
    share = wording.percent(evaluate.evidence[0].confidence)
    units = evaluate.evidence[0].units
    spec = record.config.predictions
    what = "group" if spec and spec.group else "row"
    paired = evaluate.rows is None or evaluate.rows.pairing != "unpaired"
    how = "that both models predicted" if paired else "of head and of base, as two samples"
    said = f"Intervals hold the true difference in {share} of cases; they rest on"
    said += f" {wording.count(units, what)} {how}."
    if evaluate.seeds is not None and evaluate.seeds.values:
        said += f" They cover what {len(evaluate.seeds.seeds)} other seeds did."
    looked_at = sum(len(part.evidence) for part in evaluate.slices if part.judged)
    if looked_at:
        said += " A slice got better or worse only beyond the chance of"
        said += f" {wording.count(looked_at, 'look')}"
        said += " (Holm's correction)."
    return said


def tests(record: RunRecord) -> tuple[TestRow, ...]:
    """Tests that did not pass."""
    return tuple(
        TestRow(
            name=Code(failure.name),
            outcome={"failed": "❌ failed", "error": "🛑 could not run"}[failure.outcome],
            message=failure.message,
            details=failure.details,
            where=_where(failure.file, failure.line),
        )
        for failure in (record.test.failures if record.test else ())
    )


def pipeline(record: RunRecord) -> tuple[tuple[Code, Phrase, str], ...]:
    """What happened to each stage of dvc.yaml."""
    words = {
        "ran": "ran",
        "restored": "restored from DVC's run cache",
        "unchanged": "unchanged, not run",
        "verified": "✅ matches dvc.lock",
        "stale": "❌ out of date",
        "failed": "❌ failed",
    }
    rows = []
    for stage in record.train.stages if record.train else ():
        why: Phrase = (": ", *joined(stage.changes)) if stage.changes else ()
        took = "" if stage.seconds is None else wording.duration(stage.seconds)
        rows.append((Code(stage.name), (words[stage.outcome], *why), took))
    return tuple(rows)


def _problem(stage: str, section: Section, reason: Reason, *, blocking: bool) -> Problem:
    return Problem(
        stage=stage,
        status=wording.status_words("warn" if reason.severity == "warning" else section.status),
        message=reason.message,
        hint=reason.hint or "",
        where=_where(reason.file, reason.line),
        blocking=blocking and reason.severity == "error",
    )


def _where(file: str | None, line: int | None) -> str:
    if file is None:
        return ""
    return file if line is None else f"{file}:{line}"


def _lines(record: RunRecord) -> Iterator[Line]:
    compare = record.compare
    if compare is not None and compare.baseline:
        yield Line(label="Data", status="", text=_data(compare))
    yield from causes.lines(record)
    for gate in compare.gates if compare is not None else ():
        if gate.rule == "disjoint_from" and gate.passed:  # one that failed is a problem above
            yield Line(label="Leakage", status="✅", text=pieces(gate.message))
    if record.validation is not None:
        yield from _stage_line("Contract", record.validation, contract.summary(record.validation))
    if record.test is not None:
        yield from _stage_line("Tests", record.test, _tests(record.test))
    if record.train is not None:
        yield from _stage_line("Training", record.train, _training(record.train))
    if compare is not None and compare.model_bytes is not None:
        yield Line(label="Model", status="", text=_model(compare))
    if record.package is not None:
        yield from _stage_line("Package", record.package, package.summary(record.package))


def _stage_line(label: str, section: Section, text: Phrase) -> Iterator[Line]:
    skipped = section.status is Status.SKIPPED
    if skipped and section.blocked_by is not None:
        return  # it is in the list of what was not run
    if not text and skipped:
        text = pieces(section.reasons[0].message) if section.reasons else ("skipped",)
    if text:
        # A text that says that all is well needs no word before it, but one that does not does.
        words = wording.STATUSES[section.status]
        status = (
            "" if skipped else words[0] if section.status is Status.PASS else f"{' '.join(words)}:"
        )
        yield Line(label=label, status=status, text=text)


def _data(compare: CompareSection) -> Phrase:
    changed = [change for change in compare.files if change.kind == "data"]
    if not changed:
        return ("the same files as base",)
    pieces: list[str] = [f"{wording.count(len(changed), 'file')} changed: "]
    for at, change in enumerate(changed[:3]):
        pieces += ["; "] if at else []
        pieces += file_phrase(change)
    if len(changed) > 3:
        pieces.append(f"; and {len(changed) - 3:,} more")
    return tuple(pieces)


def _tests(section: TestSection) -> Phrase:
    counts = (
        (section.passed, "passed"),
        (section.failed, "failed"),
        (section.errors, "could not run"),
        (section.skipped, "skipped"),
    )
    said = [f"{amount:,} {word}" for amount, word in counts if amount]
    return (", ".join(said),) if said else ()


def _training(section: TrainSection) -> Phrase:
    if not section.stages:
        return ()
    words = {
        "ran": "ran",
        "restored": "restored",
        "unchanged": "unchanged",
        "verified": "verified",
        "stale": "out of date",
        "failed": "failed",
    }
    said: list[str] = []
    for outcome, word in words.items():
        amount = sum(1 for stage in section.stages if stage.outcome == outcome)
        if amount:
            said.append(
                f"{amount:,} {word}" if said else f"{wording.count(amount, 'stage')} {word}"
            )
    took = sum(stage.seconds or 0.0 for stage in section.stages)
    return (", ".join(said) + (f" ({wording.duration(took)})" if took else ""),)


def _model(compare: CompareSection) -> Phrase:
    name: Phrase = (Code(compare.model), ", ") if compare.model else ()
    before, now = compare.base_model_bytes, compare.model_bytes
    if before is None or before == now:
        return (*name, wording.size(now) + (" as before" if before is not None else ""))
    return (*name, f"{wording.size(before)} → {wording.size(now)}")

"""The verdict of a run: a pure function of its record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from assay.report import wording
from assay.section import Fact, Status

if TYPE_CHECKING:
    from assay.gates import Gate
    from assay.record import RunRecord

Outcome = Literal["pass", "warn", "fail", "no gate", "error"]


class Verdict(Fact):
    """What the run says, and which rule decided."""

    outcome: Outcome
    headline: str
    """One sentence with the decisive number, as plain text."""
    decided_by: str
    """The rule or the stage that decided."""
    exit_code: int


def decide(record: RunRecord) -> Verdict:
    """The verdict: an error beats a failed stage, that beats a gate that said no.

    `no gate` is its own outcome: every stage passed, and no metric has a bound, so nothing was
    judged. It is never called a pass.
    """
    sections = list(record.sections())
    for status, outcome in ((Status.ERROR, "error"), (Status.FAIL, "fail")):
        for stage, section in sections:
            if section.status is status and stage != "compare":
                why = section.reasons[0].message if section.reasons else f"{stage} did not pass."
                others = sum(reason.severity == "error" for reason in section.reasons[1:])
                if others:
                    cut = section.reasons[-1].severity == "note"  # a stage lists only so many
                    why = f"{why.rstrip('.')}; and {'many' if cut else others} more."
                return Verdict(
                    outcome="error" if outcome == "error" else "fail",
                    headline=why,
                    decided_by=stage,
                    exit_code=section.exit_code,
                )
    return _by_gates(record)


def _by_gates(record: RunRecord) -> Verdict:
    compare = record.compare
    if compare is None:
        return Verdict(
            outcome="no gate",
            headline="The run ended before anything was compared.",
            decided_by="nothing",
            exit_code=0,
        )
    if compare.status is Status.ERROR:
        why = compare.reasons[0].message if compare.reasons else "The comparison failed."
        return Verdict(
            outcome="error", headline=why, decided_by="compare", exit_code=compare.exit_code
        )
    failed = [gate for gate in compare.gates if gate.passed is False]
    if failed:
        others = len(failed) - 1
        more = f" ({others} more {'gate' if others == 1 else 'gates'} failed)" if others else ""
        return Verdict(
            outcome="fail",
            headline=f"{failed[0].message.rstrip('.')}{more}.",
            decided_by=gate_name(failed[0]),
            exit_code=1,
        )
    if not any(gate.passed for gate in compare.gates):
        return Verdict(
            outcome="no gate",
            headline=summary(record) or "Every stage passed.",
            decided_by="bounds that need a baseline, and there is none"
            if compare.gates
            else "no metric has a bound in assay.yaml",
            exit_code=0,
        )
    count = len(compare.gates)
    gates = f"{count} gate{'s' if count > 1 else ''} passed"
    warned = [stage for stage, section in record.sections() if section.status is Status.WARN]
    return Verdict(
        outcome="warn" if warned else "pass",
        headline=summary(record) or f"{gates}.",
        decided_by=f"stage {warned[0]}" if warned else gates,
        exit_code=0,
    )


def gate_name(gate: Gate) -> str:
    """The rule as it stands in `assay.yaml`: `metrics.f1.min: 0.65`."""
    limit = "" if gate.limit is None else f": {gate.limit:g}"
    return f"metrics.{gate.metric}.{gate.rule}{limit}"


def summary(record: RunRecord) -> str:
    """The first metric that matters, base to head, in one sentence; empty without metrics."""
    compare = record.compare
    if compare is None or not compare.metrics:
        return ""
    first = compare.metrics[0]
    name = wording.metric_title(first.name)
    if first.head is None:
        return f"{name} is missing."
    if first.base is None or first.difference is None:
        return f"{name} is {wording.number(first.head)}; there is no baseline to compare it with."
    base, head, difference = wording.pair(first.base, first.head)
    if not first.difference:
        moved = f"{name} is unchanged at {head}"
    else:
        how = f", {first.change}" if first.change in ("better", "worse") else ""
        moved = f"{name} {base} → {head} ({difference}{how})"
    but = "but " if first.change == "better" else ""
    slices = f", {but}worse on {compare.worse_on} of {compare.sliced} slices"
    slices = slices if compare.worse_on else ""
    return f"{moved}{slices}."

"""The verdict of a run: a pure function of its record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from assay.errors import OutsideError
from assay.report import wording
from assay.section import Fact, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from assay.changes import MetricChange
    from assay.gates import Gate
    from assay.override import Override
    from assay.record import RunRecord

Outcome = Literal["pass", "warn", "fail", "inconclusive", "no gate", "error"]

_LONGEST_NAME = 40
"""Of a slice, in a sentence."""
_LONGEST_WHY = 200
"""Of the reason for which a gate was accepted."""
_WORDS = {
    "better": "better",
    "worse": "worse",
    "no evidence": "no evidence of change",
    "not judged": "too few rows to tell",
    "not tested": "not tested",
}


class Verdict(Fact):
    """What the run says, and which rule decided."""

    outcome: Outcome
    headline: str
    """One sentence with the decisive number, as plain text."""
    decided_by: str
    """The rule or the stage that decided."""
    exit_code: int


def decide(record: RunRecord) -> Verdict:
    """The verdict: an error beats a failed stage, that a failed gate, that one that cannot tell.

    `inconclusive` is no pass: a gate asked for evidence, and there is too little. `no gate` is its
    own outcome: every stage passed, and nothing was judged. It is never called a pass.
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
        return _ended_early(record)
    if compare.status is Status.ERROR:
        why = compare.reasons[0].message if compare.reasons else "The comparison failed."
        return Verdict(
            outcome="error", headline=why, decided_by="compare", exit_code=compare.exit_code
        )
    accepted = record.accepted()
    let_pass = [gate for gate in compare.gates if gate.stops and gate.name in accepted]
    for outcome, deciding in _said_no([g for g in compare.gates if g.name not in accepted]):
        if outcome == "warn" and let_pass:
            break
        others = len(deciding) - 1
        what = "could not tell" if outcome == "inconclusive" else "did not pass"
        more = f" ({others} more {'gate' if others == 1 else 'gates'} {what})" if others else ""
        return Verdict(
            outcome=outcome,
            headline=f"{deciding[0].message.rstrip('.')}{more}.",
            decided_by=deciding[0].name,
            exit_code=0 if outcome == "warn" else 1,
        )
    if let_pass:
        return _let_pass(let_pass, accepted)
    passed = sum(gate.result == "passed" for gate in compare.gates)
    if not passed:
        return Verdict(
            outcome="no gate",
            headline=summary(record) or "Every stage passed.",
            decided_by=_why_no_gate(compare.gates),
            exit_code=0,
        )
    gates = f"{passed} {'gate' if passed == 1 else 'gates'} passed"
    undecided = len(compare.gates) - passed
    gates += f", {undecided} not decided" if undecided else ""
    warned = [stage for stage, section in record.sections() if section.status is Status.WARN]
    return Verdict(
        outcome="warn" if warned else "pass",
        headline=summary(record) or f"{gates}.",
        decided_by=f"stage {warned[0]}" if warned else gates,
        exit_code=0,
    )


def _ended_early(record: RunRecord) -> Verdict:
    """Nothing was compared. Where that was to be judged, silence must not look like consent."""
    if any(record.sections()) and not record.config.has_gate:
        return Verdict(
            outcome="no gate",
            headline="The run ended before anything was compared.",
            decided_by="nothing",
            exit_code=0,
        )
    what = "any gate was decided" if any(record.sections()) else "any stage ran"
    return Verdict(
        outcome="error",
        headline=f"The run ended before {what}; its log says why.",
        decided_by="nothing",
        exit_code=OutsideError.exit_code,
    )


def _let_pass(gates: Sequence[Gate], accepted: Mapping[str, Override]) -> Verdict:
    """Every gate that would stop the run was accepted by somebody who may."""
    word = accepted[gates[0].name]
    others = len(gates) - 1
    more = f" ({others} more {'gate was' if others == 1 else 'gates were'} accepted)"
    why = wording.short(word.why, _LONGEST_WHY) or "no reason given"
    return Verdict(
        outcome="warn",
        headline=f"{gates[0].message.rstrip('.')}; accepted by @{word.who}: "
        f"{why.rstrip('.')}{more if others else ''}.",
        decided_by=f"{gates[0].name}, accepted by @{word.who}",
        exit_code=0,
    )


def _said_no(gates: Sequence[Gate]) -> Iterator[tuple[Outcome, list[Gate]]]:
    """The gates that did not pass, by what they make of the run, the worst first."""
    stopping = [gate for gate in gates if gate.stops]
    found: dict[Outcome, list[Gate]] = {
        "fail": [gate for gate in stopping if gate.result == "failed"],
        "inconclusive": [gate for gate in stopping if gate.result == "inconclusive"],
        "warn": [gate for gate in gates if gate.warns],
    }
    yield from ((outcome, those) for outcome, those in found.items() if those)


def _why_no_gate(gates: Sequence[Gate]) -> str:
    if not gates:
        return "no metric has a bound in assay.yaml"
    if all(gate.base is None for gate in gates):
        return "bounds that need a baseline, and there is none"
    return "bounds that could not be decided"


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
    worse = [wording.short(part, _LONGEST_NAME) for part in compare.worse_slices]
    but = "but " if worse and first.change == "better" else ""
    slices = f", {but}worse on {wording.listed(worse, most=2)}" if worse else ""
    return f"{_moved(name, first)}{slices}."


def _moved(name: str, change: MetricChange) -> str:
    """`F1 0.7353 → 0.7571 (+0.0218, 95 % interval +0.0040 to +0.0390: better)`."""
    base, head, difference = wording.pair(change.base, change.head)
    if not change.difference:
        return f"{name} is unchanged at {head}"
    how = _WORDS.get(change.change, "")
    evidence = change.evidence
    if evidence is None:
        return f"{name} {base} → {head} ({difference}{f', {how}' if how else ''})"
    sure = f"{wording.percent(evidence.confidence)} interval {wording.interval(evidence)}"
    return f"{name} {base} → {head} ({difference}, {sure}{f': {how}' if how else ''})"

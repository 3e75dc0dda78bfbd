"""The arithmetic behind each gate, step by step, from the record alone: `assay gate explain`."""

from __future__ import annotations

import difflib
import textwrap
from statistics import NormalDist
from typing import TYPE_CHECKING

from assay.console import printable
from assay.errors import UsageError
from assay.verdict import decide

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.evidence import Evidence
    from assay.gates import Gate, SignificanceTest
    from assay.record import RunRecord

WIDTH = 80
_LABEL = 18
_RULES = {
    "min": "fails when head is below the limit",
    "max": "fails when head is above the limit",
    "max_regression": "fails when head is worse than base by more than the limit",
    "max_relative_regression": "fails when head is worse by more than this share of base",
    "min_improvement": "fails when head is not better than base by at least the limit",
    "min_relative_improvement": "fails when head is not better by at least this share of base",
    "no_significant_regression": "fails when head is worse and chance does not explain it",
    "non_inferior": "passes when head is surely not worse by more than the margin",
    "superior": "passes when head is surely better than base",
    "present": "fails when what assay.yaml names is not there",
}
_METHODS = {
    "multinomial": "multinomial: the table of truth, base's and head's answers, drawn anew",
    "delong": "delong: the variance of two correlated areas under the ROC curve",
    "bootstrap": "bootstrap: rows (or groups) drawn anew, in pairs",
    "linearized": "linearized: normal, from each row's influence on the metric",
    "unpaired": "unpaired: head and base have different rows, so two samples",
}
Step = tuple[str, str]


def explain(record: RunRecord, metric: str | None = None) -> str:
    """The gates of a run, or those of one metric, as plain text of 80 columns.

    Raises:
        UsageError: The run compared nothing, or no gate is about `metric`.
    """
    if record.compare is None:
        raise UsageError(
            "This run ended before anything was compared, so no gate has decided.",
            hint="Run `assay check`, or `assay compare` after the other stages.",
        )
    gates = record.compare.gates
    if metric is not None:
        gates = _about(metric, gates)
    verdict = decide(record)
    lines = [*_wrapped("verdict", verdict.outcome), *_wrapped("decided by", verdict.decided_by)]
    lines = [line.removeprefix("  ") for line in lines]
    for gate in gates:
        lines += ["", *textwrap.wrap(printable(gate.name), WIDTH)]
        for label, text in _steps(gate, record):
            lines += _wrapped(label, text)
    return "\n".join(lines) + "\n"


def _about(metric: str, gates: Sequence[Gate]) -> tuple[Gate, ...]:
    found = tuple(gate for gate in gates if metric in (gate.metric, gate.column, gate.name))
    if found:
        return found
    known = list(dict.fromkeys(gate.metric for gate in gates))
    close = difflib.get_close_matches(metric, known, n=3)
    guess = f"Did you mean {' or '.join(f'`{name}`' for name in close)}? " if close else ""
    listed = ", ".join(f"`{name}`" for name in known) or "none"
    raise UsageError(
        f"No gate of this run is about `{metric}`.", hint=f"{guess}Gates are about: {listed}."
    )


def _wrapped(label: str, text: str) -> list[str]:
    indent = " " * (_LABEL + 2)
    return textwrap.wrap(
        printable(text),
        WIDTH,
        initial_indent=f"  {label:<{_LABEL}}",
        subsequent_indent=indent,
        break_on_hyphens=False,
    )


def _steps(gate: Gate, record: RunRecord) -> Iterator[Step]:
    yield "rule", _RULES[gate.rule]
    if gate.rule != "present":
        yield from _values(gate)
        yield from _change(gate)
        evidence = _evidence(gate, record)
        if gate.test is not None and evidence is not None:
            predictions = record.config.predictions
            unit = "groups of rows" if predictions and predictions.group else "rows"
            yield from _tested(gate, gate.test, evidence, unit=unit)
        elif gate.passed is not None and gate.value is not None and gate.limit is not None:
            sign = "<=" if gate.rule in ("max", *_REGRESSIONS) else ">="
            holds = "holds" if gate.passed else "does not hold"
            yield "compared", f"{_number(gate.value)} {sign} {_number(gate.limit)} {holds}"
    severity = " (severity: warn, so that the run goes on)" if gate.warns else ""
    yield "result", f"{gate.result}{severity}: {gate.message}"
    word = record.accepted().get(gate.name)
    if word is not None and gate.stops:
        yield "accepted", f"by @{word.who}: {word.why or 'no reason given'}"


_REGRESSIONS = ("max_regression", "max_relative_regression")
_SHARES = ("max_relative_regression", "min_relative_improvement")


def _values(gate: Gate) -> Iterator[Step]:
    if gate.limit is not None:
        yield ("margin" if gate.rule == "non_inferior" else "limit"), _number(gate.limit)
    for label, value in (("base", gate.base), ("head", gate.head)):
        if value is not None:
            yield label, _number(value)


def _change(gate: Gate) -> Iterator[Step]:
    """Head against base, in the direction that the rule asks for."""
    base, head = gate.base, gate.head
    if gate.rule in ("min", "max") or base is None or head is None or gate.direction is None:
        return
    yield "head - base", _number(head - base, signed=True)
    better = gate.rule in ("min_improvement", "min_relative_improvement", "superior")
    up = (gate.direction == "higher") == better
    word = "better by" if better else "worse by"
    by = head - base if up else base - head
    terms = "head - base" if up else "base - head"
    yield word, f"{terms} = {_number(by)} (a {gate.direction} value is better)"
    if gate.rule in _SHARES and gate.value is not None:
        sum_ = f"{_number(by)} / {_number(abs(base))} = {_number(gate.value)}"
        yield "share of base", sum_


def _evidence(gate: Gate, record: RunRecord) -> Evidence | None:
    if record.compare is None:
        return None
    if gate.slice is None:
        metrics = record.compare.metrics
        return next((change.evidence for change in metrics if change.name == gate.metric), None)
    for part in record.compare.slices:
        if (part.name, part.metric) == (gate.slice, gate.metric):
            return part.evidence
    return None


def _tested(gate: Gate, test: SignificanceTest, evidence: Evidence, *, unit: str) -> Iterator[Step]:
    yield "method", _METHODS[evidence.method]
    yield "rests on", f"{evidence.units} {unit}"
    yield "standard error", _number(evidence.standard_error)
    ends = " to ".join(_number(end, signed=True) for end in (evidence.low, evidence.high))
    yield f"{100 * evidence.confidence:g} % interval", f"{ends} (two-sided)"
    alarm = gate.rule == "no_significant_regression"
    sign = ">=" if (gate.direction == "higher") == alarm else "<="
    null = f"head - base {sign} {_number(test.null)}"
    yield "null hypothesis", f"{null}: {'no worse' if alarm else 'what is claimed is not so'}"
    yield "p", f"{_number(test.p_value)} (one-sided: how likely this, or more, is under it)"
    yield from _corrected(test)
    yield "alpha", f"(1 - confidence) / 2 = {_number(test.alpha)}"
    small = test.adjusted < test.alpha
    said = "the null hypothesis is rejected" if small else "it is not rejected"
    yield "compared", f"{_number(test.adjusted)} {'<' if small else '>='} alpha: {said}"
    if gate.rows_needed is not None:
        yield f"{unit} needed", _needed(gate, test, evidence)


def _corrected(test: SignificanceTest) -> Iterator[Step]:
    if test.family is None or test.rank is None:
        yield "correction", "none: a run passes only if all claims hold, which needs no correction"
        return
    if test.family == 1:
        yield "correction", "none: nothing else of this run is tested for having got worse"
        return
    left = test.family - test.rank + 1
    product = min(1.0, left * test.p_value)
    steps = f"number {test.rank} of {test.family} by p (Holm): {left} * {_number(test.p_value)}"
    steps += f" = {_number(left * test.p_value)}"
    if left * test.p_value > 1:
        steps += ", at most 1"
    if test.adjusted > product:
        steps += f"; not less than the one before it, {_number(test.adjusted)}"
    yield "correction", steps
    threshold = f"alpha / {left} = {_number(test.alpha / left)}"
    yield "Holm's threshold", f"{threshold}, for the p before its correction"


def _needed(gate: Gate, test: SignificanceTest, evidence: Evidence) -> str:
    reach = NormalDist().inv_cdf(1 - test.alpha)
    distance = abs(evidence.difference - test.null)
    return (
        f"{evidence.units} * ({reach:.4f} * {_number(evidence.standard_error)} / "
        f"{_number(distance)})^2, rounded up = {gate.rows_needed}, if the difference stays as it is"
    )


def _number(value: float, *, signed: bool = False) -> str:
    return f"{value:+.6g}" if signed else f"{value:.6g}"

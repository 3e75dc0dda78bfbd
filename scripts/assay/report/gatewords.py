"""What became of the rules that `assay.yaml` sets, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.report import wording

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.gates import Gate, Result


@dataclass(frozen=True, kw_only=True)
class GateWords:
    """A rule and what became of it."""

    rule: str
    """`at least 0.65`."""
    result: str
    """Icon and word; of slices also on how many."""
    passed: bool | None


_RULES = {
    "min": "at least {}",
    "max": "at most {}",
    "max_regression": "worse by at most {}",
    "max_relative_regression": "worse by at most {} of base",
    "min_improvement": "better by at least {}",
    "min_relative_improvement": "better by at least {} of base",
    "no_significant_regression": "not significantly worse",
    "non_inferior": "surely not worse by more than {}",
    "superior": "surely better",
    "present": "must be there",
    "disjoint_from": "at most {} in common",
}
_RESULTS: dict[Result, str] = {
    "failed": "❌ failed",
    "inconclusive": "❔ inconclusive",
    "not decided": "⚪ not decided",
    "passed": "✅ passed",
}
"""The worst first."""


def of_metric(gates: Sequence[Gate]) -> tuple[GateWords, ...]:
    """The gates of one metric, the worst first; those of its slices as one for each rule."""
    on_slices = [gate for gate in gates if gate.slice]
    slices = len({gate.slice for gate in on_slices})
    rules = dict.fromkeys(gate.rule for gate in on_slices)
    found = [(gate.result, words_of(gate)) for gate in gates if not gate.slice]
    found += [_on_slices([g for g in on_slices if g.rule == rule], slices) for rule in rules]
    order = list(_RESULTS)
    return tuple(words for _, words in sorted(found, key=lambda pair: order.index(pair[0])))


def words_of(gate: Gate) -> GateWords:
    """A rule and what became of it, in words."""
    limit = "" if gate.limit is None else wording.bound(gate.limit)
    if gate.limit is not None and "relative" in gate.rule:
        limit = f"{wording.bound(100 * gate.limit)} %"
    result = _RESULTS[gate.result]
    if gate.warns:
        result = f"{result.replace('❌', '⚠️')} (warning)"
    rule = _RULES[gate.rule].format(limit)
    if "slices" in gate.key and not gate.slice:  # no slice was there to be held against
        rule = f"each slice: {rule}"
    return GateWords(rule=rule, result=result, passed=gate.passed)


def _on_slices(gates: list[Gate], slices: int) -> tuple[Result, GateWords]:
    """One rule on every slice: the worst result, and on how many."""
    order = list(_RESULTS)
    worst = min(gates, key=lambda gate: order.index(gate.result))
    count = sum(gate.result == worst.result for gate in gates)
    words = words_of(worst)
    on = f"on {count:,} of {wording.count(slices, 'slice')}"
    return worst.result, GateWords(
        rule=words.rule, result=f"{words.result} {on}", passed=words.passed
    )

"""How each metric moved from base to head, overall and on each slice, and how sure that is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from assay.config import Direction
from assay.evidence import Evidence
from assay.gates.significance import LEAST_UNITS
from assay.section import Fact
from assay.stats.catalogue import direction_of
from assay.stats.holm import holm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.config import Config
    from assay.gates import Gate
    from assay.stages.evaluate import EvaluateSection

Change = Literal[
    "better",
    "worse",
    "equal",
    "changed",
    "added",
    "removed",
    "no evidence",
    "not judged",
    "not tested",
]
"""`changed` is a difference whose direction nobody knows. `better` and `worse` are what chance does
not explain, wherever there is evidence; `no evidence` is a difference that it does explain. What
has too few rows is `not judged`; `not tested` is what has the rows of both and could not be."""
_MOVED = ("better", "worse", "changed")


class MetricChange(Fact):
    """A metric of head and base."""

    name: str
    head: float | None
    base: float | None
    difference: float | None
    """head - base."""
    change: Change
    direction: Direction | None = None
    configured: bool = False
    """Whether `assay.yaml` names it under `metrics:`; these come first."""
    evidence: Evidence | None = None
    """`None` without predictions of both revisions."""


class SliceChange(Fact):
    """A metric of head and base on some of the rows."""

    name: str
    """Of the slice: `season = 3`."""
    rows: int
    metric: str
    head: float | None
    base: float | None
    difference: float | None
    change: Change
    evidence: Evidence | None = None
    adjusted: float | None = Field(default=None, ge=0, le=1)
    """The two-sided p-value, corrected for all slices and metrics that were looked at."""


def metric_changes(evaluated: EvaluateSection | None, config: Config) -> tuple[MetricChange, ...]:
    """Every metric of either revision; the configured ones first, in the order of assay.yaml."""
    if evaluated is None or evaluated.head is None:
        return ()
    head, base = evaluated.head, evaluated.base
    directions = {m.name: m.direction for e in (base, head) if e for m in e.metrics}
    known = {evidence.metric: evidence for evidence in evaluated.evidence}
    of_rows = [{m.name for m in e.metrics if m.recomputed} for e in (head, base) if e]
    testable = set.intersection(*of_rows) if base else set()
    names = [*config.metrics, *(m.name for m in head.metrics)]
    names += [m.name for m in (base.metrics if base else ())]
    return tuple(
        _metric(
            name,
            head=head.value(name),
            base=base.value(name) if base else None,
            direction=directions.get(name),
            configured=name in config.metrics,
            evidence=known.get(name),
            testable=name in testable,
        )
        for name in dict.fromkeys(names)
    )


def _metric(
    name: str,
    *,
    head: float | None,
    base: float | None,
    direction: Direction | None,
    configured: bool,
    evidence: Evidence | None,
    testable: bool,
) -> MetricChange:
    sure = None if evidence is None else evidence.p_value < level(evidence)
    change = change_of(head, base, direction, sure=sure)
    return MetricChange(
        name=name,
        head=head,
        base=base,
        difference=None if head is None or base is None else head - base,
        change=_as_tested(change, evidence, testable=testable),
        direction=direction,
        configured=configured,
        evidence=evidence,
    )


def slice_changes(
    evaluated: EvaluateSection | None, config: Config, gates: Sequence[Gate] = ()
) -> tuple[SliceChange, ...]:
    """Each metric on each slice, corrected for having looked at all of them (Holm).

    Args:
        evaluated: With the evidence.
        config: Which way is better.
        gates: What an alarm says is worse is called worse, though more was looked at than gated.
    """
    if evaluated is None:
        return ()
    looked_at = [
        evidence.p_value for part in evaluated.slices if part.judged for evidence in part.evidence
    ]
    corrected = iter(holm(looked_at))
    alarms = {
        (gate.metric, gate.slice)
        for gate in gates
        if (gate.rule, gate.result) == ("no_significant_regression", "failed")
    }
    changes = []
    for part in evaluated.slices:
        adjusted = {e.metric: next(corrected).adjusted for e in part.evidence if part.judged}
        for metric in dict.fromkeys([*part.head, *part.base]):
            head, base = part.head.get(metric), part.base.get(metric)
            evidence, p_value = part.of(metric), adjusted.get(metric)
            sure = None if evidence is None or p_value is None else p_value < level(evidence)
            sure = True if (metric, part.name) in alarms else sure
            change = change_of(head, base, _direction(metric, config), sure=sure)
            changes.append(
                SliceChange(
                    name=part.name,
                    rows=part.rows,
                    metric=metric,
                    head=head,
                    base=base,
                    difference=None if head is None or base is None else head - base,
                    # Of slices there are the rows of both.
                    change=_as_tested(change, evidence, testable=True, judged=part.judged),
                    evidence=evidence,
                    adjusted=p_value,
                )
            )
    return tuple(changes)


def _as_tested(
    change: Change, evidence: Evidence | None, *, testable: bool, judged: bool = True
) -> Change:
    """The word for a change, where what it rests on does not bear it."""
    if change not in _MOVED:
        return change
    if not judged or (evidence is not None and evidence.units < LEAST_UNITS):
        return "not judged"
    return "not tested" if evidence is None and testable else change


def change_of(
    head: float | None,
    base: float | None,
    direction: Direction | None,
    *,
    sure: bool | None = None,
) -> Change:
    """The word for a change. Differences of floating-point noise are none.

    Args:
        head: The value now.
        base: The value before.
        direction: Which way is better.
        sure: Whether chance does not explain the change; `None` where nobody knows.
    """
    if head is None:
        return "removed" if base is not None else "changed"
    if base is None:
        return "added"
    if math.isclose(head, base, rel_tol=1e-9, abs_tol=1e-12):
        return "equal"
    if sure is False:
        return "no evidence"
    if direction is None:
        return "changed"
    return "better" if (head > base) == (direction == "higher") else "worse"


def level(evidence: Evidence) -> float:
    """What its two-sided p-value is held against: 0.05 where the interval is of 95 %."""
    return round(1 - evidence.confidence, 12)  # not 0.050000000000000044


def _direction(metric: str, config: Config) -> Direction | None:
    spec = config.metrics.get(metric)
    return (spec.direction if spec else None) or direction_of(metric)

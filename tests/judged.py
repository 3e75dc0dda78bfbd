"""Evidence as comparisons leave it, for tests of what is made of it."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from assay.evaluation import Evaluation, Metric
from assay.evidence import Evidence, SliceEvidence, TailFact

if TYPE_CHECKING:
    from assay.stats.difference import Method


def evidence(
    base: float,
    head: float,
    error: float = 0.01,
    *,
    metric: str = "f1",
    nulls: tuple[float, ...] = (0.0,),
    units: int = 1000,
    method: Method = "multinomial",
) -> Evidence:
    """As a normal estimate has it, by the formulas in any textbook."""
    normal = NormalDist(0, error or 1e-300)
    difference = head - base
    reach = NormalDist().inv_cdf(0.975) * error
    return Evidence(
        metric=metric,
        base=base,
        head=head,
        low=difference - reach,
        high=difference + reach,
        confidence=0.95,
        standard_error=error,
        p_value=min(1.0, 2 * normal.cdf(-abs(difference))),
        method=method,
        units=units,
        tails=tuple(
            TailFact(
                null=null,
                p_less=normal.cdf(difference - null),
                p_greater=normal.cdf(null - difference),
            )
            for null in nulls
        ),
    )


def evaluation(values: dict[str, float], *, recomputed: bool = True, **more: Any) -> Evaluation:
    """Metrics of one revision by their values."""
    metrics = tuple(
        Metric(name=name, value=value, source="m.json", recomputed=recomputed)
        for name, value in values.items()
    )
    return Evaluation(metrics=metrics, **more)


def part_of(
    base: float | None,
    head: float | None,
    error: float = 0.01,
    *,
    name: str = "season = 3",
    nulls: tuple[float, ...] = (0.0,),
    **facts: Any,
) -> SliceEvidence:
    """A slice; without evidence where one of the two has no value."""
    found: tuple[Evidence, ...] = ()
    if base is not None and head is not None:
        found = (evidence(base, head, error, nulls=nulls, units=facts.get("units", 1000)),)
    return SliceEvidence(
        **{
            "name": name,
            "rows": 1000,
            "units": 1000,
            "judged": True,
            "evidence": found,
            "head": {} if head is None else {"f1": head},
            "base": {} if base is None else {"f1": base},
            **facts,
        }
    )

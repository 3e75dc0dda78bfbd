"""Absolute and relative bounds on metrics: rules in, decisions out, nothing else."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from assay.section import Fact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.config import Direction, MetricSpec

Rule = Literal["min", "max", "max_regression", "present"]


class Gate(Fact):
    """One rule of `assay.yaml`, and what it decided."""

    metric: str
    rule: Rule
    limit: float | None
    value: float | None
    """What was held against the limit."""
    passed: bool | None
    """`None`: it could not be decided, for want of a baseline."""
    message: str
    """In words: `f1 0.61 is below its minimum 0.65`."""


def decide(
    name: str,
    spec: MetricSpec,
    *,
    head: float | None,
    base: float | None,
    direction: Direction | None,
    why_absent: str = "",
) -> Iterator[Gate]:
    """Hold one metric against its bounds.

    A metric that is configured and absent fails, whatever its bounds: a gate that cannot see must
    not open. Exactly on a bound passes. `max_regression` without a baseline is not decided.

    Args:
        name: Of the metric.
        spec: Its bounds.
        head: Its value at head; `None` where it is absent.
        base: Its value at base; `None` where there is no baseline.
        direction: Which way is better.
        why_absent: Why head has no value, where that is known.
    """
    if head is None:
        message = f"{name} is configured in assay.yaml, and this run has no value for it"
        message += f": {why_absent}" if why_absent else ""
        yield Gate(
            metric=name, rule="present", limit=None, value=None, passed=False, message=message
        )
        return
    shown = f"{name} {head:.4g}"
    bounds: tuple[tuple[Rule, float | None, str, str], ...] = (
        ("min", spec.min, "below", "minimum"),
        ("max", spec.max, "above", "maximum"),
    )
    for rule, limit, side, word in bounds:
        if limit is None:
            continue
        passed = head >= limit if rule == "min" else head <= limit
        message = f"{shown} {'is not' if passed else 'is'} {side} its {word} {limit:g}"
        yield Gate(metric=name, rule=rule, limit=limit, value=head, passed=passed, message=message)
    if spec.max_regression is not None:
        yield _regression(name, spec.max_regression, head=head, base=base, direction=direction)


def _regression(
    name: str, limit: float, *, head: float, base: float | None, direction: Direction | None
) -> Gate:
    if direction is None:
        return Gate(
            metric=name,
            rule="max_regression",
            limit=limit,
            value=None,
            passed=False,
            message=f"{name} has no known direction: say `direction: higher` or `lower`",
        )
    if base is None:
        return Gate(
            metric=name,
            rule="max_regression",
            limit=limit,
            value=None,
            passed=None,
            message=f"{name} has no baseline to have regressed from",
        )
    worse_by = base - head if direction == "higher" else head - base
    # 0.80 - 0.79 is 0.010000000000000009 in binary: on the bound means on it in decimals.
    passed = worse_by <= limit or math.isclose(worse_by, limit, rel_tol=1e-9, abs_tol=1e-12)
    word = "within" if passed else "more than"
    change = f"fell by {worse_by:.4g}" if direction == "higher" else f"rose by {worse_by:.4g}"
    if worse_by <= 0:
        change = "did not get worse"
    return Gate(
        metric=name,
        rule="max_regression",
        limit=limit,
        value=worse_by,
        passed=passed,
        message=f"{name} {change}, {word} the {limit:g} that is allowed",
    )

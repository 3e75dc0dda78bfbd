"""Bounds on metrics, at their edges."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from assay import gates
from assay.config import MetricSpec
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from assay.config import Direction
    from assay.gates import Gate


def _decide(
    spec: MetricSpec,
    head: float | None,
    base: float | None = None,
    direction: Direction | None = "higher",
    **more: str,
) -> list[Gate]:
    return list(gates.decide("f1", spec, head=head, base=base, direction=direction, **more))


@pytest.mark.parametrize(
    ("bound", "head", "passed", "message"),
    [
        ({"min": 0.65}, 0.65, True, "f1 0.65 is not below its minimum 0.65"),
        ({"min": 0.65}, 0.6499, False, "f1 0.6499 is below its minimum 0.65"),
        ({"min": 0.65}, 0.649999999, False, "f1 0.65 is below its minimum 0.65"),
        ({"max": 0.2}, 0.2, True, "f1 0.2 is not above its maximum 0.2"),
        ({"max": 0.2}, 0.21, False, "f1 0.21 is above its maximum 0.2"),
        ({"min": 0}, 0.0, True, "f1 0 is not below its minimum 0"),
        ({"max": -1}, 0.0, False, "f1 0 is above its maximum -1"),
    ],
)
def test_absolute(bound: dict[str, float], head: float, passed: bool, message: str) -> None:
    (gate,) = _decide(MetricSpec(**bound), head)
    assert gate.passed is passed
    assert gate.message == message
    assert gate.value == head
    assert gate.limit == next(iter(bound.values()))


@pytest.mark.parametrize(
    ("head", "base", "direction", "passed", "message"),
    [
        (0.79, 0.80, "higher", True, "f1 fell by 0.01, within the 0.01 that is allowed"),
        (0.7899, 0.80, "higher", False, "f1 fell by 0.0101, more than the 0.01 that is allowed"),
        (0.81, 0.80, "higher", True, "f1 did not get worse, within the 0.01 that is allowed"),
        (0.80, 0.80, "higher", True, "f1 did not get worse, within the 0.01 that is allowed"),
        (0.31, 0.30, "lower", True, "f1 rose by 0.01, within the 0.01 that is allowed"),
        (0.32, 0.30, "lower", False, "f1 rose by 0.02, more than the 0.01 that is allowed"),
        (0.20, 0.30, "lower", True, "f1 did not get worse, within the 0.01 that is allowed"),
    ],
)
def test_regression(
    head: float, base: float, direction: Direction, passed: bool, message: str
) -> None:
    (gate,) = _decide(MetricSpec(max_regression=0.01), head, base, direction)
    assert (gate.rule, gate.passed, gate.message) == ("max_regression", passed, message)


def test_no_regression_at_all_is_allowed() -> None:
    spec = MetricSpec(max_regression=0)
    assert _decide(spec, 0.8, 0.8)[0].passed
    assert not _decide(spec, 0.7999, 0.8)[0].passed


def test_without_a_baseline_a_regression_is_undecided() -> None:
    (gate,) = _decide(MetricSpec(max_regression=0.01), 0.8)
    assert gate.passed is None
    assert gate.message == "f1 has no baseline to have regressed from"


@pytest.mark.parametrize("base", [None, 0.8])
def test_an_unknown_direction_does_not_pass(base: float | None) -> None:
    (gate,) = _decide(MetricSpec(max_regression=0.01), 0.8, base, None)
    assert gate.passed is False
    assert "direction" in gate.message


@pytest.mark.parametrize("spec", [MetricSpec(), MetricSpec(min=0.1, max_regression=0.1)])
def test_a_gate_that_cannot_see_does_not_open(spec: MetricSpec) -> None:
    (gate,) = _decide(spec, None, 0.8, why_absent="one class only")
    assert (gate.rule, gate.passed, gate.value) == ("present", False, None)
    assert gate.message == (
        "f1 is configured in assay.yaml, and this run has no value for it: one class only"
    )


def test_a_metric_without_bounds_has_no_gate() -> None:
    assert _decide(MetricSpec(direction="higher"), 0.8, 0.7) == []


def test_each_bound_is_a_gate() -> None:
    spec = MetricSpec(min=0.1, max=0.9, max_regression=0.1)
    assert [gate.rule for gate in _decide(spec, 0.5, 0.5)] == ["min", "max", "max_regression"]


_NUMBER = st.floats(min_value=-1e6, max_value=1e6, allow_nan=False)


@settings(deadline=None, derandomize=True)
@given(_NUMBER, _NUMBER, st.floats(min_value=0, max_value=1e6))
def test_the_direction_mirrors(head: float, base: float, limit: float) -> None:
    spec = MetricSpec(max_regression=limit)
    (higher,) = _decide(spec, head, base, "higher")
    (lower,) = _decide(spec, -head, -base, "lower")
    assert higher.passed is lower.passed
    assert higher.value is not None
    assert math.isclose(higher.value, base - head)
    if head >= base:
        assert higher.passed

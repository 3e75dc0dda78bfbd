"""From an estimate to an interval: interval and p-value are one curve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from assay.stats.intervals import COUNTED, from_normal, from_resamples
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

if TYPE_CHECKING:
    from assay.stats.difference import Difference

bounded = settings(max_examples=60, deadline=None, derandomize=True)
COMMON: dict[str, Any] = {"metric": "f1", "units": 50, "confidence": 0.95}


def normal(head: float = 0.6, **given: Any) -> Difference:
    wanted = {"base": 0.5, "standard_error": 0.03, "method": "delong", **COMMON, **given}
    return from_normal(head=head, **wanted)


def resampled(draws: Any, head: float = 0.0, **given: Any) -> Difference:
    wanted = {"base": 0.0, "method": "bootstrap", **COMMON, **given}
    return from_resamples(head=head, draws=np.asarray(draws, dtype=float), **wanted)


def test_normal_interval_is_that_of_scipy() -> None:
    found = normal(nulls=(0.02,))
    low, high = stats.norm.interval(0.95, loc=0.1, scale=0.03)
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.p_value == pytest.approx(2 * stats.norm.sf(0.1 / 0.03))
    assert found.tails[0].p_greater == pytest.approx(stats.norm.sf(0.08 / 0.03))
    assert found.tails[0].p_less == pytest.approx(stats.norm.cdf(0.08 / 0.03))


def test_degrees_make_it_student() -> None:
    found = normal(degrees=7)
    assert (found.low, found.high) == pytest.approx(stats.t.interval(0.95, 7, loc=0.1, scale=0.03))
    assert found.p_value == pytest.approx(2 * stats.t.sf(0.1 / 0.03, 7))


def test_without_spread_everything_is_certain() -> None:
    same = normal(head=0.5, standard_error=0.0, nulls=(-0.01, 0.0, 0.01))
    assert (same.low, same.high, same.p_value) == (0, 0, 1)
    assert [tail.p_less for tail in same.tails] == [1, 0.5, 0]
    assert [tail.p_greater for tail in same.tails] == [0, 0.5, 1]
    assert normal(standard_error=0.0).p_value == 0


def test_skewness_makes_only_the_side_of_the_tail_longer() -> None:
    plain, skewed = normal(degrees=40), normal(degrees=40, skewness=0.4)
    # Rare large values were missed more likely than not: the truth may lie further up.
    assert skewed.high > plain.high
    assert skewed.low == plain.low
    assert normal(degrees=40, skewness=-0.4).low < plain.low


def test_hall_holds_the_mean_of_skewed_rows_better_than_t() -> None:
    chance = np.random.default_rng(0)
    n, runs = 40, 2000
    rows = chance.exponential(size=(runs, n))
    missed = {"t": 0, "freed": 0}
    for row in rows:
        away = row - row.mean()
        error = float(row.std(ddof=1)) / n**0.5
        skew = float((away**3).sum() / (away**2).sum() ** 1.5)
        for name, skewness in (("t", 0.0), ("freed", skew)):
            found = normal(
                base=0.0,
                head=float(row.mean()),
                standard_error=error,
                degrees=n - 1,
                skewness=skewness,
            )
            missed[name] += not found.low <= 1 <= found.high
    assert missed["freed"] < 0.055 * runs
    assert missed["t"] > 0.06 * runs


@bounded
@given(
    head=st.floats(-5, 5),
    error=st.floats(0.01, 2),
    degrees=st.none() | st.floats(1, 500),
    skewness=st.floats(-1.5, 1.5),
    null=st.floats(-6, 6),
    level=st.floats(0.8, 0.9999),
)
def test_normal_interval_and_p_value_agree(
    *, head: float, error: float, degrees: float | None, skewness: float, null: float, level: float
) -> None:
    found = normal(
        base=0.0,
        head=head,
        standard_error=error,
        degrees=degrees,
        skewness=skewness,
        nulls=(null,),
        confidence=level,
    )
    assert_agrees(found, level)


@bounded
@given(
    seed=st.integers(0, 10_000),
    kind=st.sampled_from(["lattice", "normal", "skewed", "constant"]),
    size=st.integers(10, 3000),
    degrees=st.none() | st.floats(1, 500),
    null=st.floats(-4, 4),
    level=st.floats(0.8, 0.99999),
)
@example(seed=0, kind="lattice", size=1000, degrees=None, null=0.0, level=0.95)
@example(seed=0, kind="constant", size=1000, degrees=None, null=0.0, level=0.95)
@example(seed=0, kind="constant", size=10, degrees=1.0, null=0.0, level=0.99)
@example(seed=0, kind="normal", size=1000, degrees=1.0, null=1.0, level=0.9999)
def test_resampled_interval_and_p_value_agree(
    *, seed: int, kind: str, size: int, degrees: float | None, null: float, level: float
) -> None:
    chance = np.random.default_rng(seed)
    draws = {
        "lattice": chance.binomial(20, 0.3, size) / 10 - 0.6,
        "normal": chance.normal(size=size),
        "skewed": chance.exponential(size=size) - 1,
        "constant": np.zeros(size),
    }[kind]
    nulls = (null, round(null, 1), 0.0)
    found = resampled(draws, degrees=degrees, nulls=nulls, confidence=level)
    assert found.low <= found.difference <= found.high
    assert_agrees(found, level)


def assert_agrees(found: Difference, level: float) -> None:
    half = (1 - level) / 2
    for tail in found.tails:
        # Not within rounding of the bound, where either answer will do.
        if abs(tail.null - found.high) > 1e-9:
            assert (tail.p_less < half) == (found.high < tail.null)
        if abs(tail.null - found.low) > 1e-9:
            assert (tail.p_greater < half) == (found.low > tail.null)
    if min(abs(found.low), abs(found.high)) > 1e-9:
        assert (found.p_value < 1 - level) == (found.low > 0 or found.high < 0)


@bounded
@given(st.integers(0, 10_000), st.none() | st.floats(2, 50))
def test_turning_the_resamples_around_turns_the_answer_around(
    seed: int, degrees: float | None
) -> None:
    draws = np.random.default_rng(seed).gamma(2, size=999) - 1.5
    one = resampled(draws, head=0.5, degrees=degrees, nulls=(0.3,))
    other = resampled(-draws, head=-0.5, degrees=degrees, nulls=(-0.3,))
    assert (one.low, one.high) == (-other.high, -other.low)
    assert one.p_value == other.p_value
    assert one.tails[0].p_less == other.tails[0].p_greater


def test_percentiles_are_those_of_numpy() -> None:
    draws = np.random.default_rng(1).normal(size=9999)
    found = resampled(draws)
    assert (found.low, found.high) == pytest.approx(np.quantile(draws, [0.025, 0.975]), abs=0.01)
    assert found.standard_error == pytest.approx(draws.std(ddof=1))


def test_percentiles_of_few_units_are_expanded_as_by_hesterberg() -> None:
    draws = np.random.default_rng(1).normal(size=99_999)
    found = resampled(draws, degrees=9)
    factor = stats.t.ppf(0.975, 9) * (10 / 9) ** 0.5
    assert found.high == pytest.approx(factor, rel=0.02)
    assert found.standard_error == pytest.approx((10 / 9) ** 0.5, rel=0.01)


def test_far_out_p_values_go_on_where_counting_ends() -> None:
    draws = np.random.default_rng(2).normal(size=10_000)
    edge = np.sort(draws)[-COUNTED]
    nulls = (edge, float(np.nextafter(edge, 9)), 5.0, 8.0)
    at, after, far, farther = (tail.p_less for tail in resampled(draws, nulls=nulls).tails)
    assert at == pytest.approx(after, rel=1e-6) == (COUNTED + 1) / 10_001
    assert far == pytest.approx(stats.norm.sf(5), rel=3)
    assert 0 < farther < far < 1e-4


def test_estimate_outside_of_its_resamples_keeps_their_spread() -> None:
    draws = np.random.default_rng(3).normal(size=5000)
    found = resampled(draws, head=7.0)
    assert found.low < 7 < found.high
    assert found.high - found.low == pytest.approx(3.92, rel=0.05)

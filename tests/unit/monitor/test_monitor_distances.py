"""Statistics against scipy's, to 1e-9; of profiles where they are exact, and how near elsewhere."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.spatial.distance
import scipy.stats
from assay.monitor import distances, sureness
from assay.monitor.bins import binned
from assay.monitor.counting import NumberCounter
from assay.packaging.profile import Categories, Numbers, numbers
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

close = {"rel": 1e-9, "abs": 1e-9}
real = arrays(np.float64, st.integers(1, 50), elements=st.floats(-1e3, 1e3))
whole = arrays(np.float64, st.integers(1, 80), elements=st.integers(-9, 9).map(float))
counts = st.lists(st.integers(0, 500), min_size=3, max_size=3)


def at_edges(reference: Numbers, values: np.ndarray) -> Numbers:
    counter = NumberCounter(reference)
    counter.add(values)
    return counter.found()


@given(real, real)
def test_arrays_as_scipy(one: np.ndarray, other: np.ndarray) -> None:
    with np.errstate(divide="ignore"):  # of scipy's p-value for a single row
        ks = scipy.stats.ks_2samp(one, other, method="asymp").statistic
    assert distances.kolmogorov_smirnov(one, other) == pytest.approx(ks, **close)
    moved = scipy.stats.wasserstein_distance(one, other)
    assert distances.wasserstein(one, other) == pytest.approx(moved, **close)


@given(counts, counts)
def test_counts_as_scipy(one: list[int], other: list[int]) -> None:
    assume(sum(one) and sum(other))
    expected = scipy.spatial.distance.jensenshannon(one, other, base=2)
    found = distances.jensen_shannon(one, other)
    # Scipy takes the root of a rounding error where both are alike.
    assert found == pytest.approx(expected, abs=1e-7)
    assert found**2 == pytest.approx(expected**2, **close)
    kept = [pair for pair in zip(one, other, strict=True) if sum(pair)]
    association = distances.chi_squared(one, other)
    if len(kept) < 2:
        assert association == (0.0, 0, 1.0, 0.0)
        return
    table = np.array(kept).T
    known = scipy.stats.chi2_contingency(table, correction=False)
    assert association.chi2 == pytest.approx(known.statistic, **close)
    assert association.p_value == pytest.approx(known.pvalue, **close)
    cramer = scipy.stats.contingency.association(table, method="cramer")
    assert association.cramers_v == pytest.approx(cramer, **close)


def test_psi_by_hand() -> None:
    p, q = np.array([0.2, 0.3, 0.5]), np.array([0.1, 0.4, 0.5])
    expected = ((p - q) * np.log(p / q)).sum()
    assert distances.psi([20, 30, 50], [10, 40, 50]) == pytest.approx(expected, **close)


@given(whole, whole)
def test_profiles_of_few_values_are_exact(one: np.ndarray, other: np.ndarray) -> None:
    """Every value of both sides is an edge."""
    reference = numbers("x", np.concatenate([one, other]))
    profiles = [at_edges(reference, side) for side in (one, other)]
    curves = distances.curves(*profiles)
    with np.errstate(divide="ignore"):  # of scipy's p-value for a single row
        ks = scipy.stats.ks_2samp(one, other, method="asymp").statistic
    assert curves.kolmogorov_smirnov == pytest.approx(ks, **close)
    area = distances.pieces(*profiles).area
    assert area == pytest.approx(scipy.stats.wasserstein_distance(one, other), **close)


@given(real, real)
def test_profiles_of_many_values_err_by_less_than_stated(
    one: np.ndarray, other: np.ndarray
) -> None:
    reference = numbers("x", one)
    window = at_edges(reference, other)
    curves = distances.curves(reference, window)
    exact = distances.kolmogorov_smirnov(one, other)
    assert curves.kolmogorov_smirnov <= exact + 1e-12
    assert exact <= curves.kolmogorov_smirnov + curves.between + 1e-12
    pieces = distances.pieces(reference, window)
    reach = float((pieces.widths * curves.between).sum())
    assert abs(pieces.area - distances.wasserstein(one, other)) <= reach + 1e-9


def test_on_many_rows_profiles_are_close() -> None:
    chance = np.random.default_rng(5)
    one, other = chance.normal(size=100_000), chance.gamma(2, size=100_000) - 1.5
    reference = numbers("x", one)
    window = at_edges(reference, other)
    found = distances.curves(reference, window).kolmogorov_smirnov
    assert found == pytest.approx(distances.kolmogorov_smirnov(one, other), abs=2e-3)
    area = distances.pieces(reference, window).area
    assert area == pytest.approx(scipy.stats.wasserstein_distance(one, other), rel=1e-2)


def test_profiles_of_other_edges_are_refused() -> None:
    one, other = numbers("x", np.arange(5.0)), numbers("x", np.arange(6.0))
    with pytest.raises(ValueError, match="not counted by this reference"):
        distances.curves(one, other)
    with pytest.raises(ValueError, match="not counted by this reference"):
        binned(one, other)


# Bins ---------------------------------------------------------------------------------------


def test_deciles_hold_a_tenth_each() -> None:
    reference = numbers("x", np.random.default_rng(3).normal(size=50_000))
    bins = binned(reference, reference)
    assert len(bins.labels) == len(bins.reference) == 11
    assert max(abs(n - 5000) for n in bins.reference[:-1]) <= 1
    assert bins.reference[-1] == 0
    assert bins.labels[-1] == "missing"


def test_a_heavy_value_is_a_bin_of_its_own() -> None:
    values = np.concatenate([np.zeros(600), np.linspace(1, 2, 400)])
    bins = binned(numbers("x", values), numbers("x", values))
    assert bins.labels[:2] == ("< 0", "= 0")
    assert bins.reference[:2] == (0, 600)


def test_a_constant_that_moves_is_seen_and_one_that_stays_is_not() -> None:
    reference = numbers("x", np.full(1000, 3.0))
    for value, moved in ((3.0, False), (3.1, True), (2.9, True), (math.nan, True)):
        bins = binned(reference, at_edges(reference, np.full(1000, value)))
        assert (distances.divergence(bins.reference, bins.window) == 1.0) is moved


@given(some := arrays(np.float64, st.integers(1, 60), elements=st.floats(-5, 5)), some)
def test_bins_hold_every_row(one: np.ndarray, other: np.ndarray) -> None:
    reference = numbers("x", one)
    bins = binned(reference, at_edges(reference, np.append(other, [math.nan, math.inf])))
    assert sum(bins.reference) == len(one)
    assert sum(bins.window) == len(other) + 2
    assert bins.window[-1] == 2
    assert min(bins.window) >= 0


def test_rare_and_new_categories_are_one_bin() -> None:
    reference = Categories(
        name="k", count=1000, nulls=10, values=("a", "b", "c"), counts=(900, 80, 5), other=5
    )
    window = Categories(name="k", count=50, nulls=1, values=("b", "new"), counts=(9, 40))
    bins = binned(reference, window)
    assert bins.labels == ("a", "b", "other", "missing")
    assert bins.reference == (900, 80, 10, 10)
    assert bins.window == (0, 9, 40, 1)


# How sure -----------------------------------------------------------------------------------


@pytest.mark.parametrize("noncentrality", [0.0, 3.0, 500.0, 20_000.0, 3e6])
@pytest.mark.parametrize("degrees", [1, 10, 99])
def test_the_curve_is_noncentral_chi_squared(noncentrality: float, degrees: int) -> None:
    law = scipy.stats.ncx2(degrees, noncentrality) if noncentrality else scipy.stats.chi2(degrees)
    for chance in (1e-4, 0.01, 0.5, 0.99, 0.9999):
        value = law.ppf(chance)
        found = sureness._below(value, degrees, noncentrality)
        assert found == pytest.approx(chance, rel=2e-3)
        if noncentrality:
            back = sureness._noncentrality(value, degrees, chance)
            assert back == pytest.approx(noncentrality, rel=5e-3, abs=1e-3)


def test_no_bound_is_the_test_of_equality() -> None:
    one, other = [400, 300, 300], [430, 310, 260]
    found = sureness.of_divergence(one, other).beyond(0.0)
    known = scipy.stats.chi2_contingency([one, other], correction=False).pvalue
    assert found == pytest.approx(known, rel=0.01)


def test_an_interval_and_its_p_value_say_the_same() -> None:
    found = sureness.of_divergence([5000, 3000, 2000], [4200, 3300, 2500])
    around = found.spread(0.98)
    assert around.low < around.value < around.high
    assert found.beyond(around.low) == pytest.approx(0.01, rel=0.05)
    assert found.beyond(around.high) > 0.98


def test_the_estimate_does_not_grow_with_rows() -> None:
    chance = np.random.default_rng(0)
    p, q = np.full(10, 0.1), np.linspace(0.02, 0.18, 10)
    true = distances.divergence((p * 1e6).astype(int).tolist(), (q * 1e6).astype(int).tolist())
    for rows in (500, 5000, 500_000):
        draws = zip(chance.multinomial(rows, p, 300), chance.multinomial(rows, q, 300), strict=True)
        found = [sureness.of_divergence(a.tolist(), b.tolist()) for a, b in draws]
        assert np.mean([one.unbiased for one in found]) == pytest.approx(true, rel=0.05)


@pytest.mark.parametrize("reference", [250, 50_000])
def test_bins_of_few_rows_add_no_distance(reference: int) -> None:
    """Five rows in each of 50 bins: uncorrected, the mean is 5 to 8 % too large."""
    chance = np.random.default_rng(4)
    shares = np.full(50, 0.02)
    ones, others = (chance.multinomial(rows, shares, 1500).tolist() for rows in (reference, 250))
    found = [sureness.of_divergence(a, b) for a, b in zip(ones, others, strict=True)]
    assert np.mean([one.raw * one.scale for one in found]) == pytest.approx(49, rel=0.03)


# Table II of the paper, method 10.
@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
    ],
)
def test_shares_as_newcombe(
    one: tuple[int, int], other: tuple[int, int], low: float, high: float
) -> None:
    found = sureness.of_shares(*one, *other, 0.95)
    assert (found.low, found.high) == pytest.approx((low, high), abs=6e-5)


def test_intervals_of_distances_hold_the_true_value() -> None:
    chance = np.random.default_rng(7)
    # Normal, moved by 0.3 standard deviations: known exactly.
    ks, moved = 2 * scipy.stats.norm.cdf(0.15) - 1, 0.3
    held = {"ks": 0, "w": 0, "equal": 0}
    for _ in range(60):
        reference = numbers("x", chance.normal(size=2000))
        for shift in (0.3, 0.0):
            window = at_edges(reference, chance.normal(shift, size=1500))
            pieces = distances.pieces(reference, window)
            found = sureness.of_wasserstein(pieces, reference, window, 1.0, 0.95)
            if shift:
                largest = distances.curves(reference, window).kolmogorov_smirnov
                around = sureness.of_kolmogorov_smirnov(largest, 2000, 1500, 0.95)
                held["ks"] += around.low <= ks <= around.high
                held["w"] += found.low <= moved <= found.high
            else:
                held["equal"] += found.low == 0
    assert min(held.values()) >= 54

"""Statistics of binned counts, against SciPy and definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from assay.rollout import binned
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

COUNTS = st.lists(st.integers(0, 30), min_size=2, max_size=12)


def _pair(draw_from: st.SearchStrategy[int]) -> st.SearchStrategy[tuple[list[int], list[int]]]:
    pairs = st.lists(st.tuples(draw_from, draw_from), min_size=2, max_size=12)
    return pairs.map(lambda both: ([a for a, _ in both], [b for _, b in both])).filter(
        lambda both: bool(sum(both[0]) and sum(both[1]))
    )


PAIRS = _pair(st.integers(0, 30))


def _expanded(counts: list[int]) -> np.ndarray:
    return np.repeat(np.arange(len(counts)), counts)


@settings(max_examples=80)
@given(PAIRS)
def test_ranks_are_those_of_scipy_on_expanded_bins(both: tuple[list[int], list[int]]) -> None:
    first, second = both
    found = binned.ranked(tuple(first), tuple(second))
    x, y = _expanded(first), _expanded(second)
    if len(set(x) | set(y)) == 1:
        assert found == (0.5, 1.0)
        return
    wanted = stats.mannwhitneyu(x, y, alternative="greater", method="asymptotic")
    assert found.p == pytest.approx(wanted.pvalue, rel=1e-9, abs=1e-300)
    # Vargha and Delaney's A by its definition.
    wins = sum(float(a > b) + 0.5 * float(a == b) for a in x for b in y)
    assert found.superiority == pytest.approx(wins / (len(x) * len(y)))


@settings(max_examples=60)
@given(PAIRS)
def test_distances_are_those_of_scipy(both: tuple[list[int], list[int]]) -> None:
    first, second = both
    found = binned.distance(tuple(first), tuple(second))
    a, b = np.array(first), np.array(second)
    assert found.variation == pytest.approx(np.abs(a / a.sum() - b / b.sum()).sum() / 2)
    filled = np.array([a, b])[:, (a + b) > 0]
    if filled.shape[1] < 2:
        assert found.p == 1.0
        return
    wanted = stats.chi2_contingency(filled, correction=False)
    assert found.p == pytest.approx(wanted.pvalue, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 9, 10, 50, 256])
@pytest.mark.parametrize("value", [1e-9, 0.1, 1.0, 5.0, 30.0, 250.0, 2000.0])
def test_the_tail_of_chi_squared(value: float, freedom: int) -> None:
    wanted = stats.chi2.sf(value, freedom)
    assert binned.chi_squared_tail(value, freedom) == pytest.approx(wanted, rel=1e-9, abs=1e-300)


@settings(max_examples=80)
@given(st.integers(0, 40), st.integers(1, 500), st.integers(0, 40), st.integers(1, 5000))
def test_shares_are_compared_as_by_fisher(hits: int, of: int, other: int, other_of: int) -> None:
    hits, other = min(hits, of), min(other, other_of)
    table = [[hits, of - hits], [other, other_of - other]]
    wanted = stats.fisher_exact(table, alternative="greater").pvalue
    assert binned.more_often(hits, of, other, other_of) == pytest.approx(wanted, rel=1e-7)


@settings(max_examples=60)
@given(st.integers(0, 400), st.integers(1, 400), st.sampled_from([0.0, 1e-6, 0.05, 0.5, 0.99, 1.0]))
def test_a_share_is_held_against_a_limit_by_the_binomial(hits: int, of: int, share: float) -> None:
    hits = min(hits, of)
    wanted = stats.binomtest(hits, of, share, alternative="greater").pvalue
    assert binned.more_than(hits, of, share) == pytest.approx(wanted, rel=1e-8, abs=1e-300)


def test_large_counts_take_no_time_and_stay_exact() -> None:
    found = binned.more_often(120_000, 1_000_000, 100_000, 1_000_000)
    assert found < 1e-300 or found == 0.0
    wanted = stats.fisher_exact([[5100, 994_900], [5000, 995_000]], alternative="greater").pvalue
    assert binned.more_often(5100, 10**6, 5000, 10**6) == pytest.approx(wanted, rel=1e-5)


@settings(max_examples=60)
@given(st.lists(st.floats(1.0, 1e7), min_size=1, max_size=60), st.sampled_from([0.5, 0.9, 0.99]))
def test_a_quantile_is_within_a_bin(values: list[float], share: float) -> None:
    counts = [0] * 216
    for value in values:
        counts[math.floor(8 * math.log2(value))] += 1
    wanted = np.quantile(values, share, method="inverted_cdf")
    found = binned.quantile(tuple(counts), share)
    assert found is not None
    assert abs(math.log2(found / wanted)) <= 1 / 8 + 1e-9


def test_no_counts_have_no_quantile_and_no_mean() -> None:
    assert binned.quantile((0, 0), 0.5) is None
    assert binned.mean((0, 0)) is None
    assert binned.ranked((0, 0), (1, 2)) == (0.5, 1.0)
    assert binned.distance((0, 0), (1, 2)).p == 1.0


def test_the_mean_is_within_half_a_bin() -> None:
    values = np.random.default_rng(0).lognormal(8, 0.7, 5000)
    counts = [0] * 216
    for value in values:
        counts[math.floor(8 * math.log2(value))] += 1
    assert binned.mean(counts) == pytest.approx(values.mean(), rel=0.01)


def test_what_chance_explains_of_a_distance() -> None:
    """Two samples of one distribution: the excess is about zero on average."""
    rng = np.random.default_rng(1)
    shares = rng.dirichlet(np.ones(40))
    found = [
        binned.distance(tuple(rng.multinomial(100, shares)), tuple(rng.multinomial(2000, shares)))
        for _ in range(200)
    ]
    gaps = [one.variation - one.chance for one in found]
    assert abs(float(np.mean(gaps))) < 0.01
    assert float(np.mean([one.variation for one in found])) > 0.15
    assert max(gaps) < 0.12


@given(COUNTS, st.integers(1, 5))
def test_above_counts_whole_bins(counts: list[int], octave: int) -> None:
    counts = [*counts, *[0] * (60 - len(counts))]
    value = 2.0**octave
    assert binned.above(tuple(counts), value) == sum(counts[8 * octave + 1 :])
    assert binned.above(tuple(counts), 0.0) == sum(counts[1:])

"""Measures of shift, held against scipy and against formulas written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from assay.datadiff import shift
from assay.datadiff.profile import Edge, cuts, moment, rounded
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

counts = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=2, max_size=8).filter(
    lambda pairs: sum(h for h, _ in pairs) > 0 and sum(b for _, b in pairs) > 0
)
bounded = settings(max_examples=80, deadline=None, derandomize=True)


def sides(pairs: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    head, base = zip(*pairs, strict=True)
    return list(head), list(base)


@bounded
@given(counts)
def test_kolmogorov_smirnov_is_scipys_on_the_binned_values(pairs: list[tuple[int, int]]) -> None:
    head, base = sides(pairs)
    bins = np.arange(len(pairs))
    theirs = stats.ks_2samp(np.repeat(bins, head), np.repeat(bins, base), method="asymp")
    assert shift.kolmogorov_smirnov(head, base) == pytest.approx(theirs.statistic, abs=1e-12)


@bounded
@given(counts)
def test_psi_is_the_symmetric_relative_entropy(pairs: list[tuple[int, int]]) -> None:
    head, base = sides([(h + 1, b + 1) for h, b in pairs])  # no bin at the floor
    p, q = np.array(head) / sum(head), np.array(base) / sum(base)
    theirs = stats.entropy(p, q) + stats.entropy(q, p)
    assert shift.psi(head, base) == pytest.approx(theirs, abs=1e-12)
    assert shift.psi(base, head) == pytest.approx(theirs, abs=1e-12)


@bounded
@given(counts)
def test_variation_is_half_the_absolute_difference(pairs: list[tuple[int, int]]) -> None:
    head, base = sides(pairs)
    theirs = sum(abs(h / sum(head) - b / sum(base)) for h, b in pairs) / 2
    assert shift.variation(head, base) == pytest.approx(theirs, abs=1e-12)


def test_psi_of_a_vanished_bin_is_finite_and_large() -> None:
    value = shift.psi([0, 100], [50, 50])
    expected = (1e-4 - 0.5) * math.log(1e-4 / 0.5) + 0.5 * math.log(2)
    assert value == pytest.approx(expected)
    assert shift.reading(value) == "large"


@pytest.mark.parametrize(
    ("value", "word"),
    [(0.0, "small"), (0.0999, "small"), (0.1, "moderate"), (0.25, "moderate"), (0.2501, "large")],
)
def test_reading_at_the_bounds(value: float, word: str) -> None:
    assert shift.reading(value) == word


def test_chance_level_holds_for_samples_of_one_distribution() -> None:
    random, above = np.random.default_rng(5), 0
    share = np.full(10, 0.1)
    for _ in range(2000):
        head, base = random.multinomial(500, share), random.multinomial(700, share)
        above += shift.psi(head, base) > shift.by_chance(head, base)
    assert 0.03 < above / 2000 < 0.07


def test_standardized_difference_is_cohens_d_of_equal_groups() -> None:
    head, base = np.array([1.0, 2, 4, 9]), np.array([0.0, 1, 1, 5])
    pooled = math.sqrt((head.var() + base.var()) / 2)
    found = shift.standardized((head.mean(), head.std()), (base.mean(), base.std()))
    assert found == pytest.approx((head.mean() - base.mean()) / pooled)


def test_standardized_difference_without_spread_is_unknown() -> None:
    assert shift.standardized((2.0, 0.0), (1.0, 0.0)) is None


def test_an_empty_side_has_no_shift() -> None:
    assert shift.of_counts([0, 0], [3, 4], ordered=True) is None


def test_a_single_bin_has_not_moved() -> None:
    found = shift.of_counts([5], [9], ordered=False)
    assert found is not None
    assert (found.psi, found.distance, found.within_chance) == (0, 0, True)


def test_a_value_of_several_deciles_gets_a_bin_of_its_own() -> None:
    assert cuts([1, 2, 2, 2, 5]) == (
        Edge(1.0, inclusive=True),
        Edge(2.0, inclusive=False),
        Edge(2.0, inclusive=True),
        Edge(5.0, inclusive=True),
    )


def test_times_beyond_the_calendar_are_not_shown() -> None:
    assert moment(0) == "1970-01-01T00:00:00Z"
    assert moment(-1.5) == "1969-12-31T23:59:58Z"
    assert moment(1e18) is None


def test_rounding_keeps_significant_digits() -> None:
    assert rounded(123456.789) == 123457
    assert rounded(1.23456789e-9) == 1.23457e-9
    assert rounded(math.inf) is None
    assert rounded(None) is None

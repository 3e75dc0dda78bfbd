"""Counting at a reference's edges, against counting by hand; and that parts add up."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from assay.monitor.counting import (
    MOST_NAMED,
    MOST_UNLISTED,
    CategoryCounter,
    NumberCounter,
    finite_count,
    merged,
)
from assay.packaging.profile import Categories, Numbers, numbers
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

REFERENCE = numbers("x", np.random.default_rng(1).normal(size=2000))
KINDS = Categories(name="kind", count=0, nulls=0, values=("a", "b", "1"), counts=(0, 0, 0))
anything = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from(REFERENCE.edges)
some = arrays(np.float64, st.integers(0, 60), elements=anything)
modest = arrays(np.float64, st.integers(0, 60), elements=st.floats(-1e6, 1e6) | st.just(math.nan))


def counted(*batches: np.ndarray, reference: Numbers = REFERENCE) -> Numbers:
    counter = NumberCounter(reference)
    for batch in batches:
        counter.add(batch)
    return counter.found()


@given(some)
def test_numbers_are_counted_as_one_by_one(values: np.ndarray) -> None:
    found = counted(values)
    finite = values[np.isfinite(values)]
    assert found.count == len(values)
    assert found.nulls == np.isnan(values).sum()
    assert found.infinite == np.isinf(values).sum()
    assert found.below == tuple(int((finite < edge).sum()) for edge in REFERENCE.edges)
    assert found.upto == tuple(int((finite <= edge).sum()) for edge in REFERENCE.edges)
    assert found.min == (finite.min() if finite.size else None)
    assert found.max == (finite.max() if finite.size else None)


@given(modest)
def test_moments_are_numpys(values: np.ndarray) -> None:
    found, there = counted(values[:7], values[7:]), values[~np.isnan(values)]
    if not there.size:
        assert (found.mean, found.std) == (None, None)
        return
    size = max(1.0, np.abs(there).max())
    assert found.mean == pytest.approx(there.mean(), abs=1e-12 * size)
    assert found.std == pytest.approx(there.std(), abs=1e-9 * size)


@given(modest, modest)
def test_parts_merge_to_the_whole(one: np.ndarray, other: np.ndarray) -> None:
    whole = counted(np.concatenate([one, other]))
    both = merged(counted(one), counted(other))
    assert isinstance(both, Numbers)
    exact = ("count", "nulls", "infinite", "edges", "below", "upto", "min", "max")
    assert [getattr(both, name) for name in exact] == [getattr(whole, name) for name in exact]
    if whole.mean is None or whole.std is None:
        assert (both.mean, both.std) == (None, None)
    else:
        size = max(1.0, abs(whole.min or 0), abs(whole.max or 0))
        assert both.mean == pytest.approx(whole.mean, abs=1e-12 * size)
        assert both.std == pytest.approx(whole.std, abs=1e-7 * size)


def test_far_from_zero_no_digits_are_lost() -> None:
    values = 1e9 + np.random.default_rng(2).normal(size=5000)
    found = counted(*np.array_split(values, 40), reference=numbers("x", values))
    assert found.std == pytest.approx(values.std(), rel=1e-9)


def test_too_large_numbers_have_no_moments_and_the_rest_stands() -> None:
    found = counted(np.array([1e308, -1e308, 1e308]))
    assert found.std is None
    assert finite_count(found) == 3


def test_the_reference_counted_at_its_own_edges_is_itself() -> None:
    values = np.random.default_rng(1).normal(size=2000)
    found = counted(values)
    assert found.below == REFERENCE.below
    assert found.upto == REFERENCE.upto
    assert found.std == pytest.approx(REFERENCE.std, rel=1e-12)


def test_profiles_of_other_edges_do_not_merge() -> None:
    other = numbers("x", np.arange(5.0))
    with pytest.raises(ValueError, match="not counted by the same reference"):
        merged(counted(np.ones(3)), counted(np.ones(3), reference=other))
    with pytest.raises(ValueError, match="not counted by the same reference"):
        merged(counted(np.ones(3)), CategoryCounter(KINDS).found())


values_of = st.lists(st.sampled_from(["a", "b", "new", "newer", None, math.nan, 1, 1.0, 2.5, True]))


@given(values_of)
def test_categories_lose_no_row(seen: list[object]) -> None:
    counter = CategoryCounter(KINDS)
    for value in seen:
        counter.add({value: 1})
    found = counter.found()
    missing = sum(str(value) in ("None", "nan") for value in seen)
    assert (found.count, found.nulls) == (len(seen), missing)
    assert sum(found.counts) + found.other == len(seen) - missing
    by_name = dict(zip(found.values, found.counts, strict=True))
    # True == 1 for a dictionary, and is another category.
    assert by_name["1"] == sum(value is not True and value == 1 for value in seen)


@given(values_of, values_of)
def test_merged_categories_are_those_of_both(one: list[object], other: list[object]) -> None:
    def of(seen: list[object]) -> Categories:
        counter = CategoryCounter(KINDS)
        for value in seen:
            counter.add({value: 1})
        return counter.found()

    both, whole = merged(of(one), of(other)), of([*one, *other])
    assert isinstance(both, Categories)
    assert (both.count, both.nulls) == (whole.count, whole.nulls)
    assert both.counts[:3] == whole.counts[:3]
    assert sum(both.counts) + both.other == sum(whole.counts) + whole.other


def test_new_values_are_named_from_five_times_on() -> None:
    counter = CategoryCounter(KINDS)
    counter.add({"often": 5, "rare": 4, "x" * 101: 50, "a": 1}, nulls=2)
    found = counter.found()
    assert found.values == ("a", "b", "1", "often")
    assert found.counts == (1, 0, 0, 5)
    assert (found.other, found.nulls, found.count) == (54, 2, 62)


def test_many_new_values_take_bounded_memory() -> None:
    counter = CategoryCounter(KINDS)
    for start in range(0, 50_000, 5000):
        counter.add(dict.fromkeys(map(str, range(start + 10, start + 5010)), 6))
    found = counter.found()
    assert len(counter._unlisted) == MOST_UNLISTED
    assert len(found.values) == 3 + MOST_NAMED
    assert sum(found.counts) + found.other == 300_000


@pytest.mark.parametrize(
    ("listed", "value"),
    [
        ("1", 1.0),
        ("1.0", 1),
        ("True", True),
        ("0.5", 0.5),
        ("nan", "nan"),
        ("1", "1"),
        ("-3", -3.0),
    ],
)
def test_a_number_is_the_category_it_was(listed: str, value: object) -> None:
    reference = Categories(name="k", count=9, nulls=0, values=(listed,), counts=(9,))
    counter = CategoryCounter(reference)
    counter.add(Counter([value]))
    assert counter.found().counts == (1,)


def test_truth_is_not_one() -> None:
    counter = CategoryCounter(KINDS)
    counter.add({True: 6})
    assert counter.found().values[-1] == "True"
    assert counter.found().counts == (0, 0, 0, 6)

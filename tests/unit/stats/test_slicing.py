"""Slices by values, bins, quantiles, expressions and crossed columns."""

from __future__ import annotations

import itertools
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from assay.config import Column, Cross, Where
from assay.stats.columns import PredictionsError
from assay.stats.slicing import LeftOut, Slices, slices
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from assay.config import SliceSpec

bounded = settings(max_examples=60, deadline=None, derandomize=True)


def cut(values: Any, *, min_rows: int = 1, max_values: int = 20, **how: Any) -> Slices:
    """Slices of one column `x`."""
    frame = pd.DataFrame({"x": values})
    return slices(frame, [Column(column="x", **how)], min_rows=min_rows, max_values=max_values)


def rows(found: Slices) -> dict[str, list[int]]:
    for one in found:
        assert one.rows == one.mask.sum()
    return {one.name: np.flatnonzero(one.mask).tolist() for one in found}


# Values -----------------------------------------------------------------------------------------


def test_values_come_in_a_stable_order() -> None:
    frame = pd.DataFrame({"a": ["z", "b", None, "b"], "n": [10, 9, 10, 9]})
    found = slices(frame, [Column(column="n"), Column(column="a")], min_rows=1)
    assert rows(found) == {
        "n = 9": [1, 3],
        "n = 10": [0, 2],
        "a = b": [1, 3],
        "a = z": [0],
        "a is missing": [2],
    }
    assert [one.values for one in found] == [(9,), (10,), ("b",), ("z",), (None,)]
    assert [one.columns for one in found] == [("n",)] * 2 + [("a",)] * 3
    assert len(found) == 5
    assert found.left_out == ()
    assert not any(one.declared for one in found)


def test_small_and_surplus_values_are_named() -> None:
    found = cut(list("aaabbbccdde"), min_rows=2, max_values=2)
    assert list(rows(found)) == ["x = a", "x = b"]
    assert found.left_out == (
        LeftOut("x", ("x",), "too many values", values=2, rows=4, examples=("x = c", "x = d")),
        LeftOut("x", ("x",), "too few rows", values=1, rows=1, examples=("x = e",)),
    )


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (pd.Series([True, False, None], dtype="boolean"), ["False", "True"]),
        (pd.Series([True, False, None], dtype="object"), ["False", "True"]),
        (pd.Series([1, 2, None], dtype="Int64"), ["1", "2"]),
        (pd.Series([1.0, 2.0, None]), ["1", "2"]),
        (pd.Series([0.5, 1.5, None]), ["0.5", "1.5"]),
        (pd.Series([np.inf, 1.0, None]), ["1", "inf"]),
        (pd.Series(["x", "y", None], dtype="string"), ["x", "y"]),
        (pd.Series(["x", "y", None]).astype("category"), ["x", "y"]),
        (pd.Series([3, 4, None]).astype("category"), ["3", "4"]),
        (pd.Series(pd.to_datetime(["2020-01", "2021-01", None])), ["2020-01-01", "2021-01-01"]),
        (
            pd.Series(pd.to_datetime(["2020-01-01 05:30", "2020-01-02 00:00", None])),
            ["2020-01-01 05:30:00", "2020-01-02"],
        ),
        (pd.Series([1, "y", None], dtype="object"), ["1", "y"]),
        (pd.Series([1, "1", None], dtype="object"), ["1", "'1'"]),
        (pd.Series(["", " a", None]), ["''", "' a'"]),
        (pd.Series(["a and b", "a\nb", None]), ["'a\\nb'", "'a and b'"]),
    ],
    ids=str,
)  # fmt: skip
def test_values_of_any_dtype(values: pd.Series, names: list[str]) -> None:
    found = cut(values)
    assert [one.name for one in found] == [*(f"x = {name}" for name in names), "x is missing"]
    assert [one.rows for one in found] == [1, 1, 1]
    assert all(isinstance(one.values[0], bool | int | float | str) for one in list(found)[:-1])


def test_an_id_is_told_and_costs_little() -> None:
    ids = np.arange(300_000)
    tracemalloc.start()
    found = cut(ids, min_rows=30)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found) == 0
    assert found.left_out == (
        LeftOut(
            "x",
            ("x",),
            "too many values",
            values=300_000,
            rows=300_000,
            examples=("x = 0", "x = 1", "x = 2"),
        ),
    )
    assert most < 100 * ids.nbytes / 8
    assert len(found.of(pd.DataFrame({"x": ids}))) == 0


def test_masks_are_made_from_a_byte_a_row() -> None:
    found = slices(
        pd.DataFrame({"x": np.arange(1000) % 20, "y": np.arange(1000.0)}),
        [Column(column="x"), Where(name="low", where="y < 500"), Column(column="y", quantiles=4)],
        min_rows=1,
    )
    assert [part.codes.dtype for part in found.parts] == [np.int8] * 3
    assert [len(part.slices) for part in found.parts] == [20, 1, 4]
    for part in found.parts:
        for index, one in enumerate(part.slices):
            assert (one.mask == (part.codes == index)).all()


def test_more_slices_than_a_byte_can_count() -> None:
    found = cut(np.arange(600) % 300, max_values=300)
    assert len(found) == 300
    assert [one.mask.sum() for one in found] == [2] * 300


# Bins -------------------------------------------------------------------------------------------


def test_bins_are_open_outside_and_closed_below() -> None:
    found = cut([-5, 0, 9.9, 10, 20, np.inf, -np.inf, None], bins=(0, 10, 20))
    assert rows(found) == {
        "x < 0": [0, 6],
        "x in [0, 10)": [1, 2],
        "x in [10, 20)": [3],
        "x >= 20": [4, 5],
        "x is missing": [7],
    }
    assert [one.values for one in found][:2] == [("< 0",), ("in [0, 10)",)]


def test_one_edge() -> None:
    assert rows(cut([1, 2, 3], bins=(2.5,))) == {"x < 2.5": [0, 1], "x >= 2.5": [2]}


def test_bins_without_enough_rows_are_named() -> None:
    found = cut([1, 1, 1, 2], bins=(0, 1.5, 5), min_rows=2)
    assert list(rows(found)) == ["x in [0, 1.5)"]
    left = LeftOut(
        "x in bins",
        ("x",),
        "too few rows",
        values=3,
        rows=1,
        examples=("x in [1.5, 5)", "x < 0", "x >= 5"),
    )
    assert found.left_out == (left,)


def test_bins_of_all_missing_values() -> None:
    found = cut([None, None], bins=(0,))
    assert rows(found) == {"x is missing": [0, 1]}
    assert found.left_out[0].values == 2


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([1, 2, 3, None], dtype="Int64"),
        pd.Series([1, 2, 3, None], dtype="object"),
        pd.Series([1, 2, 3, None]).astype("category"),
        pd.Series([1, 2, 3, None], dtype="float32"),
    ],
    ids=lambda values: str(values.dtype),
)
def test_bins_of_any_numbers(values: pd.Series) -> None:
    assert [one.rows for one in cut(values, bins=(2,))] == [1, 2, 1]


@pytest.mark.parametrize("how", [{"bins": (1,)}, {"quantiles": 2}], ids=str)
@pytest.mark.parametrize(
    "values",
    [["a", "b"], [True, False], pd.to_datetime(["2020-01-01", "2020-01-02"])],
    ids=["text", "boolean", "date"],
)
def test_bins_need_numbers(values: Any, how: dict[str, Any]) -> None:
    with pytest.raises(PredictionsError, match=r"'x' \(.*\) cannot be cut into bins") as caught:
        cut(values, **how)
    assert "where" in str(caught.value.hint)


# Quantiles --------------------------------------------------------------------------------------


def test_quantiles_have_about_the_same_number_of_rows() -> None:
    values = np.random.default_rng(0).normal(15, 8, 10_000)
    found = cut(values, quantiles=4)
    assert [one.name for one in found] == [
        "x < 9.7",
        "x in [9.7, 15)",
        "x in [15, 20.5)",
        "x >= 20.5",
    ]
    assert all(abs(one.rows - 2500) <= 200 for one in found)
    assert found.left_out == ()


def test_infinities_are_in_the_outer_bins() -> None:
    found = cut([-np.inf, 1, 2, 3, 4, np.inf, None], quantiles=2)
    assert rows(found) == {"x < 3": [0, 1, 2], "x >= 3": [3, 4, 5], "x is missing": [6]}


def test_a_constant_column_has_one_bin_and_says_so() -> None:
    found = cut([5, 5, None], quantiles=4)
    assert rows(found) == {"x is given": [0, 1], "x is missing": [2]}
    assert found.left_out == (
        LeftOut("x in bins", ("x",), "equal values", values=3, rows=0, examples=()),
    )


def test_many_rows_of_one_value_have_fewer_bins_and_say_so() -> None:
    found = cut([0] * 90 + list(range(1, 11)), quantiles=4)
    assert {one.name: one.rows for one in found} == {"x < 1": 90, "x >= 1": 10}
    assert [(left.reason, left.values) for left in found.left_out] == [("equal values", 2)]


def test_quantiles_of_nothing() -> None:
    found = cut([None, np.nan], quantiles=3)
    assert rows(found) == {"x is missing": [0, 1]}


@bounded
@given(
    st.lists(st.one_of(st.none(), st.floats(width=32), st.integers(0, 3)), min_size=1, max_size=60),
    st.integers(2, 20),
)
def test_quantiles_rise_and_lose_no_row(values: list[float | None], bins: int) -> None:
    found = cut(np.array(values, dtype=float), quantiles=bins, min_rows=0)
    assert sum(one.rows for one in found) == len(values)
    assert np.sum([one.mask for one in found], axis=0).tolist() == [1] * len(values)
    finite = [value for value in values if value is not None and np.isfinite(value)]
    if len(set(finite)) > 1:
        assert all(one.rows for one in found)
    assert len(found) <= bins + 1


# Expressions and crossed columns ----------------------------------------------------------------


def test_an_expression_is_one_slice() -> None:
    frame = pd.DataFrame({"age": [20, 60, 70], "region": ["north", "east", "south"]})
    spec = Where(name="older, north or east", where="age >= 60 and region in ('north', 'east')")
    found = slices(frame, [spec], min_rows=1)
    assert rows(found) == {"older, north or east": [1]}
    (one,) = found
    assert (one.columns, one.values, one.declared) == (("age", "region"), (), True)


@pytest.mark.parametrize(("where", "rows"), [("x > 1", 2), ("x > 9", 0)])
def test_an_expression_with_few_rows_is_named(where: str, rows: int) -> None:
    frame = pd.DataFrame({"x": [1, 2, 3]})
    found = slices(frame, [Where(name="high", where=where)], min_rows=3)
    assert len(found) == 0
    left = LeftOut("high", ("x",), "too few rows", values=1, rows=rows, examples=("high",))
    assert found.left_out == (left,)


def test_columns_are_crossed() -> None:
    frame = pd.DataFrame(
        {
            "season": ["winter", "winter", "summer", None, "winter"],
            "day": [1, 2, 1, 1, 1],
            "fine": [True, True, False, True, True],
        }
    )
    found = slices(frame, [Cross(cross=("season", "day", "fine"))], min_rows=1)
    assert rows(found) == {
        "season = summer and day = 1 and fine = False": [2],
        "season = winter and day = 1 and fine = True": [0, 4],
        "season = winter and day = 2 and fine = True": [1],
        "season is missing and day = 1 and fine = True": [3],
    }


def test_crossed_with_an_id() -> None:
    frame = pd.DataFrame({"a": list("xy") * 500, "id": np.arange(1000)})
    found = slices(frame, [Cross(cross=("a", "id"))], min_rows=30)
    assert len(found) == 0
    (left,) = found.left_out
    assert (left.name, left.reason, left.values) == ("a x id", "too many values", 1000)
    assert left.examples[0] == "a = x and id = 0"


def test_four_columns_with_many_values_do_not_overflow() -> None:
    ids = np.arange(100_000)
    frame = pd.DataFrame(dict.fromkeys("abcd", ids))
    (left,) = slices(frame, [Cross(cross=tuple("abcd"))], min_rows=2).left_out
    assert left.values == 100_000


# Names ------------------------------------------------------------------------------------------


def test_what_two_specifications_share_is_one_slice() -> None:
    frame = pd.DataFrame({"x": [1, 5, None, 30], "y": [1, 1, 1, 1]})
    specs = [Column(column="x", bins=(3, 10)), Column(column="x", bins=(3, 20)), Column(column="y")]
    found = slices(frame, specs, min_rows=0)
    assert list(rows(found)) == [
        "x < 3",
        "x in [3, 10)",
        "x >= 10",
        "x is missing",
        "x in [3, 20)",
        "x >= 20",
        "y = 1",
    ]
    again = found.of(frame)
    assert rows(again) == rows(found)
    assert again.left_out == ()


@pytest.mark.parametrize(
    "specs",
    [
        [Where(name="a", where="x > 0"), Where(name="a", where="x < 0")],
        [Column(column="x"), Where(name="x = 1", where="x < 0")],
        [Where(name="x = 1", where="x > 0"), Column(column="x")],
    ],
    ids=str,
)
def test_two_slices_of_one_name(specs: list[SliceSpec]) -> None:
    frame = pd.DataFrame({"x": [1, -1]})
    with pytest.raises(PredictionsError, match=r"two slices are called '(a|x = 1)'") as caught:
        slices(frame, specs, min_rows=1)
    assert "name of its own" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("spec", "message", "hint"),
    [
        (Column(column="seson"), "no column 'seson'", "Did you mean 'season'?"),
        (Column(column="seson", bins=(1,)), "no column 'seson'", "Did you mean 'season'?"),
        (Cross(cross=("season", "zzz")), "no column 'zzz'; the table has 'season', 'tags'", ""),
        (Where(name="w", where="seson == 'a'"), "expression .*no column 'seson'", "Did you mean"),
        (Where(name="w", where="season ="), "the expression 'season ='", "Allowed"),
        (Column(column="tags"), "cannot be sliced by 'tags': it holds lists", ""),
    ],
    ids=str,
)
def test_specifications_that_do_not_fit(spec: SliceSpec, message: str, hint: str) -> None:
    frame = pd.DataFrame({"season": ["a", "b"], "tags": [[1], [2]]})
    with pytest.raises(PredictionsError, match=message) as caught:
        slices(frame, [spec], min_rows=1)
    assert hint in (caught.value.hint or "")
    assert caught.value.exit_code == 2


def test_no_rows() -> None:
    with pytest.raises(PredictionsError, match="no rows"):
        cut([])


# The same slices elsewhere ----------------------------------------------------------------------


def test_the_same_slices_of_another_table() -> None:
    head = pd.DataFrame(
        {"season": ["w", "w", "s", None], "n": [1.0, 2.0, None, 1.0], "t": [1, 5, 9, 30]}
    )
    specs: list[SliceSpec] = [
        Column(column="season"),
        Column(column="n"),
        Column(column="t", bins=(4, 10)),
        Where(name="low", where="t < 6"),
        Cross(cross=("season", "n")),
    ]
    found = slices(head, specs, min_rows=1)
    base = pd.DataFrame(
        {
            "season": pd.Categorical(["a", "s", "w", "w"]),
            "n": pd.Series([1, 1, 2, 7], dtype="Int64"),
            "t": [None, 3, 4, 100],
        }
    )
    there = found.of(base)
    assert [one.name for one in there] == [one.name for one in found]
    expected = {
        "season = s": [1],
        "season = w": [2, 3],
        "season is missing": [],
        "n = 1": [0, 1],
        "n = 2": [2],
        "n is missing": [],
        "t < 4": [1],
        "t in [4, 10)": [2],
        "t >= 10": [3],
        "low": [1, 2],
        "season = s and n is missing": [],
        "season = w and n = 1": [],
        "season = w and n = 2": [2],
        "season is missing and n = 1": [],
    }
    assert rows(there) == expected
    assert {left.reason for left in there.left_out} == {"not in head"}
    assert [(left.name, left.values, left.rows, left.examples) for left in there.left_out] == [
        ("season", 1, 1, ("season = a",)),
        ("n", 1, 1, ("n = 7",)),
        ("t in bins", 1, 1, ("t is missing",)),
        (
            "season x n",
            3,
            3,
            ("season = a and n = 1", "season = s and n = 1", "season = w and n = 7"),
        ),
    ]  # fmt: skip


def test_quantiles_keep_their_edges() -> None:
    found = cut(np.arange(100.0), quantiles=2)
    there = found.of(pd.DataFrame({"x": [1000.0, 2000.0, 3.0]}))
    assert rows(there) == {"x < 50": [2], "x >= 50": [0, 1]}


@pytest.mark.parametrize(
    ("head", "base", "message"),
    [
        ([1, 2], ["1", "2"], "'x' holds numbers in the head and text in the base"),
        (["a"], pd.to_datetime(["2020-01-01"]), "holds text in the head and dates in the base"),
    ],
)
def test_a_column_of_another_type_elsewhere(head: Any, base: Any, message: str) -> None:
    with pytest.raises(PredictionsError, match=message):
        cut(head).of(pd.DataFrame({"x": base}))


def test_a_column_that_is_missing_elsewhere() -> None:
    with pytest.raises(PredictionsError, match="no column 'x'"):
        cut([1, 2]).of(pd.DataFrame({"y": [1]}))


def test_true_and_one_are_the_same_elsewhere() -> None:
    there = cut([True, False]).of(pd.DataFrame({"x": [0, 1, 1]}))
    assert rows(there) == {"x = False": [0], "x = True": [1, 2]}


# Properties -------------------------------------------------------------------------------------

columns = st.one_of(
    st.lists(st.sampled_from(["a", "b", "c", None, "d e"]), min_size=1, max_size=40),
    st.lists(st.one_of(st.none(), st.integers(-3, 3)), min_size=1, max_size=40),
    st.lists(st.one_of(st.none(), st.sampled_from([0.1, -0.0, 0, 1e9])), min_size=1, max_size=40),
    st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=40),
    st.lists(st.sampled_from([1, "1", None, 2.5]), min_size=1, max_size=40),
)  # fmt: skip


@bounded
@given(columns, st.integers(1, 5), st.integers(1, 4))
def test_the_slices_of_a_column_part_its_rows(
    values: list[Any], min_rows: int, max_values: int
) -> None:
    found = cut(values, min_rows=min_rows, max_values=max_values)
    for one, other in itertools.combinations(found, 2):
        assert not (one.mask & other.mask).any()
        assert one.name != other.name
    left = sum(one.rows for one in found.left_out)
    assert sum(one.rows for one in found) + left == len(values)
    values_left = sum(one.values for one in found.left_out)
    assert len(found) + values_left == pd.Series(values, dtype=object).nunique(dropna=False)
    assert len(found) <= max_values
    assert all(one.rows >= min_rows for one in found)
    again = found.of(pd.DataFrame({"x": values}))
    assert rows(again) == rows(found)
    assert sum(one.rows for one in again.left_out) == left


@bounded
@given(columns, st.lists(st.integers(0, 39), min_size=1, max_size=40))
def test_of_picked_rows_the_same_are_picked(values: list[Any], picked: list[int]) -> None:
    frame = pd.DataFrame({"x": pd.Series(values, dtype=object)})
    frame["y"] = np.arange(len(frame)) % 3
    specs: list[SliceSpec] = [
        Column(column="x"),
        Cross(cross=("x", "y")),
        Column(column="y", bins=(1,)),
    ]
    found = slices(frame, specs, min_rows=1, max_values=100)
    positions = np.array(picked) % len(frame)
    there = found.of(frame.iloc[positions])
    assert there.left_out == ()
    for one, other in zip(found, there, strict=True):
        assert one.name == other.name
        assert (one.mask[positions] == other.mask).all()

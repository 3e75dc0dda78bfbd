"""Which rows are made up, for every type of column."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from assay.packaging.parity import rows
from assay.packaging.parity.cells import Feature, spread
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from assay.packaging.facts import DType

FRAME = pd.DataFrame(
    {
        "float": [0.5, 70.25, -3.0],
        "single": np.asarray([1, 2, 3], dtype=np.float32),
        "int": [1, 2, 3],
        "byte": np.asarray([0, 1, 255], dtype=np.uint8),
        "flag": [True, False, True],
        "text": ["Bonn", "Köln", None],
        "full": ["a", "b", "c"],
        "code": [1, 2, 3],
        "grade": [1.0, 2.0, math.nan],
        "tiny": np.asarray([126, 127, -128], dtype=np.int8),
    }
)
TYPES: dict[str, DType] = {
    "float": "float64",
    "single": "float32",
    "int": "int64",
    "byte": "uint8",
    "flag": "bool",
    "text": "string",
    "full": "string",
    "code": "int64",
    "grade": "float64",
    "tiny": "int8",
}
CATEGORIES = {"code": (1, 2, 3), "grade": (1.0, 2.0), "tiny": (126, 127)}
FEATURES = [
    Feature(name, dtype, CATEGORIES.get(name), missing=dtype == "string" or "float" in dtype)
    for name, dtype in TYPES.items()
]


def values(found: rows.RowSet, name: str) -> list[Any]:
    """What a column was changed to, each once."""
    frame, changed = found.frame, np.asarray(found.changed)
    return list(dict.fromkeys(frame.loc[changed == name, name].tolist()))


class TestNulls:
    FOUND = rows.nulls(FRAME, FEATURES, each=2)

    def test_every_column_that_can_be_missing(self):
        assert set(self.FOUND.changed) == {"float", "single", "text", "full", "grade"}
        for position, name in enumerate(self.FOUND.changed):
            assert pd.isna(self.FOUND.frame[name].iloc[position])

    def test_every_type_stays(self):
        assert (self.FOUND.frame.dtypes == FRAME.dtypes).all()

    @pytest.mark.parametrize(
        "column",
        [
            pd.Series(["a", None], dtype=object),
            pd.Series(["a", "b"], dtype="string"),
            pd.Series([1, None], dtype="Int64"),
            pd.Series(["a", "b"], dtype="category"),
        ],
        ids=lambda column: str(column.dtype),
    )
    def test_missing_as_the_column_has_it(self, column: pd.Series):
        dtype: DType = "float64" if column.dtype == "Int64" else "string"
        found = rows.nulls(pd.DataFrame({"x": column}), [Feature("x", dtype, missing=True)], each=2)
        assert found.frame["x"].isna().all()
        assert found.frame["x"].dtype == column.dtype


class TestUnseen:
    FOUND = rows.unseen(FRAME, FEATURES, nullable={"text"})

    def test_text(self):
        expected = ["bONN", "Bonn ", "Bonn!", "kÖLN", "Köln ", "Köln!", "unseen", "Größe 7"]
        assert values(self.FOUND, "text") == expected

    def test_an_empty_text_where_it_does_not_stand_for_missing(self):
        assert "" in values(self.FOUND, "full")
        assert "" not in values(self.FOUND, "text")

    def test_numbers_beside_those_that_are_known(self):
        assert values(self.FOUND, "code") == [4, 0]
        assert values(self.FOUND, "grade") == [3.0, 0.0, 1.5]

    def test_numbers_stay_in_their_type(self):
        assert values(self.FOUND, "tiny") == [125]

    def test_other_columns_have_no_categories(self):
        assert set(self.FOUND.changed) == {"text", "full", "code", "grade", "tiny"}

    def test_text_categories_in_a_column_of_numbers_are_left_alone(self):
        found = rows.unseen(FRAME, [Feature("int", "int64", ("a",))], nullable=set())
        assert len(found.frame) == 0


class TestExtremes:
    FOUND = rows.extremes(FRAME, FEATURES)

    def test_float64(self):
        found = values(self.FOUND, "float")
        largest = 1e100  # the largest of all overflow wherever they are added
        assert {largest, -largest, 1e30, -1e30, math.inf, -math.inf, 5e-324, -5e-324} <= set(found)
        zeros = self.FOUND.frame["float"][self.FOUND.frame["float"] == 0]
        assert sorted(math.copysign(1, zero) for zero in zeros) == [-1, 1]

    def test_float32(self):
        largest = float(np.finfo(np.float32).max)
        found = values(self.FOUND, "single")
        assert {largest, -largest, float(np.float32(1e30))} <= set(found)

    def test_whole_numbers_and_truth_values(self):
        assert values(self.FOUND, "int") == [-(2**63), 0, 2**63 - 1]
        assert values(self.FOUND, "byte") == [0, 255]
        assert values(self.FOUND, "flag") == [False, True]

    def test_categories_have_no_size(self):
        assert {"code", "grade", "text"}.isdisjoint(self.FOUND.changed)


class TestEdges:
    FOUND = rows.edges(FRAME, FEATURES)

    def test_numbers_that_float32_does_not_have(self):
        found = values(self.FOUND, "float")
        assert len(found) >= 6
        assert all(float(np.float32(value)) != value for value in found)
        # Those that are rounded up, and those that are rounded down.
        assert {float(np.float32(value)) > value for value in found} == {True, False}

    def test_whole_numbers(self):
        assert values(self.FOUND, "int") == [2**24 + 1, -(2**24) - 1, 2**31 - 1, 2**53 + 1]
        assert {"byte", "single", "flag"}.isdisjoint(self.FOUND.changed)

    def test_a_column_without_a_finite_number(self):
        frame = pd.DataFrame({"x": [math.nan, math.inf]})
        found = rows.edges(frame, [Feature("x", "float64")])
        assert values(found, "x") == [0.1, 2.0**24 + 1]


class TestSpread:
    @given(st.integers(0, 10_000), st.integers(1, 300))
    def test_both_ends_and_no_more_than_asked_for(self, count: int, most: int):
        found = spread(count, most).tolist()
        assert len(found) == min(count, most)
        assert found == sorted(set(found))
        if count:
            assert found[0] == 0
        if count > 1 and most > 1:
            assert found[-1] == count - 1

    def test_a_wide_table_asks_about_some_of_its_columns(self):
        wide = pd.DataFrame(np.zeros((3, 200))).rename(columns="c{}".format)
        found = rows.nulls(wide, [Feature(name, "float64", missing=True) for name in wide], each=8)
        assert len(set(found.changed)) == 64

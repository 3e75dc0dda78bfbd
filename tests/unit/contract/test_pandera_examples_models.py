"""What Pandera's documentation shows of models, dtypes and its configuration: the scan agrees."""

# No `from __future__ import annotations`: Pandera reads the annotations of models.

import datetime as dt
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Optional

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest
from pandera import dtypes, extensions
from pandera.api.checks import Check
from pandera.config import ValidationDepth, config_context
from pandera.engines import pandas_engine
from pandera.typing import Index, Series

from tests.differential.held import failures, said


@pytest.fixture
def harvest() -> pd.DataFrame:
    """A table of apple harvests."""
    return pd.DataFrame(
        {
            "year": [2001, 2002, 1999, 2003],
            "kind": ["gala", "boskoop", "gala", "elstar"],
            "tons": [1.5, 2.0, 30.0, np.nan],
            "share": [0.1, 0.5, 1.5, 0.25],
        }
    )


class Harvest(pa.DataFrameModel):
    year: int = pa.Field(gt=2000, coerce=True)
    kind: Series[str] = pa.Field(isin=["gala", "elstar"])
    tons: Optional[float] = pa.Field(le=20, nullable=True)  # noqa: UP045 (Pandera 0.24 knows no |)


class FullHarvest(Harvest):
    tons: float = pa.Field(in_range={"min_value": 0, "max_value": 20, "include_max": False})
    fraction: float = pa.Field(alias="share", le=1)

    class Config:
        strict = True
        ordered = True
        unique = ("year", "kind")


def test_a_model(tmp_path: Path, harvest: pd.DataFrame) -> None:
    assert failures(Harvest, harvest, tmp_path) == [
        ("greater_than(2000)", "year", 1),
        ("isin(['gala', 'elstar'])", "kind", 1),
        ("less_than_or_equal_to(20)", "tons", 1),
    ]


def test_a_column_that_may_be_missing(tmp_path: Path, harvest: pd.DataFrame) -> None:
    good = harvest[["year", "kind"]].iloc[[0, 3]]
    assert failures(Harvest, good.reset_index(drop=True), tmp_path) == []


def test_a_model_made_from_another(tmp_path: Path, harvest: pd.DataFrame) -> None:
    found = failures(FullHarvest, harvest.assign(more=1), tmp_path)
    assert [(column, count) for _, column, count in found] == [
        ("more", 1),
        ("year", 1),
        ("tons", 1),
        ("kind", 1),
        ("share", 1),
        ("tons", 1),
    ]


def test_a_field_that_is_used_twice(tmp_path: Path) -> None:
    part = partial(pa.Field, ge=0, le=1)

    class Parts(pa.DataFrameModel):
        x: float = part()
        y: float = part()

    frame = pd.DataFrame({"x": [0.0, 0.5], "y": [2.0, -1.0]})
    assert {(column, count) for _, column, count in failures(Parts, frame, tmp_path)} == {("y", 1)}


def test_checks_that_are_methods(tmp_path: Path, harvest: pd.DataFrame) -> None:
    class Checked(pa.DataFrameModel):
        year: int
        tons: float = pa.Field(nullable=True)
        share: float

        @pa.check("year", name="even")
        @classmethod
        def even(cls, year: Series[int]) -> Series[bool]:
            return year % 2 == 0

        @pa.check("^(tons|share)$", regex=True, name="small")
        @classmethod
        def small(cls, column: Series[float]) -> Series[bool]:
            return column < 2

        @pa.dataframe_check(name="sum")
        @classmethod
        def grows(cls, frame: pd.DataFrame) -> bool:
            return frame["share"].sum() <= 1

        @pa.dataframe_check(name="more than its share")
        @classmethod
        def more(cls, frame: pd.DataFrame) -> Series[bool]:
            return frame["tons"] > frame["share"]

    found = failures(Checked, harvest, tmp_path)
    assert ("even", "year", 3) in found
    assert ("small", "tons", 2) in found
    assert ("sum", None, 1) in found


def test_parsers_that_are_methods(tmp_path: Path, harvest: pd.DataFrame) -> None:
    class Parsed(pa.DataFrameModel):
        kind: str = pa.Field(str_matches="[A-Z]+$")
        share: float = pa.Field(le=1)

        @pa.parser("share")
        @classmethod
        def at_most_one(cls, share: Series[float]) -> Series[float]:
            return share.clip(upper=1)

        @pa.dataframe_parser
        @classmethod
        def in_capitals(cls, frame: pd.DataFrame) -> pd.DataFrame:
            return frame.assign(kind=frame["kind"].str.upper())

    assert failures(Parsed, harvest, tmp_path) == []


def test_an_index_of_a_model(tmp_path: Path, harvest: pd.DataFrame) -> None:
    class Indexed(pa.DataFrameModel):
        tons: float = pa.Field(nullable=True)
        year: Index[int] = pa.Field(gt=2000, check_name=True)

    assert failures(Indexed, harvest.set_index("year"), tmp_path) == [
        ("greater_than(2000)", "year", 1)
    ]


def test_two_levels_of_a_model(tmp_path: Path, harvest: pd.DataFrame) -> None:
    class Indexed(pa.DataFrameModel):
        tons: float = pa.Field(nullable=True)
        year: Index[int] = pa.Field(gt=1990)
        kind: Index[str] = pa.Field(ne="boskoop")

        class Config:
            multiindex_name = "harvest"
            multiindex_strict = True

    found = failures(Indexed, harvest.set_index(["year", "kind"]), tmp_path)
    assert [count for _, _, count in found] == [1]


def test_dtypes_with_parameters(tmp_path: Path) -> None:
    class Typed(pa.DataFrameModel):
        when: Series[Annotated[pd.DatetimeTZDtype, "ns", "UTC"]]
        grade: Series[Annotated[pd.CategoricalDtype, ["a", "b"], False]]
        count: Series[pd.Int64Dtype] = pa.Field(ge=0, nullable=True)
        given: Series[pd.DatetimeTZDtype] = pa.Field(dtype_kwargs={"unit": "ns", "tz": "UTC"})

    when = pd.to_datetime(["2024-01-01", "2024-02-01"], utc=True).as_unit("ns")
    frame = pd.DataFrame(
        {
            "when": when,
            "grade": pd.Categorical(["a", "b"], categories=["a", "b"]),
            "count": pd.array([1, None], dtype="Int64"),
            "given": when.tz_convert("Europe/Berlin"),
        }
    )
    found = failures(Typed, frame, tmp_path)
    assert [column for _, column, _ in found] == ["given"]


@pytest.mark.parametrize(
    ("dtype", "values", "count"),
    [
        ("Int8", [1, 2, None], 0),
        ("boolean", [True, None, False], 0),
        ("string", ["a", None, "b"], 0),
        ("category", ["a", "a", None], 0),
        ("datetime64[ns]", ["2024-01-01", "2024-01-02", "never"], 1),
        ("float32", ["1.5", "x", "2"], 1),
    ],
)
def test_coercion(tmp_path: Path, dtype: str, values: list[Any], count: int) -> None:
    schema = pa.DataFrameSchema({"x": pa.Column(dtype, nullable=True, coerce=True)})
    found = failures(schema, pd.DataFrame({"x": values}), tmp_path)
    coerced = [number for check, _, number in found if check.startswith("coerce_dtype")]
    assert sum(coerced) == count


@pytest.mark.parametrize("places", [2, 1])
def test_decimals_and_dates(tmp_path: Path, places: int) -> None:
    frame = pd.DataFrame(
        {
            "price": [Decimal("1.25"), Decimal("100.00")],
            "day": [dt.date(2024, 1, 1), dt.date(2024, 1, 2)],
        }
    )
    schema = pa.DataFrameSchema(
        {
            "price": pa.Column(dtypes.Decimal(5, places)),
            "day": pa.Column(dtypes.Date, pa.Check.ge(dt.date(2024, 1, 2))),
        }
    )
    found = {column for _, column, _ in failures(schema, frame, tmp_path)}
    assert found == ({"day"} if places == 2 else {"day", "price"})


def test_a_dtype_of_the_users_own(tmp_path: Path) -> None:
    @pandas_engine.Engine.register_dtype
    @dtypes.immutable
    class Word(pandas_engine.NpString):
        """Text without a space in it."""

        def coerce(self, series: pd.Series) -> pd.Series:
            return super().coerce(series).str.replace(" ", "_")

        def check(self, pandera_dtype: Any, data_container: Any = None) -> Any:
            return ~data_container.str.contains(" ") if data_container is not None else True

    frame = pd.DataFrame({"x": ["a", "b c"]})
    good = pa.DataFrameSchema({"x": pa.Column(Word(), coerce=True)})
    bad = pa.DataFrameSchema({"x": pa.Column(Word())})
    assert failures(good, frame, tmp_path) == []
    assert [(column, count) for _, column, count in failures(bad, frame, tmp_path)] == [("x", 1)]


def test_a_row_as_a_pydantic_model(tmp_path: Path) -> None:
    from pydantic import BaseModel, Field

    class Row(BaseModel):
        name: str
        age: int = Field(ge=18)

    schema = pa.DataFrameSchema(dtype=pandas_engine.PydanticModel(Row), coerce=True)
    frame = pd.DataFrame({"name": ["Ann", "Bob"], "age": [20, 11]})
    assert failures(schema, frame.head(1), tmp_path) == []
    assert failures(schema, frame, tmp_path) != []


def test_a_registered_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Registered names are kept in the class for as long as the process lives.
    monkeypatch.setattr(Check, "REGISTERED_CUSTOM_CHECKS", {}, raising=False)

    @extensions.register_check_method(statistics=["divisor"])
    def is_multiple_of_ours(pandas_obj: Any, *, divisor: int) -> Any:
        return pandas_obj % divisor == 0

    schema = pa.DataFrameSchema({"x": pa.Column(int, pa.Check.is_multiple_of_ours(divisor=3))})
    found = failures(schema, pd.DataFrame({"x": [3, 4, 6, 7]}), tmp_path)
    assert [(column, count) for _, column, count in found] == [("x", 2)]


@pytest.mark.parametrize(
    ("depth", "expected"),
    [
        (ValidationDepth.SCHEMA_ONLY, {"dtype"}),
        (ValidationDepth.DATA_ONLY, {"greater_than"}),
        (ValidationDepth.SCHEMA_AND_DATA, {"dtype", "greater_than"}),
    ],
)
def test_a_part_of_the_validation(
    tmp_path: Path, harvest: pd.DataFrame, depth: ValidationDepth, expected: set[str]
) -> None:
    schema = pa.DataFrameSchema(
        {"year": pa.Column(int, pa.Check.gt(2000)), "share": pa.Column("str")}
    )
    with config_context(validation_depth=depth):
        answer = said(schema, harvest, tmp_path)
    assert {check.partition("(")[0] for check, _, _, _ in answer.failures} == expected
    assert bool(answer.warnings) is (depth is not ValidationDepth.SCHEMA_AND_DATA)


def test_a_schema_that_went_through_yaml(tmp_path: Path, harvest: pd.DataFrame) -> None:
    pytest.importorskip("pandera.io.pandas_io")
    from pandera.io.pandas_io import from_yaml

    schema = from_yaml(Harvest.to_schema().to_yaml())
    assert failures(schema, harvest, tmp_path) == failures(Harvest, harvest, tmp_path)

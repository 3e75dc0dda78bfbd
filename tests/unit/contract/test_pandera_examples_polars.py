"""What Pandera's documentation shows of polars and Ibis tables: the scan says the same."""

# No `from __future__ import annotations`: Pandera reads the annotations of models.

from pathlib import Path
from typing import Any, Optional

import ibis
import pandera.ibis as pi
import pandera.polars as pp
import polars as pl
import pytest

from tests.differential.held import failures, said


@pytest.fixture
def rents() -> pl.DataFrame:
    """A table of rents, a few of which are wrong."""
    return pl.DataFrame(
        {
            "town": ["Bern", "Basel", "Bern", "Chur", None],
            "rooms": [3, 2, 0, 5, 4],
            "rent": [1500.0, 1200.5, 900.0, float("nan"), -1.0],
        }
    )


class Rents(pp.DataFrameModel):
    town: str = pp.Field(isin=["Bern", "Basel"], nullable=True)
    rooms: int = pp.Field(in_range={"min_value": 1, "max_value": 10})
    rent: float = pp.Field(gt=0)
    heated: Optional[bool]  # noqa: UP045 (Pandera 0.24 knows no |)

    class Config:
        strict = True


def test_a_polars_model(tmp_path: Path, rents: pl.DataFrame) -> None:
    assert failures(Rents, rents, tmp_path) == [
        ("greater_than(0)", "rent", 1),
        ("in_range(1, 10)", "rooms", 1),
        ("isin(['Bern', 'Basel'])", "town", 1),
        ("not_nullable", "rent", 1),
    ]


def test_a_polars_schema(tmp_path: Path, rents: pl.DataFrame) -> None:
    schema = pp.DataFrameSchema(
        {
            "town": pp.Column(pl.String, pp.Check.str_startswith("B"), unique=True),
            "rooms": pp.Column(pl.Int32),
            "street": pp.Column(pl.String),
        },
        strict="filter",
    )
    found = {
        (check.partition("(")[0], column) for check, column, _ in failures(schema, rents, tmp_path)
    }
    assert found == {
        ("column_in_dataframe", "street"),
        ("dtype", "rooms"),
        ("field_uniqueness", "town"),
        ("not_nullable", "town"),
        ("str_startswith", "town"),
    }


@pytest.mark.parametrize(
    ("check", "count"),
    [
        (pp.Check(lambda data: data.lazyframe.select(pl.col(data.key) > 0), name="column"), 1),
        (pp.Check(lambda data: data.lazyframe.select(pl.col(data.key).gt(0).all()), name="all"), 1),
        (pp.Check(lambda value: value > 0, element_wise=True, name="value"), 1),
        (pp.Check(lambda data: data.lazyframe.select(pl.col(data.key) < 9), name="good"), 0),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_functions_as_checks_of_polars(
    tmp_path: Path, rents: pl.DataFrame, check: pp.Check, count: int
) -> None:
    found = failures(pp.DataFrameSchema({"rooms": pp.Column(int, check)}), rents, tmp_path)
    assert sum(number for _, _, number in found) == count


def test_checks_of_a_whole_polars_table(tmp_path: Path, rents: pl.DataFrame) -> None:
    schema = pp.DataFrameSchema(
        {"rooms": pp.Column(int), "rent": pp.Column(float, nullable=True)},
        checks=[
            pp.Check(lambda d: d.lazyframe.select(pl.col("rent") > pl.col("rooms")), name="dear"),
            pp.Check(lambda d: d.lazyframe.select(pl.len() < 3), name="short"),
        ],
    )
    found = failures(schema, rents, tmp_path)
    assert [(check, column) for check, column, _ in found] == [("dear", None), ("short", None)]


def test_coercion_of_polars(tmp_path: Path) -> None:
    frame = pl.DataFrame({"year": ["2001", "x", "1999"], "share": [1, 0, 1]})
    schema = pp.DataFrameSchema(
        {"year": pp.Column(pl.Int64), "share": pp.Column(pl.Float64, pp.Check.lt(1))}, coerce=True
    )
    found = failures(schema, frame, tmp_path)
    assert any(check.startswith("coerce_dtype") for check, _, _ in found)


def test_nested_and_categorical_dtypes(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"tags": [["a"], ["b", "c"]], "grade": ["x", "y"], "at": [{"lat": 1.0}, {"lat": 2.0}]},
        schema_overrides={"grade": pl.Categorical},
    )
    schema = pp.DataFrameSchema(
        {
            "tags": pp.Column(pl.List(pl.String)),
            "grade": pp.Column(pl.Categorical),
            "at": pp.Column(pl.Struct({"lat": pl.Float32})),
        }
    )
    assert [column for _, column, _ in failures(schema, frame, tmp_path)] == ["at"]


def test_columns_unique_together_in_polars(tmp_path: Path, rents: pl.DataFrame) -> None:
    schema = pp.DataFrameSchema({"town": pp.Column(nullable=True)}, unique=["town"])
    assert failures(schema, rents, tmp_path) == [("multiple_fields_uniqueness", None, 2)]


def test_columns_of_polars_by_a_pattern(tmp_path: Path, rents: pl.DataFrame) -> None:
    schema = pp.DataFrameSchema({"^ro.*$": pp.Column(int, pp.Check.gt(0), regex=True)})
    assert failures(schema, rents, tmp_path) == [("greater_than(0)", "rooms", 1)]


def test_a_default_and_a_column_that_is_added(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": [1, None]})
    schema = pp.DataFrameSchema(
        {
            "a": pp.Column(int, pp.Check.gt(1), default=2),
            "b": pp.Column(str, default="x"),
        },
        add_missing_columns=True,
    )
    assert failures(schema, frame, tmp_path) == [("greater_than(1)", "a", 1)]


class IbisRents(pi.DataFrameModel):
    town: str = pi.Field(isin=["Bern", "Basel", "Chur"])
    rooms: int = pi.Field(in_range={"min_value": 1, "max_value": 4})

    @pi.check("rooms", name="even")
    @classmethod
    def even(cls, data: Any) -> ibis.Table:
        return data.table.select(data.table[data.key] % 2 == 0)

    @pi.dataframe_check(name="dear")
    @classmethod
    def dear(cls, data: Any) -> ibis.Table:
        return data.table.select(data.table["rent"] > 1000)


def test_an_ibis_model(tmp_path: Path, rents: pl.DataFrame) -> None:
    found = failures(IbisRents, rents.drop_nulls(), tmp_path)
    assert {(check, column, count) for check, column, count in found} >= {
        ("dear", None, 1),
        ("even", "rooms", 2),
        ("in_range(1, 4)", "rooms", 2),
    }


def test_an_ibis_schema(tmp_path: Path, rents: pl.DataFrame) -> None:
    schema = pi.DataFrameSchema(
        {
            "town": pi.Column(str, pi.Check.str_length(4, 4)),
            "rooms": pi.Column(ibis.dtype("int16")),
            "rent": pi.Column(float, pi.Check.le(1500)),
            "street": pi.Column(str),
        },
        strict=True,
    )
    found = {
        (check.partition("(")[0], column) for check, column, _ in failures(schema, rents, tmp_path)
    }
    assert found >= {
        ("column_in_dataframe", "street"),
        ("dtype", "rooms"),
        ("not_nullable", "town"),
        ("str_length", "town"),
    }


def test_a_check_of_ibis_that_only_warns(tmp_path: Path, rents: pl.DataFrame) -> None:
    check = pi.Check(lambda data: data.table[data.key] > 0, raise_warning=True)
    answer = said(pi.DataFrameSchema({"rooms": pi.Column(int, check)}), rents, tmp_path)
    assert not answer.failures
    assert len(answer.warnings) == 1

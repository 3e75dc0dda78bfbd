"""What once differed, in the smallest form: found by `python -m tests.differential`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pandera.ibis as pi
import pandera.pandas as pa
import pandera.polars as pp
import polars as pl
import pytest

from tests.differential.held import said

if TYPE_CHECKING:
    from pathlib import Path

_ANY_TWO = pa.MultiIndex([pa.Index(int, name="x"), pa.Index(int, name="y")])
_MATCHED = pa.MultiIndex(
    [pa.Index(None, pa.Check.str_matches("^$"), name="x"), pa.Index(None, name="y")]
)
_GONE = pa.Check(lambda df: df["gone"] > 0)


def _labelled(values: dict[str, list[Any]], **index: list[Any]) -> pd.DataFrame:
    levels = pd.MultiIndex.from_arrays(list(index.values()), names=list(index))
    return pd.DataFrame(values, index=levels if len(index) > 1 else levels.get_level_values(0))


PANDAS = {
    "two levels, of which there are none": (
        pa.DataFrameSchema({"a": pa.Column()}, index=_ANY_TWO),
        pd.DataFrame({"a": [1]}),
    ),
    "names that differ in case": (
        pa.DataFrameSchema({"A": pa.Column(int, pa.Check.gt(1))}),
        pd.DataFrame({"a": [1, 2], "A": [1, 2]}),
    ),
    "a dtype for all, and an index": (
        pa.DataFrameSchema({}, index=pa.Index(None, name="x"), dtype="float64"),
        pd.DataFrame({"a": [100]}),
    ),
    "a level and a table that fail": (
        pa.DataFrameSchema({}, checks=[_GONE], index=_MATCHED),
        _labelled({"a": [1]}, x=["A"], y=[100]),
    ),
    "an index with a null": (
        pa.DataFrameSchema({"a": pa.Column(None, pa.Check.eq(2))}),
        _labelled({"a": [1, 1]}, x=[None, "é"]),
    ),
    "a pattern that is empty": (
        pa.DataFrameSchema({"a": pa.Column(None, pa.Check.str_matches(""))}),
        pd.DataFrame({"a": pd.Series(["x"], dtype="string")}),
    ),
    "a bound below all that the type holds": (
        pa.DataFrameSchema({"a": pa.Column(None, pa.Check.ge(-1))}),
        pd.DataFrame({"a": pd.Series([1], dtype="uint32")}),
    ),
    "a column that one column of the schema turns, and another tells of": (
        pa.DataFrameSchema(
            {"^a": pa.Column("Int64", regex=True), "a": pa.Column("Int64", coerce=True)}
        ),
        pd.DataFrame({"a": pd.Series([10], dtype="Int16")}),
    ),
    "a pattern whose columns cannot be turned": (
        pa.DataFrameSchema({"^x": pa.Column("datetime64[ns]", coerce=True, regex=True)}),
        pd.DataFrame({"x y": ["2020-02-30"], "xz": ["2020-02-03"]}),
    ),
    "a pattern whose columns cannot be turned, value by value": (
        pa.DataFrameSchema({"^x": pa.Column("int64", coerce=True, regex=True)}),
        pd.DataFrame({"xa": ["1", "no"], "xb": ["1", "2"]}),
    ),
    "a null in a row without a label": (
        pa.DataFrameSchema({"a": pa.Column()}),
        _labelled({"a": [None]}, x=[None]),
    ),
    "a default of another type, by a pattern": (
        pa.DataFrameSchema({"^.$": pa.Column(str, coerce=True, default=0, regex=True)}),
        pd.DataFrame({"a": pd.Series([None], dtype=object)}),
    ),
    "groups by a column that is turned into another type": (
        pa.DataFrameSchema(
            {
                "a": pa.Column(None, pa.Check(lambda g: len(g) < 1, groupby="c")),
                "c": pa.Column("bool", coerce=True),
                "^d": pa.Column("int64", regex=True, default=1),
            }
        ),
        pd.DataFrame({"a": [5, 5], "c": [5, 2], "d": [1, 2]}),
    ),
    "objects that are unique together": (
        pa.DataFrameSchema({"a": pa.Column(object)}, unique=["a"]),
        pd.DataFrame({"a": pd.Series(["x", "x"], dtype=object)}),
    ),
}
POLARS = {
    "names that differ in case": (pp.DataFrameSchema({}), pl.DataFrame({"a": [1], "A": [2]})),
    "nothing to coerce to": (
        pp.DataFrameSchema({"a": pp.Column()}, coerce=True),
        pl.DataFrame({"a": [1]}),
    ),
    "strict, and a pattern without a column": (
        pp.DataFrameSchema({"^z": pp.Column(regex=True)}, strict=True),
        pl.DataFrame({"c": [1]}),
    ),
    "a null beside a pattern without a column": (
        pp.DataFrameSchema({"^z$": pp.Column(regex=True), "a": pp.Column()}),
        pl.DataFrame({"a": [None]}, schema={"a": pl.List(pl.Int64)}),
    ),
    "a set of values that coercion changes": (
        pp.DataFrameSchema(
            {"a": pp.Column(pl.Float64, pp.Check.unique_values_eq([2**64 - 1]), coerce=True)}
        ),
        pl.DataFrame({"a": [2**64 - 1]}, schema={"a": pl.UInt64}),
    ),
    "a function that is given what coercion made": (
        pp.DataFrameSchema(
            {
                "a": pp.Column(
                    pl.Int64,
                    pp.Check(lambda data: data.lazyframe.select(pl.col("a") * 2 > 200)),
                    coerce=True,
                )
            }
        ),
        pl.DataFrame({"a": [101]}, schema={"a": pl.Int8}),
    ),
    "columns unique together, one of them": (
        pp.DataFrameSchema({}, unique=["a"]),
        pl.DataFrame({"a": [1, 1], "b": [b"", b""]}),
    ),
}
IBIS = {
    "a check with a window": (
        pi.DataFrameSchema(
            {
                "a": pi.Column(
                    checks=pi.Check(lambda d: d.table.select(d.table[d.key] < d.table[d.key].max()))
                )
            }
        ),
        pl.DataFrame({"a": [1, 2]}),
    ),
    "unique together, none of them there, of one row": (
        pi.DataFrameSchema({"a": pi.Column(required=False)}, unique=["z"]),
        pl.DataFrame({"b": [1]}),
    ),
    "unique together, none of them there": (
        pi.DataFrameSchema({"a": pi.Column(required=False)}, unique=["z"]),
        pl.DataFrame({"b": [1, 2]}),
    ),
    "a pattern without a column": (
        pi.DataFrameSchema({"^z": pi.Column(regex=True)}),
        pl.DataFrame({"a": [1.0]}),
    ),
    "values of types that do not go together": (
        pi.DataFrameSchema({"a": pi.Column(checks=pi.Check.notin(["x", 1.0]))}),
        pl.DataFrame({"a": ["x"]}),
    ),
    "no column that is in the schema": (
        pi.DataFrameSchema({"gone": pi.Column(float, pi.Check.ge(0.0))}, strict="filter"),
        pl.DataFrame({"a": [1.0]}),
    ),
    "a table without rows, of which none can be dropped": (
        pi.DataFrameSchema({"a": pi.Column(str)}, drop_invalid_rows=True),
        pl.DataFrame({"a": []}, schema={"a": pl.Int64}),
    ),
    "a table without rows, and no column of a pattern": (
        pi.DataFrameSchema({"^x": pi.Column(regex=True)}),
        pl.DataFrame({"a": []}, schema={"a": pl.Int64}),
    ),
    "nulls that are looked at, with a warning": (
        pi.DataFrameSchema(
            {"a": pi.Column(checks=pi.Check.isin([1.5], ignore_na=False, raise_warning=True))}
        ),
        pl.DataFrame({"a": [None]}, schema={"a": pl.Int64}),
    ),
}


@pytest.mark.parametrize(("schema", "frame"), PANDAS.values(), ids=PANDAS)
def test_pandas(tmp_path: Path, schema: Any, frame: pd.DataFrame) -> None:
    said(schema, frame, tmp_path)


@pytest.mark.parametrize(("schema", "frame"), POLARS.values(), ids=POLARS)
def test_polars(tmp_path: Path, schema: Any, frame: pl.DataFrame) -> None:
    said(schema, frame, tmp_path)


@pytest.mark.parametrize(("schema", "frame"), IBIS.values(), ids=IBIS)
def test_ibis(tmp_path: Path, schema: Any, frame: pl.DataFrame) -> None:
    said(schema, frame, tmp_path)

"""Kinds of columns: the values that they are made of, and the dtypes that fit them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from math import inf, nan
from typing import Any, Literal

import pandas as pd

Family = Literal["number", "text", "time", "bool", "other"]


@dataclass(frozen=True)
class Kind:
    """Columns of a kind."""

    family: Family
    dtypes: tuple[str, ...]
    """What to build the data with, as source."""
    values: tuple[Any, ...]
    missing: tuple[Any, ...] = ()
    """What stands for a missing value; empty where there can be none."""
    near: tuple[str, ...] = ()
    """Dtypes of a schema that may fit what is read, besides that of the data."""
    cast: tuple[str, ...] = ()
    """Dtypes to coerce to."""
    default: Any = None


def _whole(dtype: str, least: int, most: int, *, nullable: bool = False) -> Kind:
    small = (0, 1, 1, 2, 3, 5, 10, 100)
    return Kind(
        family="number",
        dtypes=(repr(dtype),),
        values=(*small, least, most, *((-1, -7) if least < 0 else ())),
        missing=(None,) if nullable else (),
        near=("int",) if dtype == "int64" else (),
        cast=("'float64'", "'int64'", "'int32'", "'Int64'", "str", "'bool'"),
        default=0,
    )


def _widths(prefix: str, *, nullable: bool = False) -> list[Kind]:
    kinds = []
    for bits in (8, 16, 32, 64):
        kinds.append(
            _whole(f"{prefix}nt{bits}", -(2 ** (bits - 1)), 2 ** (bits - 1) - 1, nullable=nullable)
        )
        unsigned = f"{'U' if prefix == 'I' else 'u'}{'I' if prefix == 'I' else 'i'}nt{bits}"
        kinds.append(_whole(unsigned, 0, 2**bits - 1, nullable=nullable))
    return kinds


FLOATS = (0.0, -0.0, 1.0, 1.5, 2.0, -3.25, 0.1, 1e-300, 1e300, inf, -inf, 16777217.0, 2.0**53)
TEXTS = (
    *("a", "b", "ab", "abc", "A", "", " ", "a b", "é", "e\u0301", "日本", "🙂", "a\nb", "a%b", "_"),
    *("nan", "None", "1", "\u017f", "İ", "ß", "a'b", 'a"b', "\\d", "a.b", "x" * 40, "a\n"),
)
DAYS = tuple(dt.date(2020, month, 1) for month in range(1, 7))
STAMPS = tuple(
    pd.Timestamp(text)
    for text in (
        "2020-01-01",
        "2020-01-01 12:00",
        "2020-03-29 01:30",
        "2020-10-25 02:30",
        "1969-12-31 23:59:59.999999",
        "2020-01-01 00:00:00.000001",
        "1900-02-28",
        "2199-12-31 23:59:59",
    )
)
SPANS = tuple(pd.Timedelta(text) for text in ("0s", "1s", "-1s", "1D", "1us", "100D"))
AMOUNTS = tuple(Decimal(text) for text in ("0.00", "1.50", "1.5", "-2.25", "10.00", "99999999.99"))


def _stamps(zone: str) -> Kind:
    return Kind(
        family="time",
        dtypes=(f"'datetime64[ns, {zone}]'", f"'datetime64[us, {zone}]'"),
        values=tuple(stamp.tz_localize("UTC").tz_convert(zone) for stamp in STAMPS),
        missing=(None,),
        near=(f"pd.DatetimeTZDtype('ns', {zone!r})", f"pd.DatetimeTZDtype('us', {zone!r})"),
        cast=("'datetime64[ns, UTC]'", "'datetime64[ns]'", "str"),
    )


PANDAS: tuple[Kind, ...] = (
    *_widths("i"),
    _whole("int64", -(2**63), 2**63 - 1),
    _whole("int64", -(2**63), 2**63 - 1),
    *_widths("I", nullable=True),
    Kind(
        family="number",
        dtypes=("'float64'", "'float32'", "'float64'"),
        values=FLOATS,
        missing=(nan,),
        near=("float",),
        cast=("'float32'", "'int64'", "'Int64'", "str", "'float64'"),
        default=0.5,
    ),
    Kind(
        family="number",
        dtypes=("'Float64'", "'Float32'"),
        values=FLOATS,
        missing=(None,),
        cast=("'float64'", "'Int64'"),
        default=0.5,
    ),
    Kind("bool", ("'bool'",), (True, False), near=("bool",), cast=("'int64'", "'boolean'", "str")),
    Kind("bool", ("'boolean'", "'object'"), (True, False), (None,), ("object",), ("'bool'",)),
    Kind(
        family="text",
        dtypes=("str", "'object'", "'string'", "str"),
        values=TEXTS,
        missing=(None,),
        near=("str", "str", "str"),
        cast=("str", "'string'", "'category'", "object", "pd.CategoricalDtype(['a', 'b', 'ab'])"),
        default="a",
    ),
    Kind(
        family="text",
        dtypes=("str", "'string'"),
        values=("1", "2", "10", "-1", "1.5", "1e3", " 1", "x", "", "+1", "01", "1_0", "nan", "inf"),
        missing=(None,),
        near=("str",),
        cast=("'int64'", "'float64'", "'Int64'", "'int8'", "'bool'"),
        default="1",
    ),
    Kind(
        family="text",
        dtypes=("str",),
        values=("2020-01-01", "2020-01-02 10:00", "2020-02-30", "2020-01-01T00:00:00Z", "never"),
        missing=(None,),
        near=("str",),
        cast=("'datetime64[ns]'", "'datetime64[ns, UTC]'", "'datetime64[us]'"),
    ),
    Kind(  # plain: turned in the query
        family="text",
        dtypes=("str", "'string'", "'object'"),
        values=("1", "2", "10", "-1", "007", "100", "300", "2.5"),
        missing=(None,),
        near=("str",),
        cast=("'int64'", "'float64'", "'Int64'", "'int8'", "'uint8'", "'Float64'"),
        default="1",
    ),
    Kind(
        family="text",
        dtypes=("str", "'object'"),
        values=("2020-01-01", "2020-02-29", "1999-12-31", "2199-01-01"),
        missing=(None,),
        near=("str",),
        cast=("'datetime64[ns]'", "pd.Timestamp"),
        default="2020-01-01",
    ),
    Kind(
        family="number",
        dtypes=("'float64'", "'Float64'", "'Int64'", "'int64'"),
        values=(0, 1, 2, 3, 100, -1),
        missing=(None,),
        near=("float",),
        cast=("'int64'", "'Int64'", "'int8'", "'float32'", "'Float64'", "'bool'", "'boolean'"),
        default=1,
    ),
    Kind(
        family="text",
        dtypes=(
            "'category'",
            "pd.CategoricalDtype(['a', 'b', 'ab', 'abc'])",
            "pd.CategoricalDtype(['abc', 'a', 'b', 'ab'], ordered=True)",
        ),
        values=("a", "b", "ab", "abc"),
        missing=(None,),
        near=("'category'", "pd.CategoricalDtype(['a', 'b', 'ab', 'abc'])"),
        cast=("str", "pd.CategoricalDtype(['a', 'b'])", "'category'"),
        default="a",
    ),
    Kind(
        family="number",
        dtypes=("'category'", "pd.CategoricalDtype([1, 2, 3, 5], ordered=True)"),
        values=(1, 2, 3, 5),
        missing=(None,),
        near=("'category'",),
        cast=("'int64'", "'float64'"),
    ),
    Kind(
        family="time",
        dtypes=("'datetime64[ns]'", "'datetime64[us]'", "'datetime64[ms]'"),
        values=STAMPS,
        missing=(None,),
        near=("pd.Timestamp",),
        cast=("'datetime64[ns]'", "'datetime64[ns, UTC]'", "str"),
    ),
    _stamps("UTC"),
    _stamps("Europe/Berlin"),
    Kind(
        family="time",
        dtypes=("'timedelta64[ns]'", "'timedelta64[us]'"),
        values=SPANS,
        missing=(None,),
        near=("'timedelta64[ns]'",),
        cast=("str",),
    ),
    Kind("time", ("'object'",), DAYS, (None,), ("object",), ("'datetime64[ns]'", "str")),
    Kind("number", ("'object'",), AMOUNTS, (None,), ("object",), ("'float64'", "str")),
    Kind("other", ("'object'",), (b"", b"a", b"\xff\x00"), (None,), ("object",), ("str",)),
    Kind("other", ("'object'",), ([], [1], [1, 2]), (None,), ("object",), ("str",)),
)

# Cells of CSV files: what pandas takes for a number, a truth, a date or for missing.
_MISSING = ("", "NA", "NaN", "null", "None", "N/A", "#N/A", "-nan", "<NA>")


def _cells(family: Family, values: tuple[str, ...], near: tuple[str, ...], **more: Any) -> Kind:
    return Kind(family, ("",), values, _MISSING, near, **more)


CSV: tuple[Kind, ...] = (
    _cells(
        "number",
        ("0", "1", "2", "3", "-1", "10", "+1", "007"),
        ("'int64'", "'int64'", "'float64'", "int"),
        cast=("'float64'", "'Int64'", "str", "'int8'"),
    ),
    _cells(
        "number",
        ("0", "1", "9223372036854775807", "9223372036854775808", "99999999999999999999", "-5"),
        ("'int64'", "'float64'", "'uint64'"),
    ),
    _cells(
        "number",
        ("0.5", "1", "1e5", "-0.0", "inf", "-Infinity", "1.", ".5", "1E-3", "0.1", "1e400"),
        ("'float64'", "float"),
        cast=("'int64'", "'float32'", "str"),
    ),
    _cells("bool", ("True", "False", "true", "FALSE"), ("'bool'", "bool"), cast=("str",)),
    _cells(
        "text",
        ("a", "b", "ab", "A", "é", "日本", "a b", " a", "a,b", 'a"b', "a\nb", "'", "nan ", "x_y"),
        ("str", "str"),
        cast=("'category'", "'string'"),
        default="a",
    ),
    _cells(
        "text",
        ("1", "2", "x", "1.5", "True", " 1", "1_000", "1,5", "0x10", "1d", "--1", "1e", "nan"),
        ("str", "str", "'int64'", "object"),
        cast=("str", "'float64'"),
    ),
    _cells(
        "text",
        ("2020-01-01", "2020-01-02", "2020-02-30", "2020-01-01 10:00"),
        ("str",),
        cast=("'datetime64[ns]'",),
    ),
)

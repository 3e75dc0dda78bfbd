"""Kinds of polars columns."""

from __future__ import annotations

import datetime as dt
from math import inf, nan

from tests.differential import kinds
from tests.differential.kinds import Kind


def _whole(name: str, least: int, most: int) -> Kind:
    return Kind(
        family="number",
        dtypes=(f"pl.{name}",),
        values=(0, 1, 1, 2, 3, 5, 10, 100, least, most),
        missing=(None,),
        near=("int",) if name == "Int64" else (),
        cast=("pl.Float64", "pl.Int64", "pl.Int8", "pl.String"),
        default=0,
    )


_STAMPS = tuple(stamp.to_pydatetime() for stamp in kinds.STAMPS)
_ZONED = tuple(stamp.replace(tzinfo=dt.UTC) for stamp in _STAMPS)

POLARS: tuple[Kind, ...] = (
    *(_whole(f"Int{b}", -(2 ** (b - 1)), 2 ** (b - 1) - 1) for b in (8, 16, 32, 64, 64)),
    *(_whole(f"UInt{b}", 0, 2**b - 1) for b in (8, 16, 32, 64)),
    Kind(
        family="number",
        dtypes=("pl.Float64", "pl.Float64", "pl.Float32"),
        values=(*kinds.FLOATS, nan),
        missing=(None,),
        near=("float",),
        cast=("pl.Int64", "pl.Float32", "pl.String"),
        default=0.5,
    ),
    Kind("bool", ("pl.Boolean",), (True, False), (None,), ("bool",), ("pl.Int64", "pl.String")),
    Kind(
        family="text",
        dtypes=("pl.String",),
        values=kinds.TEXTS,
        missing=(None,),
        near=("str",),
        cast=("pl.Categorical", "pl.String"),
        default="a",
    ),
    Kind(
        family="text",
        dtypes=("pl.String",),
        values=("1", "2", "10", "-1", "1.5", " 1", "x", "", "01"),
        missing=(None,),
        near=("str",),
        cast=("pl.Int64", "pl.Float64"),
    ),
    Kind(  # plain: cast in the query
        family="text",
        dtypes=("pl.String",),
        values=("1", "2", "10", "-1", "007", "300", "2.5"),
        missing=(None,),
        near=("str",),
        cast=("pl.Int64", "pl.Float64", "pl.Int8", "pl.UInt8"),
    ),
    Kind(
        family="number",
        dtypes=("pl.Float64", "pl.Int64"),
        values=(0, 1, 2, 100, -1, 300),
        missing=(None,),
        near=("float",),
        cast=("pl.Int64", "pl.Int8", "pl.UInt8", "pl.Float32"),
    ),
    Kind(
        family="text",
        dtypes=("pl.Categorical", "pl.Enum(['a', 'b', 'ab', 'abc'])"),
        values=("a", "b", "ab", "abc"),
        missing=(None,),
        cast=("pl.String",),
    ),
    Kind(
        family="time",
        dtypes=("pl.Datetime('us')", "pl.Datetime('ns')", "pl.Datetime('ms')"),
        values=_STAMPS,
        missing=(None,),
        near=("pl.Datetime",),
        cast=("pl.Datetime('us')", "pl.Date"),
    ),
    Kind(
        family="time",
        dtypes=("pl.Datetime('us', 'UTC')", "pl.Datetime('us', 'Europe/Berlin')"),
        values=_ZONED,
        missing=(None,),
        near=("pl.Datetime('us', 'UTC')",),
    ),
    Kind("time", ("pl.Date",), kinds.DAYS, (None,), ("datetime.date",), ("pl.Datetime('us')",)),
    Kind(
        family="time",
        dtypes=("pl.Duration('us')",),
        values=tuple(span.to_pytimedelta() for span in kinds.SPANS),
        missing=(None,),
    ),
    Kind("number", ("pl.Decimal(12, 2)",), kinds.AMOUNTS, (None,), (), ("pl.Float64",)),
    Kind("other", ("pl.Binary",), (b"", b"a", b"\xff\x00"), (None,)),
    Kind("other", ("pl.List(pl.Int64)",), ([], [1], [1, 2]), (None,)),
    Kind("number", ("pl.Float64",), (inf, -inf, nan, 0.0), (None,)),
)

_NAMES = {
    **{f"{u}Int{bits}": f"{u.lower()}int{bits}" for u in ("", "U") for bits in (8, 16, 32, 64)},
    "Boolean": "boolean",
    "Date": "date",
    "Datetime('us')": "timestamp(6)",
    "Decimal(12, 2)": "decimal(12, 2)",
    "Float32": "float32",
    "Float64": "float64",
    "String": "string",
}
IN_IBIS = {
    **{f"pl.{name}": f"ibis.dtype('{there}')" for name, there in _NAMES.items()},
    **{name: name for name in ("int", "float", "str", "bool")},
}
"""How a schema of Ibis writes the dtypes of data that polars makes."""

IN_SPARK = {
    **{
        f"pl.{name}": f"T.{there}Type()"
        for name, there in (
            *(("Int8", "Byte"), ("Int16", "Short"), ("Int32", "Integer"), ("Int64", "Long")),
            *(("Boolean", "Boolean"), ("Float32", "Float"), ("Float64", "Double")),
            *(("String", "String"), ("Date", "Date"), ("Datetime('us')", "TimestampNTZ")),
            *(("Datetime('us', 'UTC')", "Timestamp"), ("Binary", "Binary")),
        )
    },
    "pl.Decimal(12, 2)": "T.DecimalType(12, 2)",
    "int": "T.LongType()",
    "float": "T.DoubleType()",
    "str": "'string'",
    "bool": "'boolean'",
    "'int64'": "'bigint'",
    "'float64'": "'double'",
}
"""The same for a schema of PySpark."""

IBIS: tuple[Kind, ...] = (
    *(kind for kind in POLARS if all(dtype in IN_IBIS for dtype in kind.dtypes)),
    Kind("time", ("pl.Datetime('us')",), _STAMPS, (None,)),
)
SPARK: tuple[Kind, ...] = (
    *(kind for kind in POLARS if all(dtype in IN_SPARK for dtype in kind.dtypes)),
    Kind("time", ("pl.Datetime('us')",), _STAMPS, (None,)),
    Kind("time", ("pl.Datetime('us', 'UTC')",), _ZONED, (None,)),
)

"""The columns of a pandas table as a database sees them: what compares there as it does in pandas.

A data frame's type says what pandas does, the type in the database what is stored: whole numbers
with nulls are floats in pandas, and text may be of type object.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from assay.contract.scan import engines
from assay.contract.scan.builtin import MOST_DIGITS
from assay.contract.sources.base import Known

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.contract.scan.builtin import Kind
    from assay.contract.sources.base import Layout


@dataclass(frozen=True)
class Values:
    """A column, as expressions of a table."""

    name: str
    dtype: Any
    """Of the data frame; that which it is turned into, where the schema coerces it."""
    kind: Kind | None
    """`None` where its values may not compare as in pandas."""
    nulls: bool
    """Whether null in the table is what pandas takes for missing."""
    of: Callable[[Any], Any]
    """From an `ibis.Table` to the column."""
    known: Known = field(default_factory=Known)
    """What is certain of what `of` gives."""

    @property
    def is_object(self) -> bool:
        """Whether pandas holds any Python objects in it, beside text."""
        return str(self.dtype) == "object" and self.kind != "text"


def values_of(layout: Layout, name: str) -> Values:
    """A column of the layout as it stands."""
    dtype = layout.empty[name].dtype
    stored = layout.table[name].type()
    kind = _kind(dtype, stored)
    if kind in {"instant", "date", "decimal"} and not engines.is_duckdb(layout.table):
        kind = None  # others have zones and decimals of their own
    return Values(
        name,
        dtype,
        kind,
        nulls=_tells_nulls(dtype),
        of=_expression(name, kind),
        known=layout.known.get(name, Known()),
    )


def widened(values: Values, dtype: Any) -> Values | None:
    """The column turned into a type that holds all of its numbers; `None` where it may not."""
    target = _kind(dtype, None)
    if values.kind not in {"integer", "float32"} or not hasattr(values.dtype, "itemsize"):
        return None
    if not (is_numpy(values.dtype) and is_numpy(dtype)):
        return None
    whole = values.kind == "integer" and target == "integer"
    same_sign = dtype.kind in {values.dtype.kind, "i"}
    room = dtype.itemsize > values.dtype.itemsize
    if (whole and room and same_sign) or target == "float64":
        return replace(values, dtype=dtype, kind=target, of=_expression(values.name, target))
    return None


def filled(values: Values, default: object) -> Values | None:
    """The column with `default` in place of null; `None` where pandas may do something else."""
    if is_numpy(values.dtype) and values.dtype.kind in "iub":
        return values  # such a column holds no nulls
    if not _fills(values, default):
        return None
    value: Any = float(default) if values.kind == "float64" else default  # type: ignore[arg-type]
    return Values(
        values.name,
        values.dtype,
        values.kind,
        nulls=True,
        of=lambda table: values.of(table).fill_null(value),
    )


def _fills(values: Values, default: object) -> bool:
    """Whether pandas puts a default among values as the query does."""
    if is_categorical(values.dtype):
        return values.kind == "text" and default in values.dtype.categories
    if values.kind == "integer":  # pandas' own, with nulls
        room = 8 * values.dtype.itemsize - 1
        return type(default) is int and -(2**room) <= default < 2**room
    if values.kind == "text":
        return type(default) is str and str(values.dtype) != "object"
    of_kind: dict[Any, set[type]] = {"float64": {int, float}, "boolean": {bool}}
    return type(default) in of_kind.get(values.kind, ())


def is_numpy(dtype: Any) -> bool:
    """Whether it is one of NumPy's types, and not an extension of pandas."""
    return type(dtype).__module__.startswith("numpy")


def _expression(name: str, kind: Kind | None) -> Callable[[Any], Any]:
    if kind == "float64":
        return lambda table: table[name].cast("float64")
    return lambda table: table[name]


def _kind(dtype: Any, stored: Any) -> Kind | None:
    """What compares alike in both; `stored` is `None` for a type that is only cast to."""
    kind: Kind | None
    if is_numpy(dtype):
        kind = _object_kind(stored) if dtype.kind == "O" else _numpy_kind(dtype)
    elif is_categorical(dtype):
        kind = _kind_of_categories(dtype.categories)
    elif type(dtype).__name__ == "DatetimeTZDtype":  # DuckDB has these in microseconds
        kind = "instant" if dtype.unit == "us" else None
    else:
        kind = _EXTENSIONS.get(type(dtype).__name__)
    return kind if kind is None or stored is None or _STORED[kind](stored) else None


_EXTENSIONS: dict[str, Kind] = {
    **dict.fromkeys(("Int8Dtype", "Int16Dtype", "Int32Dtype", "Int64Dtype"), "integer"),
    "Float32Dtype": "float32",
    "Float64Dtype": "float64",
    "BooleanDtype": "boolean",
    "StringDtype": "text",
}


def is_categorical(dtype: Any) -> bool:
    """Whether values are categories."""
    return type(dtype).__name__ == "CategoricalDtype"


def _kind_of_categories(categories: Any) -> Kind | None:
    if categories is None or not len(categories):
        return None
    if all(type(one) is str for one in categories):
        return "text"
    return "integer" if str(categories.dtype) == "int64" else None


def _object_kind(stored: Any) -> Kind:
    """Of Python objects: what they are made of."""
    if stored is not None and stored.is_decimal():
        return "decimal"
    return "date" if stored is not None and stored.is_date() else "text"


def _numpy_kind(dtype: Any) -> Kind | None:
    if dtype.kind in "iu":
        return "integer" if str(dtype) != "uint64" else None
    if dtype.kind == "f":
        return {8: "float64", 4: "float32"}.get(dtype.itemsize)  # type: ignore[return-value]
    if dtype.kind == "b":
        return "boolean"
    return "timestamp" if str(dtype) in {"datetime64[ns]", "datetime64[us]"} else None


_STORED: dict[Kind, Callable[[Any], bool]] = {
    "integer": lambda stored: stored.is_integer(),
    "float64": lambda stored: stored.is_floating() or stored.is_integer(),
    "float32": lambda stored: stored.is_float32(),
    "text": lambda stored: stored.is_string(),
    "boolean": lambda stored: stored.is_boolean(),
    "timestamp": lambda stored: stored.is_timestamp() and stored.timezone is None,
    "instant": lambda stored: stored.is_timestamp() and stored.timezone is not None,
    "date": lambda stored: stored.is_date(),
    "decimal": lambda stored: stored.is_decimal() and stored.precision <= MOST_DIGITS,
}
"""Whether a type of the table is what a kind is made of."""


def _tells_nulls(dtype: Any) -> bool:
    """Whether null in the table is missing: Arrow's own types, and sparse ones, are left alone."""
    name = type(dtype).__name__
    if name in {"Float32Dtype", "Float64Dtype"}:
        return _nan_is_missing()
    return is_numpy(dtype) or name not in {"ArrowDtype", "SparseDtype"}


@cache
def _nan_is_missing() -> bool:
    """Whether pandas reads NaN as missing into its nullable floats, as newer versions do."""
    import pandas as pd
    import pyarrow as pa

    floats: Any = pd.Float64Dtype()
    return bool(floats.__from_arrow__(pa.array([float("nan")])).isna()[0])

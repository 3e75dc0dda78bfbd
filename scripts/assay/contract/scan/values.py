"""The columns of a pandas table as a database sees them: what compares there as it does in pandas.

A data frame's type says what pandas does, the type in the database what is stored: whole numbers
with nulls are floats in pandas, and text may be of type object.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

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
    number = type(default) in {int, float} and values.kind == "float64"
    text = type(default) is str and values.kind == "text" and str(values.dtype) != "object"
    if not (number or text):
        return None
    value = float(default) if number else default  # type: ignore[arg-type]
    return Values(
        values.name,
        values.dtype,
        values.kind,
        nulls=True,
        of=lambda table: values.of(table).fill_null(value),
    )


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
        kind = _numpy_kind(dtype)
    elif type(dtype).__name__ in {"Int8Dtype", "Int16Dtype", "Int32Dtype", "Int64Dtype"}:
        kind = "integer"
    elif type(dtype).__name__ == "BooleanDtype":
        kind = "boolean"
    elif type(dtype).__name__ == "StringDtype":
        kind = "text"
    else:
        return None
    return kind if kind is None or stored is None or _stores(stored, kind) else None


def _numpy_kind(dtype: Any) -> Kind | None:
    if dtype.kind in "iu":
        return "integer" if str(dtype) != "uint64" else None
    if dtype.kind == "f":
        return {8: "float64", 4: "float32"}.get(dtype.itemsize)  # type: ignore[return-value]
    if dtype.kind == "O":
        return "text"
    if dtype.kind == "b":
        return "boolean"
    return "timestamp" if str(dtype) in {"datetime64[ns]", "datetime64[us]"} else None


def _stores(stored: Any, kind: Kind) -> bool:
    if kind == "float64":
        return bool(stored.is_floating() or stored.is_integer())
    if kind == "float32":
        return bool(stored.is_float32())
    if kind == "text":
        return bool(stored.is_string())
    if kind == "timestamp":
        return bool(stored.is_timestamp() and stored.timezone is None)
    return bool(stored.is_integer() if kind == "integer" else stored.is_boolean())


def _tells_nulls(dtype: Any) -> bool:
    """Pandas' nullable floats tell NaN from null; the table does not."""
    name = type(dtype).__name__
    return is_numpy(dtype) or not (
        name.startswith("Float") or name in {"ArrowDtype", "SparseDtype"}
    )

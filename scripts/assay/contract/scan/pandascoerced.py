"""What pandas makes of a column's values when it turns them into another type.

Only what a query surely makes the same of is here, with a condition where that hangs on the values:
plain whole numbers in text, numbers within the range of their type, days in ISO's form. Of a column
that holds anything else, `123 ` or `1e400`, Pandera is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from assay.contract.scan import engines
from assay.contract.scan.builtin import MOST_VALUES
from assay.contract.scan.plainvalues import (
    EXACT,
    LARGEST32,
    REAL_TEXT,
    WHOLE_TEXT,
    are_all,
    cut_off,
)
from assay.contract.scan.values import Values, is_categorical, is_numpy

if TYPE_CHECKING:
    from collections.abc import Callable

_NUMBERS = {"integer", "float64", "float32", "boolean"}
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?"
_MOMENT_TEXT = rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}([ T]{_TIME})?$"
_YEARS = (1678, 2261)
"""In which all moments can be counted in nanoseconds."""


@dataclass(frozen=True)
class Turned:
    """A column after pandas has turned it into another type."""

    values: Values
    holds: Callable[[Any], Any] | None = None
    """From an `ibis.Table` to a boolean scalar that is true only where `values` is what pandas
    makes of it; `None` where it always is."""


def turned(values: Values, dtype: Any) -> Turned | None:
    """What a column becomes; `None` where no query surely tells.

    Args:
        values: The column.
        dtype: Pandera's type.
    """
    target = getattr(dtype, "type", None)
    if values.kind is None or not values.nulls or target is None:
        return None
    family = _family(dtype)
    rule = _RULES.get(family)
    if is_categorical(values.dtype) and family != "category":
        return None
    found = None if rule is None else rule(values, target, dtype)
    # What is certain of the values is not certain of what they become, but for the nulls.
    return None if found is None else replace(found, values=_after(found.values, target))


def _after(values: Values, target: Any) -> Values:
    known = replace(values.known, least=None, most=None)
    return replace(values, dtype=target, nulls=True, known=known)


def _whole(values: Values, target: Any, _dtype: Any) -> Turned | None:
    import numpy as np

    if values.kind not in {*_NUMBERS, "text"}:
        return None
    masked = not is_numpy(target)
    limits = np.iinfo(target.numpy_dtype if masked else target)
    if limits.max > np.iinfo("int64").max:
        return None
    least, most = int(limits.min), int(limits.max)

    def number(table: Any) -> Any:
        return _whole_of(values, table)

    def fits(table: Any) -> Any:
        column, turned = values.of(table), number(table)
        inside = turned.between(least, most)
        if values.kind == "text":
            return engines.found(column, WHOLE_TEXT, takes_text=True) & inside
        return inside & (column == turned) if masked and values.kind in EXACT else inside

    return Turned(replace(values, kind="integer", of=number), _all(values, fits, nulls=masked))


def _whole_of(values: Values, table: Any) -> Any:
    """Whole numbers, and null where that is not sure to be what pandas makes of a value."""
    column = values.of(table)
    if values.kind == "text":
        return column.try_cast("int64")
    if values.kind in EXACT:  # pandas cuts off what is behind the point
        return cut_off(column, EXACT[values.kind])
    return column.cast("int64")


def _real(values: Values, target: Any, _dtype: Any) -> Turned | None:
    masked = not is_numpy(target)
    size = (target.numpy_dtype if masked else target).itemsize
    kind: Any = {8: "float64", 4: "float32"}.get(size)
    if kind is None or (values.kind == "text" and kind == "float32"):
        return None

    def number(table: Any) -> Any:
        return values.of(table).try_cast(kind)

    def fits(table: Any) -> Any:
        column = values.of(table)
        if values.kind == "text":
            return engines.found(column, REAL_TEXT, takes_text=True)
        if values.kind == "boolean":
            return column.notnull()
        if values.kind == "integer":  # beyond, engines may round in another way
            return column.cast("int64").between(-EXACT[kind], EXACT[kind])
        return column.between(-LARGEST32, LARGEST32)

    after = replace(values, kind=kind, of=number)
    if values.kind in {kind, "float32"} or (values.kind == "integer" and kind == "float64"):
        return Turned(after)
    if values.kind not in {*_NUMBERS, "text"}:
        return None
    return Turned(after, _all(values, fits, nulls=values.kind != "boolean"))


def _truth(values: Values, target: Any, _dtype: Any) -> Turned | None:
    if values.kind not in _NUMBERS:
        return None
    masked = not is_numpy(target)

    def fits(table: Any) -> Any:
        column = values.of(table)
        if values.kind == "boolean" or not masked:
            return column.notnull()
        return (column == 0) | (column == 1)

    def truth(table: Any) -> Any:
        column = values.of(table)
        return column if values.kind == "boolean" else column != 0

    return Turned(replace(values, kind="boolean", of=truth), _all(values, fits, nulls=masked))


def _text(values: Values, _target: Any, _dtype: Any) -> Turned | None:
    import ibis

    if values.kind not in {"integer", "boolean", "text"}:
        return None

    def text(table: Any) -> Any:
        column = values.of(table)
        if values.kind == "boolean":
            yes, no = ibis.literal("True"), ibis.literal("False")
            return column.ifelse(yes, column.notnull().ifelse(no, ibis.null("string")))
        return column.cast("string")

    return Turned(replace(values, kind="text", of=text))


def _moment(values: Values, _target: Any, dtype: Any) -> Turned | None:
    if dtype.to_datetime_kwargs or dtype.time_zone_agnostic or dtype.unit != "ns":
        return None
    if values.kind not in ({"text", "timestamp"} if dtype.tz is None else {"instant"}):
        return None

    def moment(table: Any) -> Any:
        column = values.of(table)
        return column.try_cast("timestamp") if values.kind == "text" else column

    def holds(table: Any) -> Any:
        column, turned = values.of(table), moment(table)
        fits = turned.year().between(*_YEARS)
        if values.kind != "text":
            return are_all(column, fits, nulls=True)
        fits &= engines.found(column, _MOMENT_TEXT, takes_text=True)
        # pandas takes the first text for the form of all.
        length, t = column.length(), column.contains("T")
        alike = (length.min() == length.max()) & (t.min() == t.max())
        return are_all(column, fits, nulls=True) & alike.fill_null(True)  # noqa: FBT003 (Ibis)

    kind: Any = "timestamp" if dtype.tz is None else "instant"
    return Turned(replace(values, kind=kind, of=moment), holds)


def _category(values: Values, target: Any, _dtype: Any) -> Turned | None:
    if target.categories is None or values.kind != "text":
        return None
    listed = target.categories.tolist()
    if len(listed) > MOST_VALUES or not all(type(one) is str for one in listed):
        return None

    def fits(table: Any) -> Any:
        column = values.of(table)
        return engines.listed(column, listed) if listed else column.isnull()

    return Turned(values, _all(values, fits, nulls=True))


def _all(values: Values, fits: Callable[[Any], Any], *, nulls: bool) -> Callable[[Any], Any]:
    return lambda table: are_all(values.of(table), fits(table), nulls=nulls)


_RULES: dict[str, Callable[[Values, Any, Any], Turned | None]] = {
    "int": _whole,
    "uint": _whole,
    "float": _real,
    "bool": _truth,
    "string": _text,
    "datetime": _moment,
    "category": _category,
}

_BY_VALUE = {"int", "uint", "float", "bool", "string", "category", "datetime", "object"}


def _family(dtype: Any) -> str:
    """`int` for `Int64` and `INT8`."""
    return type(dtype).__name__.rstrip("0123456789").lower()


def by_value(values: Values, dtype: Any) -> bool:
    """Whether pandas turns each value by itself, and none otherwise in a part of the column."""
    family = _family(dtype)
    if values.kind not in {*_NUMBERS, "text", "timestamp"} or family not in _BY_VALUE:
        return False
    if family == "category":
        return values.kind != "timestamp" and dtype.type.categories is not None
    if is_categorical(values.dtype):
        return False
    if values.kind == "text":  # the form of dates is that of the first; older pandas parse all
        return family != "datetime" and (family == "string" or is_numpy(dtype.type))
    if values.kind == "timestamp":
        plain = family == "datetime" and not dtype.time_zone_agnostic and dtype.tz is None
        return plain and not dtype.to_datetime_kwargs
    return family != "datetime"

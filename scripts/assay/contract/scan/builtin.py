"""Pandera's built-in checks as expressions of the rows that fail them.

Only what means the same in a database as in the data frame is compiled; the rest raises
`NotInScan`, and Pandera looks at it. Which it is depends on the exact Python types of the check's
arguments: `isin([1, "a"])` compares otherwise in pandas than in SQL.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from assay.contract.scan import engines, pandasregex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Kind = Literal[
    "integer",
    "float64",
    "float32",
    "text",
    "boolean",
    "timestamp",
    "instant",
    "date",
    "decimal",
]
"""What the values of a column are; null stands for all that is missing, NaN too."""

MOST_VALUES = 1000
"""More in a list of allowed values make a query that is slower than Pandera."""

MOST_DIGITS = 18
"""Of decimals, before and behind the point: what is compared has at most 38."""

_EXACT = 2**53
"""Up to here all whole numbers are floats too."""
_LARGEST = 2**63 - 1


class NotInScan(Exception):  # noqa: N818 (a decision, not an error)
    """Why something is no part of the scan, in words of the plan."""


def arguments(check: Any) -> tuple[str, dict[str, Any]] | None:
    """The name and the arguments of a built-in check; `None` for any other.

    They are those that its function is called with: `check.statistics` may hold an iterator that
    is used up, and `check.name` what the user calls it.
    """
    function = check._check_fn  # noqa: SLF001 (Pandera has no other way to tell)
    name = getattr(function, "__name__", None)
    known = type(check).__name__ == "Check" and type(function).__name__ == "Dispatcher"
    return (name, dict(check._check_kwargs)) if known and name in _ROWS else None  # noqa: SLF001


def fails(name: str, given: dict[str, Any], kind: Kind) -> Callable[[Any], Any]:
    """Where a row fails a check of single values.

    Args:
        name: Of the check's function, such as `greater_than`.
        given: Its arguments.
        kind: Of the column's values.

    Returns:
        From an `ibis` column to a boolean column, null where the value is null.

    Raises:
        NotInScan: It may mean something else there than in Pandera.
    """
    return _ROWS[name](given, kind)


def _comparison(
    operator: Callable[[Any, Any], Any], argument: str
) -> Callable[[dict[str, Any], Kind], Callable[[Any], Any]]:
    """A comparison with one value; `operator` says which rows fail."""

    def compiled(given: dict[str, Any], kind: Kind) -> Callable[[Any], Any]:
        aligned, bound = _bound(given[argument], kind)
        if kind == "boolean" and argument != "value":
            raise NotInScan("it puts booleans in an order")
        return lambda column: operator(aligned(column), bound)

    return compiled


def _in_range(given: dict[str, Any], kind: Kind) -> Callable[[Any], Any]:
    if kind == "boolean":
        raise NotInScan("it puts booleans in an order")
    above, least = _bound(given["min_value"], kind)
    below, most = _bound(given["max_value"], kind)

    def failing(column: Any) -> Any:
        low = above(column) < least if given["include_min"] else above(column) <= least
        high = below(column) > most if given["include_max"] else below(column) >= most
        return low | high

    return failing


def _bound(value: Any, kind: Kind) -> tuple[Callable[[Any], Any], Any]:
    """How a column is to be cast for a comparison with `value`, and `value` as a literal."""
    import ibis

    number = as_number(value, kind)
    if isinstance(number, float):
        return _as_float, ibis.literal(number, type="float64")
    if number is not None:
        return _as_it_is, _whole(number)
    if kind == "timestamp" and _is_moment(value):
        return _as_it_is, ibis.literal(value, type="timestamp")
    if kind == "instant" and _is_instant(value):
        return _as_it_is, ibis.literal(value.astimezone(UTC), type="timestamp('UTC')")
    return _as_it_is, _exact(value, kind)


def as_number(value: Any, kind: Kind) -> int | float | None:
    """A number as NumPy compares it with values of a column; `None` where that is not sure."""
    if kind == "integer" and _is_whole(value):
        return int(value)
    if kind in {"integer", "float64"} and _is_number(value):
        return float(value)  # which a whole number then is turned into
    if kind == "float32" and _is_number(value):
        import numpy as np

        # NumPy rounds a Python number to the type of the array that it is compared with.
        return float(np.float32(value))
    return None


def _whole(value: Any) -> Any:
    """A whole number, for a comparison with those of any size."""
    import ibis

    # Ibis takes -1 for a number of 8 bits, and compares no unsigned number with those.
    return ibis.literal(int(value), type="int64" if value < 0 else None)


def _exact(value: object, kind: Kind) -> Any:
    """A value that only equals values of its own type."""
    import ibis

    if kind == "text" and _is_text(value):
        return ibis.literal(value, type="string")
    if kind == "boolean" and type(value) is bool:
        return ibis.literal(value)
    if kind == "date" and type(value) is date:
        return ibis.literal(value, type="date")
    if kind == "decimal" and _is_amount(value):
        return ibis.literal(
            Decimal(f"{value:f}"), type=f"decimal({2 * MOST_DIGITS}, {MOST_DIGITS})"
        )
    raise NotInScan(f"it compares {_NAMES[kind]} with {type(value).__name__}")


def _members(values: Iterable[Any], kind: Kind) -> tuple[Callable[[Any], Any], list[Any]]:
    """How a column is to be cast for a look-up in `values`, and these without what is missing."""
    import ibis

    wanted = [value for value in values if value is not None]
    if len(wanted) > MOST_VALUES:
        raise NotInScan(f"it lists more than {MOST_VALUES:,} values")
    if kind == "integer" and all(_is_whole(value) for value in wanted):
        return _as_it_is, [_whole(value) for value in wanted]
    if kind in {"float64", "float32"} and all(_is_number(value) for value in wanted):
        return _as_float, [ibis.literal(float(value), type="float64") for value in wanted]
    if kind in {"text", "boolean", "date", "decimal"}:
        return _as_it_is, [_exact(value, kind) for value in wanted]
    raise NotInScan(f"it looks for {_NAMES[kind]} in values of other types")


def _isin(given: dict[str, Any], kind: Kind) -> Callable[[Any], Any]:
    aligned, values = _members(given["allowed_values"], kind)
    if not values:
        return lambda column: column.notnull()
    if kind == "text":
        return lambda column: column.notnull() & ~engines.listed(column, values)
    return lambda column: ~aligned(column).isin(values)


def _notin(given: dict[str, Any], kind: Kind) -> Callable[[Any], Any]:
    aligned, values = _members(given["forbidden_values"], kind)
    if not values:
        return lambda column: column.isnull() & column.notnull()
    if kind == "text":
        return lambda column: engines.listed(column, values)
    return lambda column: aligned(column).isin(values)


def same_values(values: Iterable[Any], kind: Kind) -> Callable[[Any], Any]:
    """Whether the values of a column are exactly `values`, as a scalar; null without values."""
    wanted = list(values)
    aligned, literals = _members(wanted, kind)
    if len(literals) != len(wanted):
        raise NotInScan("it asks for missing values")

    def holds(column: Any) -> Any:
        cast = aligned(column)
        within = (~cast.isin(literals)).sum().fill_null(0) == 0
        for literal in literals:
            within = within & (cast == literal).any().fill_null(False)  # noqa: FBT003 (Ibis)
        return within

    return holds


def _affix(method: str) -> Callable[[dict[str, Any], Kind], Callable[[Any], Any]]:
    def compiled(given: dict[str, Any], kind: Kind) -> Callable[[Any], Any]:
        _only_text(kind)
        part = _exact(given["string"], kind)
        return lambda column: ~getattr(column, method)(part)

    return compiled


def _str_length(given: dict[str, Any], kind: Kind) -> Callable[[Any], Any]:
    _only_text(kind)
    exact = given.get("exact_value")
    least, most = given.get("min_value"), given.get("max_value")
    bounds = [bound for bound in (exact, least, most) if bound is not None]
    if not bounds or not all(type(bound) is int for bound in bounds):
        raise NotInScan("its bounds are no whole numbers")

    def failing(column: Any) -> Any:
        length = column.length()
        if exact is not None:
            return length != exact
        if most is None:
            return length < least
        return length > most if least is None else (length > most) | (length < least)

    return failing


def _pattern(start: str) -> Callable[[dict[str, Any], Kind], Callable[[Any], Any]]:
    """A search for a regular expression, which must begin with `start`."""

    def compiled(given: dict[str, Any], kind: Kind) -> Callable[[Any], Any]:
        _only_text(kind)
        pattern = given["pattern"]
        translated = pandasregex.portable(pattern) if _is_text(pattern) else None
        if not translated or translated == "^":
            # DuckDB says of `^(?:)` that it is nowhere, and older ones of `^(?:^)` too.
            raise NotInScan("its regular expression may mean something else in a database")
        search = f"{start}(?:{translated})"
        takes_text = re.search(pattern, "") is None
        return lambda column: ~engines.found(column, search, takes_text=takes_text)

    return compiled


def _elsewhere(_given: dict[str, Any], _kind: Kind) -> Callable[[Any], Any]:
    raise NotInScan("it is about all values together")


def _only_text(kind: Kind) -> None:
    if kind != "text":
        raise NotInScan(f"it takes {_NAMES[kind]} for text")


def _is_whole(value: Any) -> bool:
    kinds = {"int", "int64", "int32", "int16", "int8"}
    return type(value).__name__ in kinds and -_LARGEST <= value <= _LARGEST


def _is_number(value: Any) -> bool:
    if _is_whole(value):
        return bool(-_EXACT <= value <= _EXACT)
    return type(value).__name__ in {"float", "float64"} and math.isfinite(value)


def _is_text(value: object) -> bool:
    if type(value) is not str or "\0" in value:
        return False
    return value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value)


def _is_moment(value: Any) -> bool:
    """A naive point in time in whole microseconds."""
    return _is_time(value) and value.tzinfo is None


def _is_instant(value: Any) -> bool:
    """A point in time with a zone, in whole microseconds."""
    return _is_time(value) and value.tzinfo is not None


def _is_time(value: Any) -> bool:
    if type(value) is not datetime and type(value).__name__ != "Timestamp":
        return False
    return not getattr(value, "nanosecond", 0)


def _is_amount(value: Any) -> bool:
    """A number that a decimal can be compared with."""
    if type(value) is int:
        return bool(abs(value) < 10**MOST_DIGITS)
    if type(value) is not Decimal or not value.is_finite():
        return False
    exponent = value.as_tuple().exponent
    return abs(value) < 10**MOST_DIGITS and isinstance(exponent, int) and exponent >= -MOST_DIGITS


def _as_it_is(column: Any) -> Any:
    return column


def _as_float(column: Any) -> Any:
    return column.cast("float64")


_NAMES: dict[Kind, str] = {
    "integer": "whole numbers",
    "float64": "numbers",
    "float32": "numbers",
    "text": "text",
    "boolean": "booleans",
    "timestamp": "points in time",
    "instant": "points in time",
    "date": "days",
    "decimal": "decimals",
}

_ROWS: dict[str, Callable[[dict[str, Any], Kind], Callable[[Any], Any]]] = {
    "equal_to": _comparison(lambda column, bound: column != bound, "value"),
    "not_equal_to": _comparison(lambda column, bound: column == bound, "value"),
    "greater_than": _comparison(lambda column, bound: column <= bound, "min_value"),
    "greater_than_or_equal_to": _comparison(lambda column, bound: column < bound, "min_value"),
    "less_than": _comparison(lambda column, bound: column >= bound, "max_value"),
    "less_than_or_equal_to": _comparison(lambda column, bound: column > bound, "max_value"),
    "in_range": _in_range,
    "isin": _isin,
    "notin": _notin,
    "str_matches": _pattern("^"),
    "str_contains": _pattern(""),
    "str_startswith": _affix("startswith"),
    "str_endswith": _affix("endswith"),
    "str_length": _str_length,
    "unique_values_eq": _elsewhere,
}

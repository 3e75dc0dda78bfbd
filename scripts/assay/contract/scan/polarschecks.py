"""The built-in checks of `pandera.polars` on values that are neither null nor NaN.

`builtin.py` has those of NumPy, and polars means the same by them for the types below.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

from assay.contract.scan import builtin, engines, proofs, regex
from assay.contract.scan.builtin import NotInScan

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.contract.scan.builtin import Kind
    from assay.contract.sources.base import Known

INTEGERS = ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64")
FLOATS = ("Float32", "Float64")
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(INTEGERS[:-1], "integer"),  # all but UInt64, which no signed type holds
    "Float32": "float32",
    "Float64": "float64",
    "String": "text",
    "Boolean": "boolean",
    "Datetime": "timestamp",
}
_ORDER = frozenset(
    {
        "greater_than",
        "greater_than_or_equal_to",
        "less_than",
        "less_than_or_equal_to",
        "in_range",
    }
)
_BYTEWISE = frozenset({"duckdb", "pyspark"})
"""Engines that order text by its bytes, as polars does, and whose patterns `regex.py` knows."""


def fails(name: str, given: dict[str, Any], dtype: Any, engine: str) -> Callable[[Any], Any]:
    """Where a value fails a check.

    Args:
        name: Of the check's function.
        given: Its arguments.
        dtype: The polars type of the column.
        engine: Ibis' name of what runs the query.

    Returns:
        From an `ibis` column to a boolean column; what it says of null and NaN is without meaning.

    Raises:
        NotInScan: It may mean something else there than in polars.
    """
    base = name_of(dtype)
    if base == "Date":
        return _of_dates(name, given)
    kind = _kind(base, dtype)
    if kind == "text" and engine not in _BYTEWISE and name in _ORDER:
        raise NotInScan("this database may order text in another way")
    if name in {"str_matches", "str_contains"}:
        return _pattern(name, given["pattern"], kind, engine)
    return _signed(base, builtin.fails(name, given, kind))


def passes(name: str, given: dict[str, Any], dtype: Any, known: Known) -> bool:
    """Whether it is certain that all values pass a check that `fails` compiles."""
    base = name_of(dtype)
    return base in _KINDS and proofs.passes(name, given, _KINDS[base], known)


def _signed(base: str, expression: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Ibis compares no unsigned number with a negative one; signed 64 bits hold all of these."""
    if not base.startswith("UInt"):
        return expression
    return lambda column: expression(column.cast("int64"))


def values_equal(given: dict[str, Any], dtype: Any) -> Callable[[Any], Any]:
    """Whether the values of a column are exactly those given, as a scalar.

    Raises:
        NotInScan: It may mean something else there than in polars.
    """
    base = name_of(dtype)
    kind = _kind(base, dtype)
    if kind not in {"integer", "text"}:
        raise NotInScan("Python's sets compare such values in their own way")
    return _signed(base, builtin.same_values(given["values"], kind))


def _kind(base: str, dtype: Any) -> Kind:
    # Points in time: only those in whole microseconds.
    if base not in _KINDS or getattr(dtype, "time_unit", "us") != "us":
        raise NotInScan(f"a database compares values of type {dtype} in its own way")
    return "instant" if getattr(dtype, "time_zone", None) else _KINDS[base]


def _pattern(name: str, pattern: Any, kind: Kind, engine: str) -> Callable[[Any], Any]:
    text = getattr(pattern, "pattern", pattern)
    if kind != "text" or not isinstance(text, str):
        raise NotInScan("it matches what is no text")
    if name == "str_matches" and not text.startswith("^"):
        text = f"^{text}"  # as Pandera does, alternatives or not
    portable = regex.from_rust(text) if engine in _BYTEWISE else None
    if portable is None:
        raise NotInScan("its regular expression may mean something else in a database")
    takes_text = re.search(text, "") is None
    return lambda column: ~engines.found(column, portable, takes_text=takes_text)


def _of_dates(name: str, given: dict[str, Any]) -> Callable[[Any], Any]:
    compare = _DATES.get(name)
    values = [value for key, value in given.items() if not key.startswith("include_")]
    if compare is None or not all(type(value) is date for value in values):
        raise NotInScan("it compares dates with other values")
    return lambda column: compare(column, **given)


def _outside(
    column: Any, *, min_value: date, max_value: date, include_min: bool, include_max: bool
) -> Any:
    below = column < min_value if include_min else column <= min_value
    above = column > max_value if include_max else column >= max_value
    return below | above


def name_of(dtype: Any) -> str:
    """The name of a polars type, without its parameters."""
    return str(dtype.base_type().__name__)


def coerced(dtype: Any, wanted: Any) -> Any:
    """The type of a column after coercion, where that cannot fail.

    Args:
        dtype: The polars type that it has.
        wanted: Pandera's type, of the schema.

    Raises:
        NotInScan: It can.
    """
    target = getattr(wanted, "type", None)
    # A type of the user's own has a way to coerce of its own.
    if type(wanted).__module__ == "pandera.engines.polars_engine" and target is not None:
        name, into = name_of(dtype), name_of(target)
        if (name == into and name in _PLAIN) or into in _WIDER.get(name, ()):
            return target
    raise NotInScan(f"values are coerced from {dtype} to {wanted}, which may fail")


_DATES: dict[str, Callable[..., Any]] = {
    "equal_to": lambda column, value: column != value,
    "not_equal_to": lambda column, value: column == value,
    "greater_than": lambda column, min_value: column <= min_value,
    "greater_than_or_equal_to": lambda column, min_value: column < min_value,
    "less_than": lambda column, max_value: column >= max_value,
    "less_than_or_equal_to": lambda column, max_value: column > max_value,
    "in_range": _outside,
}

_PLAIN = (*INTEGERS, *FLOATS, "String", "Boolean", "Date")
_WIDER: dict[str, tuple[str, ...]] = {
    "Int8": ("Int16", "Int32", "Int64", "Float64"),
    "Int16": ("Int32", "Int64", "Float64"),
    "Int32": ("Int64", "Float64"),
    "Int64": ("Float64",),
    "UInt8": ("UInt16", "UInt32", "UInt64", "Int16", "Int32", "Int64", "Float64"),
    "UInt16": ("UInt32", "UInt64", "Int32", "Int64", "Float64"),
    "UInt32": ("UInt64", "Int64", "Float64"),
    "UInt64": ("Float64",),
    "Float32": ("Float64",),
}
"""Types to which every value of a type can be cast, as `float()` does it where it rounds."""

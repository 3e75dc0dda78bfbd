"""What polars makes of a column's values when it turns them into another type.

`strict` casts raise for what does not fit. Only what a query surely makes the same of is here:
plain numbers in text, numbers within the range of their type. Else Pandera is given the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from assay.contract.scan import engines
from assay.contract.scan.plainvalues import EXACT, LARGEST32, REAL_TEXT, WHOLE_TEXT, cut_off

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Turned:
    """How a column is read, and when that is what polars makes of it."""

    read: Callable[[Any], Any]
    """From an `ibis` column to another; null where that is not certain."""
    fits: Callable[[Any], Any]
    """From an `ibis` column to a boolean one: where a value is surely turned into that."""


def turned(source: Any, target: Any) -> Turned | None:
    """What a cast does that may fail; `None` where no query surely tells.

    Args:
        source: The polars type that the column has.
        target: The one that it is cast to.
    """
    into = target.base_type()
    name = str(into.__name__)
    if into.is_integer() and name not in {"UInt64", "Int128", "UInt128"}:
        return _whole(source, *_limits(name))
    if name == "Float64" and source.base_type().__name__ == "String":
        return _of_text(REAL_TEXT, "float64", None)
    if name == "Float32" and source.base_type().__name__ == "Float64":
        return Turned(
            lambda column: column.try_cast("float32"),
            lambda column: column.between(-LARGEST32, LARGEST32),
        )
    return None


def _limits(name: str) -> tuple[int, int]:
    bits = int(name.rpartition("t")[2])
    return (0, 2**bits - 1) if name.startswith("U") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _whole(source: Any, least: int, most: int) -> Turned | None:
    if str(source) == "String":
        return _of_text(WHOLE_TEXT, "int64", (least, most))
    if source.is_integer():
        return Turned(
            lambda column: column.try_cast("int64"),
            lambda column: column.try_cast("int64").between(least, most),
        )
    if not source.is_float():
        return None
    whole = partial(cut_off, most=EXACT["float64"])
    return Turned(whole, lambda column: whole(column).between(least, most))


def _of_text(pattern: str, dtype: str, limits: tuple[int, int] | None) -> Turned:
    def fits(column: Any) -> Any:
        plain = engines.found(column, pattern, takes_text=True)
        return plain & column.try_cast(dtype).between(*limits) if limits else plain

    return Turned(lambda column: column.try_cast(dtype), fits)

"""What polars makes of a column's values when it turns them into another type.

`strict` casts raise for what does not fit. Only what a query surely makes the same of is here:
plain numbers in text, numbers within the range of their type. Else Pandera is given the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.contract.scan import engines

if TYPE_CHECKING:
    from collections.abc import Callable

_EXACT = 2**53
_LARGEST32 = 3.4028234663852886e38
_TEXT = {"integer": "^-?[0-9]{1,18}$", "float": r"^-?[0-9]{1,17}(\.[0-9]{1,17})?$"}


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
        return _of_text("float", "float64", None)
    if name == "Float32" and source.base_type().__name__ == "Float64":
        return Turned(
            lambda column: column.try_cast("float32"),
            lambda column: column.between(-_LARGEST32, _LARGEST32),
        )
    return None


def _limits(name: str) -> tuple[int, int]:
    bits = int(name.rpartition("t")[2])
    return (0, 2**bits - 1) if name.startswith("U") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _whole(source: Any, least: int, most: int) -> Turned | None:
    if str(source) == "String":
        return _of_text("integer", "int64", (least, most))
    if source.is_integer():
        return Turned(
            lambda column: column.try_cast("int64"),
            lambda column: column.try_cast("int64").between(least, most),
        )
    if not source.is_float():
        return None

    def whole(column: Any) -> Any:
        import ibis

        small = column.between(-_EXACT, _EXACT).ifelse(column, ibis.null(column.type()))
        return (small < 0).ifelse(small.ceil(), small.floor())

    return Turned(whole, lambda column: whole(column).between(least, most))


def _of_text(kind: str, dtype: str, limits: tuple[int, int] | None) -> Turned:
    def fits(column: Any) -> Any:
        plain = engines.found(column, _TEXT[kind], takes_text=True)
        return plain & column.try_cast(dtype).between(*limits) if limits else plain

    return Turned(lambda column: column.try_cast(dtype), fits)


def all_fit(column: Any, fits: Any) -> Any:
    """Whether all values that are there fit, as a scalar."""
    return ~(~fits.fill_null(False) & column.notnull()).any()  # noqa: FBT003 (Ibis)

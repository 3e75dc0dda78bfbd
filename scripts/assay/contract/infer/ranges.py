"""Bounds of a column of numbers: what is evident, else what was seen, with slack, rounded."""

from __future__ import annotations

import math
import re
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.contract.infer.facts import ColumnProfile

Bound = int | float | None

RARE = 0.2
"""A value that is there less often than this part of its fair share is one of a tail."""
_BITS = re.compile(r"(U?)Int(\d+)")


def bounds(column: ColumnProfile) -> tuple[Bound, Bound]:
    """The least and the greatest value to allow; `None` where there is no reason for any."""
    if not isinstance(column.low, int | float) or not isinstance(column.high, int | float):
        return None, None
    whole = column.declared.kind == "integer" or column.whole
    with localcontext() as context:
        context.prec = 400  # exact for every float
        low, high = (
            (column.low, column.high)
            if whole and is_scale(column)
            else _loose(Decimal(repr(column.low)), Decimal(repr(column.high)), whole=whole)
        )
    least, greatest = _limits(column.declared.written) if whole else (-math.inf, math.inf)
    bounded_below = not column.open_below and low > least
    bounded_above = not column.open_above and high < greatest
    return (
        _plain(low, whole=whole) if bounded_below else None,
        _plain(high, whole=whole) if bounded_above else None,
    )


def is_scale(column: ColumnProfile) -> bool:
    """Whether whole numbers are a scale, such as hours or months: from 0 or 1 on, none is rare.

    A count has a tail: the largest are rare, and larger ones are to come. Years go on.
    """
    low, high = column.low, column.high
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return False
    if low not in {0, 1} or len(column.values) < 3 or len(column.values) != high - low + 1:
        return False
    fair = sum(column.values.values()) / len(column.values)
    return min(column.values.values()) >= max(2, RARE * fair)


def _loose(low: Decimal, high: Decimal, *, whole: bool) -> tuple[Decimal, Decimal]:
    if low >= 0 and high == 100:
        return Decimal(0), Decimal(100)
    if low >= 0 and not whole and Decimal("0.5") < high <= 1:
        return Decimal(0), Decimal(1)
    span = (high - low) or abs(high) or Decimal(1)
    step = _human(span / 5)
    if whole:
        step = max(step, Decimal(1))
    if low >= 0 and low <= span:  # starts at zero, and has a scale of its own
        return Decimal(0), _rounded(high + span / 2, step, ROUND_CEILING)
    if high <= 0 and -high <= span:
        return _rounded(low - span / 2, step, ROUND_FLOOR), Decimal(0)
    slack = span / 4
    return _rounded(low - slack, step, ROUND_FLOOR), _rounded(high + slack, step, ROUND_CEILING)


def _human(size: Decimal) -> Decimal:
    """The largest of ..., 0.5, 1, 5, 10, 50, ... that is not above `size`."""
    unit = Decimal(1).scaleb(size.adjusted())
    return unit * max(factor for factor in (1, 5) if unit * factor <= size)


def _rounded(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    return (value / step).to_integral_value(rounding) * step


def _limits(written: str) -> tuple[int, int]:
    """What a type of whole numbers can hold: a bound beyond it says nothing."""
    found = _BITS.search(written)
    bits, unsigned = (int(found[2]), bool(found[1])) if found else (64, False)
    return (0, 2**bits - 1) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _plain(value: Decimal | float, *, whole: bool) -> Bound:
    """A bound as a person writes it: `20`, not `20.0`."""
    if value == int(value) and (whole or abs(float(value)) < 1e15):
        return int(value)
    as_float = float(value)
    return as_float if math.isfinite(as_float) else None

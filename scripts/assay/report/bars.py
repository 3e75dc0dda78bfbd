"""Bars of text that show an interval against zero: `──┼─├━●━┤──`.

They repeat what the numbers beside them say, so templates hide them from screen readers. Rows
whose units are alike share a scale, so that a bar twice as long is a difference twice as large.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH = 11
"""Characters; three columns of a table with such bars fit a phone."""

_AXIS, _ZERO, _INSIDE, _ZERO_INSIDE = "─", "┼", "━", "┿"
_LOW, _HIGH, _POINT = "├", "┤", "●"
_LEAST = 5
"""Characters in which anything can be told apart from zero, with an axis on either side."""


@dataclass(frozen=True, kw_only=True)
class Span:
    """A difference and its interval."""

    low: float
    middle: float
    high: float
    unit: str
    """What rows must have in common to be drawn to one scale."""


def draw(spans: Sequence[Span | None], width: int = WIDTH) -> tuple[str, ...]:
    """A bar a row, in the same order; empty where there is nothing to draw.

    An end that is on one side of zero is drawn on that side, however near it is.

    Args:
        spans: The rows of one table.
        width: Characters of each bar.

    Raises:
        ValueError: The bars would be too narrow to tell anything.
    """
    if width < _LEAST:
        raise ValueError(f"a bar of {width} characters tells nothing: {_LEAST} are needed")
    scales: dict[str, tuple[float, float]] = {}
    for span in spans:
        if span is not None and _is_drawn(span):
            low, high = scales.get(span.unit, (0.0, 0.0))
            scales[span.unit] = (min(low, span.low), max(high, span.high))
    return tuple(
        _bar(span, *scales[span.unit], width) if span is not None and _is_drawn(span) else ""
        for span in spans
    )


def _is_drawn(span: Span) -> bool:
    return all(map(math.isfinite, (span.low, span.middle, span.high))) and (
        span.low <= span.middle <= span.high
    )


def _bar(span: Span, least: float, most: float, width: int) -> str:
    # One character of axis is kept at either end, so that zero is never at the edge.
    last = width - 2
    zero = _column(0.0, least, most, last)
    # Beside zero there is room for what is on that side of it.
    zero = min(max(zero, 2 if least < 0 else 1), last - 1 if most > 0 else last)
    low, middle, high = (
        _beside(value, _column(value, least, most, last), zero, last)
        for value in (span.low, span.middle, span.high)
    )
    cells = [_AXIS] * width
    cells[zero] = _ZERO
    for at in range(low, high + 1):
        cells[at] = _ZERO_INSIDE if at == zero else _INSIDE
    cells[low], cells[high] = _LOW, _HIGH
    cells[middle] = _POINT
    return "".join(cells)


def _column(value: float, least: float, most: float, last: int) -> int:
    """Where a value is on an axis from `least` in column 1 to `most` in column `last`."""
    # Halves, since the difference of two large numbers may be beyond what a float holds.
    reach = most / 2 - least / 2
    return 1 if reach == 0 else 1 + round((value / 2 - least / 2) / reach * (last - 1))


def _beside(value: float, column: int, zero: int, last: int) -> int:
    """The column, on the side of zero on which the value is."""
    if value == 0:
        return zero
    return min(max(column, zero + 1), last) if value > 0 else max(min(column, zero - 1), 1)

"""From a number that a transformer gives to the value of a column that makes it: by search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

_SIGN = np.int64(-(2**63))


def invert(
    transform: Callable[[Any], Any],
    frame: pd.DataFrame,
    numbers: set[str],
    wanted: Sequence[tuple[int, float]],
) -> list[list[tuple[str, float]]]:
    """The values of columns at which numbers that are made of them reach thresholds.

    Args:
        transform: From rows of a table to a matrix of numbers.
        frame: Rows of it.
        numbers: The columns that are searched.
        wanted: (column of the matrix, threshold).

    Returns:
        For each that is wanted: (column, the largest float that stays on the side of the smaller
        ones), for the number as it is and as rounded to float32, which trees of scikit-learn
        compare. None where more than one column makes the number.
    """
    row = frame.iloc[[len(frame) // 2]]
    columns = [name for name in map(str, frame.columns) if name in numbers]
    row = row.astype(dict.fromkeys(columns, np.float64))
    ranges = {name: _range(frame[name]) for name in columns}
    source = _sources(transform, row, ranges)
    goals = [
        (position, source[feature], feature, threshold)
        for position, (feature, threshold) in enumerate(wanted)
        if feature in source
    ]
    found: list[list[tuple[str, float]]] = [[] for _ in wanted]
    for single in (False, True):
        for (position, name, _, _), value in zip(
            goals, _search(transform, row, ranges, goals, single=single), strict=True
        ):
            if np.isfinite(value) and (name, float(value)) not in found[position]:
                found[position].append((name, float(value)))
    return found


def _range(values: pd.Series) -> tuple[float, float]:
    """Wider than the column's values: a threshold may lie outside of them."""
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    numbers = numbers[np.isfinite(numbers)]
    low, high = (float(numbers.min()), float(numbers.max())) if numbers.size else (0.0, 1.0)
    margin = (high - low) or abs(high) or 1.0
    return low - margin, high + margin


def _matrix(transform: Callable[[Any], Any], rows: pd.DataFrame) -> Numbers:
    found = transform(rows)
    found = found.toarray() if hasattr(found, "toarray") else found
    return np.asarray(found, dtype=np.float64)


def _rows(row: pd.DataFrame, names: Sequence[str], values: Numbers) -> pd.DataFrame:
    """Copies of a row, each with another value in one column."""
    rows = row.iloc[np.zeros(len(names), dtype=np.intp)].reset_index(drop=True)
    chosen = np.asarray(names)
    changes = {}
    for name in dict.fromkeys(names):
        column = rows[name].to_numpy().copy()
        column[chosen == name] = values[chosen == name]
        changes[name] = column
    return rows.assign(**changes)


def _sources(
    transform: Callable[[Any], Any], row: pd.DataFrame, ranges: dict[str, tuple[float, float]]
) -> dict[int, str]:
    """Which one column makes a number of the matrix; without those that several do."""
    names = list(ranges)
    if not names:
        return {}
    low, high = (
        _matrix(transform, _rows(row, names, np.asarray([ranges[name][side] for name in names])))
        for side in (0, 1)
    )
    # Changing a column moves its own numbers alone: everything else is the same in all rows.
    moved = (low != high) & ~(np.isnan(low) & np.isnan(high))
    alone = np.flatnonzero(moved.sum(axis=0) == 1)
    return {int(feature): names[int(np.argmax(moved[:, feature]))] for feature in alone}


def _search(
    transform: Callable[[Any], Any],
    row: pd.DataFrame,
    ranges: dict[str, tuple[float, float]],
    goals: Sequence[tuple[int, str, int, float]],
    *,
    single: bool,
) -> Numbers:
    """By goal, the last float before the threshold is reached; NaN where it never is."""
    if not goals:
        return np.empty(0)
    names = [name for _, name, _, _ in goals]
    features = np.asarray([feature for _, _, feature, _ in goals])
    thresholds = np.asarray([threshold for _, _, _, threshold in goals])
    at = np.arange(len(goals))

    def is_small(values: Numbers) -> NDArray[np.bool_]:
        made = _matrix(transform, _rows(row, names, values))[at, features]
        return np.asarray((made.astype(np.float32) if single else made) <= thresholds)

    low = _ordered(np.asarray([ranges[name][0] for name in names]))
    high = _ordered(np.asarray([ranges[name][1] for name in names]))
    starts, ends = is_small(_floats(low)), is_small(_floats(high))
    while (low + 1 < high).any():
        # The mean of two whole numbers whose sum has no room.
        middle = (low & high) + ((low ^ high) >> 1)
        same = is_small(_floats(middle)) == starts
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return np.where(starts != ends, _floats(low), np.nan)


def _ordered(values: Numbers) -> NDArray[np.int64]:
    """Floats as whole numbers in the same order, neighbours next to each other."""
    bits = values.view(np.int64)
    return np.where(bits < 0, _SIGN - bits, bits)


def _floats(ordered: NDArray[np.int64]) -> Numbers:
    bits = np.where(ordered < 0, _SIGN - ordered, ordered)
    return bits.view(np.float64)

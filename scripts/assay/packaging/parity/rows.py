"""Rows on which an export is most likely to differ from its model.

All are rows of the evaluation data with one value changed, so that everything else about them is
as the model knows it. They are bounded in number and the same each time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.parity import thresholds
from assay.packaging.parity.cells import changed, spread

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from assay.packaging.parity.answers import Original
    from assay.packaging.parity.cells import Cell, Feature

EVALUATION = "evaluation"
THRESHOLDS = "thresholds"
NULLS = "nulls"
UNSEEN = "unseen categories"
EXTREMES = "extremes"
EDGES = "float32 edges"

_MOST_COLUMNS = 64
"""Columns that every set but `thresholds` asks about; of more, some evenly apart."""
_MOST_THRESHOLD_ROWS = 8192
_LARGEST = 1e100
"""Far beyond float32. The largest of float64 overflow in any sum: what comes of it is no answer."""
_EXACT_FLOAT32 = 2**24
"""The largest whole number below which float32 has them all."""


@dataclass(frozen=True, eq=False)
class RowSet:
    """Rows that model and export are both asked about."""

    name: str
    frame: pd.DataFrame
    changed: tuple[str, ...] = ()
    """(n,): the column that was changed, of rows that were made up."""


def nulls(frame: pd.DataFrame, features: Sequence[Feature], *, each: int) -> RowSet:
    """Every column that can be missing, missing. Whole numbers and truth values cannot be."""
    cells: list[Cell] = [
        (one.name, _missing(frame[one.name])) for one in _some(features) if one.missing
    ]
    return _set(NULLS, frame, cells, each=each)


def _missing(values: pd.Series) -> Any:
    """What stands for missing in a column, as the reader of the table has it."""
    there = values[values.isna()]
    if len(there):
        return there.to_numpy(dtype=object)[0]
    return getattr(values.dtype, "na_value", np.nan)


def unseen(frame: pd.DataFrame, features: Sequence[Feature], nullable: set[str]) -> RowSet:
    """Categories that no encoder knows, and texts that are nearly known.

    Missing text is the empty string for an export: where a column may be missing, that is no
    category.
    """
    cells: list[Cell] = []
    for one in _some(features):
        if one.dtype == "string":
            cells += [(one.name, text) for text in _texts(frame[one.name])]
            if one.name not in nullable:
                cells.append((one.name, ""))
        elif one.categories and one.dtype != "bool":
            cells += [(one.name, number) for number in _numbers_beside(one)]
    return _set(UNSEEN, frame, cells, each=3)


def _texts(values: pd.Series) -> list[str]:
    known = [value for value in values.dropna().unique()[:3] if isinstance(value, str)]
    near = [text for value in known for text in (value.swapcase(), f"{value} ", f"{value}!")]
    return [text for text in dict.fromkeys([*near, "unseen", "Größe 7"]) if text not in known]


def _numbers_beside(feature: Feature) -> list[float | int]:
    known = [float(value) for value in feature.categories or () if not isinstance(value, str)]
    if not known:
        return []
    found: list[float | int] = [max(known) + 1, min(known) - 1]
    if feature.dtype.startswith("float"):
        return [*found, known[0] + 0.5]
    limits = np.iinfo(feature.dtype)
    return [int(number) for number in found if limits.min <= number <= limits.max]


def extremes(frame: pd.DataFrame, features: Sequence[Feature]) -> RowSet:
    """The largest and the smallest numbers, zeros of both signs, subnormals, infinities."""
    cells: list[Cell] = []
    for one in _some(features):
        if one.is_float:
            limits = np.finfo(one.dtype)
            largest = min(float(limits.max), _LARGEST)
            ends = [0.0, 1e-45, float(limits.smallest_subnormal), 1e30, largest, np.inf]
            cells += [(one.name, sign * end) for end in dict.fromkeys(ends) for sign in (1, -1)]
        elif one.is_number:
            whole = np.iinfo(one.dtype)
            cells += [(one.name, number) for number in (int(whole.min), 0, int(whole.max))]
        elif one.dtype == "bool":
            cells += [(one.name, False), (one.name, True)]
    return _set(EXTREMES, frame, cells, each=1)


def edges(frame: pd.DataFrame, features: Sequence[Feature]) -> RowSet:
    """Numbers that float32 does not have: between two of its neighbours, or whole and large."""
    cells: list[Cell] = []
    for one in _some(features):
        if one.is_number and not one.is_float:
            large = (_EXACT_FLOAT32 + 1, -_EXACT_FLOAT32 - 1, 2**31 - 1, 2**53 + 1)
            whole = np.iinfo(one.dtype)
            cells += [(one.name, n) for n in large if whole.min <= n <= whole.max]
        elif one.is_float and one.dtype != "float32":
            cells += [(one.name, number) for number in _between(frame[one.name])]
    return _set(EDGES, frame, cells, each=2)


def _between(values: pd.Series) -> list[float]:
    """Numbers as large as a column's, each just beside the middle of two neighbours of float32."""
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    numbers = np.unique(numbers[np.isfinite(numbers)])
    found = [0.1, _EXACT_FLOAT32 + 1.0]
    with np.errstate(over="ignore"):
        for number in numbers[spread(len(numbers), 3)] if len(numbers) else ():
            near = np.float32(number)
            middle = (float(near) + float(np.nextafter(near, np.float32(np.inf)))) / 2
            found += [math.nextafter(middle, end) for end in (-math.inf, math.inf)]
    return [number for number in dict.fromkeys(found) if np.isfinite(number)]


def at_thresholds(model: Original, frame: pd.DataFrame, features: Sequence[Feature]) -> RowSet:
    """Numbers at which a tree decides, and their neighbours in float64 and in float32."""
    numbers = {one.name: one.dtype for one in features if one.is_number}
    few = frame.iloc[spread(len(frame), 64)]
    found = thresholds.find(model.estimator, few, list(numbers), model.given)
    cells = [(name, near) for name, value in found for near in around(value, numbers[name])]
    each = max(1, min(16, _MOST_THRESHOLD_ROWS // max(len(cells), 1)))
    return _set(THRESHOLDS, frame, cells[:_MOST_THRESHOLD_ROWS], each=each)


def around(value: float, dtype: str) -> list[float | int]:
    """The numbers of a type next to a threshold, and it itself where the type has it."""
    if not dtype.startswith("float"):
        limits = np.iinfo(dtype)
        near = (np.floor(value), np.ceil(value), np.floor(value) + 1, np.ceil(value) - 1)
        # By way of floats the ends of 64 bits would be beyond the type.
        return [int(n) for n in dict.fromkeys(near) if limits.min < n < limits.max]
    with np.errstate(over="ignore"):
        single = np.float32(value)
        ends = (np.float32(-np.inf), np.float32(np.inf))
        near = (single, *(np.nextafter(single, end) for end in ends))
        if dtype == "float64":
            exact = np.float64(value)
            near = (exact, *(np.nextafter(exact, end) for end in (-np.inf, np.inf)), *near)
    return [n for n in dict.fromkeys(map(float, near)) if np.isfinite(n)]


def _some(features: Sequence[Feature]) -> Iterable[Feature]:
    return (features[at] for at in spread(len(features), _MOST_COLUMNS))


def _set(name: str, frame: pd.DataFrame, cells: Sequence[Cell], *, each: int) -> RowSet:
    if not cells:
        return RowSet(name, frame.iloc[:0])
    rows = changed(frame, cells, each=each)
    repeats = len(rows) // len(cells)
    return RowSet(name, rows, tuple(column for column, _ in cells for _ in range(repeats)))

"""Which rows: the slices of one predictions table, and the rows that two of them share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from assay.stats.columns import Label, PredictionsError, listed, pick, require, rows_text
from assay.stats.definitions import LEAST_SLICE_ROWS, MOST_SLICES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

TRUTH_TOLERANCE = 1e-6
"""Relative difference up to which two fractional true values are the same: what float32 keeps."""

SliceValue: TypeAlias = "Label | None"


class Slice(NamedTuple):
    """The rows with one value of one column."""

    column: str
    value: SliceValue
    """None: the rows without a value."""
    mask: NDArray[np.bool_]
    """(n,): which rows."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Values of a column that get no slice."""

    column: str
    reason: Literal["too few rows", "too many values"]
    values: int
    """How many values."""
    rows: int
    """How many rows they have together."""
    examples: tuple[SliceValue, ...]
    """The largest of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Slices:
    """Iterate over it for each `Slice`; masks are made one at a time."""

    columns: tuple[_Coded, ...]
    left_out: tuple[LeftOut, ...]
    """What is not iterated over, and why."""

    def __iter__(self) -> Iterator[Slice]:
        for column in self.columns:
            for code, value in column.kept:
                yield Slice(column.name, value, column.codes == code)

    def __len__(self) -> int:
        return sum(len(column.kept) for column in self.columns)


@dataclass(frozen=True, slots=True, eq=False)
class _Coded:
    name: str
    codes: NDArray[np.intp]
    kept: tuple[tuple[int, SliceValue], ...]


def slices(
    frame: pd.DataFrame,
    columns: Sequence[str],
    *,
    min_rows: int = LEAST_SLICE_ROWS,
    max_values: int = MOST_SLICES,
) -> Slices:
    """The rows of each value of each column.

    Columns come in the order given; values sorted, numbers before text, rows without a value last.

    Args:
        frame: The table whose rows are sliced.
        columns: The columns to slice by.
        min_rows: A value with fewer rows is left out.
        max_values: At most so many values a column: those with the most rows.

    Raises:
        PredictionsError: A column does not exist, or the table has no rows.
    """
    require(frame, columns)
    coded: list[_Coded] = []
    left_out: list[LeftOut] = []
    for name in columns:
        one, left = _slice_column(frame, name, min_rows=min_rows, max_values=max_values)
        coded.append(one)
        left_out.extend(left)
    return Slices(tuple(coded), tuple(left_out))


def _slice_column(
    frame: pd.DataFrame, name: str, *, min_rows: int, max_values: int
) -> tuple[_Coded, list[LeftOut]]:
    try:
        codes, uniques = pd.factorize(pick(frame, name), use_na_sentinel=True)
    except TypeError as error:
        raise PredictionsError(
            f"the table cannot be sliced by {name!r}: it holds lists or the like ({error})"
        ) from error
    count = np.bincount(codes + 1, minlength=len(uniques) + 1)
    # Most rows first; among equals the one seen first, so that the choice is the same every time.
    by_size = np.argsort(-count, kind="stable")
    by_size = by_size[count[by_size] > 0]
    enough = by_size[count[by_size] >= min_rows]
    small = by_size[count[by_size] < min_rows]
    kept, surplus = enough[:max_values], enough[max_values:]

    def value(position: int) -> SliceValue:
        return None if position == 0 else _plain(uniques[position - 1])

    chosen = [(int(position) - 1, value(int(position))) for position in kept]
    chosen.sort(key=lambda pair: _order(pair[1]))
    dropped: tuple[tuple[Literal["too few rows", "too many values"], NDArray[np.intp]], ...] = (
        ("too many values", surplus),
        ("too few rows", small),
    )
    left = [
        LeftOut(
            column=name,
            reason=reason,
            values=int(positions.size),
            rows=int(count[positions].sum()),
            examples=tuple(value(int(position)) for position in positions[:3]),
        )
        for reason, positions in dropped
        if positions.size
    ]
    return _Coded(name, codes, tuple(chosen)), left


def _plain(value: Any) -> Label:
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no infinity
    return value if isinstance(value, bool | int | float | str) else str(value)


def _order(value: SliceValue) -> tuple[int, float, str]:
    if value is None:
        return (2, 0.0, "")
    return (1, 0.0, value) if isinstance(value, str) else (0, float(value), "")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Alignment:
    """Whether two predictions tables are about the same rows with the same truth."""

    head_rows: NDArray[np.intp]
    """(m,): positions in the head table of the rows that both have."""
    base_rows: NDArray[np.intp]
    """(m,): their positions in the base table, in the same order."""
    only_head: int
    """How many rows only the head has."""
    only_base: int
    """How many rows only the base has."""
    truth_differs: NDArray[np.intp]
    """Positions in the head table of shared rows whose truth is another in the base."""
    by_key: bool
    """False: rows were matched by their order."""

    @property
    def shared(self) -> int:
        """How many rows both have."""
        return int(self.head_rows.size)

    @property
    def same_rows(self) -> bool:
        """Whether neither has a row that the other lacks."""
        return self.only_head == 0 and self.only_base == 0

    @property
    def same(self) -> bool:
        """Whether the two can be compared row by row: same rows, same truth."""
        return self.same_rows and self.truth_differs.size == 0


def align(
    head: pd.DataFrame,
    base: pd.DataFrame,
    *,
    truth: str,
    key: str | Sequence[str] | None = None,
) -> Alignment:
    """Match the rows of two predictions tables.

    Args:
        head: The predictions of the head revision.
        base: The predictions of the base revision.
        truth: The column with the true value, in both. Fractional values are the same up to a
            relative difference of 1e-6, so that float32 and text survive a change of format.
        key: The column or columns that identify a row; None to match by order.

    Raises:
        PredictionsError: A column does not exist, a key is missing or not unique, or its type
            differs between the two.
    """
    keys = [key] if isinstance(key, str) else list(key or ())
    for frame in (head, base):
        require(frame, [*keys, truth])
    if keys:
        head_rows, base_rows = _match(head, base, keys)
    else:
        head_rows = base_rows = np.arange(min(len(head), len(base)), dtype=np.intp)
    same = _same_values(pick(head, truth).iloc[head_rows], pick(base, truth).iloc[base_rows])
    return Alignment(
        head_rows=head_rows,
        base_rows=base_rows,
        only_head=len(head) - int(head_rows.size),
        only_base=len(base) - int(base_rows.size),
        truth_differs=head_rows[~same],
        by_key=bool(keys),
    )


def _match(
    head: pd.DataFrame, base: pd.DataFrame, keys: list[str]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    head_ids, base_ids = _identify(head, base, keys)
    for ids, revision in ((head_ids, "head"), (base_ids, "base")):
        repeated = np.flatnonzero(pd.Series(ids).duplicated(keep=False).to_numpy())
        if repeated.size:
            raise PredictionsError(
                f"the key {listed(keys)} is not unique in the predictions of the {revision}: "
                f"{repeated.size} rows share theirs with another ({rows_text(repeated)})"
            )
    # A table of base positions by id: one pass, where a join would sort.
    position = np.full(int(max(head_ids.max(), base_ids.max())) + 1, -1, dtype=np.intp)
    position[base_ids] = np.arange(base_ids.size)
    found = position[head_ids]
    head_rows = np.flatnonzero(found >= 0)
    return head_rows, found[head_rows]


def _identify(
    head: pd.DataFrame, base: pd.DataFrame, keys: list[str]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Number the distinct keys of both tables together."""
    ids: NDArray[np.intp] = np.zeros(len(head) + len(base), dtype=np.intp)
    for key in keys:
        both = [pick(head, key), pick(base, key)]
        for series, revision in zip(both, ("head", "base"), strict=True):
            missing = np.flatnonzero(series.isna().to_numpy(dtype=bool))
            if missing.size:
                raise PredictionsError(
                    f"the key column {key!r} has {missing.size} missing values in the "
                    f"predictions of the {revision} ({rows_text(missing)})"
                )
        first, second = (_comparable(series) for series in both)
        if (first.dtype == object) != (second.dtype == object):
            raise PredictionsError(
                f"the key column {key!r} is {both[0].dtype} in the head and {both[1].dtype} "
                "in the base: they cannot be matched",
                hint="Write the key with the same type in both.",
            )
        try:
            codes, uniques = pd.factorize(np.concatenate([first, second]))
        except TypeError as error:
            raise PredictionsError(
                f"the key column {key!r} holds lists or the like ({error})"
            ) from error
        # Numbered anew after each column, so that the product cannot overflow.
        ids = pd.factorize(ids * len(uniques) + codes)[0].astype(np.intp, copy=False)
    return ids[: len(head)], ids[len(head) :]


def _comparable(series: pd.Series) -> NDArray[Any]:
    """Values without a missing one: numbers as numbers, everything else as objects."""
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        dtype = dtype.categories.dtype
    if pd.api.types.is_numeric_dtype(dtype):
        kind = np.int64 if pd.api.types.is_integer_dtype(dtype) else np.float64
        return np.asarray(series, dtype=kind)
    return np.asarray(series, dtype=object)


def _same_values(first: pd.Series, second: pd.Series) -> NDArray[np.bool_]:
    missing, also = (series.isna().to_numpy(dtype=bool) for series in (first, second))
    given = ~missing & ~also
    left, right = _comparable(first[given]), _comparable(second[given])
    same: NDArray[np.bool_] = missing & also
    if left.dtype.hasobject or right.dtype.hasobject or left.dtype == right.dtype == np.int64:
        same[given] = left == right
    else:
        same[given] = np.isclose(left, right, rtol=TRUTH_TOLERANCE, atol=0.0)
    return same

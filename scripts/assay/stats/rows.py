"""Which rows two predictions tables share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from assay.stats.columns import PredictionsError, listed, pick, require, rows_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

TRUTH_TOLERANCE = 1e-6
"""Relative difference up to which two fractional true values are the same: what float32 keeps."""


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

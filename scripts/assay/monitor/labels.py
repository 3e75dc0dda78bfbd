"""Late labels: the truth of rows that were predicted long ago, joined by their key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assay.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Joined:
    """Which prediction belongs to which label, and what belongs to nothing."""

    predictions: NDArray[np.intp]
    """(m,): positions of rows that have a label."""
    labels: NDArray[np.intp]
    """(m,): positions of their labels."""
    unlabelled: int
    """Predictions whose label has not come."""
    unknown: int
    """Labels of rows that were not predicted here."""
    repeated: int
    """Labels that came again and said the same."""
    disagreeing: int
    """Keys whose labels contradict each other; they are left out."""
    empty: int
    """Labels without a value; left out too."""
    duplicates: int
    """Predictions whose key had come before."""


def joined(
    predictions: pd.DataFrame, labels: pd.DataFrame, *, key: Sequence[str], truth: str
) -> Joined:
    """Join labels to predictions.

    Args:
        predictions: With the key.
        labels: With the key and the truth.
        key: Columns of both that name a row.
        truth: Column of `labels`.

    Raises:
        DataError: A column is missing.
    """
    import pandas as pd

    _require(predictions, key, "predictions")
    _require(labels, [*key, truth], "labels")
    asked = _keys(predictions, key, labels)
    told = _keys(labels, key, predictions)
    told["__truth__"] = labels[truth].to_numpy()
    valued = told[told["__truth__"].notna() & told[list(key)].notna().all(axis=1)]
    once = valued.drop_duplicates()
    contradicted = once.duplicated(list(key), keep=False)
    kept = once[~contradicted]
    named = asked[asked[list(key)].notna().all(axis=1)]
    first = named.drop_duplicates(list(key))
    known = first.reset_index().merge(
        kept.reset_index(), on=list(key), how="inner", suffixes=("_asked", "_told")
    )
    told_keys = valued[list(key)].drop_duplicates()
    met = len(told_keys.merge(pd.DataFrame(first[list(key)]), on=list(key)))
    return Joined(
        predictions=known["index_asked"].to_numpy(dtype=np.intp),
        labels=known["index_told"].to_numpy(dtype=np.intp),
        unlabelled=len(asked) - (len(named) - len(first)) - len(known),
        unknown=len(told_keys) - met,
        repeated=len(valued) - len(once),
        disagreeing=len(once[contradicted][list(key)].drop_duplicates()),
        empty=len(told) - len(valued),
        duplicates=len(named) - len(first),
    )


def _require(frame: pd.DataFrame, names: Sequence[str], what: str) -> None:
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise DataError(
            f"The {what} have no column {', '.join(map(repr, missing))}.",
            hint=f"They have: {', '.join(map(repr, list(map(str, frame.columns))[:20]))}.",
        )


def _keys(frame: pd.DataFrame, key: Sequence[str], other: pd.DataFrame) -> pd.DataFrame:
    """The key, as text where one side has text: an id of digits is read as a number from CSV."""
    found = frame[list(key)].reset_index(drop=True)
    for name in key:
        if frame[name].dtype != other[name].dtype and not _both_numbers(frame, other, name):
            found[name] = found[name].map(text, na_action="ignore")
    return found


def _both_numbers(one: pd.DataFrame, other: pd.DataFrame, name: str) -> bool:
    import pandas as pd

    return all(pd.api.types.is_numeric_dtype(frame[name].dtype) for frame in (one, other))


def text(value: object) -> str:
    """A value as text: whole numbers without a fraction, which come of a column with nulls."""
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole and isinstance(value, float) else str(value)

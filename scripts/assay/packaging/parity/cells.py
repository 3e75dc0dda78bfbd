"""Rows of a table with one value changed: what adversarial rows are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from assay.packaging.facts import DType, Scalar, Signature


@dataclass(frozen=True)
class Feature:
    """A column of the table that the model is given."""

    name: str
    dtype: DType
    """Of its values, the missing ones apart: an export may take another."""
    categories: tuple[Scalar, ...] | None = None
    """`None` where no encoder reads it."""
    missing: bool = False
    """Whether there can be a row without a value, for the column and for an export."""

    @property
    def is_number(self) -> bool:
        """Whether it is a number whose size matters."""
        return self.dtype not in {"string", "bool"} and self.categories is None

    @property
    def is_float(self) -> bool:
        """Whether it is a floating-point number whose size matters."""
        return self.is_number and self.dtype.startswith("float")


Cell = tuple[str, object]
"""A column and a value for it."""


def features(signature: Signature, frame: pd.DataFrame) -> list[Feature]:
    """The columns of a table, as the signature of the model has them."""
    names = [str(name) for name in frame.columns]
    specs = {spec.name: spec for spec in signature.inputs}
    by_name, matrix = set(specs) == set(names), signature.inputs[0]
    found = []
    for name in names:
        spec = specs[name] if by_name else matrix
        missing = spec.dtype == "string" or spec.dtype.startswith("float")
        found.append(Feature(name, _own(frame[name], spec.dtype), spec.categories, missing))
    return found


def _own(values: pd.Series, dtype: DType) -> DType:
    """The type of a column that can hold nothing but whole numbers or truth values, and nulls."""
    own = getattr(values.dtype, "numpy_dtype", None)
    return cast("DType", own.name) if own is not None and own.kind in "biu" else dtype


def spread(count: int, most: int) -> NDArray[np.intp]:
    """At most so many positions below `count`, evenly apart, from the first to the last."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.intp))


def changed(frame: pd.DataFrame, cells: Sequence[Cell], *, each: int) -> pd.DataFrame:
    """Rows of a table, each with one value changed.

    Args:
        frame: At least one row.
        cells: The changes.
        each: How many rows a change is tried on.

    Returns:
        `len(cells) * each` rows at most, those of one change after each other.
    """
    few = spread(len(frame), each)
    rows = frame.iloc[np.tile(few, len(cells))].reset_index(drop=True)
    by_column: dict[str, list[int]] = {}
    for position, (name, _) in enumerate(cells):
        by_column.setdefault(name, []).append(position)
    changes = {
        name: _replaced(
            rows[name],
            np.concatenate([np.arange(p * len(few), (p + 1) * len(few)) for p in positions]),
            [cells[p][1] for p in positions for _ in few],
        )
        for name, positions in by_column.items()
    }
    return rows.assign(**changes)


def _replaced(column: pd.Series, positions: NDArray[np.intp], values: list[Any]) -> pd.Series:
    """A column with other values at some positions, and of the same type."""
    import pandas as pd

    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "biuf":
        numbers: NDArray[Any] = column.to_numpy().copy()
        with np.errstate(over="ignore"):
            numbers[positions] = np.asarray(values, dtype=column.dtype)
        return pd.Series(numbers, index=column.index)
    objects = column.to_numpy(dtype=object).copy()
    for position, value in zip(positions, values, strict=True):
        objects[position] = value
    dtype: Any = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        known = list(dtype.categories)
        more = [value for value in dict.fromkeys(values) if not pd.isna(value)]
        fresh = [value for value in more if value not in known]
        dtype = pd.CategoricalDtype([*known, *fresh], ordered=dtype.ordered)
    replaced: pd.Series = pd.Series(objects, index=column.index, dtype=dtype)
    return replaced

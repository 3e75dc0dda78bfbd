"""Values of which pandas and polars surely make the same as a query, when they turn a column."""

from __future__ import annotations

from typing import Any

WHOLE_TEXT = "^-?[0-9]{1,18}$"
REAL_TEXT = r"^-?[0-9]{1,17}(\.[0-9]{1,17})?$"
LARGEST32 = 3.4028234663852886e38
EXACT = {"float64": 2**53, "float32": 2**24}
"""Up to here a type has all whole numbers."""


def cut_off(column: Any, most: int) -> Any:
    """Floats without what is behind the point; null for those that are larger than `most`."""
    import ibis

    small = column.between(-most, most).ifelse(column, ibis.null(column.type()))
    return (small < 0).ifelse(small.ceil(), small.floor())


def are_all(column: Any, fits: Any, *, nulls: bool) -> Any:
    """Whether all values fit, as a scalar; `nulls` says whether those that are missing do."""
    missing = column.isnull()
    bad = ~fits.fill_null(False)  # noqa: FBT003 (Ibis)
    return ~(bad & ~missing if nulls else bad | missing).any()

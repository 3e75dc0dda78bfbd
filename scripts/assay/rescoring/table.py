"""The table that a model was given, brought to the rows of a predictions file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assay.errors import DataError
from assay.stats.columns import listed, pick, rows_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray


def on_rows_of(
    table: pd.DataFrame, frame: pd.DataFrame, *, key: Sequence[str], shown: str
) -> pd.DataFrame:
    """The rows of a table of features that a predictions file has, in its order.

    Args:
        table: It may have more rows than the file, where they have a key.
        frame: The predictions file.
        key: The columns that identify a row in both; none where both have the same order.
        shown: How messages call the table.

    Raises:
        DataError: The two do not fit.
    """
    if not key:
        if len(table) != len(frame):
            raise DataError(
                f"{shown} has {len(table):,} rows and the predictions {len(frame):,}, and there "
                "is no key to match them by.",
                hint="Name the columns that identify a row as `predictions.key`.",
            )
        return table.reset_index(drop=True)
    positions = _positions(table, frame, key, shown)
    absent = np.flatnonzero(positions < 0)
    if absent.size:
        raise DataError(
            f"{shown} lacks {absent.size:,} of the {len(frame):,} rows of the predictions, by the "
            f"key {listed(list(key))} ({rows_text(absent)}).",
            hint="Write both from the same rows, with the same type of key.",
        )
    return table.iloc[positions].reset_index(drop=True)


def _positions(
    table: pd.DataFrame, frame: pd.DataFrame, key: Sequence[str], shown: str
) -> NDArray[np.intp]:
    """Where each row of `frame` is in `table`; -1 where it is not."""
    import pandas as pd

    existing = [str(name) for name in table.columns]
    if missing := [name for name in key if name not in existing]:
        raise DataError(f"{shown} has no column {listed(missing)}, the key of the predictions.")
    columns = [[pick(one, name) for name in key] for one in (table, frame)]
    there, here = (pd.Index(c[0]) if len(c) == 1 else pd.MultiIndex.from_arrays(c) for c in columns)
    repeated = np.flatnonzero(there.duplicated(keep=False))
    if repeated.size:
        raise DataError(
            f"The key {listed(list(key))} is not unique in {shown}: {repeated.size:,} rows share "
            f"theirs with another ({rows_text(repeated)})."
        )
    found: NDArray[np.intp] = np.asarray(there.get_indexer(here), dtype=np.intp)
    return found

"""Rows of a window as a data frame, as many as fit: a share of all keys where there are more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.monitor import scan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

MOST_ROWS = 500_000
"""Of which metrics are computed; more make them surer than anybody needs."""

_LONGEST = 1_000
"""Characters of a text: no two ids differ only after these."""


def of(
    rows: Any,
    columns: Mapping[str, str],
    *,
    key: Sequence[str] = (),
    time: str | None = None,
    count: int | None = None,
    most: int = MOST_ROWS,
    private: bool = False,
) -> pd.DataFrame:
    """Some columns of a table.

    Args:
        rows: An `ibis.Table`.
        columns: By the name in the frame, that in the table.
        key: Rows with the same are taken or left together.
        time: Of rows with the same key, the earliest comes first.
        count: How many rows there are, where that is known.
        most: About so many rows at most.
        private: Whether values must not appear in messages.

    Raises:
        DataError: The table cannot be read.
        OutsideError: Memory ran out, or a remote does not answer.
    """
    import pyarrow as pa

    if count is None:
        count = scan.answer(rows.aggregate(n=rows.count()), private=private)["n"]
    if count > most:
        parts = -(-count // most)
        named = [name for name in key if name in rows.columns] or list(columns.values())
        code = scan.hashed({f"k{n}": rows[name] for n, name in enumerate(named)})
        rows = rows.filter(code % parts == 0)
    picked = {name: _plain(rows[column]) for name, column in columns.items()}
    if time is not None and time in rows.columns:
        rows = rows.order_by(time)
        picked = {name: _plain(rows[column]) for name, column in columns.items()}
    if not picked:
        raise ValueError("no column is asked for")
    asked = rows.select(**picked)
    batches = list(scan.batches(asked, private=private))
    if not batches:
        schema = asked.schema().to_pyarrow()
        batches = [pa.RecordBatch.from_pylist([], schema=schema)]
    found: pd.DataFrame = pa.Table.from_batches(batches).to_pandas()
    return found


def _plain(column: Any) -> Any:
    """Of types that data frames have."""
    type_ = column.type()
    if type_.is_decimal():
        return column.cast("float64")
    if type_.is_primitive():
        return column
    return scan.cut(column if type_.is_string() else column.cast("string"), _LONGEST)

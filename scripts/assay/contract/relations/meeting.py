"""Two tables where one query can see both.

Files are mostly read by connections of their own, and a table may lie in a database: what a promise
needs of both is then copied into a DuckDB of its own, a batch of rows at a time.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.contract.relations.side import translated
from assay.contract.sources.base import POSITION
from assay.datadiff.engine import MEMORY, PER_THREAD

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.contract.relations.side import Side

BATCH = 250_000
"""Rows that are copied at once."""


@contextlib.contextmanager
def together(
    left: Side, right: Side, left_columns: Sequence[str], right_columns: Sequence[str]
) -> Iterator[tuple[Side, Side]]:
    """Both sides on one backend, with at least the columns that are named."""
    if left.table.get_backend() is right.table.get_backend():
        yield left, right
        return
    with _scratch() as backend:
        yield (
            _copied(backend, "left_rows", left, left_columns),
            _copied(backend, "right_rows", right, right_columns),
        )


@contextlib.contextmanager
def _scratch() -> Iterator[Any]:
    """An Ibis backend on an empty DuckDB that spills into a folder, which is gone afterwards."""
    import duckdb
    import ibis

    folder = Path(tempfile.mkdtemp(prefix="assay-relations-"))
    try:
        connection: Any = duckdb.connect(":memory:")
        try:
            found = connection.execute("SELECT current_setting('threads')").fetchone()
            connection.execute(f"SET memory_limit = '{max(MEMORY, PER_THREAD * found[0])}MB'")
            connection.execute("SET preserve_insertion_order = false")
            connection.execute("SET temp_directory = $folder", {"folder": str(folder / "spilled")})
            yield ibis.duckdb.from_connection(connection)
        finally:
            connection.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copied(backend: Any, name: str, side: Side, columns: Sequence[str]) -> Side:
    """A side whose table has just these columns; its rows have the numbers that they had."""
    import ibis

    names = list(dict.fromkeys(columns))
    types = side.table.schema()
    schema = ibis.schema({**{column: types[column] for column in names}, POSITION: "int64"})
    with translated(side.shown, private=bool(side.sensitive)):
        backend.create_table(name, schema=schema)
        for batch in _batches(side, names, schema.to_pyarrow()):
            backend.con.register("batch", batch)
            backend.con.execute(f"INSERT INTO {name} SELECT * FROM batch")  # noqa: S608 (our names)
            backend.con.unregister("batch")
    copied = backend.table(name)
    numbered = None if side.layout.numbered is None else copied
    layout = replace(side.layout, table=copied.drop(POSITION), numbered=numbered, assumptions=())
    return replace(side, layout=layout)


def _batches(side: Side, columns: Sequence[str], schema: Any) -> Iterator[Any]:
    """The rows of a side with their numbers, in what DuckDB reads."""
    import ibis
    import pyarrow as pa

    numbered = side.layout.numbered
    backend = side.table.get_backend()
    if numbered is not None and backend.name == "duckdb":
        # Straight from one DuckDB into the other: a tenth of the time that data frames take.
        relation = backend.con.sql(ibis.to_sql(numbered.select(*columns, POSITION)))
        stream = getattr(relation, "to_arrow_reader", None) or relation.fetch_arrow_reader
        yield stream(BATCH)
        return
    start = 0
    for frame in side.source.frames(side.layout, columns, rows=BATCH):
        batch = _arrow(frame, columns, schema)
        numbers = pa.array(range(start, start + batch.num_rows), type=pa.int64())
        start += batch.num_rows
        yield batch.append_column(POSITION, numbers)


def _arrow(frame: Any, columns: Sequence[str], schema: Any) -> Any:
    """A frame of pandas or polars as an Arrow table; NaN of pandas is null."""
    import pyarrow as pa

    wanted = pa.schema([schema.field(column) for column in columns])
    if hasattr(frame, "to_arrow"):
        return frame.select(list(columns)).to_arrow().cast(wanted)
    return pa.Table.from_pandas(frame[list(columns)], schema=wanted, preserve_index=False)

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
    """A side whose table has just these columns; its rows keep the numbers that they have."""
    import ibis

    numbered = side.layout.numbered
    names = [*dict.fromkeys(columns), *([] if numbered is None else [POSITION])]
    wanted = (side.table if numbered is None else numbered).select(*names)
    with translated(side.shown, private=bool(side.sensitive)):
        backend.create_table(name, schema=ibis.schema(dict(wanted.schema())))
        for batch in _batches(wanted):
            backend.con.register("batch", batch)
            backend.con.execute(f"INSERT INTO {name} SELECT * FROM batch")  # noqa: S608 (our names)
            backend.con.unregister("batch")
    copied = backend.table(name)
    table = copied if numbered is None else copied.drop(POSITION)
    layout = replace(
        side.layout, table=table, numbered=None if numbered is None else copied, assumptions=()
    )
    return replace(side, layout=layout)


def _batches(table: Any) -> Iterator[Any]:
    """The rows of a table, some at a time, in what DuckDB reads."""
    backend = table.get_backend()
    if backend.name == "duckdb":
        # Ibis' own way to get batches calls what DuckDB 2 no longer has.
        relation = backend.con.sql(backend.compile(table))
        stream = getattr(relation, "to_arrow_reader", None) or relation.fetch_arrow_reader
        yield stream(BATCH)
    else:
        import pyarrow as pa

        for batch in table.to_pyarrow_batches(chunk_size=BATCH):
            yield pa.Table.from_batches([batch])

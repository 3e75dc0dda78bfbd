"""Two tables where one query can see both.

Files are read by connections of their own, and a table may lie in a database: what a promise needs
of one is then copied, a batch of rows at a time, into the DuckDB that reads the other.
"""

from __future__ import annotations

import contextlib
import itertools
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
_NUMBERS = itertools.count()


@contextlib.contextmanager
def together(
    left: Side, right: Side, left_columns: Sequence[str], right_columns: Sequence[str]
) -> Iterator[tuple[Side, Side]]:
    """Both sides on one backend, with at least the columns that are named."""
    homes = [side.table.get_backend() for side in (left, right)]
    if homes[0] is homes[1]:
        yield left, right
        return
    with contextlib.ExitStack() as opened:
        ducks = (home for home in homes if home.name == "duckdb")
        host = next(ducks, None) or opened.enter_context(_scratch())
        wanted = zip((left, right), (left_columns, right_columns), homes, strict=True)
        first, second = (
            side if home is host else opened.enter_context(_copied(host, side, columns))
            for side, columns, home in wanted
        )
        yield first, second


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


@contextlib.contextmanager
def _copied(host: Any, side: Side, columns: Sequence[str]) -> Iterator[Side]:
    """A side with just these columns in a table of `host`, which is dropped afterwards.

    Rows keep the numbers that they have.
    """
    import ibis

    numbered = side.layout.numbered
    names = [*dict.fromkeys(columns), *([] if numbered is None else [POSITION])]
    wanted = (side.table if numbered is None else numbered).select(*names)
    name = f"assay_{next(_NUMBERS)}"
    with translated(side.shown, private=bool(side.sensitive)):
        # In the temporary schema, which a database that is only read has too.
        copied = host.create_table(name, schema=ibis.schema(dict(wanted.schema())), temp=True)
        for batch in _batches(wanted):
            host.con.register("assay_batch", batch)
            host.con.execute(f"INSERT INTO temp.{name} SELECT * FROM assay_batch")  # noqa: S608 (our names)
            host.con.unregister("assay_batch")
    table = copied if numbered is None else copied.drop(POSITION)
    layout = replace(side.layout, table=table, numbered=None if numbered is None else copied)
    try:
        yield replace(side, layout=layout)
    finally:
        host.con.execute(f"DROP TABLE temp.{name}")


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

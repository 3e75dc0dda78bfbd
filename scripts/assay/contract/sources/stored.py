"""Tables that are parsed once, into DuckDB on disk: every query after that is a quick one.

Memory stays bounded, and rows have numbers for nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.contract.sources import tables
from assay.contract.sources.base import POSITION, Layout
from assay.contract.sources.pieces import presence
from assay.datadiff.engine import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from assay.contract.sources.duck import Duck

STORED = "stored"
"""The table's name. Its columns are `c0`, `c1`, ..."""
_FLOATS = {"FLOAT", "DOUBLE"}


def layout(
    opened: Duck, empty: Any, expressions: Sequence[str], names: Sequence[str], *, shown: str
) -> Layout:
    """Views of the stored table under the names that its columns have in the file.

    Args:
        opened: The connection.
        empty: The frame without rows; `None` for Ibis.
        expressions: The SQL of each column.
        names: Their names.
        shown: What messages call the table.

    Raises:
        DataError: For Ibis, whose tables need names that SQL can tell apart.
    """
    if tables.ambiguous(names):
        if empty is None:
            raise tables.not_for_sql(shown)
        return Layout(empty=empty, table=None)
    columns = ", ".join(
        f"{sql} AS {quoted(name)}" for sql, name in zip(expressions, names, strict=True)
    )
    # Plus 0: DuckDB 1.2 cannot describe a view of the bare number.
    for view, more in (("scanned", ""), ("numbered", f", rowid + 0 AS {quoted(POSITION)}")):
        # The expressions are ours, and the names are quoted.
        opened.connection.execute(
            f"CREATE OR REPLACE VIEW {view} AS SELECT {columns}{more} FROM {STORED}"  # noqa: S608
        )
    table = opened.ibis.table("scanned")
    return Layout(
        empty=table if empty is None else empty,
        table=table,
        numbered=opened.ibis.table("numbered"),
    )


def frame_layout(opened: Duck, frame: Any, *, shown: str) -> Layout:
    """The layout of a frame of pandas that is in memory, with its values in DuckDB."""
    import pyarrow as pa

    numbers = range(frame.shape[1])
    arrow = pa.table([_arrow(frame.iloc[:, n]) for n in numbers], names=[f"c{n}" for n in numbers])
    opened.connection.register("given", arrow)
    opened.connection.execute(f"CREATE OR REPLACE TABLE {STORED} AS SELECT * FROM given")  # noqa: S608 (ours)
    opened.connection.unregister("given")
    expressions = [
        f"CASE WHEN isnan({name}) THEN NULL ELSE {name} END" if type_ in _FLOATS else name
        for name, type_ in opened.columns(STORED).items()
    ]
    return layout(
        opened, frame.iloc[:0], expressions, [str(name) for name in frame.columns], shown=shown
    )


def slices(frame: Any, rows: int | None) -> Iterator[Any]:
    """A frame of pandas in parts of at most so many rows, or as it is."""
    step = max(len(frame), 1) if rows is None else rows
    for start in range(0, max(len(frame), 1), step):
        yield frame.iloc[start : start + step]


def table_frames(layout: Layout, columns: Sequence[str] | None, rows: int | None) -> Iterator[Any]:
    """For Ibis: the columns of the table, as they are, or so many rows of them at a time."""
    table = layout.table if columns is None else layout.table.select(*columns)
    if rows is None:
        yield table
        return
    total = int(table.count().to_pyarrow().as_py())
    for start in range(0, max(total, 1), rows):
        yield table.limit(rows, offset=start)


def _arrow(column: Any) -> Any:
    """A column for DuckDB; of values that have no common type only which of them are missing."""
    import pyarrow as pa

    if column.dtype == object and _mixed(column):
        return presence(pa.array(column.notna()))
    try:
        array = pa.array(column, from_pandas=True)
        return array.cast(pa.int32()) if pa.types.is_null(array.type) else array
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return presence(pa.array(column.notna()))


def _mixed(column: Any) -> bool:
    return len({type(value) for value in column[column.notna()]}) > 1


def relation_batches(relation: Any, rows: int) -> Iterator[Any]:
    """What a relation of DuckDB holds as Arrow tables of at most so many rows.

    Not by Ibis, some versions of which cannot do that with new versions of DuckDB.
    """
    reader = getattr(relation, "to_arrow_reader", None) or relation.fetch_arrow_reader
    yield from slices_of_arrow(reader(rows), rows)


def slices_of_arrow(batches: Iterable[Any], rows: int) -> Iterator[Any]:
    """Arrow batches, of any size, as tables of at most so many rows."""
    import pyarrow as pa

    for batch in batches:
        for start in range(0, len(batch), rows):
            yield pa.Table.from_batches([batch.slice(start, rows)])

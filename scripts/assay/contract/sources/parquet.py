"""Parquet: a file, or a folder of parts, whose names may hold values (`year=2024/a.parquet`)."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from assay.contract.sources import duck, footers, frames, parquetdtypes, stored, tables
from assay.contract.sources.base import POSITION, Known, Layout
from assay.datadiff.engine import quoted, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.contract.schema import Backend
    from assay.contract.sources.files import Files, Part

_FILE = "__assay_file__"
_NUMBER = "file_row_number"


class ParquetSource:
    """Parquet files with one schema.

    Args:
        files: The parts.
        private: Whether values must not appear in messages.

    Raises:
        DataError: A part is damaged, or the parts have different columns.
    """

    def __init__(self, files: Files, *, private: bool) -> None:
        self._files = files
        self._private = private
        self.shown = files.shown
        self._footers = footers.read(files, private=private)
        self._duck: duck.Duck | None = None

    @property
    def bytes(self) -> int:
        """Size on disk."""
        return self._files.bytes

    def check_unchanged(self) -> None:
        """See `Files.check_unchanged`."""
        self._files.check_unchanged()

    def close(self) -> None:
        """Let go of DuckDB."""
        if self._duck is not None:
            self._duck.close()
            self._duck = None

    def layout(self, backend: Backend, *, has_index: bool) -> Layout:  # noqa: ARG002 (the file says)
        """See `Source`."""
        with duck.translated(self.shown, "Parquet", private=self._private):
            if backend == "pandas":
                empty = parquetdtypes.empty(self._footers)
            elif backend == "polars":
                empty = self._empty_polars()
            else:
                empty = None
            return self._tables(empty, backend)

    # --- polars ---------------------------------------------------------------------------------

    @cached_property
    def _is_remote(self) -> bool:
        return any(part.stored is not None for part in self._files.parts)

    def _empty_polars(self) -> Any:
        import polars as pl

        if not self._is_remote:
            return self._scan_polars().head(0).collect()
        return pl.read_parquet(parquetdtypes.written(self._footers.nullable.empty_table()))

    def _remote_polars(self, empty: Any, wanted: list[str], rows: int | None) -> Iterator[Any]:
        """Polars would fetch the whole file."""
        import polars as pl

        empty = empty.select(wanted)
        read = [
            pl.DataFrame(pl.from_arrow(batch)).cast(dict(empty.schema))
            for _, batch in self._batches(wanted, rows)
        ]
        if rows is None:
            yield pl.concat(read)
        else:
            yield from read or [empty]

    def _scan_polars(self) -> Any:
        import polars as pl

        if self._footers.keys and self._files.folder is not None:
            return pl.scan_parquet(self._files.folder, glob=False)
        return pl.scan_parquet([part.path for part in self._files.parts], glob=False)

    # --- DuckDB ---------------------------------------------------------------------------------

    def _tables(self, empty: Any, backend: Backend) -> Layout:
        if self._duck is None:
            self._duck = duck.opened(self._files.parts, ".parquet")
        opened = self._duck
        links = f"[{', '.join(map(text, opened.links))}]"
        found = opened.columns(f"read_parquet({links}, hive_partitioning = false)")
        if list(found) != list(self._footers.schema.names) or tables.ambiguous(self._footers.names):
            if empty is None:
                raise tables.not_for_sql(self.shown)
            return Layout(empty=empty, table=None)
        columns = tables.selected(found, empty, backend)
        columns += [
            f"CAST(parts.{quoted(key)} AS {self._partition_type(key, empty, backend)})"
            f" AS {quoted(key)}"
            for key in self._footers.keys
        ]
        connection = opened.connection
        if len(opened.links) > 1 or self._footers.keys:
            self._number_parts(opened)
        by_part = f"JOIN parts ON parts.link = rows.{quoted(_FILE)}"
        named = f"filename = {text(_FILE)}"
        read = f"read_parquet({links}, hive_partitioning = false"
        source = f"{read}, {named}) rows {by_part}" if self._footers.keys else f"{read}) rows"
        connection.execute(
            # Columns are quoted, the rest is ours.
            f"CREATE OR REPLACE VIEW scanned AS SELECT {', '.join(columns)} FROM {source}"  # noqa: S608
        )
        table = opened.ibis.table("scanned")
        if _NUMBER in map(str.lower, self._footers.names):
            return Layout(empty=table if empty is None else empty, table=table)
        several = len(opened.links) > 1 or bool(self._footers.keys)
        read = f"{read}, {_NUMBER} = true"
        source = f"{read}, {named}) rows {by_part}" if several else f"{read}) rows"
        position = f"parts.start + {_NUMBER}" if several else _NUMBER
        indexed = frames.index_columns(self._footers.schema) if backend == "pandas" else []
        levels = tables.levels(found, indexed, empty.index) if indexed else {}
        also = "".join(f", {sql} AS {quoted(level)}" for level, sql in levels.items())
        known = footers.known(self._footers, nan_is_null=backend == "pandas")
        stored_as = zip(levels, indexed, strict=False)
        known |= {level: known.get(name, Known()) for level, name in stored_as}
        connection.execute(
            f"CREATE OR REPLACE VIEW numbered AS SELECT {', '.join(columns)},"  # noqa: S608 (so here)
            f" CAST({position} AS BIGINT) AS {quoted(POSITION)}{also} FROM {source}"
        )
        return Layout(
            empty=table if empty is None else empty,
            table=table,
            numbered=opened.ibis.table("numbered"),
            known=known,
        )

    def _number_parts(self, opened: duck.Duck) -> None:
        """A table with each part's first row number, and the values that its folders hold."""
        keys = "".join(f", {quoted(key)} VARCHAR" for key in self._footers.keys)
        opened.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE parts (link VARCHAR, start BIGINT{keys})"
        )
        start = 0
        for link, part, metadata in zip(
            opened.links, self._files.parts, self._footers.metadata, strict=True
        ):
            values = [link, start, *(part.partition.get(key) for key in self._footers.keys)]
            marks = ", ".join("?" * len(values))
            opened.connection.execute(f"INSERT INTO parts VALUES ({marks})", values)  # noqa: S608 (question marks)
            start += metadata.num_rows

    def _partition_type(self, key: str, empty: Any, backend: Backend) -> str:
        if backend == "polars":
            return tables.of_polars(empty.schema[key])
        known = [part.partition.get(key) for part in self._files.parts]
        return "BIGINT" if tables.all_whole([v for v in known if v is not None]) else "VARCHAR"

    # --- frames ---------------------------------------------------------------------------------

    def frames(
        self, layout: Layout, columns: Sequence[str] | None = None, *, rows: int | None = None
    ) -> Iterator[Any]:
        """See `Source`."""
        if layout.empty is layout.table:
            yield from stored.table_frames(layout, columns, rows)
            return
        wanted = list(layout.empty.columns) if columns is None else list(columns)
        if hasattr(layout.empty, "iloc"):
            yield from self._pandas_frames(layout.empty, wanted, rows)
        elif self._is_remote:
            yield from self._remote_polars(layout.empty, wanted, rows)
        else:
            lazy = self._scan_polars().select(wanted)
            total = self._footers.rows
            step = max(total, 1) if rows is None else rows
            for start in range(0, max(total, 1), step):
                yield lazy.slice(start, step).collect()

    def _pandas_frames(self, empty: Any, wanted: list[Any], rows: int | None) -> Iterator[Any]:
        import pandas as pd

        empty = empty[wanted]
        total = self._footers.rows
        index = frames.stored_range(self._footers.schema, total)
        in_file = [str(name) for name in wanted if name not in self._footers.keys]
        read = [
            *in_file,
            *(n for n in frames.index_columns(self._footers.schema) if n not in in_file),
        ]
        done: list[Any] = []
        start = 0
        for part, batch in self._batches(read, rows):
            frame = frames.conform(frames.of_arrow(batch), empty, part.partition)
            if not frames.index_columns(self._footers.schema):
                stop = start + len(frame)
                frame.index = pd.RangeIndex(start, stop) if index is None else index[start:stop]
            start += len(frame)
            if rows is None:
                done.append(frame)
            else:
                yield frame
        if rows is None and done:
            yield done[0] if len(done) == 1 else pd.concat(done)
        elif not start:
            yield empty

    def _batches(self, columns: Sequence[str], rows: int | None) -> Iterator[tuple[Part, Any]]:
        """Arrow tables: a part at a time, or at most so many rows of one."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        for part in self._files.parts:
            with pq.ParquetFile(part.open(), pre_buffer=True) as file:
                if rows is None:
                    yield part, file.read(columns=list(columns), use_pandas_metadata=False)
                    continue
                for batch in file.iter_batches(batch_size=rows, columns=list(columns)):
                    yield part, pa.Table.from_batches([batch])

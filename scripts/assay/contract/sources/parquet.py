"""Parquet: one file, or a folder of parts, whose names may hold values (`year=2024/part.parquet`).

What the columns look like to pandas is not worked out here: a tiny Parquet file with the same
schema is read by pandas itself, once without rows and once with nulls.
"""

from __future__ import annotations

import io
from functools import cached_property
from typing import TYPE_CHECKING, Any

from assay.console import printable
from assay.contract import reader
from assay.contract.sources import duck, frames, stored, tables
from assay.contract.sources.base import POSITION, Layout
from assay.datadiff.engine import quoted, text
from assay.errors import DataError

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
        self._metadata = [self._footer(part) for part in files.parts]
        self._schema = self._common_schema()
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
                empty = self._empty_pandas()
            elif backend == "polars":
                empty = self._scan_polars().head(0).collect()
            else:
                empty = None
            return self._tables(empty, backend)

    # --- footers --------------------------------------------------------------------------------

    def _footer(self, part: Part) -> Any:
        import pyarrow.parquet as pq

        try:
            return pq.read_metadata(part.path)
        except Exception as error:
            raise DataError(
                f"{part.shown} is not a readable Parquet file"
                f"{reader.because(error, private=self._private)}.",
                hint="It is damaged or was cut off: write it again, or run `dvc pull --force`.",
            ) from error

    def _common_schema(self) -> Any:
        """The first part's Arrow schema; the others must not differ."""
        schemas = [metadata.schema.to_arrow_schema() for metadata in self._metadata]
        first = schemas[0]
        tables.refuse_repeated(first.names, self.shown)
        types = dict(zip(first.names, first.types, strict=True))
        for part, schema in zip(self._files.parts[1:], schemas[1:], strict=True):
            other = dict(zip(schema.names, schema.types, strict=True))
            for name in [*types, *other]:
                here, there = types.get(name), other.get(name)
                if here != there:
                    raise self._mixed(part, name, here, there)
        for part in self._files.parts:
            for key in part.partition:
                if key in types:
                    raise DataError(
                        f"{part.shown} has a column `{printable(key)}`, and a folder of that name.",
                        hint="Rename one of the two: readers differ in which one they take.",
                    )
        return first

    def _mixed(self, part: Part, name: str, here: Any, there: Any) -> DataError:
        first = self._files.parts[0]
        ours, theirs = (
            f"{printable(str(type_))[:80]} in" if type_ is not None else "missing in"
            for type_ in (here, there)
        )
        return DataError(
            f"The parts of {self.shown} have different schemas: column `{printable(name)}` is"
            f" {ours} {first.shown}, and {theirs} {part.shown}.",
            hint="Write the parts with one schema, or give each kind an entry of its own.",
        )

    @cached_property
    def _keys(self) -> tuple[str, ...]:
        """The columns that the names of folders hold."""
        return tuple(dict.fromkeys(key for part in self._files.parts for key in part.partition))

    @cached_property
    def _names(self) -> list[str]:
        return [*self._schema.names, *self._keys]

    # --- pandas ---------------------------------------------------------------------------------

    def _empty_pandas(self) -> Any:
        """No rows, and the dtypes and index that reading everything with pandas gives."""
        import pandas as pd

        full, null = self._tiny(rows=0), self._tiny(rows=1)
        indexed = frames.index_columns(self._schema)
        doubtful = [str(name) for name in full.columns if full[name].dtype != null[name].dtype] + [
            name for name in indexed if name in self._schema.names
        ]
        with_nulls = self._with_nulls(doubtful)
        empty = (null if with_nulls & set(indexed) else full).iloc[:0].copy()
        for name in empty.columns:
            empty[name] = (null if str(name) in with_nulls else full)[name].iloc[:0].array
        for name in empty.columns:
            if isinstance(empty[name].dtype, pd.CategoricalDtype):
                empty[name] = empty[name].astype(self._categorical(str(name)))
        for key in self._keys:
            empty[key] = pd.Series([], dtype=self._partition_dtype(key), index=empty.index)
        whole = frames.stored_range(self._schema, sum(m.num_rows for m in self._metadata))
        if whole is not None:
            empty.index = whole[:0]
        return empty

    def _tiny(self, rows: int) -> Any:
        """A file with this schema and a row of nulls, or none, as pandas reads it."""
        import pyarrow as pa

        return _by_pandas(
            pa.table([pa.nulls(rows, type_) for type_ in self._schema.types], schema=self._nullable)
        )

    @cached_property
    def _nullable(self) -> Any:
        import pyarrow as pa

        return pa.schema(
            [field.with_nullable(nullable=True) for field in self._schema], self._schema.metadata
        )

    def _with_nulls(self, names: Sequence[str]) -> set[str]:
        """Those of some columns that hold a null: from the footers, where they tell."""
        found, unknown = set(), set()
        flat = {
            metadata.row_group(0).column(leaf).path_in_schema: leaf
            for metadata in self._metadata[:1]
            if metadata.num_row_groups
            for leaf in range(metadata.num_columns)
        }
        for name in names:
            for metadata in self._metadata:
                for group in range(metadata.num_row_groups):
                    column = metadata.row_group(group).column(flat[name]) if name in flat else None
                    known = column is not None and column.path_in_schema == name
                    statistics = column.statistics if column is not None and known else None
                    if statistics is None or not statistics.has_null_count:
                        unknown.add(name)
                    elif statistics.null_count:
                        found.add(name)
        return found | self._counted_nulls(sorted(unknown - found))

    def _counted_nulls(self, names: Sequence[str]) -> set[str]:
        found = set()
        for part in self._files.parts if names else ():
            import pyarrow.parquet as pq

            with pq.ParquetFile(part.path) as file:
                for batch in file.iter_batches(columns=list(names)):
                    found |= {name for name in names if batch.column(name).null_count}
        return found

    def _categorical(self, name: str) -> Any:
        """The dtype of a column of categories: all of them, in the order of the file."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        field = self._nullable.field(name)
        chunks = []
        for part in self._files.parts:
            with pq.ParquetFile(part.path) as file:
                for group in range(file.num_row_groups):
                    column = file.read_row_group(group, columns=[name]).column(name)
                    chunks += [chunk[:0] for chunk in column.chunks]
        values = pa.chunked_array(chunks, type=field.type).unify_dictionaries()
        known = (
            values.chunk(0).dictionary if values.num_chunks else pa.array([], field.type.value_type)
        )
        every = pa.DictionaryArray.from_arrays(
            pa.array(range(len(known)), pa.int32()), known, ordered=field.type.ordered
        )
        return _by_pandas(pa.table([every], schema=pa.schema([field])))[name].dtype

    def _partition_dtype(self, key: str) -> Any:
        """As pyarrow: categories in the order of the files, whole numbers where all are."""
        import pandas as pd
        import pyarrow as pa

        values = dict.fromkeys(part.partition.get(key) for part in self._files.parts)
        known = [value for value in values if value is not None]
        whole = tables.all_whole(known)
        array = pa.array([int(value) for value in known], pa.int32()) if whole else pa.array(known)
        categories = pa.DictionaryArray.from_arrays(pa.array(range(len(known)), pa.int32()), array)
        return pd.CategoricalDtype(
            pa.table({key: categories}).to_pandas()[key].cat.categories, ordered=False
        )

    # --- polars ---------------------------------------------------------------------------------

    def _scan_polars(self) -> Any:
        import polars as pl

        if self._keys and self._files.folder is not None:
            return pl.scan_parquet(self._files.folder, glob=False)
        return pl.scan_parquet([part.path for part in self._files.parts], glob=False)

    # --- DuckDB ---------------------------------------------------------------------------------

    def _tables(self, empty: Any, backend: Backend) -> Layout:
        if self._duck is None:
            self._duck = duck.opened(
                [part.path for part in self._files.parts], ".parquet", ordered=False
            )
        opened = self._duck
        links = f"[{', '.join(map(text, opened.links))}]"
        found = opened.columns(f"read_parquet({links}, hive_partitioning = false)")
        if list(found) != list(self._schema.names) or tables.ambiguous(self._names):
            if empty is None:
                raise tables.not_for_sql(self.shown)
            return Layout(empty=empty, table=None)
        columns = tables.selected(found, empty, backend)
        columns += [
            f"CAST(parts.{quoted(key)} AS {self._partition_type(key, empty, backend)})"
            f" AS {quoted(key)}"
            for key in self._keys
        ]
        connection = opened.connection
        if len(opened.links) > 1 or self._keys:
            self._number_parts(opened)
        by_part = f"JOIN parts ON parts.link = rows.{quoted(_FILE)}"
        named = f"filename = {text(_FILE)}"
        read = f"read_parquet({links}, hive_partitioning = false"
        source = f"{read}, {named}) rows {by_part}" if self._keys else f"{read}) rows"
        connection.execute(
            # Columns are quoted, the rest is ours.
            f"CREATE OR REPLACE VIEW scanned AS SELECT {', '.join(columns)} FROM {source}"  # noqa: S608
        )
        table = opened.ibis.table("scanned")
        if _NUMBER in map(str.lower, self._names):
            return Layout(empty=table if empty is None else empty, table=table)
        several = len(opened.links) > 1 or bool(self._keys)
        read = f"{read}, {_NUMBER} = true"
        source = f"{read}, {named}) rows {by_part}" if several else f"{read}) rows"
        position = f"parts.start + {_NUMBER}" if several else _NUMBER
        connection.execute(
            f"CREATE OR REPLACE VIEW numbered AS SELECT {', '.join(columns)},"  # noqa: S608 (so here)
            f" CAST({position} AS BIGINT) AS {quoted(POSITION)} FROM {source}"
        )
        return Layout(
            empty=table if empty is None else empty,
            table=table,
            numbered=opened.ibis.table("numbered"),
        )

    def _number_parts(self, opened: duck.Duck) -> None:
        """A table with each part's first row number, and the values that its folders hold."""
        keys = "".join(f", {quoted(key)} VARCHAR" for key in self._keys)
        opened.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE parts (link VARCHAR, start BIGINT{keys})"
        )
        start = 0
        for link, part, metadata in zip(
            opened.links, self._files.parts, self._metadata, strict=True
        ):
            values = [link, start, *(part.partition.get(key) for key in self._keys)]
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
        else:
            lazy = self._scan_polars().select(wanted)
            total = sum(metadata.num_rows for metadata in self._metadata)
            step = max(total, 1) if rows is None else rows
            for start in range(0, max(total, 1), step):
                yield lazy.slice(start, step).collect()

    def _pandas_frames(self, empty: Any, wanted: list[Any], rows: int | None) -> Iterator[Any]:
        import pandas as pd

        empty = empty[wanted]
        total = sum(metadata.num_rows for metadata in self._metadata)
        index = frames.stored_range(self._schema, total)
        in_file = [str(name) for name in wanted if name not in self._keys]
        read = [*in_file, *(n for n in frames.index_columns(self._schema) if n not in in_file)]
        done: list[Any] = []
        start = 0
        for part, batch in self._batches(read, rows):
            frame = frames.conform(frames.of_arrow(batch), empty, part.partition)
            if not frames.index_columns(self._schema):
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
            with pq.ParquetFile(part.path) as file:
                if rows is None:
                    yield part, file.read(columns=list(columns), use_pandas_metadata=False)
                    continue
                for batch in file.iter_batches(batch_size=rows, columns=list(columns)):
                    yield part, pa.Table.from_batches([batch])


def _by_pandas(table: Any) -> Any:
    import pandas as pd
    import pyarrow.parquet as pq

    written = io.BytesIO()
    pq.write_table(table, written)
    return pd.read_parquet(io.BytesIO(written.getvalue()))

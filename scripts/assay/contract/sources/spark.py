"""Files that Spark reads: for data that outgrew one machine.

The session is the one that the environment configures (`spark-defaults.conf`, `SPARK_MASTER`,
`PYSPARK_SUBMIT_ARGS`); without any it is a local one. The data's place on the driver's file system
must be one that its workers see too.
"""

from __future__ import annotations

import itertools
import re
import warnings
from typing import TYPE_CHECKING, Any

from assay.console import printable
from assay.contract import reader
from assay.contract.sources import files
from assay.contract.sources.base import Layout
from assay.contract.sources.parquet import ParquetSource
from assay.contract.sources.stored import table_frames
from assay.errors import DataError, OutsideError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from assay.contract.schema import Backend
    from assay.contract.sources.base import Source

_VIEWS = itertools.count()
_GLOB = re.compile(r"([\[\]{}*?\\])")


def open_spark(paths: Sequence[Path] | Path, *, shown: str, private: bool) -> Source:
    """Open a table that is in files, for Spark to read.

    Args:
        paths: A file, a folder of parts, or the parts.
        shown: What messages call it.
        private: Whether values must not appear in messages.

    Raises:
        DataError: It cannot be read as a table.
        OutsideError: There is no PySpark, or it does not start.
    """
    found = files.found(paths, shown=shown)
    return SparkSource(found, _session(), private=private)


class SparkSource:
    """Files that Spark reads, as Parquet, CSV or JSON lines.

    Args:
        found: The files.
        session: A `pyspark.sql.SparkSession`.
        private: Whether values must not appear in messages.

    Raises:
        DataError: Spark cannot read them.
    """

    def __init__(self, found: files.Files, session: Any, *, private: bool) -> None:
        import ibis

        self._files, self._private = found, private
        self._local: ParquetSource | None = None
        self.shown = found.shown
        self._frame = self._read(session)
        self._view = f"assay_{next(_VIEWS)}"
        self._frame.createOrReplaceTempView(self._view)
        self._table = ibis.pyspark.connect(session).table(self._view)
        self._session = session

    @property
    def bytes(self) -> int:
        """Size on disk."""
        return self._files.bytes

    def check_unchanged(self) -> None:
        """See `Files.check_unchanged`."""
        self._files.check_unchanged()

    def close(self) -> None:
        """Forget the view; the session stays for the next table."""
        self._session.catalog.dropTempView(self._view)
        if self._local is not None:
            self._local.close()

    def layout(self, backend: Backend, *, has_index: bool) -> Layout:
        """See `Source`."""
        if backend == "ibis":
            return Layout(empty=self._table, table=self._table)
        if backend == "pyspark":
            return Layout(empty=self._frame, table=self._table)
        empty = self._parquet(backend).layout(backend, has_index=has_index).empty
        names = [str(name) for name in empty.columns]
        absent = [name for name in names if name not in self._table.columns]
        if absent:
            raise DataError(
                f"Spark finds no column `{printable(absent[0])}` in {self.shown}.",
                hint="Names that differ only in case are one to Spark: rename a column.",
            )
        of = _for_pandas if backend == "pandas" else _as_it_is
        table = self._table.select(**{name: of(self._table, empty, name) for name in names})
        return Layout(empty=empty, table=table)

    def frames(
        self, layout: Layout, columns: Sequence[str] | None = None, *, rows: int | None = None
    ) -> Iterator[Any]:
        """See `Source`. Frames of pandas and polars are read by the driver, from the files."""
        if layout.empty is layout.table:
            yield from table_frames(layout, columns, rows)
        elif layout.empty is self._frame:
            yield self._frame if columns is None else self._frame.select(*columns)
        else:
            backend: Backend = "pandas" if hasattr(layout.empty, "iloc") else "polars"
            yield from self._parquet(backend).frames(layout, columns, rows=rows)

    def _parquet(self, backend: Backend) -> ParquetSource:
        if self._files.kind.suffix != ".parquet":
            raise DataError(
                f"{self.shown} cannot be read by Spark as {backend} would read it: only Parquet "
                "says of which types its columns are.",
                hint="Write it as Parquet, or the schema with `pandera.pyspark`.",
            )
        if self._local is None:
            self._local = ParquetSource(self._files, private=self._private)
        return self._local

    def _read(self, session: Any) -> Any:
        """The data frame of the user's own `spark.read`."""
        kind = self._files.kind.suffix
        places = [part.path for part in self._files.parts]
        if self._files.folder is not None and kind == ".parquet":
            places = [self._files.folder]  # whose folders may hold values
        paths = [_GLOB.sub(r"\\\1", str(path.resolve())) for path in places]
        read = session.read
        try:
            if kind == ".parquet":
                return read.parquet(*paths)
            if kind in {".csv", ".tsv"}:
                separator = "," if kind == ".csv" else "\t"
                # FAILFAST: a row with a field too few or too many is an error, as everywhere else.
                options = {"header": True, "inferSchema": True, "mode": "FAILFAST"}
                return read.options(sep=separator, **options).csv(paths)
            if kind == ".jsonl":
                return read.options(mode="FAILFAST").json(paths)
        except Exception as error:
            raise DataError(
                f"Spark cannot read {self.shown}{reader.because(error, private=self._private)}.",
                hint="Read it in a shell of PySpark to see the whole error.",
            ) from error
        raise DataError(
            f"{self.shown} is in a format that Spark does not read.",
            hint="Spark reads Parquet, CSV and JSON lines.",
        )


def _for_pandas(table: Any, empty: Any, name: str) -> Any:
    """A column with null where pandas has NaN, and floats where it has floats."""
    import ibis

    column, dtype = table[name], empty[name].dtype
    if column.type().is_floating():
        return column.isnan().ifelse(ibis.null(column.type()), column)
    if column.type().is_integer() and getattr(dtype, "kind", "") == "f":
        return column.cast("float64")
    return column


def _as_it_is(table: Any, _empty: Any, name: str) -> Any:
    return table[name]


def _session() -> Any:
    """The session of Spark."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of PySpark about pandas
            import ibis
            from pyspark.sql import SparkSession

            assert ibis.pyspark  # noqa: S101 (imports Ibis' backend, too)
    except ImportError as error:
        raise OutsideError(
            f"Spark cannot be used: {error.name or error} is not installed.",
            hint="Add `pyspark` to the project's requirements, or remove `engine: spark`.",
        ) from error
    try:
        # Its web page would be open to the whole network of the machine.
        builder = SparkSession.builder.appName("assay").config("spark.ui.enabled", "false")
        return builder.getOrCreate()
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise OutsideError(
            f"Spark does not start: {printable(lines[0])[:200].rstrip('.')}.",
            hint="It needs Java 17 or newer: install it, and set JAVA_HOME.",
        ) from error

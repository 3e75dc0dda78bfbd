"""Formats that are made into something else before they are scanned.

What polars reads, polars writes as Parquet, a bit at a time; so does pyarrow with Arrow files. CSV
and JSON lines for pandas are read by it in pieces, and DuckDB reads both for Ibis.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.console import printable
from assay.contract import csvfields, reader
from assay.contract.sources import duck, packed, polarstext, stored
from assay.contract.sources.csvtable import SEPARATORS, CsvTable
from assay.contract.sources.files import Kind
from assay.contract.sources.jsontable import JsonTable
from assay.contract.sources.parquet import ParquetSource
from assay.datadiff import engine
from assay.datadiff.engine import text
from assay.errors import AssayError, DataError, OutsideError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.contract.schema import Backend
    from assay.contract.sources.base import Layout
    from assay.contract.sources.files import Files, Part

_UNFIT = re.compile(
    r"Line: (\d+)[\s\S]*?converting column \"(.*)\"\. Could not convert string \"([\s\S]*?)\" to"
    r" '(\w+)"
)
_FORMS = {".csv": "CSV", ".tsv": "CSV", ".jsonl": "JSON lines", ".arrow": "Arrow"}


class ConvertedSource:
    """Files of CSV, JSON lines or Arrow.

    Args:
        files: The parts.
        private: Whether values must not appear in messages.
    """

    def __init__(self, files: Files, *, private: bool) -> None:
        self._files = files
        self._private = private
        self.shown = files.shown
        self._folder: Path | None = None
        self._inner: Any = None
        self._layouts: dict[tuple[Backend, bool], Layout] = {}

    @property
    def bytes(self) -> int:
        """Size on disk."""
        return self._files.bytes

    def check_unchanged(self) -> None:
        """See `Files.check_unchanged`."""
        self._files.check_unchanged()

    def close(self) -> None:
        """Let go of DuckDB, and delete what was made."""
        self._layouts.clear()
        if self._inner is not None:
            self._inner.close()
            self._inner = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def layout(self, backend: Backend, *, has_index: bool) -> Layout:
        """See `Source`. What was parsed is not parsed again for the same question."""
        known = (backend, has_index)
        if known not in self._layouts:
            self.close()
            self._inner = self._opened(backend, has_index=has_index)
            self._layouts[known] = self._inner.layout(backend, has_index=has_index)
        return self._layouts[known]

    def frames(
        self, layout: Layout, columns: Sequence[str] | None = None, *, rows: int | None = None
    ) -> Iterator[Any]:
        """See `Source`."""
        yield from self._inner.frames(layout, columns, rows=rows)

    def _opened(self, backend: Backend, *, has_index: bool) -> Any:
        self._folder = Path(tempfile.mkdtemp(prefix="assay-contract-"))
        files = self._unpacked(self._folder)
        suffix = files.kind.suffix
        if backend == "pandas" and suffix in SEPARATORS:
            return CsvTable(files, self._folder, private=self._private, has_index=has_index)
        if backend == "pandas" and suffix == ".jsonl":
            return JsonTable(files, self._folder, private=self._private)
        if backend == "ibis" and suffix != ".arrow":
            return _ByDuckdb(files, private=self._private)
        parts = []
        for number, part in enumerate(files.parts):
            target = self._folder / f"{number:06}.parquet"
            with _translated(part, suffix, private=self._private):
                if backend == "polars":
                    written = self._by_polars(part, suffix, target)
                else:
                    _arrow_to_parquet(part.path, target)
                    written = [target]
            parts += [replace(part, path=path) for path in written]
        made = replace(files, parts=tuple(parts), kind=Kind(".parquet"))
        return ParquetSource(made, private=self._private)

    def _unpacked(self, folder: Path) -> Files:
        kind = self._files.kind
        if not kind.compression:
            return self._files
        parts = []
        for number, part in enumerate(self._files.parts):
            target = folder / f"{number:06}{kind.suffix}"
            packed.unpacked(part.path, kind.compression, target, shown=part.shown)
            reader.probe(target, part.shown)
            parts.append(replace(part, path=target))
        return replace(self._files, parts=tuple(parts), kind=Kind(kind.suffix))

    def _by_polars(self, part: Part, suffix: str, target: Path) -> list[Path]:
        import polars as pl

        # By a name that is no glob.
        (path,) = engine.linked(target.parent, target.stem, [part.path], suffix)
        if suffix == ".arrow":
            polarstext.sink(pl.scan_ipc(path), target)
            return [target]
        # Types from all rows, as `reader.read_csv` does.
        if suffix == ".jsonl":
            return polarstext.to_parquet(path, target, separator=None, shown=part.shown)
        source = csvfields.Csv(part.path, part.shown, SEPARATORS[suffix])
        try:
            polarstext.to_parquet(path, target, separator=source.separator, shown=part.shown)
        except AssayError:
            raise
        except BaseException as error:
            if not reader.is_failure(error):
                raise
            raise reader.explain(source, error, private=self._private) from error
        last = pl.scan_parquet(target).select(pl.last().null_count())
        filled = bool(last.collect().item())
        if problem := reader.misread(source, filled=filled, has_index=False):
            raise problem
        return [target]


class _ByDuckdb:
    """CSV and JSON lines for Ibis, whose own reader on DuckDB this is."""

    def __init__(self, files: Files, *, private: bool) -> None:
        self._files = files
        self._private = private
        self._duck = duck.opened(files.parts, files.kind.suffix, ordered=True, stored=True)

    def layout(self, backend: Backend, *, has_index: bool) -> Layout:  # noqa: ARG002 (Ibis, and none)
        links = f"[{', '.join(map(text, self._duck.links))}]"
        is_json = self._files.kind.suffix == ".jsonl"
        read = (
            f"read_json({links}, format = 'newline_delimited')"
            if is_json
            else f"read_csv({links}, delim = '{SEPARATORS[self._files.kind.suffix]}')"
        )
        with self._translated():
            names = list(self._duck.columns(read))
            columns = ", ".join(f"c{n}" for n in range(len(names)))
            self._duck.connection.execute(
                f"CREATE OR REPLACE TABLE {stored.STORED} AS SELECT * FROM {read} AS t({columns})"  # noqa: S608 (ours)
            )
        return stored.layout(
            self._duck, None, [f"c{n}" for n in range(len(names))], names, shown=self._files.shown
        )

    def frames(
        self, layout: Layout, columns: Sequence[str] | None = None, *, rows: int | None = None
    ) -> Iterator[Any]:
        yield from stored.table_frames(layout, columns, rows)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        import duckdb

        suffix = self._files.kind.suffix
        with duck.translated(self._files.shown, _FORMS[suffix], private=self._private):
            try:
                yield
            except duckdb.OutOfMemoryException:
                raise
            except duckdb.Error as error:
                if suffix not in SEPARATORS:
                    raise
                part = self._files.parts[0]
                if (unfit := _UNFIT.search(str(error))) is not None:
                    raise _not_of_its_type(part, unfit, private=self._private) from error
                source = csvfields.Csv(part.path, part.shown, SEPARATORS[suffix])
                raise reader.explain(source, error, private=self._private) from error

    def close(self) -> None:
        self._duck.close()


def _not_of_its_type(part: Part, unfit: re.Match[str], *, private: bool) -> DataError:
    line, column, value, type_ = unfit.groups()
    named = "a value" if private else f"`{printable(value)[:80]}`"
    return DataError(
        f"{part.shown}: {named} in column `{printable(column)}` on line {line} is no"
        f" {type_}, as the values above it are.",
        hint="Correct the value, or write the column as text from its first row on.",
        file=part.shown,
        line=int(line),
    )


def _arrow_to_parquet(path: Path, target: Path) -> None:
    """An Arrow file as Parquet with the same schema, batch by batch."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pa.memory_map(str(path)) as source:
        file = pa.ipc.open_file(source)
        with pq.ParquetWriter(target, file.schema, compression="zstd") as writer:
            for number in range(file.num_record_batches):
                writer.write_batch(file.get_batch(number))


@contextlib.contextmanager
def _translated(part: Part, suffix: str, *, private: bool) -> Iterator[None]:
    """A library's errors as ours."""
    try:
        yield
    except (DataError, OutsideError):
        raise
    except ImportError as error:
        raise OutsideError(
            f"{part.shown} cannot be read: {error.name or error} is not installed.",
            hint="Add it to the project's requirements.",
        ) from error
    except BaseException as error:
        if not reader.is_failure(error):
            raise
        if isinstance(error, MemoryError):
            raise reader.too_large(part.shown) from error
        if suffix == ".jsonl":
            raise reader.not_json_lines(part.shown, error, private=private) from error
        because = reader.because(error, private=private)
        raise DataError(
            f"{part.shown} is not a readable {_FORMS[suffix]} file{because}.",
            hint="It is damaged or was cut off: write it again, or run `dvc pull --force`.",
        ) from error

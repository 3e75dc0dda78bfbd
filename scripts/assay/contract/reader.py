"""Data files: read as the user's own three lines would, with errors that say where and why.

The reading itself is plain `read_csv` and `read_parquet` of pandas or polars, so that a schema
means here what it means in the user's code. Only when that fails is the file looked at again, to
find the line.
"""

from __future__ import annotations

import gzip
import importlib
import itertools
import stat
import warnings
import zlib
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from assay.console import printable
from assay.contract import csvfields
from assay.contract.sources import packed
from assay.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from assay.contract.schema import Backend

_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_PARQUET = (".parquet", ".pq")
_FORMATS = "CSV (.csv, .tsv, also with .gz) and Parquet (.parquet)"


def read(
    path: Path, *, backend: Backend, shown: str, has_index: bool = False, private: bool = False
) -> Any:
    """Read a table.

    Args:
        path: The file.
        backend: Whose data frame to return.
        shown: How the file is called in messages.
        has_index: Whether the schema describes a pandas index, which a CSV file may then hold as
            a first column without a name in the header.
        private: Whether values of the file must not appear in messages.

    Raises:
        DataError: It is missing, not a table, damaged, or in a format that is not supported.
    """
    library = _library(backend, shown)
    suffixes = [suffix.lower() for suffix in PurePath(shown).suffixes]
    kind = (
        suffixes[-2] if suffixes[-1:] == [".gz"] and len(suffixes) > 1 else "".join(suffixes[-1:])
    )
    if kind not in _SEPARATORS and kind not in _PARQUET:
        raise DataError(f"{shown} is in no supported format.", hint=f"Supported: {_FORMATS}.")
    probe(path, shown)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # DtypeWarning and the like: the schema will tell
        if kind in _PARQUET:
            return _read_parquet(library, path, shown, private=private)
        compression = ".gz" if suffixes[-1] == ".gz" else ""
        source = csvfields.Csv(path, shown, _SEPARATORS[kind], compression)
        return read_csv(library, source, has_index=has_index, private=private)


def _library(backend: Backend, shown: str) -> Any:
    try:
        return importlib.import_module(backend)
    except ImportError as error:
        raise DataError(
            f"{shown} cannot be read: {backend} is not installed.",
            hint=f"The schema is one for {backend}; add it to the project's requirements.",
        ) from error


def probe(path: Path, shown: str) -> None:
    """What is wrong with the file before its content matters."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise DataError(
                f"{shown} is a folder, not a file.",
                hint="Name the files in it with a glob, such as `folder/*.csv`.",
            )
        if not stat.S_ISREG(mode):  # opening a pipe would wait for ever
            raise DataError(f"{shown} is not a regular file.")
        with path.open("rb") as file:
            start = file.read(64)
    except FileNotFoundError:
        pointer = path.with_name(f"{path.name}.dvc").is_file()
        raise DataError(
            f"{shown} does not exist.",
            hint="It is under DVC: run `dvc pull`." if pointer else "Check `data:` in assay.yaml.",
        ) from None
    except OSError as error:
        raise unreadable(shown, error) from error
    if not start:
        raise DataError(f"{shown} is empty (0 bytes).", hint="A table needs at least a header.")
    if start.startswith(b"version https://git-lfs"):
        raise DataError(f"{shown} is a pointer of Git LFS.", hint="Run `git lfs pull` first.")


def unreadable(shown: str, error: OSError) -> DataError:
    """The operating system does not let us read a file."""
    return DataError(
        f"{shown} cannot be read: {error.strerror or error}.",
        hint="Check the permissions of the file and of its folder.",
    )


def too_large(shown: str) -> DataError:
    """A file takes more memory than there is."""
    return DataError(
        f"{shown} does not fit into the memory of this machine.",
        hint="Split it into several files, or validate it on a larger machine.",
    )


def not_json_lines(shown: str, error: BaseException, *, private: bool) -> DataError:
    """A file does not hold the JSON lines that its name promises."""
    return DataError(
        f"{shown} is not a readable JSON lines file{because(error, private=private)}.",
        hint="Expected: one JSON object a line, in UTF-8.",
    )


def _read_parquet(library: Any, path: Path, shown: str, *, private: bool) -> Any:
    try:
        if library.__name__ == "polars":
            # An open file: a path with `*` or `[` in it would be taken for a glob.
            with path.open("rb") as file:
                return library.read_parquet(file)
        return library.read_parquet(path)
    except ImportError as error:
        raise DataError(
            f"{shown} cannot be read: pandas needs pyarrow for Parquet files.",
            hint="Add `pyarrow` to the project's requirements.",
        ) from error
    except BaseException as error:
        if not is_failure(error):
            raise
        if isinstance(error, MemoryError):
            raise too_large(shown) from error
        raise DataError(
            f"{shown} is not a readable Parquet file{because(error, private=private)}.",
            hint="It is damaged or was cut off: write it again, or run `dvc pull --force`.",
        ) from error


def read_csv(library: Any, source: csvfields.Csv, *, has_index: bool, private: bool) -> Any:
    """Read a CSV file whole; see `read`."""
    try:
        with source.open() as file:
            if library.__name__ == "polars":
                # Types from all rows: by default polars guesses from the first 100, and fails on
                # a file whose column of whole numbers has a decimal one further down.
                frame = library.read_csv(
                    file.read(), separator=source.separator, infer_schema_length=None
                )
            else:
                frame = library.read_csv(file, sep=source.separator)
    except BaseException as error:
        if not is_failure(error):
            raise
        raise explain(source, error, private=private) from error
    filled = bool(frame.shape[1]) and _has_nulls(frame, frame.columns[-1])
    if problem := misread(source, filled=filled, has_index=has_index):
        raise problem
    return frame


def misread(source: csvfields.Csv, *, filled: bool, has_index: bool) -> DataError | None:
    """What both libraries pass over in silence.

    Args:
        source: The file.
        filled: Whether a value is missing in its last column, as one is where a row is too short.
        has_index: See `read`.
    """
    with source.open() as file:
        header = file.readline(csvfields.LONGEST_RECORD)
    if b"\0" in header or not _is_utf8(header):
        return _bad_encoding(source)  # polars replaces the bytes
    found = [*itertools.islice(csvfields.counts(source), 2), (0, 0), (0, 0)]
    (_, expected), (_, first), *_ = found
    # pandas takes the first field for an index where rows have one more than the header. A row
    # that is too short is filled with nulls by both, one that is too long is an error to them.
    longer = first > expected and not has_index
    short = filled and expected > 1 and not csvfields.is_even(source, expected)
    return csvfields.ragged(source) if longer or short else None


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _has_nulls(frame: Any, column: Any) -> bool:
    values = frame[column]
    if hasattr(values, "null_count"):
        return bool(values.null_count())
    return bool(values.isna().to_numpy().any())  # two-dimensional where a name stands twice


def is_failure(error: BaseException) -> bool:
    """Whether a library says by it that a file cannot be read."""
    # polars' Rust code reports some damaged files by a panic, which is no `Exception`.
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def explain(source: csvfields.Csv, error: BaseException, *, private: bool) -> DataError:
    """Why a CSV file could not be read: the reasons that we can locate, then the library's."""
    shown = source.shown
    if source.compression in {".bz2", ".zst"} and isinstance(error, EOFError | OSError):
        return packed.damaged(shown, source.compression)
    if isinstance(error, EOFError | gzip.BadGzipFile | zlib.error):
        return DataError(
            f"{shown} is not a complete gzip file{because(error, private=False)}.",
            hint="It is damaged or was cut off: write it again, or run `dvc pull --force`.",
        )
    if isinstance(error, OSError):
        return unreadable(shown, error)
    if isinstance(error, MemoryError):
        return too_large(shown)
    return (
        _bad_encoding(source)
        or _blank(source)
        or csvfields.ragged(source)
        or DataError(
            f"{shown} is not a readable CSV file{because(error, private=private)}.",
            hint=f"Expected: UTF-8, fields parted by {source.separator!r}, one header line.",
        )
    )


def because(error: BaseException, *, private: bool) -> str:
    """The library's own words, unless they may quote the data."""
    lines = [] if private else str(error).strip().splitlines()
    return f": {printable(lines[0])[:200].rstrip('.')}" if lines else f" ({type(error).__name__})"


def _blank(source: csvfields.Csv) -> DataError | None:
    with source.open() as file:
        if any(line.strip() for line in file):
            return None
    return DataError(f"{source.shown} holds no table: it is blank.", hint="It needs a header.")


def _bad_encoding(source: csvfields.Csv) -> DataError | None:
    offset = 0
    with source.open() as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
                at = line.find(b"\0")
            except UnicodeDecodeError as error:
                at = error.start
            if at >= 0:
                wide = b"\0" in line
                looks = "It looks like UTF-16" if wide else "It may be Latin-1 or Windows-1252"
                return DataError(
                    f"{source.shown} is not UTF-8: line {number} has the byte "
                    f"0x{line[at]:02x} at offset {offset + at}.",
                    hint=f"{looks}: save it as UTF-8.",
                    file=source.shown,
                    line=number,
                )
            offset += len(line)
    return None


def size_of(path: Path) -> int:
    """The size in bytes; 0 where it cannot be known."""
    try:
        return path.stat().st_size
    except OSError:
        return 0

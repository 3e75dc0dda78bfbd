"""The files of one table, and what is wrong with them before their content matters."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Literal

from assay.console import printable
from assay.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CSV = {".csv": ",", ".tsv": "\t"}
_PARQUET = ".parquet"
_JSON = ".jsonl"
_ARROW = ".arrow"
_ALSO = {".pq": _PARQUET, ".ndjson": _JSON, ".feather": _ARROW}
_PACKED = (*_CSV, _JSON)
"""What may be compressed by gzip."""
_FORMATS = "CSV (.csv, .tsv), JSON lines (.jsonl), both also with .gz, Parquet (.parquet), Arrow"


@dataclass(frozen=True)
class Source:
    """One table of one revision: a file, or several parts with the same columns."""

    files: tuple[Path, ...]
    shown: str
    """What messages call it."""
    suffix: str
    """`.parquet`, `.arrow`, or `.csv`, `.tsv`, `.jsonl`, these also with `.gz`."""

    @property
    def form(self) -> Literal["Parquet", "Arrow", "JSON lines", "CSV"]:
        """What messages call its format."""
        if self.suffix.startswith(_JSON):
            return "JSON lines"
        return "Parquet" if self.suffix == _PARQUET else "Arrow" if self.suffix == _ARROW else "CSV"

    @property
    def separator(self) -> str:
        """What parts the fields of a CSV file."""
        return _CSV[self.suffix.removesuffix(".gz")]


def source(paths: Path | Sequence[Path], *, shown: str, name: str | None = None) -> Source:
    """Look at the files of a table.

    Args:
        paths: A file, a folder of parts, or the parts.
        shown: What messages call the table.
        name: A name whose suffix tells the format; by default that of the first file. Objects in
            DVC's cache have none.

    Raises:
        DataError: A file is missing, empty, a pointer, or in no supported format.
    """
    listed = [paths] if isinstance(paths, Path) else list(paths)
    files = tuple(part for path in listed for part in _parts(path, shown))
    if not files:
        raise DataError(
            f"{printable(shown)} has no data file in it.", hint=f"Supported: {_FORMATS}."
        )
    kinds = {_suffix(name or file.name) for file in files}
    if None in kinds or len(kinds) > 1:
        found = "is in no supported format" if None in kinds else "mixes formats"
        raise DataError(f"{printable(shown)} {found}.", hint=f"Supported: {_FORMATS}.")
    for file in files:
        _probe(file, shown)
    return Source(files=files, shown=printable(shown), suffix=kinds.pop() or "")


def _suffix(name: str) -> str | None:
    suffixes = [_ALSO.get(suffix, suffix) for suffix in map(str.lower, PurePath(name).suffixes)]
    *_, before, last = ("", "", *suffixes)
    if last == ".gz" and before in _PACKED:
        return f"{before}.gz"
    return last if last in {*_PACKED, _PARQUET, _ARROW} else None


def _parts(path: Path, shown: str) -> Iterator[Path]:
    """The file itself, or the data files directly in a folder, by name."""
    if not path.is_dir():
        yield path
        return
    try:
        yield from sorted(p for p in path.iterdir() if _suffix(p.name) and p.is_file())
    except OSError as error:
        raise _unreadable(shown, error) from error


def _probe(path: Path, shown: str) -> None:
    name = printable(shown)
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
            raise DataError(f"{name} is not a regular file.")
        with path.open("rb") as file:
            start = file.read(64)
    except FileNotFoundError:
        raise DataError(f"{name} does not exist.", hint="Run `dvc pull`.") from None
    except OSError as error:
        raise _unreadable(shown, error) from error
    if not start:
        raise DataError(f"{name} is empty (0 bytes).", hint="A table needs at least a header.")
    if start.startswith(b"version https://git-lfs"):
        raise DataError(f"{name} is a pointer of Git LFS.", hint="Run `git lfs pull` first.")


def _unreadable(shown: str, error: OSError) -> DataError:
    return DataError(
        f"{printable(shown)} cannot be read: {error.strerror or error}.",
        hint="Check the permissions of the file and of its folder.",
    )


def not_utf8(source: Source) -> DataError | None:
    """Where a CSV file that is not packed has a byte that is not UTF-8, if it has one."""
    if source.suffix.endswith(".gz"):
        return None
    for path in source.files:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                wide = b"\0" in line
                try:
                    line.decode("utf-8")
                except UnicodeDecodeError:
                    pass
                else:
                    if not wide:
                        continue
                looks = "It looks like UTF-16" if wide else "It may be Latin-1 or Windows-1252"
                return DataError(
                    f"{source.shown} is not UTF-8: line {number} has a byte that cannot be.",
                    hint=f"{looks}: save it as UTF-8.",
                    line=number,
                )
    return None

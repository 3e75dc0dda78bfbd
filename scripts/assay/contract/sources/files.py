"""The files of a table: found, looked at before their content matters, and watched."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from assay.console import printable
from assay.contract import reader
from assay.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from assay.contract.sources.remote import Stored

FORMATS = (
    "Parquet (.parquet, .pq), CSV (.csv, .tsv) and JSON lines (.jsonl, .ndjson), both also with"
    " .gz, .zst or .bz2, and Arrow (.arrow, .feather, .ipc)"
)
COMPRESSIONS = (".gz", ".zst", ".bz2")
_KINDS = {
    ".parquet": ".parquet",
    ".pq": ".parquet",
    ".csv": ".csv",
    ".tsv": ".tsv",
    ".jsonl": ".jsonl",
    ".ndjson": ".jsonl",
    ".arrow": ".arrow",
    ".feather": ".arrow",
    ".ipc": ".arrow",
}
_PACKABLE = (".csv", ".tsv", ".jsonl")
_PARTITION = re.compile(r"([^=]+)=(.*)", re.DOTALL)
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class Kind:
    """A format."""

    suffix: str
    """`.parquet`, `.csv`, `.tsv`, `.jsonl` or `.arrow`."""
    compression: str = ""
    """`.gz`, `.zst`, `.bz2`, or nothing."""


@dataclass(frozen=True)
class Part:
    """One file of a table."""

    path: Path
    shown: str
    """What messages call it."""
    stamp: tuple[int, int, int]
    """Size, time of the last change in ns, and inode, when it was opened."""
    partition: Mapping[str, str | None] = field(default_factory=dict)
    """The values in the names of its folders (`year=2024`), as pandas and polars read them."""
    stored: Stored | None = None
    """Where its bytes are, if it is not a local file."""

    def open(self) -> Any:
        """What pyarrow and polars read: its path, or an open file."""
        return self.path if self.stored is None else self.stored.open()


@dataclass(frozen=True)
class Files:
    """The files of a table, all in one format."""

    parts: tuple[Part, ...]
    kind: Kind
    shown: str
    folder: Path | None
    """The folder that was named, if one was."""

    @property
    def bytes(self) -> int:
        """Size on disk."""
        return sum(part.stamp[0] for part in self.parts)

    def check_unchanged(self) -> None:
        """Compare with what was found at the beginning.

        Raises:
            DataError: A file was changed, or is gone.
        """
        for part in self.parts:
            try:
                now = _stamp(part.path)
            except OSError:
                now = None
            if now != part.stamp:
                raise DataError(
                    f"{part.shown} {'is gone' if now is None else 'was changed'} while it was"
                    " validated.",
                    hint="What was found may be about neither version: let its writer finish"
                    " first, and validate again.",
                )


def found(paths: Path | Sequence[Path], *, shown: str, name: str | None = None) -> Files:
    """Look at the files of a table.

    Args:
        paths: A file, a folder of parts, or the parts.
        shown: What messages call the table.
        name: A name whose suffix tells the format; by default that of the first file. Objects in
            DVC's cache have none.

    Raises:
        DataError: A file is missing, empty, a pointer, or in no supported format.
    """
    shown = printable(shown)
    if not isinstance(paths, Path):
        folder, listed = None, [(path, path.name) for path in paths]
    elif paths.is_dir():
        folder, listed = paths, [(paths / name, name) for name in _below(paths, shown)]
    else:
        folder, listed = None, [(paths, "")]
    if not listed:
        inside = "no data file in it" if folder and any(folder.iterdir()) else "nothing in it"
        raise DataError(f"{shown} has {inside}.", hint=f"Supported: {FORMATS}.")
    kind = one_kind([name or below or path.name for path, below in listed], shown)
    parts = tuple(
        _part(
            path,
            below if folder else "",
            kind,
            f"{shown}/{printable(below)}" if folder else printable(below) or shown,
        )
        for path, below in listed
    )
    return Files(parts=parts, kind=kind, shown=shown, folder=folder)


def one_kind(names: Sequence[str], shown: str) -> Kind:
    """The format of all files of a table.

    Raises:
        DataError: One is in no supported format, or they differ.
    """
    kinds = {kind_of(name): name for name in names}
    if None in kinds:
        raise DataError(f"{shown} is in no supported format.", hint=f"Supported: {FORMATS}.")
    if len(kinds) > 1:
        one, other, *_ = map(printable, kinds.values())
        raise DataError(
            f"{shown} mixes formats: {one} and {other}.",
            hint="Give each kind of file an entry of its own in `data`.",
        )
    return next(kind for kind in kinds if kind is not None)


def kind_of(name: str) -> Kind | None:
    """The format that a file's name tells."""
    suffixes = [suffix.lower() for suffix in PurePath(name).suffixes]
    compression = suffixes.pop() if suffixes[-1:] and suffixes[-1] in COMPRESSIONS else ""
    kind = _KINDS.get(suffixes[-1]) if suffixes else None
    if kind is None or (compression and kind not in _PACKABLE):
        return None
    return Kind(kind, compression)


def _below(folder: Path, shown: str) -> list[str]:
    """The data files in a folder and in those below, in the order in which pyarrow reads them."""
    try:
        names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    except OSError as error:
        raise reader.unreadable(shown, error) from error
    return in_folder([name for name in names if (folder / name).is_file()], shown)


def in_folder(names: Iterable[str], shown: str) -> list[str]:
    """The data files among all files of a folder and of those below.

    Args:
        names: Their paths in the folder.
        shown: What messages call it.

    Raises:
        DataError: Beside Parquet there is something else. Libraries do not read such a folder.
    """
    # As pyarrow and Spark: `_SUCCESS`, `.crc` and the like are no data.
    visible = [name for name in names if not any(part[0] in "._" for part in PurePath(name).parts)]
    kinds = {name: kind_of(name) for name in visible}
    found = [name for name, kind in kinds.items() if kind is not None]
    stray = next((name for name, kind in kinds.items() if kind is None), None)
    if stray is not None and Kind(".parquet") in kinds.values():
        raise DataError(
            f"{shown} holds {printable(stray)}, which is no Parquet file: pandas, polars and Spark"
            " do not read such a folder.",
            hint="Move it away, or let its name begin with `_` or `.`.",
        )
    return found


def _part(path: Path, below: str, kind: Kind, shown: str) -> Part:
    reader.probe(path, shown)
    values = partition(below) if kind.suffix == ".parquet" else {}
    return Part(path=path, shown=shown, stamp=_stamp(path), partition=values)


def partition(below: str) -> dict[str, str | None]:
    """The values in the names of a file's folders."""
    values = {}
    for segment in PurePath(below).parts[:-1]:
        if matched := _PARTITION.fullmatch(segment):
            key, value = matched.groups()
            values[unquote(key)] = None if value == _NO_VALUE else unquote(value)
    return values


def _stamp(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ino

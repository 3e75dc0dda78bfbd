"""Tables that a contract can be held against: files, folders, objects in a remote, databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from assay.contract.sources.base import Source


def open_source(
    paths: Sequence[Path] | Path, *, shown: str, name: str | None = None, private: bool
) -> Source:
    """Open a table that is in files.

    Args:
        paths: A file, a folder of parts, or the parts.
        shown: What messages call it.
        name: A name whose suffix tells the format; by default that of the first file. Objects in
            DVC's cache have none.
        private: Whether values must not appear in messages.

    Raises:
        DataError: It cannot be read as a table.
        OutsideError: A package is missing that reads it.
    """
    from assay.contract.sources import files
    from assay.contract.sources.converted import ConvertedSource
    from assay.contract.sources.parquet import ParquetSource

    found = files.found(paths, shown=shown, name=name)
    if found.kind.suffix == ".parquet":
        return ParquetSource(found, private=private)
    return ConvertedSource(found, private=private)


def open_remote(
    root: Path,
    path: str,
    *,
    shown: str,
    private: bool,
    remote: str | None = None,
    rev: str | None = None,
) -> Source:
    """Open a table that is in a DVC remote, without fetching it: Parquet by columns, as needed.

    Other formats are read to the end anyway; a copy lies in the temporary folder until `close`.

    Args:
        root: The folder of the DVC project.
        path: The file or folder, relative to it.
        shown: What messages call it.
        private: Whether values must not appear in messages.
        remote: The name of the remote; the default one, or that of the file, by default.
        rev: A git revision; the work tree by default.

    Raises:
        DataError: DVC does not track it, it is in no supported format, or not in the remote.
        OutsideError: The remote does not answer, or a package is missing.
    """
    from assay.contract.sources.remote import RemoteSource

    return RemoteSource(root, path, remote=remote, rev=rev, shown=shown, private=private)


def open_table(url: str, table: str, *, shown: str, private: bool = False) -> Source:
    """Open a table in a database.

    Args:
        url: As for `ibis.connect`; it may hold a password, and is in no message.
        table: Its name, with the schema and the catalog before it where that is needed.
        shown: What messages call it.
        private: Whether values must not appear in messages.

    Raises:
        DataError: The URL cannot be used, or there is no such table.
        OutsideError: The database does not answer, or a package is missing.
    """
    from assay.contract.sources.database import DatabaseSource

    return DatabaseSource(url, table, shown=shown, private=private)

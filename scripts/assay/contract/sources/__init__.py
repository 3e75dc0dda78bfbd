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

"""A text file as pandas has it: kept as Parquet, or in memory where only the whole of it tells."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from assay.contract.sources import duck, stored
from assay.contract.sources.files import Kind
from assay.contract.sources.parquet import ParquetSource

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from assay.contract.schema import Backend
    from assay.contract.sources.base import Layout
    from assay.contract.sources.files import Files
    from assay.contract.sources.pieces import Pieces


class PandasText:
    """Text files, not packed.

    Args:
        files: The parts.
        folder: Where files may be made.
        private: Whether values must not appear in messages.
    """

    def __init__(self, files: Files, folder: Path, *, private: bool) -> None:
        self._files = files
        self._folder = folder
        self._private = private
        self._frame: Any = None
        self._mixed: set[str] = set()
        self._inner: Any = None

    def close(self) -> None:
        """Let go of DuckDB."""
        if self._inner is not None:
            self._inner.close()
            self._inner = None

    def _kept(self, pieces: Pieces, backend: Backend, *, has_index: bool) -> tuple[Layout, Any]:
        """The layout of the Parquet files, and the table without rows, with pandas' dtypes."""
        made, empty = pieces.finish()
        first = self._files.parts[0]
        parts = tuple(replace(first, path=path) for path in made)
        files = replace(self._files, parts=parts, kind=Kind(".parquet"), folder=None)
        self._mixed = pieces.mixed
        self._inner = ParquetSource(files, private=self._private)
        return self._inner.layout(backend, has_index=has_index), empty

    def _held(self, read: Sequence[Any]) -> Layout:
        """The layout of what was read whole, a frame of each part."""
        self._frame = together(read)
        self._inner = duck.opened([], "", ordered=True, stored=True)
        return stored.frame_layout(self._inner, self._frame, shown=self._files.shown)


def together(read: Sequence[Any]) -> Any:
    """The frames of all parts as one table."""
    import pandas as pd

    return read[0] if len(read) == 1 else pd.concat(read, ignore_index=True)

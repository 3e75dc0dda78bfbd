"""CSV for pandas: read by pandas itself a piece at a time, and kept as Parquet.

`read_csv` infers types from pieces of a file, so that a column may hold numbers here and texts
there. Read in the same pieces, the file gives the same values and dtypes, in bounded memory.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from assay.contract import csvfields, reader
from assay.contract.sources import frames, stored
from assay.contract.sources.pandastext import PandasText, together
from assay.contract.sources.pieces import Pieces
from assay.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from assay.contract.schema import Backend
    from assay.contract.sources.base import Layout
    from assay.contract.sources.files import Files, Part

SEPARATORS = {".csv": ",", ".tsv": "\t"}
_CELLS = 2**20


class CsvTable(PandasText):
    """CSV files with one header, not packed.

    Args:
        files: The parts.
        folder: Where files may be made.
        private: Whether values must not appear in messages.
        has_index: Whether the schema describes an index.

    Raises:
        DataError: It cannot be read as a table.
    """

    def __init__(self, files: Files, folder: Path, *, private: bool, has_index: bool) -> None:
        super().__init__(files, folder, private=private)
        self._has_index = has_index

    def layout(self, backend: Backend, *, has_index: bool) -> Layout:
        """See `Source`."""
        import pandas as pd

        heads = [self._read(part, nrows=1) for part in self._files.parts]
        for part, head in zip(self._files.parts, heads, strict=True):
            if list(head.columns) != list(heads[0].columns):
                raise DataError(
                    f"The parts of {self._files.shown} have different columns: {part.shown} is not"
                    f" like {self._files.parts[0].shown}.",
                    hint="Give each kind of file an entry of its own in `data`.",
                )
        # Rows that are longer than the header have an index.
        if not all(len(head) and isinstance(head.index, pd.RangeIndex) for head in heads):
            return self._whole()
        pieces = Pieces(self._folder)
        for part in self._files.parts:
            self._add(part, pieces, width=heads[0].shape[1])
        layout, empty = self._kept(pieces, backend, has_index=has_index)
        return replace(layout, empty=empty)

    def _add(self, part: Part, pieces: Pieces, *, width: int) -> None:
        """Add the rows of a file."""
        filled = False
        pieces.next_file()
        for frame in self._frames(part, width):
            pieces.add(frame)
            filled = filled or bool(frame.iloc[:, -1].isna().any())
        if problem := reader.misread(self._source(part), filled=filled, has_index=self._has_index):
            raise problem

    def _whole(self) -> Layout:
        """Everything in memory, as the user's own program has it."""
        import pandas as pd

        read = [
            reader.read_csv(
                pd, self._source(part), has_index=self._has_index, private=self._private
            )
            for part in self._files.parts
        ]
        return self._held(read)

    # --- reading with pandas --------------------------------------------------------------------

    def _source(self, part: Part) -> csvfields.Csv:
        return csvfields.Csv(part.path, part.shown, SEPARATORS[self._files.kind.suffix])

    def _by_pandas(self, part: Part, read: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """What `read` gives, with its errors as ours."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # DtypeWarning and the like: the schema will tell
                return read(*args, **options)
        except BaseException as error:
            if not reader.is_failure(error):
                raise
            raise reader.explain(self._source(part), error, private=self._private) from error

    def _read(self, part: Part, **options: Any) -> Any:
        import pandas as pd

        separator = self._source(part).separator
        return self._by_pandas(part, pd.read_csv, part.path, sep=separator, **options)

    def _frames(self, part: Part, width: int, **options: Any) -> Iterator[Any]:
        """The pieces in which `read_csv` looks at a file of so many columns."""
        rows = _rows_of_piece(width)
        with self._read(part, chunksize=rows, **options) as found:
            while (frame := self._by_pandas(part, next, found, None)) is not None:
                yield frame

    # --- frames ---------------------------------------------------------------------------------

    def frames(
        self, layout: Layout, columns: Sequence[str] | None = None, *, rows: int | None = None
    ) -> Iterator[Any]:
        """See `Source`."""
        wanted = list(layout.empty.columns) if columns is None else list(columns)
        if self._frame is not None:
            yield from stored.slices(self._frame[wanted], rows)
        elif not self._mixed & set(wanted):
            for frame in self._inner.frames(layout, wanted, rows=rows):
                yield _with_nan(frame)
        elif rows is None:
            yield self._read_again(layout, wanted)
        else:
            for frame in self._pieces_again(layout, wanted):
                yield from stored.slices(frame, rows)

    def _read_again(self, layout: Layout, wanted: Sequence[Any]) -> Any:
        positions = [layout.empty.columns.get_loc(name) for name in wanted]
        read = [self._read(part, usecols=positions) for part in self._files.parts]
        return together(read)[list(wanted)]

    def _pieces_again(self, layout: Layout, wanted: Sequence[Any]) -> Iterator[Any]:
        import pandas as pd

        positions = [layout.empty.columns.get_loc(name) for name in wanted]
        start = 0
        for part in self._files.parts:
            for frame in self._frames(part, layout.empty.shape[1], usecols=positions):
                frame.index = pd.RangeIndex(start, start + len(frame))
                start += len(frame)
                yield frames.conform(frame, layout.empty[list(wanted)], {})


def _rows_of_piece(width: int) -> int:
    """The rows for which pandas' parser infers types at once: a power of two below 2**20 cells."""
    rows = 1
    while rows * 2 < _CELLS // width:
        rows *= 2
    return rows


def _with_nan(frame: Any) -> Any:
    """Missing values as pandas' own reader writes them: NaN."""
    for name in frame.columns:
        if frame[name].dtype == object:
            frame[name] = frame[name].where(frame[name].notna(), float("nan"))
    return frame

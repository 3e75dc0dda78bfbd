"""JSON lines for pandas: read by pandas a piece at a time, as far as that gives the same.

`read_json` makes types of a whole column at once: texts that are all numbers become numbers, and
floats without a fraction whole numbers. One value can settle that it does neither. Where none does,
and for columns that it takes for dates by their name, the file is read whole.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from assay.contract import reader
from assay.contract.scan import memory
from assay.contract.sources import duck, frames, stored
from assay.contract.sources.pandastext import PandasText
from assay.contract.sources.pieces import Pieces
from assay.errors import DataError, OutsideError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.contract.schema import Backend
    from assay.contract.sources.base import Layout
    from assay.contract.sources.files import Part

_PIECE = 8 << 20
"""Bytes of a piece, about."""
_READ_WHOLE = 14
"""`read_json` takes so many times the size of the file; measured for 20 columns."""
_DATES = ("modified", "date", "datetime")


class JsonTable(PandasText):
    """Files of JSON lines, not packed."""

    def layout(self, backend: Backend, *, has_index: bool) -> Layout:
        """See `Source`.

        Raises:
            DataError: It cannot be read, or must be read whole and takes too much memory.
        """
        pieces = self._pieces() if len(self._files.parts) == 1 else None
        if pieces is None:
            return self._whole()
        layout, empty = self._kept(pieces, backend, has_index=has_index)
        return replace(layout, empty=_typed(empty, pieces))

    def _pieces(self) -> Pieces | None:
        """The rows, where the types of all columns are certain; else nothing."""
        pieces = Pieces(self._folder)
        no_numbers: set[Any] = set()
        fractions: set[Any] = set()
        names: list[Any] = []
        for frame in self._raw():
            names = names or list(frame.columns)
            if list(frame.columns) != names or any(map(_may_be_date, names)):
                return None
            no_numbers |= {n for n in names if n not in no_numbers and _has_no_number(frame[n])}
            fractions |= {n for n in names if n not in fractions and _has_fraction(frame[n])}
            pieces.add(frame)
        certain = all(
            (name in no_numbers and kinds <= {"text", "mixed", "none"})
            or (name in fractions and kinds <= {"int", "float", "none"})
            or kinds <= {"int", "none"}
            or kinds in ({"uint"}, {"bool"})
            for name, kinds in pieces.kinds.items()
        )
        return pieces if names and certain else None

    def _raw(self) -> Iterator[Any]:
        """Pieces of the only file, with the values as they are in it."""
        import pandas as pd

        (part,) = self._files.parts
        rows = _rows_of_piece(part)
        try:
            with (
                warnings.catch_warnings(),
                pd.read_json(part.path, lines=True, dtype=False, chunksize=rows) as found,
            ):
                warnings.simplefilter("ignore")
                yield from found
        except (ValueError, UnicodeDecodeError) as error:
            raise _unreadable(part, error, private=self._private) from error

    def _whole(self) -> Layout:
        """Everything in memory, as the user's own program has it."""
        room, needed = memory.available(), self._files.bytes * _READ_WHOLE
        if room is not None and needed > room:
            raise DataError(
                f"{self._files.shown} must be read whole, which takes about"
                f" {memory.in_words(needed)} of memory, where {memory.in_words(room)} are free.",
                hint="Only all values together tell pandas the types of its columns. Write it as"
                " Parquet, or use a larger machine.",
            )
        return self._held([self._part(part) for part in self._files.parts])

    def _part(self, part: Part) -> Any:
        import pandas as pd

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return pd.read_json(part.path, lines=True)
        except MemoryError as error:
            raise reader.too_large(part.shown) from error
        except (ValueError, UnicodeDecodeError) as error:
            raise _unreadable(part, error, private=self._private) from error

    def frames(
        self, layout: Layout, columns: Sequence[str] | None = None, *, rows: int | None = None
    ) -> Iterator[Any]:
        """See `Source`."""
        import pandas as pd

        wanted = list(layout.empty.columns) if columns is None else list(columns)
        if self._frame is not None:
            yield from stored.slices(self._frame[wanted], rows)
            return
        if not self._mixed & set(map(str, wanted)):
            yield from self._inner.frames(layout, wanted, rows=rows)
            return
        empty = layout.empty[wanted]
        pieces = (frames.conform(frame[wanted], empty, {}) for frame in self._raw())
        if rows is None:
            yield pd.concat(pieces)
        else:
            yield from chain.from_iterable(stored.slices(frame, rows) for frame in pieces)


def _rows_of_piece(part: Part) -> int:
    """The lines that are about a piece, by the first of them."""
    with part.path.open("rb") as file:
        start = file.read(1 << 20)
    return max(_PIECE * max(start.count(b"\n"), 1) // len(start), 1)


def _may_be_date(name: Any) -> bool:
    """Whether pandas takes a column for dates."""
    lower = str(name).lower()
    return lower.endswith(("_at", "_time")) or lower in _DATES or lower.startswith("timestamp")


def _has_no_number(column: Any) -> bool:
    """Whether a value keeps pandas from making numbers of a column."""
    if column.dtype.kind in "iufb":
        return False
    try:
        column.astype("float64")
    except (TypeError, ValueError):
        return True
    return False


def _has_fraction(column: Any) -> bool:
    """Whether a value, or that one is missing, keeps pandas from making floats whole numbers."""
    return column.dtype.kind == "f" and not bool((column % 1 == 0).all())


def _typed(empty: Any, pieces: Pieces) -> Any:
    """The table without rows, with the dtypes of settled columns."""
    import pandas as pd

    text = pd.DataFrame([{"x": "text"}])["x"].dtype
    dtypes = [
        object
        if str(name) in pieces.mixed
        else text
        if "text" in kinds
        else "float64"
        if "none" in kinds
        else None
        for name, kinds in pieces.kinds.items()
    ]
    typed = pd.DataFrame(
        {
            number: empty.iloc[:, number].astype(dtype or empty.iloc[:, number].dtype)
            for number, dtype in enumerate(dtypes)
        },
        index=empty.index,
    )
    typed.columns = empty.columns
    return typed


def _unreadable(part: Part, error: Exception, *, private: bool) -> DataError | OutsideError:
    if duck.ran_short(error):
        return duck.memory_short(part.shown)
    return reader.not_json_lines(part.shown, error, private=private)

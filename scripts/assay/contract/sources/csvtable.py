"""CSV for pandas: parsed once by DuckDB, with the values and dtypes that pandas gives.

pandas infers a column's dtype from all of its values, and from chunks of them. What some rows
suggest is tried on all: a value that does not fit is kept as text beside the others, so that one
pass tells everything. Columns in which pandas may see something else than DuckDB (numbers with
leading zeros, `inf`, numbers among texts, ...) are then read by pandas itself, those alone.
"""

from __future__ import annotations

import codecs
import re
import warnings
from typing import TYPE_CHECKING, Any

from assay.contract import reader
from assay.contract.sources import csvguess, duck, frames, stored
from assay.datadiff.csvload import NULLS
from assay.datadiff.engine import text
from assay.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.contract.schema import Backend
    from assay.contract.sources.base import Layout
    from assay.contract.sources.files import Files, Part

SEPARATORS = {".csv": ",", ".tsv": "\t"}
_TRIED = 200
"""Columns that are counted in one query."""
_RAGGED = re.compile(r"Line: (\d+)[\s\S]*?Expected Number of Columns: (\d+) Found: (\d+)")


class CsvTable:
    """CSV files with one header, not packed.

    Args:
        files: The parts.
        private: Whether values must not appear in messages.
        has_index: Whether the schema describes an index.

    Raises:
        DataError: It cannot be read as a table.
    """

    def __init__(self, files: Files, *, private: bool, has_index: bool) -> None:
        self._files = files
        self._private = private
        self._has_index = has_index
        self._frame: Any = None
        self._mixed: set[str] = set()
        self._duck = duck.opened(
            files.parts,
            files.kind.suffix,
            ordered=True,
            stored=True,
        )

    def close(self) -> None:
        """Let go of DuckDB."""
        self._duck.close()

    def layout(self, backend: Backend, *, has_index: bool) -> Layout:  # noqa: ARG002 (pandas, and known)
        """See `Source`."""
        import pandas as pd

        head = self._heads()
        if head is None or not self._parsed(head):
            return self._whole()
        columns = self._columns(head)
        names = [str(name) for name in head.columns]
        empty = pd.DataFrame(
            {n: pd.Series([], dtype=column.dtype) for n, column in enumerate(columns)},
            index=pd.RangeIndex(0),
        )
        empty.columns = head.columns
        return stored.layout(
            self._duck, empty, [column.sql for column in columns], names, shown=self._files.shown
        )

    # --- reading with pandas --------------------------------------------------------------------

    def _source(self, part: Part) -> reader.Csv:
        return reader.Csv(part.path, part.shown, SEPARATORS[self._files.kind.suffix])

    def _by_pandas(self, part: Part, **options: Any) -> Any:
        import pandas as pd

        source = self._source(part)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # DtypeWarning and the like: the schema will tell
                return pd.read_csv(part.path, sep=source.separator, **options)
        except BaseException as error:
            if not reader.is_failure(error):
                raise
            raise reader.explain(source, error, private=self._private) from error

    def _heads(self) -> Any:
        """The first rows; `None` where only pandas can read the rest."""
        import pandas as pd

        heads = [self._by_pandas(part, nrows=csvguess.SAMPLE) for part in self._files.parts]
        first = heads[0]
        for part, head in zip(self._files.parts, heads, strict=True):
            if list(head.columns) != list(first.columns):
                raise DataError(
                    f"The parts of {self._files.shown} have different columns: {part.shown} is not"
                    f" like {self._files.parts[0].shown}.",
                    hint="Give each kind of file an entry of its own in `data`.",
                )
        # Rows that are longer than the header have an index; blank lines of one column, and above
        # the header, are skipped.
        plain = all(isinstance(head.index, pd.RangeIndex) for head in heads)
        plain = plain and not any(map(self._starts_blank, self._files.parts))
        return first if plain and first.shape[1] > 1 and all(map(len, heads)) else None

    def _starts_blank(self, part: Part) -> bool:
        with self._source(part).open() as file:
            return not file.readline(1 << 20).removeprefix(codecs.BOM_UTF8).strip()

    def _whole(self) -> Layout:
        """Everything in memory, as the user's own program has it."""
        import pandas as pd

        read = [
            reader.read_csv(
                pd, self._source(part), has_index=self._has_index, private=self._private
            )
            for part in self._files.parts
        ]
        self._frame = read[0] if len(read) == 1 else pd.concat(read, ignore_index=True)
        return stored.frame_layout(self._duck, self._frame, shown=self._files.shown)

    # --- parsing with DuckDB --------------------------------------------------------------------

    def _parsed(self, head: Any) -> bool:
        """Parse all rows; whether that went well, which else only pandas can do."""
        import duckdb

        width, separator = head.shape[1], SEPARATORS[self._files.kind.suffix]
        self._guesses = self._guessed(width)
        columns = ", ".join(
            f"{value} AS c{n}, CASE WHEN c{n} IS NOT NULL AND ({doubt}) THEN c{n} END AS x{n}"
            for n, (value, doubt) in enumerate(map(csvguess.tried, range(width), self._guesses))
        )
        parts = " UNION ALL ".join(
            f"SELECT {columns} FROM {_read(link, width, separator)}"  # noqa: S608 (ours)
            for link in self._duck.links
        )
        try:
            self._duck.connection.execute(f"CREATE OR REPLACE TABLE {stored.STORED} AS {parts}")
        except (duckdb.OutOfMemoryException, MemoryError) as error:
            raise duck.memory_short(self._files.shown) from error
        except duckdb.Error as error:
            if (problem := too_long(error, self._files.parts)) is not None:
                raise problem from error
            return False
        return True

    def _guessed(self, width: int) -> list[str]:
        source = self._source(self._files.parts[0])
        with source.open() as file:
            return csvguess.guessed(file.read(1 << 20), source.separator, width)

    def _columns(self, head: Any) -> list[csvguess.Column]:
        counts = self._counted(len(self._guesses))
        doubtful = []
        columns: list[csvguess.Column | None] = []
        for number, count in enumerate(counts):
            column = csvguess.settled(
                number, self._guesses[number], count, head.iloc[:, number].dtype
            )
            columns.append(column)
            if column is None:
                doubtful.append(number)
        if not doubtful:
            return [column for column in columns if column is not None]
        return self._reread(columns, doubtful, head)

    def _counted(self, width: int) -> list[tuple[int, int, int, int]]:
        """Of each column: rows, values, doubts, and doubts that are plain numbers."""
        found: list[tuple[int, int, int, int]] = []
        for first in range(0, width, _TRIED):
            numbers = range(first, min(first + _TRIED, width))
            counts = ", ".join(
                f"count(c{n}), count(x{n}), count(*) FILTER ({csvguess.IS_PLAIN.format(f'x{n}')})"
                for n in numbers
            )
            (row,) = self._duck.connection.execute(
                f"SELECT count(*), {counts} FROM {stored.STORED}"  # noqa: S608 (ours)
            ).fetchall()
            found += [(row[0], *row[3 * i + 1 : 3 * i + 4]) for i in range(len(numbers))]
        return found

    def _reread(
        self, columns: Sequence[csvguess.Column | None], doubtful: Sequence[int], head: Any
    ) -> list[csvguess.Column]:
        """Put in the place of doubtful columns what pandas reads."""
        import pandas as pd

        read = [self._by_pandas(part, usecols=list(doubtful)) for part in self._files.parts]
        frame = read[0] if len(read) == 1 else pd.concat(read, ignore_index=True)
        connection = self._duck.connection
        connection.execute(f"ALTER TABLE {stored.STORED} RENAME TO parsed")
        stored.keep_frame(self._duck, frame)
        connection.execute(f"ALTER TABLE {stored.STORED} RENAME TO reread")
        selected = ", ".join(
            f"reread.c{doubtful.index(n)} AS r{n}" if n in doubtful else f"parsed.c{n}, parsed.x{n}"
            for n in range(len(columns))
        )
        connection.execute(
            # Both have the rows of the file, in its order.
            f"CREATE TABLE {stored.STORED} AS SELECT {selected} FROM parsed POSITIONAL JOIN reread"  # noqa: S608
        )
        connection.execute("DROP TABLE parsed")
        connection.execute("DROP TABLE reread")
        types = self._duck.columns(stored.STORED)
        result = []
        for number, column in enumerate(columns):
            if column is not None:
                result.append(column)
                continue
            values = frame.iloc[:, doubtful.index(number)]
            name = f"r{number}"
            if types[name] == "BLOB":
                self._mixed.add(str(head.columns[number]))
            sql = f"CASE WHEN isnan({name}) THEN NULL ELSE {name} END"
            result.append(csvguess.Column(sql if types[name] == "DOUBLE" else name, values.dtype))
        return result

    # --- frames ---------------------------------------------------------------------------------

    def frames(
        self, layout: Layout, columns: Sequence[str] | None = None, *, rows: int | None = None
    ) -> Iterator[Any]:
        """See `Source`."""
        wanted = list(layout.empty.columns) if columns is None else list(columns)
        plain = layout.table is not None and not self._mixed & set(map(str, wanted))
        if self._frame is None and rows is not None and plain:
            yield from self._batches(layout, wanted, rows)
            return
        frame = self._read_again(layout, wanted) if self._frame is None else self._frame[wanted]
        yield from stored.slices(frame, rows)

    def _read_again(self, layout: Layout, wanted: Sequence[Any]) -> Any:
        import pandas as pd

        positions = [layout.empty.columns.get_loc(name) for name in wanted]
        read = [self._by_pandas(part, usecols=positions) for part in self._files.parts]
        frame = read[0] if len(read) == 1 else pd.concat(read, ignore_index=True)
        return frame[list(wanted)]

    def _batches(self, layout: Layout, wanted: Sequence[Any], rows: int) -> Iterator[Any]:
        import pandas as pd

        start = 0
        names = [str(name) for name in wanted]
        for table in stored.arrow_batches(self._duck, names, rows):
            frame = table.to_pandas()
            frame.index = pd.RangeIndex(start, start + len(frame))
            start += len(frame)
            for name in names:  # pandas' own reader writes a missing value as NaN
                if frame[name].dtype == object:
                    frame[name] = frame[name].where(frame[name].notna(), float("nan"))
            yield frames.conform(frame, layout.empty[list(wanted)], {})


def too_long(error: Exception, parts: Sequence[Part]) -> DataError | None:
    """A row with more fields than the header, if DuckDB found one; of one with less pandas decides.

    It knows the line, so that a large file is not looked at again.
    """
    found = _RAGGED.search(str(error))
    if found is None or int(found[3]) <= int(found[2]):
        return None
    shown = parts[0].shown if len(parts) == 1 else None
    return reader.ragged_at(int(found[1]), int(found[3]), int(found[2]), shown) if shown else None


def _read(link: str, width: int, separator: str) -> str:
    listed = ", ".join(f"'c{number}': 'VARCHAR'" for number in range(width))
    nulls = ", ".join(map(text, NULLS))
    return (
        f"read_csv({text(link)}, auto_detect = false, columns = {{{listed}}}, header = true,"
        f" delim = '{separator}', quote = '\"', escape = '\"', nullstr = [{nulls}])"
    )

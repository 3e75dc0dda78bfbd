"""Rows that lie in files. Text becomes Parquet in the scratch folder, once.

Only the Parquet files are read whose footers say that they have rows of the window, and of those
only such row groups. What a server that crashed left half-written is told by name and left out.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.console import printable
from assay.contract.sources.files import kind_of
from assay.monitor import listing, scan
from assay.monitor.listing import Listed, NotReadable
from assay.monitor.moments import after, moment, no_time, utc, within

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from assay.monitor.windows import Span

MEMORY = 400
"""MB that DuckDB may use before it spills."""
_MOST_NAMED = 5
_FORM = {".csv": "read_csv", ".tsv": "read_csv", ".jsonl": "read_json"}


@dataclass(frozen=True)
class Odd:
    """Rows that belong to no window."""

    ahead: int = 0
    """Dated later than now."""
    undated: int = 0


class Duck:
    """The engine that reads files, in bounded memory.

    Args:
        scratch: Where it may write.
    """

    def __init__(self, scratch: Path) -> None:
        import duckdb
        import ibis

        self.scratch = scratch
        settings: dict[str, Any] = {
            "memory_limit": f"{MEMORY}MB",
            "temp_directory": str(scratch / "spilled"),
            "autoinstall_known_extensions": False,
            "allow_community_extensions": False,
        }
        self.connection = duckdb.connect(config=settings)
        self.connection.execute("SET TimeZone = 'UTC'; SET disable_parquet_prefetching = true")
        self.backend: Any = ibis.duckdb.from_connection(self.connection)
        self._number = 0

    def name(self, stem: str) -> str:
        """A name that is not taken."""
        self._number += 1
        return f"{stem}_{self._number}"

    def view(self, files: Sequence[str]) -> Any:
        """Parquet files as one Ibis table; a column that some lack is null there."""
        name = self.name("rows")
        listed = ", ".join(map(quoted, files))
        plain = f"SELECT * FROM read_parquet([{listed}], union_by_name = true)"  # noqa: S608 (names of ours)
        self.connection.execute(f"CREATE VIEW {name} AS {self._known(plain)}")
        return self.backend.table(name)

    def _known(self, plain: str) -> str:
        """The same with times of microseconds: Ibis does not know those of nanoseconds."""
        described = self.connection.execute(f"DESCRIBE {plain}").fetchall()
        finer = {str(row[0]): str(row[1]) for row in described if str(row[1]).endswith("_NS")}
        if not finer:
            return plain
        casts = (
            f"{named(name)}::{type_.removesuffix('_NS')} AS {named(name)}"
            for name, type_ in finer.items()
        )
        return f"SELECT * REPLACE ({', '.join(casts)}) FROM ({plain})"  # noqa: S608 (quoted)

    def close(self) -> None:
        """End it."""
        self.connection.close()


def named(column: str) -> str:
    """A column in SQL."""
    return '"' + column.replace('"', '""') + '"'


def quoted(text: str) -> str:
    """A literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True)
class _Piece:
    """A file of Parquet."""

    at: Listed
    rows: int
    first: datetime | None = None
    """`None`: it is not known, or no row has a time."""
    last: datetime | None = None
    undated: int = 0

    def overlaps(self, span: Span) -> bool:
        """Whether rows of a window may be in it."""
        first, last = self.first, self.last
        return first is not None and last is not None and first < span.end and last >= span.start


class Files:
    """See `opening.Rows`."""

    def __init__(
        self,
        duck: Duck,
        found: Sequence[Listed],
        *,
        time: str | None,
        key: tuple[str, ...],
        since: datetime | None,
        texts: frozenset[str],
        private: bool,
    ) -> None:
        self._duck, self._time, self._since = duck, time, since
        self._key, self._texts, self._private = key, texts, private
        self._links: dict[str, str] = {}
        pieces: list[_Piece] = []
        bad: list[str] = []
        notes: list[str] = []
        for one in found:
            try:
                pieces.append(self._piece(one))
            except NotReadable as error:
                bad.append(f"{printable(one.shown)} ({error})")
        if bad:
            more = f" and {len(bad) - _MOST_NAMED:,} more" if len(bad) > _MOST_NAMED else ""
            named = ", ".join(bad[:_MOST_NAMED])
            notes.append(f"Left out, for it cannot be read: {named}{more}.")
        if time is not None and pieces and all(one.undated == one.rows for one in pieces):
            self._require_time(pieces)
        self._pieces = pieces
        self.notes = tuple(notes)
        self.unreadable = bool(bad) and not pieces
        self.first = min((one.first for one in pieces if one.first is not None), default=None)

    def of(self, span: Span | None) -> Any:
        """See `Rows`."""
        chosen = [one for one in self._pieces if span is None or one.overlaps(span)]
        if not chosen:
            return None
        rows = self._duck.view([self._local(one) for one in chosen])
        return rows if span is None or self._time is None else within(rows, self._time, span)

    def odd(self, span: Span, limit: datetime) -> Odd:
        """See `Rows`."""
        late = [one for one in self._pieces if one.last is not None and one.last > limit]
        ahead = 0
        if late and self._time is not None:
            rows = self._duck.view([self._local(one) for one in late])
            rows = rows.filter(after(rows, self._time, limit))
            ahead = scan.answer(rows.aggregate(n=rows.count()), private=self._private)["n"]
        near = [one for one in self._pieces if one.first is None or one.overlaps(span)]
        return Odd(ahead=ahead, undated=sum(one.undated for one in near))

    def drop_damaged(self, span: Span) -> tuple[str, ...]:
        """See `Rows`."""
        bad = [one for one in self._pieces if one.overlaps(span) and not _whole(self._local(one))]
        self._pieces = [one for one in self._pieces if one not in bad]
        told = tuple(f"Left out, for it is damaged: {printable(one.at.shown)}." for one in bad)
        self.notes += told
        self.unreadable = self.unreadable or (bool(bad) and not self._pieces)
        return told

    def close(self) -> None:
        """See `Rows`; the connection is not ours."""

    def _piece(self, one: Listed) -> _Piece:
        kind = kind_of(one.name)
        if kind is None or (kind.suffix not in _FORM and kind.suffix != ".parquet"):
            raise NotReadable("no Parquet, CSV or JSON lines")
        if kind.suffix != ".parquet":
            one = self._converted(one, _FORM[kind.suffix], kind.suffix + kind.compression)
        elif one.filesystem is None:
            one = Listed(one.shown, self._linked(one))
        return self._looked_at(one)

    def _linked(self, one: Listed, suffix: str = ".parquet") -> str:
        """A name without characters that DuckDB would take for a pattern."""
        link = self._duck.scratch / f"{self._duck.name('part')}{suffix}"
        link.symlink_to(os.path.realpath(one.path))
        return str(link)

    def _local(self, piece: _Piece) -> str:
        """The path of a file; one of a remote is copied when it is needed."""
        one = piece.at
        if one.filesystem is None:
            return one.path
        if one.path not in self._links:
            target = self._duck.scratch / f"{self._duck.name('part')}.parquet"
            listing.copied(one, target)
            self._links[one.path] = str(target)
        return self._links[one.path]

    def _converted(self, one: Listed, function: str, suffix: str) -> Listed:
        import duckdb

        duck = self._duck
        if one.filesystem is None:
            source = self._linked(one, suffix)
        else:
            source = str(duck.scratch / f"{duck.name('text')}{suffix}")
            listing.copied(one, source)
        target = str(duck.scratch / f"{duck.name('part')}.parquet")
        try:
            reading = self._reading(function, source)
            duck.connection.execute(f"COPY ({reading}) TO {quoted(target)} (FORMAT parquet)")
        except duckdb.Error as error:
            said = str(error).strip().splitlines()
            why = type(error).__name__ if self._private else printable(said[0] if said else "")
            raise NotReadable(why.replace(source, one.shown)[:200]) from error
        return Listed(one.shown, target)

    def _reading(self, function: str, source: str) -> str:
        """SQL that reads a file of text."""
        options = "sample_size = -1, ignore_errors = true"
        if function == "read_json":
            options += ", format = 'newline_delimited'"
        else:
            options = "sample_size = -1, header = true"
        plain = f"SELECT * FROM {function}({quoted(source)}, {options})"  # noqa: S608 (ours)
        described = self._duck.connection.execute(f"DESCRIBE {plain}").fetchall()
        columns = [str(row[0]) for row in described]
        if function == "read_csv" and (fixed := [n for n in columns if n in self._texts]):
            types = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in fixed)
            plain = plain.replace(options, f"{options}, types = {{{types}}}", 1)
        if self._time is None or self._time not in columns:
            return plain
        time = named(self._time)
        dated = f"SELECT * REPLACE (try_cast({time} AS TIMESTAMPTZ) AS {time}) FROM ({plain})"  # noqa: S608 (quoted)
        if self._since is None:
            return dated
        since = f"TIMESTAMPTZ {quoted(self._since.isoformat())}"
        return f"SELECT * FROM ({dated}) WHERE {time} IS NULL OR {time} >= {since}"  # noqa: S608 (quoted)

    def _looked_at(self, one: Listed) -> _Piece:
        """What the footer says."""
        from pyarrow import ArrowException, parquet

        try:
            found = parquet.read_metadata(one.path, filesystem=one.filesystem)
        except OSError as error:
            if one.filesystem is not None:
                raise listing.unreached(one.shown, error) from None
            raise NotReadable(error.strerror or "it is damaged") from error
        except ArrowException as error:
            raise NotReadable("it is cut off or damaged") from error
        if self._time is None:
            return _Piece(one, found.num_rows)
        names = [found.schema.column(place).path for place in range(found.num_columns)]
        if self._time not in names:
            return _Piece(one, found.num_rows, undated=found.num_rows)
        place = names.index(self._time)
        groups = [found.row_group(n).column(place) for n in range(found.num_row_groups)]
        spans = [_statistics(group.statistics) for group in groups]
        if any(span is None for span in spans):
            return self._asked(one, found.num_rows)
        known = [span for span in spans if span is not None]
        firsts = [first for first, _, _ in known if first is not None]
        lasts = [last for _, last, _ in known if last is not None]
        undated = sum(nulls for _, _, nulls in known)
        return (
            _Piece(one, found.num_rows, min(firsts), max(lasts), undated)
            if firsts
            else _Piece(one, found.num_rows, undated=found.num_rows)
        )

    def _asked(self, one: Listed, rows: int) -> _Piece:
        """The same of a file whose footer does not say it."""
        table = self._duck.view([self._local(_Piece(one, rows))])
        time = moment(table, str(self._time))
        asked = table.aggregate(first=time.min(), last=time.max(), dated=time.count())
        found = scan.answer(asked, private=self._private)
        return _Piece(one, rows, found["first"], found["last"], rows - found["dated"])

    def _require_time(self, pieces: Sequence[_Piece]) -> None:
        """A log whose rows have no time at all has another column for it."""
        some = next((one for one in pieces if one.rows), None)
        if some is None:
            return
        columns = self._duck.view([self._local(some)]).columns
        if self._time not in columns:
            raise no_time(str(self._time), columns, self._key)


def _whole(path: str) -> bool:
    """Whether all of a Parquet file can be read."""
    from pyarrow import ArrowException, parquet

    try:
        with parquet.ParquetFile(path) as file:
            for _ in file.iter_batches():
                pass
    except (ArrowException, OSError):
        return False
    return True


def _statistics(found: Any) -> tuple[datetime | None, datetime | None, int] | None:
    """First, last and nulls of a row group; nothing where the footer does not say."""
    if found is None or not found.has_null_count:
        return None
    if not found.has_min_max:
        return (None, None, found.null_count) if found.num_values == 0 else None
    first, last = utc(found.min), utc(found.max)
    return None if first is None or last is None else (first, last, found.null_count)

"""Tables in databases, by the URL of a connection.

The URL may hold a password: it is in no message, and nothing here has a `repr` that shows it.
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, quote, unquote, unquote_plus, urlsplit

from assay.console import printable
from assay.contract import reader
from assay.contract.sources import duck, frames, stored
from assay.contract.sources.base import Layout
from assay.errors import AssayError, DataError, OutsideError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from assay.contract.schema import Backend

_EXTRAS = {
    "duckdb": "duckdb",
    "sqlite": "sqlite",
    "postgres": "postgres",
    "postgresql": "postgres",
    "bigquery": "bigquery",
    "snowflake": "snowflake",
    "trino": "trino",
}
"""The scheme of a URL, and the extra of `ibis-framework` that it needs."""
PATIENCE = "60"
"""Seconds that PostgreSQL has for its first answer; other drivers have limits by default."""
_IN_FILES = {"duckdb", "sqlite"}
_WITHOUT_NAN = {"sqlite"}


class DatabaseSource:
    """A table or view in a database.

    Args:
        url: As for `ibis.connect`; it may hold a password.
        table: Its name, with the schema and the catalog before it where that is needed.
        shown: What messages call it.
        private: Whether values must not appear in messages.

    Raises:
        DataError: The URL cannot be used, or there is no such table.
        OutsideError: The database does not answer, or a package is missing.
    """

    def __init__(self, url: str, table: str, *, shown: str, private: bool) -> None:
        self.shown = printable(shown)
        self._private = private
        address = _address(url, self.shown)
        self._secrets = secrets(url)
        self._file = _file(url, address, self.shown)
        self._stamp = self._look()
        self._folder: Path | None = None
        self._connection = self._connect(url, address)
        try:
            self._table = self._open(table)
        except BaseException:
            self.close()
            raise

    @property
    def bytes(self) -> int:
        """Size of the database's file; 0 for a server."""
        return self._stamp[0][0] if self._stamp else 0

    def check_unchanged(self) -> None:
        """Compare a database that is a file with what it was; a server has nothing to compare.

        Raises:
            DataError: It was changed.
        """
        if self._look() != self._stamp:
            raise DataError(
                f"{self.shown} was changed while it was validated.",
                hint="Let its writer finish first, and validate again.",
            )

    def close(self) -> None:
        """Disconnect."""
        self._connection.disconnect()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def layout(self, backend: Backend, *, has_index: bool) -> Layout:  # noqa: ARG002 (tables have none)
        """See `Source`."""
        try:
            if backend == "pandas":
                return self._for_pandas()
            if backend == "polars":
                empty = self._table.limit(0).to_polars()
                return Layout(empty=empty, table=self._table)
        except Exception as error:  # noqa: BLE001 (each driver has its own)
            raise self._unread(error) from None
        return Layout(empty=self._table, table=self._table)

    def frames(
        self, layout: Layout, columns: Sequence[str] | None = None, *, rows: int | None = None
    ) -> Iterator[Any]:
        """See `Source`."""
        try:
            yield from self._frames(layout, columns, rows)
        except Exception as error:  # noqa: BLE001 (each driver has its own)
            raise self._unread(error) from None

    def _frames(
        self, layout: Layout, columns: Sequence[str] | None, rows: int | None
    ) -> Iterator[Any]:
        if layout.empty is layout.table:
            yield from stored.table_frames(layout, columns, rows)
            return
        wanted = [str(n) for n in (layout.empty.columns if columns is None else columns)]
        table = self._table.select(*wanted)
        if hasattr(layout.empty, "iloc"):
            yield from _pandas_frames(table, layout.empty[wanted], rows)
            return
        import polars as pl

        if rows is None:
            yield table.to_polars()
            return
        empty = layout.empty.select(wanted)
        some = False
        for batch in _batches(table, rows):
            some = True
            yield pl.DataFrame(pl.from_arrow(batch)).cast(dict(empty.schema))
        if not some:
            yield empty

    # --- connecting -----------------------------------------------------------------------------

    def _connect(self, url: str, address: SplitResult) -> Any:
        try:
            import ibis

            if address.scheme == "duckdb":
                self._folder = Path(tempfile.mkdtemp(prefix="assay-contract-"))
                backend = ibis.duckdb.connect(
                    str(self._file),
                    read_only=True,
                    memory_limit=f"{duck.MEMORY}MB",
                    temp_directory=str(self._folder),
                    autoinstall_known_extensions=False,
                    autoload_known_extensions=False,
                    allow_community_extensions=False,
                    disabled_optimizers=duck.BLIND_TO_NAN,
                )
                # A view in the file would read any other file, or an address.
                backend.con.execute("SET enable_external_access = false")
                backend.con.execute("SET lock_configuration = true")
                return backend
            if address.scheme == "sqlite":
                return ibis.sqlite.connect(str(self._file))
            # A server that takes a connection and says nothing; a URL may name a time of its own.
            os.environ.setdefault("PGCONNECT_TIMEOUT", PATIENCE)
            return ibis.connect(url)
        except ImportError as error:
            extra = _EXTRAS[address.scheme]
            missing = error.name or getattr(error.__cause__, "name", None) or "a package"
            raise OutsideError(
                f"{self.shown} cannot be read: {missing} is not installed.",
                hint=f"Add `ibis-framework[{extra}]` to the project's requirements.",
            ) from None
        except Exception as error:  # noqa: BLE001 (each driver has its own)
            raise self._failed("cannot be connected to", error) from None

    def _open(self, table: str) -> Any:
        *database, name = table.split(".")
        where: Any = tuple(database) if len(database) > 1 else database[0] if database else None
        try:
            return self._connection.table(name, database=where)
        except Exception as error:  # noqa: BLE001 (each driver has its own)
            try:
                there = self._names(database)
            except Exception:  # noqa: BLE001 (the first error is the one to show)
                raise self._failed("cannot be read", error) from None
            if name in there:
                raise self._failed("cannot be read", error) from None
        close = difflib.get_close_matches(name, there, n=1)
        listed = ", ".join(f"`{printable(each)}`" for each in sorted(there)[:20]) or "none"
        guess = f"Did you mean `{printable(close[0])}`? " if close else ""
        raise DataError(
            f"{self.shown}: the database has no table `{printable(table)}`.",
            hint=f"{guess}Tables in it: {listed}.",
        )

    def _names(self, database: list[str]) -> list[str]:
        """The tables beside the one that was asked for."""
        if self._connection.name != "duckdb":
            where = tuple(database) if len(database) > 1 else database[0] if database else None
            return list(self._connection.list_tables(database=where))
        # Not by Ibis: some versions cannot do that with new versions of DuckDB.
        schema = database[-1] if database else "main"
        found = self._connection.con.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = ?", [schema]
        ).fetchall()
        return [name for (name,) in found]

    def _failed(self, what: str, error: Exception, *, private: bool = False) -> OutsideError:
        """A driver's error, whose words may quote the address."""
        return OutsideError(
            f"{self.shown} {what}: {type(error).__name__}{self._words(error, private=private)}.",
            hint="Check the URL in the environment variable, the network, and the permissions.",
        )

    def _unread(self, error: Exception) -> AssayError:
        """The same while rows are read, when its words may quote values too."""
        if isinstance(error, AssayError):
            return error
        if not isinstance(error, ValueError | TypeError | ArithmeticError):
            return self._failed("cannot be read", error, private=self._private)
        words = self._words(error, private=self._private)
        return DataError(
            f"{self.shown} cannot be read: {type(error).__name__}{words}.",
            hint="A value may not be of its column's type: SQLite stores any value in any column.",
        )

    def _words(self, error: Exception, *, private: bool) -> str:
        if private:
            return ""
        said = printable(without((str(error).strip().splitlines() or [""])[0], self._secrets))
        said = said[:200].rstrip(".")
        return f": {said}" if said else ""

    def _look(self) -> tuple[tuple[int, int], ...]:
        if self._file is None:
            return ()
        stats = [
            path.stat()
            for path in (self._file, self._file.with_name(f"{self._file.name}-wal"))
            if path.is_file()
        ]
        return tuple((each.st_size, each.st_mtime_ns) for each in stats)

    # --- pandas ---------------------------------------------------------------------------------

    def _for_pandas(self) -> Layout:
        """As `table.to_pandas()` of Ibis: whole numbers with nulls are floats, NaN is missing."""
        import ibis

        table = self._table
        empty = table.limit(0).to_pandas()
        narrow = {
            name: "float64" if type_.is_integer() else "object"
            for name, type_ in table.schema().items()
            if type_.is_integer() or type_.is_boolean()
        }
        if narrow:
            counts = table.aggregate(
                **{f"n{number}": table[name].isnull().sum() for number, name in enumerate(narrow)}
            )
            (found,) = counts.to_pyarrow().to_pylist()
            nulls = [name for number, name in enumerate(narrow) if found[f"n{number}"]]
            empty = empty.astype({name: narrow[name] for name in nulls})
        values = {}
        for name, type_ in table.schema().items():
            if type_.is_integer() and empty[name].dtype.kind == "f":
                values[name] = table[name].cast("float64")
            elif type_.is_floating() and self._connection.name not in _WITHOUT_NAN:
                values[name] = table[name].isnan().ifelse(ibis.null(type_), table[name])
        return Layout(empty=empty, table=table.mutate(**values) if values else table)


def _address(url: str, shown: str) -> SplitResult:
    try:
        address = urlsplit(url)
    except ValueError:
        address = SplitResult("", "", "", "", "")
    if address.scheme not in _EXTRAS:
        found = f"starts with `{address.scheme}://`" if "://" in url else "has no scheme"
        raise DataError(
            f"{shown}: the URL of the database {found}, which is not supported.",
            hint="Supported: " + ", ".join(f"{scheme}://" for scheme in _EXTRAS) + ".",
        )
    return address


def secrets(url: str) -> list[str]:
    """What of a URL must not be shown, the longest first, in the forms that drivers give it."""
    rest = url.partition("://")[2]
    # A password that is not encoded may hold whatever parts a URL: the last `@` counts.
    user, _, after = rest.rpartition("@")
    query = after.partition("?")[2]
    given = {url, rest, user, *re.split(r"[:/?#@]", user), user.partition(":")[2], query}
    given |= {pair.partition("=")[2] for pair in query.split("&")}
    given |= {unquote(each) for each in given} | {unquote_plus(each) for each in given}
    given |= {repr(each)[1:-1] for each in given} | {quote(each, safe="") for each in given}
    host = after.partition("/")[0]
    return sorted((each for each in given if len(each) > 2 and each != host), key=len, reverse=True)


def without(text: str, hidden: Iterable[str]) -> str:
    """A text without what must not be shown."""
    for secret in hidden:
        text = text.replace(secret, "***")
    return text


def _file(url: str, address: SplitResult, shown: str) -> Path | None:
    if address.scheme not in _IN_FILES:
        return None
    path = Path(unquote(url.split("://", 1)[1].split("?", 1)[0]))
    if not path.exists():  # SQLite would make a new one
        raise DataError(
            f"{shown} cannot be read: the database's file does not exist.",
            hint="Correct the URL: `sqlite:///a.db` is `/a.db`, `sqlite://a.db` is in the project.",
        )
    reader.probe(path, shown)
    return path


def _pandas_frames(table: Any, empty: Any, rows: int | None) -> Iterator[Any]:
    import pandas as pd

    if rows is None:
        yield frames.conform(table.to_pandas(), empty, {})
        return
    start = 0
    for batch in _batches(table, rows):
        frame = frames.of_arrow(batch)
        frame.index = pd.RangeIndex(start, start + len(frame))
        start += len(frame)
        yield frames.conform(frame, empty, {})
    if not start:
        yield empty


def _batches(table: Any, rows: int) -> Iterator[Any]:
    """A table as Arrow tables of at most so many rows."""
    import ibis

    backend = table.get_backend()
    if backend.name == "duckdb":
        yield from stored.relation_batches(backend.con.sql(ibis.to_sql(table)), rows)
        return
    yield from stored.slices_of_arrow(table.to_pyarrow_batches(chunk_size=rows), rows)

"""DuckDB, locked down: it reads the named files, spills into one folder, and reaches nothing else.

Names of files and of columns come from whoever wrote the repository. Files are therefore read
through links with names of ours, and columns through views that call them `c0`, `c1`, ...: what
stands in the SQL beside them is quoted in one function.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.console import printable
from assay.datadiff import csvload
from assay.datadiff import source as sources
from assay.errors import DataError, OutsideError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from assay.datadiff.source import Source

MEMORY = 600
"""MB that DuckDB may use before it spills."""
PER_THREAD = 125
"""MB: below this a thread cannot even spill, says DuckDB's guide to performance."""


class MemoryShortError(OutsideError):
    """A query needs more than DuckDB may use and more than it can spill."""


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    sql: str
    """Its name in SQL, quoted."""
    type: str
    """As DuckDB names it."""


@dataclass(frozen=True)
class Table:
    """A table that the engine can read."""

    relation: str
    """Its name in SQL."""
    position: str
    """The SQL of a row's number in its file."""
    columns: Mapping[str, Column]
    """By the name that it has in the file, in order."""
    rows: int
    parts: int
    """Files that it consists of."""
    shown: str


@dataclass(frozen=True)
class Engine:
    """A connection with the tables of one comparison.

    Args:
        connection: Of DuckDB.
        private: Whether values of the data must not appear in messages.
    """

    connection: Any
    private: bool
    tables: Mapping[str, Table]

    def run(self, sql: str) -> None:
        """Execute a statement.

        Raises:
            DataError: The data cannot be processed.
            MemoryShortError: Memory and the space to spill are not enough.
        """
        self.rows(sql)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows that a query gives.

        Raises:
            DataError: The data cannot be processed.
            MemoryShortError: Memory and the space to spill are not enough.
        """
        with _translated(" and ".join(t.shown for t in self.tables.values()), private=self.private):
            return list(self.connection.execute(sql).fetchall())

    def row(self, sql: str) -> tuple[Any, ...]:
        """The only row of a query."""
        return self.rows(sql)[0]


@contextlib.contextmanager
def opened(given: Mapping[str, Source], *, private: bool) -> Iterator[Engine]:
    """An engine over some tables; whatever it spills is gone afterwards.

    Args:
        given: The tables, by the name that they get in SQL.
        private: Whether values of the data must not appear in messages.

    Raises:
        DataError: A file cannot be read as what it should be.
        OutsideError: DuckDB is not installed, or there is no space left.
    """
    try:
        import duckdb
    except ImportError as error:
        raise OutsideError(
            "Data cannot be compared: duckdb is not installed.",
            hint="Install `assay[diff]`, or `duckdb`, in the project's environment.",
        ) from error
    folder = Path(tempfile.mkdtemp(prefix="assay-diff-"))
    try:
        links = {
            name: linked(folder, name, each.files, each.suffix) for name, each in given.items()
        }
        connection = duckdb.connect(":memory:")
        try:
            lock(
                connection,
                folder,
                [link for listed in links.values() for link in listed],
                memory=MEMORY,
            )
            tables = {
                name: _load(connection, name, each, links[name], private=private)
                for name, each in given.items()
            }
            # Rows of CSV are numbered as they come; from here on order only takes memory.
            connection.execute("SET preserve_insertion_order = false")
            connection.execute("SET lock_configuration = true")
            yield Engine(connection=connection, private=private, tables=tables)
        finally:
            connection.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def linked(folder: Path, name: str, files: Sequence[Path], suffix: str) -> list[str]:
    """Links to files, whose names need no quoting and are no globs."""
    links = []
    for number, file in enumerate(files):
        link = folder / f"{name}-{number}{suffix}"
        try:
            link.symlink_to(file.resolve())
        except OSError:  # Windows, where a link takes a privilege
            try:
                os.link(file, link)
            except OSError:
                shutil.copyfile(file, link)
        links.append(link.as_posix())
    return links


def lock(connection: Any, folder: Path, files: Sequence[str], *, memory: int) -> None:
    """Let a connection read `files`, spill into `folder`, and reach nothing else.

    Args:
        connection: Of DuckDB, new.
        folder: Where it may spill.
        files: What it may read.
        memory: MB before it spills; more where its threads could not work with so little.
    """
    threads = int(connection.execute("SELECT current_setting('threads')").fetchone()[0])
    settings = {
        "memory_limit": f"'{max(memory, PER_THREAD * threads)}MB'",
        "temp_directory": text((folder / "spilled").as_posix()),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
        "python_enable_replacements": "false",
        "enable_progress_bar": "false",
        "allowed_paths": f"[{', '.join(map(text, files))}]",
        "enable_external_access": "false",
    }
    for name, value in settings.items():
        connection.execute(f"SET {name} = {value}")


def _load(connection: Any, name: str, source: Source, links: list[str], *, private: bool) -> Table:
    """A view of Parquet files; anything else is parsed once, into a table that may be spilled."""
    position = "file_row_number" if source.form == "Parquet" else "rowid"
    with _translated(source.shown, private=private, source=source):
        if source.form == "Parquet":
            # Column by column as each query needs it: to copy the file first would cost more.
            read = f"read_parquet([{', '.join(map(text, links))}], union_by_name = true"
            described = connection.execute(f"DESCRIBE SELECT * FROM {read})").fetchall()
            columns = {found: Column(quoted(found), str(type_)) for found, type_, *_ in described}
            if position in map(str.lower, columns):  # a column of the user's has the name
                position, numbered = "0", ")"
            else:
                numbered = ", file_row_number = true)"
            connection.execute(f"CREATE VIEW {name} AS SELECT * FROM {read}{numbered}")
        else:
            load = csvload.load if source.form == "CSV" else _stored
            types = load(connection, name, source, links)
            columns = {
                found: Column(f"c{n}", type_) for n, (found, type_) in enumerate(types.items())
            }
        ((rows,),) = connection.execute(f"SELECT count(*) FROM {name}").fetchall()
    return Table(name, position, columns, int(rows), len(links), source.shown)


def _stored(connection: Any, name: str, source: Source, links: Sequence[str]) -> dict[str, str]:
    """JSON lines or Arrow files as the table `name`, with columns `c0`, `c1`, ...

    Returns:
        The column names, and DuckDB's types.

    Raises:
        OutsideError: pyarrow is not installed.
        duckdb.Error: A file cannot be read.
    """
    if source.form == "JSON lines":
        # Types that all values have, in all parts.
        how = "format = 'newline_delimited', sample_size = -1, union_by_name = true"
        read = f"read_json([{', '.join(map(text, links))}], {how})"
    else:
        read = "arrow_files"
        connection.register(read, _arrow(links, source))
    found = connection.execute(f"DESCRIBE SELECT * FROM {read}").fetchall()
    types = {column: str(type_) for column, type_, *_ in found}
    aliases = ", ".join(f"c{number}" for number in range(len(types)))
    connection.execute(f"CREATE TEMP TABLE {name} AS SELECT * FROM {read} AS t({aliases})")
    return types


def _arrow(links: Sequence[str], source: Source) -> Any:
    """Arrow files as one data set, of which DuckDB takes a batch at a time."""
    try:
        from pyarrow import dataset
    except ImportError as error:
        raise OutsideError(
            f"{source.shown} cannot be compared: pyarrow is not installed.",
            hint="Add `pyarrow` to the project's requirements.",
        ) from error
    try:
        return dataset.dataset(list(links), format="ipc")
    except (OSError, ValueError) as error:
        raise DataError(
            f"{source.shown} is not a readable Arrow file ({type(error).__name__}).",
            hint=_DAMAGED,
        ) from error


def text(value: str) -> str:
    """A string literal."""
    return "'" + value.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """An identifier."""
    return '"' + name.replace('"', '""') + '"'


@contextlib.contextmanager
def _translated(shown: str, *, private: bool, source: Source | None = None) -> Iterator[None]:
    """DuckDB's errors as ours."""
    import duckdb

    try:
        yield
    except (duckdb.OutOfMemoryException, MemoryError) as error:
        raise MemoryShortError(
            f"There is not enough memory and disk space to compare {shown}.",
            hint="Use a larger runner, or free some space in the temporary folder.",
        ) from error
    except duckdb.Error as error:
        raise _explained(error, shown, source, private=private) from error


_DAMAGED = "It is damaged or was cut off: write it again, or run `dvc pull --force`."
_RAGGED = re.compile(r"Line:? (\d+)[\s\S]*?Expected Number of Columns: (\d+) Found: (\d+)")


def _explained(error: Exception, shown: str, source: Source | None, *, private: bool) -> DataError:
    """Why a file could not be read; DuckDB's own words only where they may quote the data."""
    said = str(error)
    if source is not None and source.form == "CSV":
        if (misread := sources.not_utf8(source)) is not None:
            return misread
        if ragged := _RAGGED.search(said):
            line, expected, counted = ragged.groups()
            return DataError(
                f"{shown} is ragged: line {line} has {counted} fields, where the header has"
                f" {expected}.",
                hint="Look for a cut-off line, or a separator in a value that is not quoted.",
            )
    first = printable(next(iter(said.strip().splitlines()), ""))[:200].rstrip(".")
    because = f" ({type(error).__name__})" if private else f": {first}"
    if source is None:
        return DataError(f"{shown} cannot be compared{because}.")
    hint = _DAMAGED
    if source.form == "CSV":
        hint = f"Expected: UTF-8, fields parted by {source.separator!r}, one header line."
    elif source.form == "JSON lines":
        hint = "Expected: one JSON object a line, in UTF-8."
    return DataError(f"{shown} is not a readable {source.form} file{because}.", hint=hint)

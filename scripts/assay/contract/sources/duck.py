"""DuckDB for one source: bounded memory, what it spills in a folder of its own, and no network."""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.console import printable
from assay.datadiff import engine
from assay.errors import AssayError, DataError, OutsideError, RemoteError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.contract.sources.files import Part
    from assay.contract.sources.remote import Stored

MEMORY = 400
"""MB that a scan may use before it spills."""
_MEMORY = ("OutOfMemory", "MemoryError")
# The last is in the folder that `engine.lock` names: it cannot be made, or written to.
_DISK = ("No space left", "max_temp_directory_size", "temporary directory", "/spilled")
BLIND_TO_NAN = "statistics_propagation,filter_pushdown"
# They believe the least and the greatest value in Parquet's footer, which leave NaN out: then
# `x > 5` is false where all else is below 5, and `WHERE isnan(x)` finds nothing. A scan that
# reads everything is no slower without them.
_OUR_LINK = re.compile(r' in file "[^"]*"')
"""Where DuckDB names the link that it reads, not the user's file."""


@dataclass(frozen=True)
class Duck:
    """A connection that reads a few files and reaches nothing else.

    Args:
        connection: Of DuckDB.
        ibis: The same one, for Ibis.
        folder: For what is spilled.
        links: Names of the files that may stand in SQL.
    """

    connection: Any
    ibis: Any
    folder: Path
    links: tuple[str, ...]

    def columns(self, relation: str) -> dict[str, str]:
        """The names and types that DuckDB gives the columns of `relation`, as it stands in SQL."""
        described = self.connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()  # noqa: S608 (our links)
        return {str(name): str(type_) for name, type_, *_ in described}

    def close(self) -> None:
        """Close the connection, and delete what it spilled."""
        self.connection.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def opened(
    parts: Sequence[Part], suffix: str, *, ordered: bool = False, stored: bool = False
) -> Duck:
    """Open a connection.

    Args:
        parts: What it may read.
        suffix: What the links to them end with.
        ordered: Whether rows must come in the order of the files; it costs memory.
        stored: Whether tables are to be kept, on disk; else it is for views.

    Raises:
        OutsideError: DuckDB or Ibis is not installed.
    """
    try:
        import duckdb
        import ibis
    except ImportError as error:
        raise OutsideError(
            f"Data cannot be scanned: {error.name} is not installed.",
            hint="Install `assay[contract]` in the project's environment.",
        ) from error
    folder = Path(tempfile.mkdtemp(prefix="assay-contract-"))
    try:
        remote = [part.stored for part in parts if part.stored is not None]
        links = engine.linked(folder, "part", [p.path for p in parts if not p.stored], suffix)
        connection = duckdb.connect(str(folder / "stored.duckdb") if stored else ":memory:")
        try:
            connection.execute(f"SET disabled_optimizers = '{BLIND_TO_NAN}'")
            if remote:
                links = _registered(connection, remote, suffix)
            engine.lock(connection, folder, links, memory=MEMORY)
            if not ordered:
                connection.execute("SET preserve_insertion_order = false")
            backend = ibis.duckdb.from_connection(connection)
            connection.execute("SET lock_configuration = true")
        except BaseException:
            connection.close()
            raise
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Duck(connection=connection, ibis=backend, folder=folder, links=tuple(links))


def _registered(connection: Any, objects: Sequence[Stored], suffix: str) -> list[str]:
    """Names under which DuckDB can read objects in a remote."""
    from assay.contract.sources import remote

    names = [f"part-{number}{suffix}" for number in range(len(objects))]
    connection.register_filesystem(remote.filesystem(objects, names))
    return [f"{remote.PROTOCOL}://{name}" for name in names]


@contextlib.contextmanager
def translated(shown: str, form: str, *, private: bool) -> Iterator[None]:
    """DuckDB's errors as ours, in its own words only where they cannot quote the data."""
    import duckdb

    try:
        yield
    except MemoryError as error:
        raise memory_short(shown) from error
    except duckdb.Error as error:
        if ran_short(error):
            raise memory_short(shown) from error
        unread = of_remote(error)
        if unread is not None:
            raise unread from error
        said = next(iter(str(error).strip().splitlines()), "")
        first = printable(_OUR_LINK.sub("", said))[:200].rstrip(". ")
        because = f" ({type(error).__name__})" if private else f": {first}"
        raise DataError(
            f"{shown} is not a readable {form} file{because}.",
            hint="It is damaged or was cut off: write it again, or run `dvc pull --force`.",
        ) from error


def ran_short(error: BaseException) -> bool:
    """Whether there was too little memory, or no room for what is spilled."""
    kind, said = type(error).__name__, str(error)
    return any(word in kind for word in _MEMORY) or any(word in said for word in _DISK)


def of_remote(error: BaseException) -> AssayError | None:
    """What reading from a remote raised, of which DuckDB has only the text; else `None`."""
    for kind in (RemoteError, OutsideError, DataError):
        _, found, said = str(error).rpartition(f"{kind.__name__}: ")
        if found:
            return kind(
                said.strip().splitlines()[0],
                hint="Check the remote (`dvc remote list`), its credentials, and the network.",
            )
    return None


def memory_short(shown: str) -> OutsideError:
    """DuckDB needs more than it may use, and cannot spill."""
    return OutsideError(
        f"There is not enough memory and disk space to scan {shown}.",
        hint="Use a larger runner, or free some space in the temporary folder.",
    )

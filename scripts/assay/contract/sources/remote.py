"""Objects in a DVC remote, read where they are: of Parquet only the columns that are asked for."""

from __future__ import annotations

import datetime as dt
import io
import shutil
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from assay.console import printable
from assay.contract.sources import files
from assay.contract.sources.converted import ConvertedSource
from assay.contract.sources.parquet import ParquetSource
from assay.errors import AssayError, DataError, OutsideError, RemoteError
from assay.workspace.dvccli import without_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.contract.schema import Backend
    from assay.contract.sources.base import Layout

PROTOCOL = "assay"


@dataclass(frozen=True)
class Stored:
    """An object in a remote.

    Args:
        filesystem: Of fsspec.
        path: Its name there.
        size: In bytes.
    """

    filesystem: Any
    path: str
    size: int

    def open(self) -> RangedFile:
        """The object as a file."""
        return RangedFile(self)


class RangedFile(io.RawIOBase):
    """An object whose bytes are fetched where they are read, and nowhere else.

    Each thread has a place of its own: DuckDB seeks and reads one file from several threads.
    """

    def __init__(self, stored: Stored) -> None:
        super().__init__()
        self._stored = stored
        self._place = threading.local()

    def readable(self) -> bool:
        """For reading."""
        return True

    def seekable(self) -> bool:
        """At any place."""
        return True

    def tell(self) -> int:
        """The place of this thread."""
        return int(getattr(self._place, "at", 0))

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to another place."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self.tell(), io.SEEK_END: self._stored.size}[whence]
        self._place.at = start + offset
        return int(self._place.at)

    def readinto(self, buffer: Any) -> int:
        """Fetch what fits."""
        start = self.tell()
        end = min(start + len(buffer), self._stored.size)
        if start >= end:
            return 0
        stored = self._stored
        content = _translated(
            "The table", lambda: stored.filesystem.cat_file(stored.path, start=start, end=end)
        )
        buffer[: len(content)] = content
        self._place.at = start + len(content)
        return len(content)


def filesystem(objects: Sequence[Stored], names: Sequence[str]) -> Any:
    """Objects under names of ours, for DuckDB."""
    import fsspec

    known = dict(zip(names, objects, strict=True))

    class Named(fsspec.AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
        """The objects of one source."""

        protocol = PROTOCOL
        cachable = False

        def _open(self, path: str, *_: Any, **__: Any) -> RangedFile:
            return known[self._strip_protocol(path)].open()

        def info(self, path: str, **_: Any) -> dict[str, Any]:
            name = self._strip_protocol(path)
            return {"name": name, "size": known[name].size, "type": "file"}

        def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:  # noqa: FBT001, FBT002 (fsspec's)
            return [self.info(path) if detail else path]

        def modified(self, path: str) -> dt.datetime:  # noqa: ARG002 (objects do not change)
            return dt.datetime.fromtimestamp(0, tz=dt.UTC)

        def glob(self, path: str, **_: Any) -> list[str]:
            return [path]

    return Named()


class RemoteSource:
    """A file or folder that DVC tracks, in its remote.

    Args:
        root: The folder of the DVC project.
        path: The file or folder, relative to it.
        remote: The name of the remote; the default one, or that of the file, by default.
        rev: A git revision; the work tree by default.
        shown: What messages call it.
        private: Whether values must not appear in messages.

    Raises:
        DataError: DVC does not track it, it is in no supported format, or not in the remote.
        OutsideError: The remote does not answer, or a package is missing.
    """

    def __init__(
        self,
        root: Path,
        path: str,
        *,
        remote: str | None,
        rev: str | None,
        shown: str,
        private: bool,
    ) -> None:
        self.shown = printable(shown)
        self._private = private
        self._objects = _translated(
            self.shown, lambda: dict(_objects(root, path, remote, rev, self.shown))
        )
        self._path = path
        self._folder: Path | None = None
        self._inner: Any = None
        names = list(self._objects)
        if not names:
            raise DataError(
                f"{self.shown} has no data file in it.", hint=f"Supported: {files.FORMATS}."
            )
        self._kind = files.one_kind(names, self.shown)

    @property
    def bytes(self) -> int:
        """Size of the objects."""
        return sum(stored.size for stored in self._objects.values())

    def check_unchanged(self) -> None:
        """Objects are named by their content: they do not change."""

    def close(self) -> None:
        """Let go of what was opened."""
        if self._inner is not None:
            self._inner.close()
            self._inner = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def layout(self, backend: Backend, *, has_index: bool) -> Layout:
        """See `Source`."""
        self.close()
        parts = tuple(self._part(name, stored) for name, stored in self._objects.items())
        found = files.Files(parts=parts, kind=self._kind, shown=self.shown, folder=None)
        keyed = any(part.partition for part in parts)
        if self._kind.suffix == ".parquet" and not (keyed and backend == "polars"):
            self._inner = _translated(
                self.shown,
                lambda: ParquetSource(found, private=self._private),
                private=self._private,
            )
        else:
            self._inner = self._copied()
        layout: Layout = _translated(
            self.shown,
            lambda: self._inner.layout(backend, has_index=has_index),
            private=self._private,
        )
        return layout

    def frames(
        self, layout: Layout, columns: Sequence[str] | None = None, *, rows: int | None = None
    ) -> Iterator[Any]:
        """See `Source`."""
        frames = iter(self._inner.frames(layout, columns, rows=rows))
        done = object()
        while True:
            frame = _translated(self.shown, lambda: next(frames, done), private=self._private)
            if frame is done:
                return
            yield frame

    def _part(self, name: str, stored: Stored) -> files.Part:
        return files.Part(
            path=Path(name),
            shown=f"{self.shown}/{printable(name)}" if len(self._objects) > 1 else self.shown,
            stamp=(stored.size, 0, 0),
            partition=files.partition(name),
            stored=stored,
        )

    def _copied(self) -> ConvertedSource | ParquetSource:
        """What is parsed from its first byte to its last lies in a temporary folder meanwhile."""
        self._folder = Path(tempfile.mkdtemp(prefix="assay-contract-"))
        for name, stored in self._objects.items():
            target = self._folder / "data" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            _translated(
                self.shown,
                lambda stored=stored, target=target: stored.filesystem.get_file(
                    stored.path, str(target)
                ),
            )
        several = len(self._objects) > 1
        where = self._folder / "data" / ("" if several else next(iter(self._objects)))
        found = files.found(where, shown=self.shown)
        if found.kind.suffix == ".parquet":
            return ParquetSource(found, private=self._private)
        return ConvertedSource(found, private=self._private)


def _objects(
    root: Path, path: str, remote: str | None, rev: str | None, shown: str
) -> Iterator[tuple[str, Stored]]:
    """The objects of a tracked file, or of the data files in a tracked folder, by their names."""
    from dvc.repo import Repo

    with Repo.open(str(root), rev=rev, subrepos=True, uninitialized=True, remote=remote) as repo:
        listed = {
            PurePosixPath(each).relative_to(PurePosixPath(path)).as_posix(): each
            for each in sorted(repo.dvcfs.find(path)) or [path]
        }
        for below in listed if "." in listed else files.in_folder(listed, shown):
            name = PurePosixPath(path).name if below == "." else below
            index, entry = repo.get_data_index_entry(listed[below])
            where, stored = index.storage_map.get_remote(entry)
            yield name, Stored(where.fs, stored, int(where.fs.info(stored)["size"]))


def _translated(shown: str, action: Any, *, private: bool = False) -> Any:
    """The errors of DVC and of a remote as ours, without the credentials in an address.

    Args:
        shown: What messages call the table.
        action: What may fail.
        private: Whether an error may quote values that must not appear.
    """
    try:
        return action()
    except AssayError:
        raise
    except ImportError as error:
        raise OutsideError(
            f"{shown} cannot be read from its remote: {error.name or error} is not installed.",
            hint="Install DVC with the remote's extra, such as `dvc[s3]`.",
        ) from error
    except FileNotFoundError as error:
        raise DataError(
            f"{shown} is not in the remote.",
            hint="Run `dvc push` where the data is.",
        ) from error
    except Exception as error:
        if type(error).__name__ == "OutputNotFoundError":
            raise DataError(
                f"DVC does not track {shown}.", hint="Run `dvc add`, and commit its `.dvc` file."
            ) from error
        first = (str(error).strip().splitlines() or [""])[0]
        said = printable(without_credentials(first))[:200].rstrip(".")
        said = "" if private or not said else f": {said}"
        if any(base.__name__ == "DvcException" for base in type(error).__mro__):
            raise DataError(
                f"{shown} cannot be found by DVC: {type(error).__name__}{said}.",
                hint="Run `dvc doctor` and `dvc status --cloud` to see more.",
            ) from error
        raise RemoteError(
            f"{shown} cannot be read from its remote: {type(error).__name__}{said}.",
            hint="Check the remote's URL (`dvc remote list`), its credentials, and the network.",
        ) from error

"""The prediction log: what the model was asked and what it said, for who looks at it later.

Files lie in one folder and are called `predictions-TIME-PROCESS-NUMBER.parquet` (or `.jsonl`);
`predictiontable` says which columns they have. A new one is begun after so many bytes or seconds.
A file has its name from the moment that it is whole, so `*.parquet` can be read at any time, by
anybody; a server that is ended by SIGTERM makes its last one whole. One that is killed leaves a
part: of JSON lines the next server on the folder makes a whole file, up to the last whole line; a
part of a Parquet file is nothing, and is removed.

`put` is called for every answer. It takes no lock, waits for nothing and raises nothing; the lines
of single rows it makes itself, in microseconds (see `background`). What finds the queue full is
`dropped`, what finds no room on the disk is `lost`; both are counted, and said once on standard
error. Which requests are logged (`share`) is decided by a hash of their id: two versions that are
sent the same request log the same ones.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
import zlib
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

from assay.serving import background, logfiles, predictiontable
from assay.serving.background import Complaints, Lines

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from assay.serving.logfiles import Form, LogFile
    from assay.serving.predictiontable import Entry, Layout

NAME = "predictions"
MOST_WAITING = 32_000_000
"""Bytes of requests in the queue, each of which counts `_ROW` a row beside."""
_ROW = 100
_BATCH = 256
"""Rows that the thread computes with at once; see `background.PAUSE`."""
_FEW = 64
"""Columns of which a row becomes a line in microseconds; of more, the thread makes it."""
_RETRY = 5.0
"""Seconds after which a disk that refused is tried again."""


@dataclass(frozen=True)
class LogSettings:
    """Where and how much."""

    folder: Path
    form: Form = "jsonl"
    share: float = 1.0
    """Of the requests, from 0 to 1."""
    most_bytes: int = 64_000_000
    """Of a file."""
    most_seconds: float = 300.0
    """That a file is written to."""


class PredictionLog:
    """A queue, and the files that it is written to.

    Args:
        settings: Where and how much.
        layout: The columns.
        tell: Prints what goes wrong; by default on standard error.
        most_waiting: Bytes of requests in the queue.
    """

    def __init__(
        self,
        settings: LogSettings,
        layout: Layout,
        *,
        tell: Callable[[str], None] | None = None,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._settings = settings
        self._layout = layout
        self._inputs = layout.inputs
        self._all = not layout.dropped
        is_small = settings.form == "jsonl" and len(layout.types) <= _FEW
        self._singles = Lines(self._lines) if is_small else None
        self._queue: deque[Entry] = deque()
        """All others."""
        self._most = most_waiting
        self._threshold = round(settings.share * 2**32)
        # Each is written by one thread alone, so neither needs a lock.
        self._put = self._taken = 0
        self.dropped = 0
        """Rows that found the queue full."""
        self.written = 0
        """Rows in whole files, or in the one that is written."""
        self.lost = 0
        """Rows that the disk did not take."""
        self._complaints = Complaints("The prediction log", tell)
        self._process = os.urandom(4).hex()
        self._number = 0
        self._file: LogFile | None = None
        self._lock: int | None = None
        self._since = self._refused = 0.0
        self._recovered = False

    def put(self, entry: Entry) -> None:
        """Log an answered request, if it is one of those that are."""
        if self._threshold < 2**32 and zlib.crc32(entry.id.encode()) >= self._threshold:
            return
        size = entry.size + entry.rows * _ROW
        if self._put - self._taken + size > self._most:
            self.dropped += entry.rows
            return
        self._put += size
        if not self._all:  # what is sensitive does not even enter the queue
            feeds = {name: entry.feeds[name] for name in self._inputs}
            entry = entry._replace(feeds=feeds)
        if self._singles is not None and entry.rows == 1:
            self._singles.put(entry)
        else:
            self._queue.append(entry)

    def _lines(self, entries: list[Entry]) -> list[bytes]:
        try:
            return list(predictiontable.lines(predictiontable.columns(self._layout, entries)))
        except TypeError:  # text that is no Unicode
            if len(entries) > 1:
                return [line for one in entries for line in self._lines([one])]
            self._queue += entries  # the thread says that it is lost
            return []

    def flush(self, now: float) -> None:
        """Write what waits, and begin a new file where it is time."""
        if not self._recovered:
            self._recovered = True
            with contextlib.suppress(OSError):
                recover(self._settings.folder)
        if self.dropped:
            self._complaints.of("full", "is behind: rows are left out of it, and counted.")
        self._empty(now, background.PAUSE)
        self._rotate(now)

    def close(self) -> None:
        """Write what waits, and make the file whole."""
        now = time.time()
        self._refused = 0.0
        self._empty(now, 0)
        self._finish(now)

    def _empty(self, now: float, pause: float) -> None:
        """Write what waits, and not what comes meanwhile: that would never end under load."""
        taken = self._put
        if self._singles is not None and (text := self._singles.take()).lines:
            self._add(text.lines, now, lambda file: cast("logfiles.Lines", file).add_text(text))
        left = len(self._queue)
        while left:
            batch = self._batch()
            left -= min(left, len(batch))
            rows = sum(one.rows for one in batch)
            self._add(rows, now, partial(self._add_columns, batch))
            time.sleep(pause)
        self._taken = taken

    def _batch(self) -> list[Entry]:
        batch: list[Entry] = []
        rows = 0
        while rows < _BATCH and self._queue:
            batch.append(self._queue.popleft())
            rows += batch[-1].rows
        return batch

    def _add_columns(self, entries: list[Entry], file: LogFile) -> None:
        file.add(predictiontable.columns(self._layout, entries))

    def _add(self, rows: int, now: float, write: Callable[[LogFile], None]) -> None:
        if 0 <= now - self._refused < _RETRY:
            self.lost += rows
            return
        try:
            write(self._opened(now))
        except OSError as error:
            self.lost += rows
            self._fail(error, now)
        except (TypeError, ValueError) as error:  # of these rows alone: text that is no Unicode
            self.lost += rows
            self._complaints.of("rows", f"cannot hold some rows, which are counted: {error}")
        else:
            self.written += rows

    def _opened(self, now: float) -> LogFile:
        """The file that is written; a new one where there is none."""
        if self._file is None:
            self._number += 1
            scratch = self._scratch
            self._file = logfiles.opened(self._settings.form, scratch, self._layout)
            self._lock = _locked(scratch)
            self._since = now
        return self._file

    @property
    def _scratch(self) -> Path:
        return self._settings.folder / f".{self._name}.part"

    @property
    def _name(self) -> str:
        return f"{self._process}-{self._number:06}.{self._settings.form}"

    def _rotate(self, now: float) -> None:
        if self._file is not None and (
            self._file.size >= self._settings.most_bytes
            or not 0 <= now - self._since < self._settings.most_seconds  # a clock set back, too
        ):
            self._finish(now)

    def _finish(self, now: float) -> None:
        if self._file is None:
            return
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._since))
        target = self._settings.folder / f"{NAME}-{stamp}-{self._name}"
        try:
            self._file.finish(target)
        except OSError as error:
            self._fail(error, now)
        else:
            self._file = None
            self._unlock()
            self._complaints.over("disk", "is written again.")

    def _fail(self, error: OSError, now: float) -> None:
        self._complaints.of(
            "disk", f"cannot be written: {error.strerror or error}. Rows are lost, and counted."
        )
        self._refused = now
        if self._file is not None:
            lost = self._file.abandon()
            self.written -= lost
            self.lost += lost
            self._file = None
            self._recovered = False  # what is left of it may be whole lines
        self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _locked(path: Path) -> int:
    """A lock on a part that ends with the process, so that a later one knows whose it is."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return fd


def recover(folder: Path) -> int:
    """Make whole what servers that were killed left behind.

    Returns:
        How many files that were.

    Raises:
        OSError: The folder cannot be written.
    """
    found = 0
    for part in sorted(folder.glob(".*.part")):
        try:
            lock = _locked(part)
        except OSError:  # a server that lives is writing it; or it is gone
            continue
        try:
            found += _made_whole(part)
        finally:
            os.close(lock)
    return found


def _made_whole(part: Path) -> bool:
    name = part.name.removeprefix(".").removesuffix(".part")
    if not name.endswith(".jsonl"):
        part.unlink(missing_ok=True)
        return False
    with part.open("r+b") as file:
        whole = file.read().rfind(b"\n") + 1
        file.truncate(whole)
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(os.fstat(file.fileno()).st_mtime))
    if not whole:
        part.unlink()
        return False
    part.replace(part.with_name(f"{NAME}-{stamp}-{name}"))
    return True

"""The one thread that writes logs, so that no request waits for a disk.

Whoever answers requests appends to a queue in memory, which takes no lock and never waits; the
thread empties the queues a few times a second. What comes faster than it can be written, or finds
no room on the disk, is counted and left out.

Each time that the thread wants the interpreter back, as after a write or a rest, it may wait 5 ms
for it, and all requests of that time pay for handing it over. So lines are made where requests are
answered, and it only writes them, all in one go.
"""

from __future__ import annotations

import atexit
import contextlib
import sys
import threading
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TICK = 0.1
"""Seconds between two looks at the queues: what waits is in memory, request by request."""
PAUSE = 5e-4
"""Seconds that a sink rests after a batch that it computed with. Python lets a thread keep the
interpreter for 5 ms, which is longer than most requests take: nobody waits for a whole queue."""
_TOGETHER = 64
"""Lines that are made at once: each by itself, between two requests, would take twice as long."""
T = TypeVar("T")


class Sink(Protocol):
    """What has a queue to be emptied. Neither method raises."""

    def flush(self, now: float) -> None:
        """Write what waits; `now` is in seconds since 1970."""

    def close(self) -> None:
        """Write what waits, and end what is open."""


class Text(NamedTuple):
    """Some lines, each with its end."""

    lines: int
    content: bytes


class Lines(Generic[T]):
    """A queue of lines: one thread puts what they are made of, another one takes them.

    Args:
        make: Makes them, of some.
    """

    def __init__(self, make: Callable[[list[T]], list[bytes]]) -> None:
        self._make = make
        self._fresh: deque[T] = deque()
        self._made: deque[Text] = deque()
        # Each is written by one thread alone, so neither needs a lock.
        self._put = self._taken = 0

    def __len__(self) -> int:
        return self._put - self._taken

    def put(self, one: T) -> None:
        """Append to it; now and then, make the lines of all that wait."""
        self._put += 1
        self._fresh.append(one)
        if len(self._fresh) >= _TOGETHER:
            self._made.append(self._lines())

    def take(self) -> Text:
        """All that wait; about in order."""
        self._taken = self._put
        made = [self._made.popleft() for _ in range(len(self._made))]
        made.append(self._lines())
        return Text(sum(one.lines for one in made), b"".join([one.content for one in made]))

    def _lines(self) -> Text:
        some: list[T] = []
        with contextlib.suppress(IndexError):  # the other thread may have taken them
            some.extend(self._fresh.popleft() for _ in range(len(self._fresh)))
        lines = self._make(some) if some else []
        return Text(len(lines), b"".join(lines))  # orjson's bytes take 4 KB, however few they are


class Background:
    """Empties queues until it is closed.

    Args:
        sinks: What to empty, in order.
        clock: Seconds since 1970.
        tick: Seconds between two looks.
    """

    def __init__(
        self,
        sinks: Sequence[Sink],
        *,
        clock: Callable[[], float] = time.time,
        tick: float = TICK,
    ) -> None:
        self._sinks = tuple(sinks)
        self._clock = clock
        self._tick = tick
        self._complaints = Complaints("The logs")
        self._end = threading.Event()
        # A disk that never answers must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="assay-logs", daemon=True)

    def start(self) -> None:
        """Begin; nothing to do where there are no sinks."""
        if self._sinks:
            atexit.register(self.close)  # where nobody says when it is over, as in a mounted app
            self._thread.start()

    def close(self, timeout: float = 5.0) -> bool:
        """Write what waits, end the files, end the thread.

        Args:
            timeout: Seconds after which it is left alone.

        Returns:
            Whether everything was written in time.
        """
        atexit.unregister(self.close)
        self._end.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._end.wait(self._tick):
            for sink in self._sinks:
                self._guarded(sink, partial(sink.flush, self._clock()))
        for sink in self._sinks:
            self._guarded(sink, sink.close)

    def _guarded(self, sink: Sink, do: Callable[[], None]) -> None:
        try:
            do()
        except Exception as error:  # noqa: BLE001 (one log's defect must not end the other's thread)
            self._complaints.of(
                type(sink).__name__,
                f"have a defect: {type(sink).__name__}: {type(error).__name__}: {error}",
            )


class Complaints:
    """Says of a trouble once, and once that it is over; counting is the sink's.

    Args:
        what: Whose trouble, as a message begins: `The prediction log`.
        tell: Prints a line; by default on standard error.
    """

    def __init__(self, what: str, tell: Callable[[str], None] | None = None) -> None:
        self._what = what
        self._tell = tell or _to_stderr
        self._told: set[str] = set()

    def of(self, kind: str, text: str) -> None:
        """Something is wrong."""
        if kind not in self._told:
            self._told.add(kind)
            self._tell(f"{self._what} {text}")

    def over(self, kind: str, text: str) -> None:
        """It is right again."""
        if kind in self._told:
            self._told.discard(kind)
            self._tell(f"{self._what} {text}")


def _to_stderr(text: str) -> None:
    try:
        sys.stderr.write(f"assay: {text}\n")
        sys.stderr.flush()
    except OSError:  # a closed pipe: nobody reads along
        pass

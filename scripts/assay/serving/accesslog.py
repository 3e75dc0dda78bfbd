r"""The access log: a JSON object a request on standard output, one a line.

| key | what |
|---|---|
| `time` | when it was answered, ISO 8601, UTC |
| `id` | of the request |
| `method`, `path` | without the query, which may hold a secret; cut at 200 characters |
| `status`, `seconds` | of the answer; from the entry of the request until it was handed over |
| `protocol`, `rows` | `v2`, `rows`, `tf`, ...; how many were asked; left out of none |
| `caller` | whose key or token it was, where there is one: a name, never the key |
| `error` | the kind, where it is our fault; what is said of a refused value is not logged |
| `version` | of the model |

What a client sends cannot break a line: JSON writes control characters as escapes.
"""

from __future__ import annotations

import os
import time
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from assay.serving import background
from assay.serving.background import Complaints
from assay.serving.predictiontable import shown

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_WAITING = 50_000
"""Lines in the queue."""
_LONGEST = 200
_BATCH = 500
"""Lines that are written at once; see `background.PAUSE`."""


class Access(NamedTuple):
    """A request that was answered, or refused."""

    time: float
    """Seconds since 1970."""
    id: str
    method: str
    path: str
    status: int
    seconds: float
    protocol: str | None = None
    rows: int | None = None
    caller: str | None = None
    error: str | None = None


class AccessLog:
    """A queue, and the file descriptor that it is written to.

    Args:
        version: Of the model, in every line.
        fd: Where lines go; by default standard output.
        tell: Prints what goes wrong; by default on standard error.
        most_waiting: Lines in the queue.
    """

    def __init__(
        self,
        version: str,
        *,
        fd: int = 1,
        tell: Callable[[str], None] | None = None,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._version = version
        self._fd = fd
        self._queue: deque[bytes] = deque()
        self._most = most_waiting
        self._complaints = Complaints("The access log", tell)
        self.dropped = 0
        """Lines that found the queue full, or could not be written."""

    def put(self, one: Access) -> None:
        """Log a request; never waits.

        Its line is made at once: a thread that computes costs other requests more than that.
        """
        if len(self._queue) >= self._most:
            self.dropped += 1
        else:
            self._queue.append(line(one, self._version))

    def flush(self, now: float) -> None:  # noqa: ARG002 (every sink is told the time)
        """Write what waits, and not what comes meanwhile: that would never end under load."""
        for _ in range(0, len(self._queue), _BATCH):
            self._write_some()
            time.sleep(background.PAUSE)

    def close(self) -> None:
        """Write what waits."""
        while self._queue:
            self._write_some()

    def _write_some(self) -> None:
        count = min(_BATCH, len(self._queue))
        batch = [self._queue.popleft() for _ in range(count)]
        try:
            _write(self._fd, b"".join(batch))
        except OSError as error:
            self.dropped += count
            self._complaints.of("out", f"cannot be written: {error.strerror}. Lines are lost.")


def line(one: Access, version: str) -> bytes:
    """A request as a line."""
    import orjson

    found = {
        "time": shown(one.time),
        "id": one.id,
        "method": one.method,
        "path": one.path[:_LONGEST],
        "status": one.status,
        "seconds": round(one.seconds, 6),
        "protocol": one.protocol,
        "rows": one.rows,
        "caller": one.caller,
        "error": one.error,
        "version": version,
    }
    there = {name: value for name, value in found.items() if value is not None}
    try:
        return orjson.dumps(there, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # halves of surrogate pairs, which a path's odd bytes may have become
        there = {name: _printable(value) for name, value in there.items()}
        return orjson.dumps(there, option=orjson.OPT_APPEND_NEWLINE)


def _printable(value: Any) -> Any:
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


def _write(fd: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]

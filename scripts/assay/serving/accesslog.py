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
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from assay.serving.background import Complaints, Lines

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_WAITING = 50_000
"""Lines in the queue."""
_LONGEST = 200
_OPTION = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z


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


_OPTIONAL = tuple(Access._field_defaults)


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
        self._fd = fd
        self._queue: Lines[Access] = Lines(lambda some: [line(one, version) for one in some])
        self._most = most_waiting
        self._complaints = Complaints("The access log", tell)
        self.dropped = 0
        """Lines that found the queue full, or could not be written."""

    def put(self, one: Access) -> None:
        """Log a request; never waits."""
        if len(self._queue) >= self._most:
            self.dropped += 1
        else:
            self._queue.put(one)

    def flush(self, now: float) -> None:  # noqa: ARG002 (every sink is told the time)
        """Write what waits."""
        self.close()

    def close(self) -> None:
        """Write what waits."""
        text = self._queue.take()
        try:
            _write(self._fd, text.content)
        except OSError as error:
            self.dropped += text.lines
            self._complaints.of("out", f"cannot be written: {error.strerror}. Lines are lost.")


def line(one: Access, version: str) -> bytes:
    """A request as a line."""
    found = {
        "time": datetime.fromtimestamp(one.time, UTC),
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
    for name in _OPTIONAL:
        if found[name] is None:
            del found[name]
    try:
        return orjson.dumps(found, option=_OPTION)
    except TypeError:  # halves of surrogate pairs, which a path's odd bytes may have become
        found = {name: _printable(value) for name, value in found.items()}
        return orjson.dumps(found, option=_OPTION)


def _printable(value: Any) -> Any:
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


def _write(fd: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]

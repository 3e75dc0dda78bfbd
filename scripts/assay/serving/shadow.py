"""Copies of answered requests for another version, whose answers nobody gets: `POST /assay/shadow`.

    {"socket": "/srv/assay/run/0123456789ab.sock", "share": 0.5}

From then on so many of the requests that this server answered are asked of the server on that
socket too, as columns by TensorFlow Serving's API: JSON has no types, so a version that takes wider
numbers takes them. `{"socket": null}` ends it.

It happens after the answer was handed over, one request at a time over one connection. What comes
faster than the other server answers is not sent, and counted. Rows agree when both give the same
label; numbers, when they are no further apart than a tenth of the standard deviation that this
version's answers had where it was tested (`profile.json`), or than 1 % where there is no profile.
"""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import orjson

from assay.serving.errors import shown, wrong
from assay.serving.hooks import Route
from assay.serving.protocols.base import JSON
from assay.serving.protocols.rows import document

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assay.packaging.profile import Profile
    from assay.rollout.snapshot import Shadowed
    from assay.serving.hooks import Answer, Call
    from assay.serving.loaded import Loaded
    from assay.serving.protocols.base import Feeds

PATH = "/assay/shadow"
MOST_WAITING = 256
"""Copies."""
_MOST_BYTES = 32_000_000
"""Of the bodies of waiting copies."""
_TIMEOUT = 5.0
"""Seconds that the other server has for a request."""
_LARGEST, _PER_VALUE = 64_000, 1_000
"""Bytes of an answer, and more for each value of ours: reading it holds up users' requests."""
_FORWARDED = (b"authorization", b"x-api-key")
_NEAR, _RELATIVE = 0.1, 0.01


@dataclass(frozen=True, slots=True)
class _Copy:
    feeds: Feeds
    rows: int
    said: NDArray[Any]
    values: int
    """Of all outputs."""
    head: bytes
    """Lines of the request that are its own: id, and the key that the client came with."""
    size: int


class Shadow:
    """Sends copies, and compares.

    Args:
        loaded: The model of this server.
        most: Copies that wait.
    """

    def __init__(self, loaded: Loaded, most: int = MOST_WAITING) -> None:
        self._output = loaded.signature.outputs[0]
        self._near = tolerance(loaded.profile, self._output.name)
        self._start = f"POST /v1/models/{quote(loaded.name)}:predict HTTP/1.1\r\n".encode()
        self._most = most
        self._waiting: deque[_Copy] = deque()
        self._bytes = 0
        self._there = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._connection: _Connection | None = None
        self._socket: str | None = None
        self._threshold = 0
        self._rows = self._agreed = self._failed = self._dropped = 0
        self._ever = False

    def route(self) -> Route:
        """Where it is told what to do."""
        return Route("POST", PATH, self.page, guarded=False)

    async def begin(self) -> None:
        """Start sending; see `Hooks.start`."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def end(self) -> None:
        """Stop it; see `Hooks.close`."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def observe(self, call: Call) -> None:
        """Take a copy of an answered request; see `Observer`."""
        if self._socket is None or call.answers is None or call.request is None:
            return
        if self._threshold < 2**32 and zlib.crc32(call.id.encode()) >= self._threshold:
            return
        if len(self._waiting) >= self._most or self._bytes > _MOST_BYTES:
            self._dropped += 1
            return
        head = b"".join(
            b"%s: %s\r\n" % (name, call.headers[name])
            for name in _FORWARDED
            if name in call.headers
        )
        self._waiting.append(
            _Copy(
                call.request.feeds,
                call.request.rows,
                call.answers[self._output.name],
                sum(one.size for one in call.answers.values()),
                b"x-request-id: %s\r\n%s" % (call.id.encode(), head),
                len(call.body),
            )
        )
        self._bytes += len(call.body)
        self._there.set()

    def page(self, call: Call) -> Answer:
        """The endpoint.

        Raises:
            RequestError: It says nothing that can be done.
        """
        found = document(call.body)
        socket, share = found.get("socket"), found.get("share", 1.0)
        if not {"socket", "share"}.issuperset(found) or "socket" not in found:
            raise wrong("This takes an object with `socket`, a path or null, and `share`.")
        if socket is not None and not (type(socket) is str and socket):
            raise wrong(f"`socket` is {shown(socket)}; it has to be a path, or null.")
        if type(share) not in (int, float) or not 0 <= share <= 1:
            raise wrong(f"`share` is {shown(share)}; it has to be from 0 to 1.")
        self._socket, self._threshold = socket, round(share * 2**32)
        self._ever = self._ever or socket is not None
        self._waiting.clear()
        self._bytes = 0
        return 200, orjson.dumps({"socket": socket, "share": share}), JSON

    def shadowed(self) -> Shadowed | None:
        """What was counted; `None` where nobody ever asked for it."""
        if not self._ever:
            return None
        from assay.rollout.snapshot import Shadowed

        return Shadowed(
            rows=self._rows, agreed=self._agreed, failed=self._failed, dropped=self._dropped
        )

    async def _run(self) -> None:
        try:
            while True:
                await self._there.wait()
                self._there.clear()
                while self._waiting and self._socket is not None:
                    copy = self._waiting.popleft()
                    self._bytes -= copy.size
                    await self._send(copy, self._socket)
        finally:
            self._disconnect()

    async def _send(self, copy: _Copy, path: str) -> None:
        """Ask the other server, and compare."""
        try:
            async with asyncio.timeout(_TIMEOUT):
                if self._connection is None or self._connection.path != path:
                    self._disconnect()
                    self._connection = await _Connection.opened(path)
                most = _LARGEST + _PER_VALUE * copy.values
                body = body_of(copy.feeds)
                answer = await self._connection.ask(self._start + copy.head, body, most)
            there = given(answer, self._output.name)
            agreed = agreeing(copy.said, there, self._near)
        except (OSError, ValueError, TypeError, EOFError, asyncio.LimitOverrunError):
            self._failed += 1
            self._disconnect()
        else:
            self._rows += copy.rows
            self._agreed += agreed

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@dataclass(frozen=True, eq=False)
class _Connection:
    """HTTP/1.1 over a unix socket, as much of it as our own servers speak."""

    path: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def opened(cls, path: str) -> _Connection:
        return cls(path, *await asyncio.open_unix_connection(path))

    async def ask(self, head: bytes, body: bytes, most: int) -> bytes:
        """The body of an answer.

        Raises:
            ValueError: It is none with the status 200, or has more than `most` bytes.
            OSError: There is none.
            EOFError: It ends too early.
        """
        more = b"host: shadow\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        self.writer.write(head + more % len(body) + body)
        await self.writer.drain()
        start = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        lines = start.split(b"\r\n")
        fields = dict(line.partition(b": ")[::2] for line in lines[1:])
        length = int(fields[b"content-length"]) if b"content-length" in fields else -1
        if not 0 <= length <= most:
            raise ValueError("an answer without its length")
        answer = await self.reader.readexactly(length)
        if lines[0].split(b" ")[1:2] != [b"200"]:
            raise ValueError("no answer")
        return answer

    def close(self) -> None:
        self.writer.close()


def body_of(feeds: Feeds) -> bytes:
    """Inputs as columns of JSON; what is missing is null."""
    columns = {
        name: (values[:, 0] if values.shape[1] == 1 else values).tolist()
        for name, values in feeds.items()
    }
    return orjson.dumps({"inputs": columns})


def given(answer: bytes, output: str) -> NDArray[Any]:
    """An output of an answer of TensorFlow Serving's API.

    Raises:
        ValueError: It is not there.
    """
    found = orjson.loads(answer)
    outputs = found.get("outputs") if isinstance(found, dict) else None
    values = outputs.get(output) if isinstance(outputs, dict) else outputs
    if not isinstance(values, list):
        raise ValueError(f"no {output}")  # noqa: TRY004 (of what came, not of an argument)
    return np.array(values, object if values and isinstance(values[0], str) else None)


def tolerance(profile: Profile | None, output: str) -> float | None:
    """How far apart numbers may be; `None` where only a share of them can be said."""
    for one in profile.predictions if profile is not None else ():
        if one.name == output and one.kind == "number" and one.std:
            return _NEAR * one.std
    return None


def agreeing(here: NDArray[Any], there: NDArray[Any], near: float | None) -> int:
    """Rows with the same answer.

    Args:
        here: (n,) or (n, k), of this version.
        there: Of the other one; another shape agrees nowhere.
        near: See `tolerance`.
    """
    if here.shape != there.shape:
        return 0
    if here.dtype.kind == "f":
        apart = np.abs(here - there.astype(np.float64))
        same = apart <= (near if near is not None else _RELATIVE * np.abs(here))
    else:
        same = here == there
    return int((same.all(axis=1) if same.ndim == 2 else same).sum())

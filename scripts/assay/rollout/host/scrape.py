"""Asking a program on this host over its unix socket."""

from __future__ import annotations

import http.client
import os
import socket
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGEST = 20_000_000
"""Bytes of an answer."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: bytes


class _Socket(socket.socket):
    """It waits until one moment, however many pieces come: a byte a second is no answer."""

    until = 0.0

    def recv_into(self, *given: Any) -> int:
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self.settimeout(left)
        return super().recv_into(*given)


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self.path = path
        self.until = time.monotonic() + timeout

    def connect(self) -> None:
        self.sock = _Socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.until = self.until
        self.sock.settimeout(self.timeout)
        with _short(self.path) as name:
            self.sock.connect(name)


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """The path of a socket through its folder's handle: however long it is, this is short."""
    handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}/{path.name}"
    finally:
        os.close(handle)


def ask(path: Path, target: str, *, body: bytes | None = None, timeout: float = 2) -> Answer:
    """One request; POST where it has a body.

    Args:
        path: The socket.
        target: The path of the request.
        body: JSON.
        timeout: Seconds for all of it.

    Raises:
        OSError: There is no answer.
    """
    connection = _Connection(path, timeout)
    try:
        headers = {"Connection": "close"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection.request("GET" if body is None else "POST", target, body=body, headers=headers)
        found = connection.getresponse()
        return Answer(found.status, found.read(LARGEST))
    except http.client.HTTPException as error:
        raise OSError(f"the answer cannot be read: {type(error).__name__}") from error
    finally:
        connection.close()

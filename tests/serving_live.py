"""A server in a thread of the test, on a unix socket, and a client that sends bytes."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.serving.app import create_app
from assay.serving.drain import Server
from assay.serving.settings import ServeSettings

from tests.replies import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from assay.serving.app import App
    from assay.serving.hooks import Hooks
    from assay.serving.loaded import Loaded

V2 = "/v2/models/peak-hour/infer"


class Client:
    """A connection."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        try:
            self.socket.connect(str(path))
        except OSError:
            self.socket.close()
            raise
        self.file = self.socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def reply(self, *, head: bool = False) -> Reply:
        """The next answer; of one to HEAD, its head."""
        line = self.file.readline()
        if not line:
            raise EOFError
        status = int(line.split()[1])
        headers: dict[str, str] = {}
        while line := self.file.readline().strip():
            name, _, value = line.decode("latin-1").partition(": ")
            headers[name.lower()] = value
        has_body = not head and status not in {204, 304} and status >= 200
        body = self.file.read(int(headers["content-length"])) if has_body else b""
        return Reply(status, headers, body)

    def ask(self, path: str, body: Any = None, method: str | None = None, **headers: str) -> Reply:
        """Send a request, and wait for its answer.

        Args:
            path: As it is written in the request.
            body: Bytes, or what becomes JSON.
            method: By default POST where there is a body.
            headers: `_` stands for `-`.
        """
        method = method or ("GET" if body is None else "POST")
        self.send(request(path, body, method, **headers))
        return self.reply(head=method == "HEAD")

    def close(self) -> None:
        self.file.close()
        self.socket.close()


def request(path: str, body: Any = None, method: str = "POST", **headers: str) -> bytes:
    """A request of HTTP."""
    content = body if isinstance(body, bytes) else b"" if body is None else _json(body)
    head = {"host": "test", **{name.replace("_", "-"): text for name, text in headers.items()}}
    if body is not None:
        head.setdefault("content-length", str(len(content)))
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {text}" for name, text in head.items())]
    return "\r\n".join([*lines, "", ""]).encode() + content


def _json(value: Any) -> bytes:
    return json.dumps(value, allow_nan=True).encode()


def tensors(rows: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A request of V2 for rows of `serving_bundles`."""
    types = {"hour": "INT64", "temperature": "FP64", "season": "BYTES"}
    inputs = [
        {
            "name": name,
            "shape": [len(rows), 1],
            "datatype": datatype,
            "data": [row[name] for row in rows],
        }
        for name, datatype in types.items()
    ]
    return {"inputs": inputs, **more}


@dataclass(frozen=True)
class Live:
    """A server that runs."""

    app: App
    path: Path
    server: Server
    thread: threading.Thread

    def client(self) -> Client:
        return Client(self.path)

    def ask(self, path: str, body: Any = None, **given: Any) -> Reply:
        """One request, on a connection of its own."""
        client = self.client()
        try:
            return client.ask(path, body, **given)
        finally:
            client.close()


@contextmanager
def running(
    loaded: Loaded, folder: Path, hooks: Hooks | None = None, **settings: Any
) -> Iterator[Live]:
    """A server of a model; `settings` are fields of `ServeSettings`."""
    path = folder / "s.sock"
    given = ServeSettings(uds=path, **settings)
    app = create_app(loaded, given, hooks)
    server = Server(app, given)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Live(app, path, server, thread)
    finally:
        if not server.should_exit:
            server.end()
        thread.join(20)
        assert not thread.is_alive()

"""A stand-in for a model's server: standard library, up in a moment, and as bad as it is called.

    python -IS rollout_standin.py SOCKET VERSION DIGEST

`v1.2.3+hang` behaves as `MODES` says of `hang`.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import sys
import threading
import time

MODES = {
    "": "is fine",
    "slow": "is ready after a second",
    "crash": "ends at the start",
    "never": "is never ready",
    "hang": "never answers",
    "500": "answers 500",
    "die": "ends at a request",
    "half": "ends in the middle of an answer",
    "leak": "takes 20 MB more at each request",
    "deaf": "does not end when it is asked to",
}
_READY = {"/v2/health/ready", "/v2/health/live"}
_SHOWN = ("x-request-id", "x-forwarded-for", "x-real-ip", "host")
"""Fields of a request that its answer shows."""


class Server:
    """One server; each connection brings one request."""

    def __init__(self, mode: str, version: str, digest: str) -> None:
        self.mode, self.version, self.digest = mode, version, digest
        self.requests = 0
        self.process = os.urandom(8).hex()
        self.shadow: object = None
        self.kept: list[bytes] = []
        self.born = time.monotonic()
        self.inside = 0

    def answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        """(status, body) of one request."""
        if path in _READY:
            early = self.mode == "slow" and time.monotonic() - self.born < 1
            return (503 if early or self.mode == "never" else 200), b"{}"
        if path == "/assay/window":
            return 200, self.window()
        if path == "/assay/shadow":
            self.shadow = json.loads(body)
            return 200, json.dumps(self.shadow).encode()
        if path == "/assay/told":
            return 200, json.dumps(self.shadow).encode()
        self.requests += 1
        if self.mode == "hang":
            time.sleep(600)
        if self.mode == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.mode == "leak":
            self.kept.append(b"x" * 20_000_000)
        found = {"version": self.version, "path": path, "md5": hashlib.md5(body).hexdigest()}
        return (500 if self.mode == "500" else 200), json.dumps(found).encode()

    def window(self) -> bytes:
        """The body of `/assay/window`."""
        found = {
            "process": self.process,
            "version": self.version,
            "digest": self.digest,
            "requests": self.requests,
            "latency": [0] * 216,
        }
        return json.dumps(found).encode()

    def client(self, connection: socket.socket) -> None:
        """Answer one connection."""
        self.inside += 1
        try:
            with connection, connection.makefile("rb") as reader:
                path = reader.readline().decode().split(" ", 2)[1]
                fields = {}
                while line := reader.readline().decode().strip():
                    name, _, value = line.partition(":")
                    fields[name.lower()] = value.strip()
                body = reader.read(int(fields.get("content-length", "0")))
                self.send(connection, path, fields, *self.answer(path, body))
        except (OSError, IndexError):
            pass  # the client went away
        finally:
            self.inside -= 1

    def send(
        self, connection: socket.socket, path: str, fields: dict[str, str], status: int, text: bytes
    ) -> None:
        """Write an answer, or half of it."""
        lines = f"HTTP/1.1 {status} X\r\nContent-Length: {len(text)}\r\nConnection: close\r\n"
        for name in _SHOWN:
            lines += f"X-Seen-{name}: {fields.get(name, '')}\r\n"
        head = lines.encode() + b"\r\n"
        if self.mode == "half" and path not in _READY and not path.startswith("/assay/"):
            connection.sendall(head + text[:3])
            os.kill(os.getpid(), signal.SIGKILL)
        connection.sendall(head + text)


def main(path: str, version: str, digest: str) -> None:
    """Serve until a signal says to end."""
    mode = version.partition("+")[2]
    assert mode in MODES
    if mode == "crash":
        print("the model cannot be loaded", flush=True)
        sys.exit(7)
    server = Server(mode, version, digest)
    ended: list[int] = []
    handler = signal.SIG_IGN if mode == "deaf" else lambda number, _: ended.append(number)
    signal.signal(signal.SIGTERM, handler)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen(2048)
        listening.settimeout(0.05)
        while True:
            try:
                connection, _ = listening.accept()
            except TimeoutError:
                if ended:
                    break  # all that had connected is taken in
                continue
            connection.settimeout(None)
            threading.Thread(target=server.client, args=(connection,), daemon=True).start()
    until = time.monotonic() + 5
    while server.inside and time.monotonic() < until:
        time.sleep(0.01)


if __name__ == "__main__":
    main(*sys.argv[1:])

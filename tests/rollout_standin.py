"""A stand-in for a model's server: standard library, up in a moment, and as bad as it is called.

    python rollout_standin.py SOCKET VERSION DIGEST

`v1.2.3+hang` behaves as `MODES` says of `hang`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import sys
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


class Server:
    """One server."""

    def __init__(self, mode: str, version: str, digest: str) -> None:
        self.mode, self.version, self.digest = mode, version, digest
        self.requests = 0
        self.process = os.urandom(8).hex()
        self.shadow: object = None
        self.kept: list[bytes] = []
        self.born = time.monotonic()

    async def answer(self, path: str, body: bytes) -> tuple[int, bytes]:
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
            await asyncio.sleep(600)
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

    async def client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request; then the connection is closed."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = head.split(" ", 2)[1]
            fields = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in head.split("\r\n")[1:])
            }
            body = await reader.readexactly(int(fields.get("content-length", "0")))
            status, text = await self.answer(path, body)
            lines = f"HTTP/1.1 {status} X\r\nContent-Length: {len(text)}\r\nConnection: close\r\n"
            for name in ("x-request-id", "x-forwarded-for", "x-real-ip", "host"):
                lines += f"X-Seen-{name}: {fields.get(name, '')}\r\n"
            writer.write(lines.encode() + b"\r\n")
            if self.mode == "half" and path not in _READY and not path.startswith("/assay/"):
                writer.write(text[:3])
                await writer.drain()
                os.kill(os.getpid(), signal.SIGKILL)
            writer.write(text)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def main(path: str, version: str, digest: str) -> None:
    """Serve until a signal says to end."""
    mode = version.partition("+")[2]
    assert mode in MODES
    if mode == "crash":
        print("the model cannot be loaded", flush=True)
        sys.exit(7)
    server = Server(mode, version, digest)
    ended = asyncio.Event()
    if mode == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    inside: set[asyncio.Task[None] | None] = set()

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        inside.add(task)
        try:
            await server.client(reader, writer)
        finally:
            inside.discard(task)

    listening = await asyncio.start_unix_server(client, path, backlog=2048)
    await ended.wait()
    await asyncio.sleep(0.05)  # what has connected is taken in
    listening.close()
    if waiting := [task for task in inside if task is not None]:
        await asyncio.wait(waiting, timeout=5)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

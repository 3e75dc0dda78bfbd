"""A stand-in for a model's server: standard library, up in a moment, and as bad as its bundle says.

    python rollout_standin.py BUNDLE SOCKET VERSION

`BUNDLE/mode` names how it behaves: see `MODES`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import sys
from pathlib import Path

MODES = ("ok", "crash", "never", "hang", "500", "die", "half", "leak", "deaf")
"""Fine; ends at the start; is never ready; never answers; answers 500; ends at a request; ends in
the middle of an answer; takes more and more memory; does not end when it is asked to."""
_READY = {"/v2/health/ready", "/v2/health/live"}


class Server:
    """One server."""

    def __init__(self, mode: str, version: str, digest: str) -> None:
        self.mode, self.version, self.digest = mode, version, digest
        self.requests = 0
        self.process = os.urandom(8).hex()
        self.shadow: object = None
        self.kept: list[bytearray] = []

    async def answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        """(status, body) of one request."""
        if path in _READY:
            return (503 if self.mode == "never" else 200), b"{}"
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
            self.kept.append(bytearray(os.urandom(1 << 20) * 20))
        found = {"version": self.version, "path": path, "md5": hashlib.md5(body).hexdigest()}
        return (500 if self.mode == "500" else 200), json.dumps(found).encode()

    def window(self) -> bytes:
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


async def main(bundle: Path, path: str, version: str) -> None:
    mode = (bundle / "mode").read_text()
    if mode == "crash":
        print("the model cannot be loaded", flush=True)
        sys.exit(7)
    server = Server(mode, version, (bundle / "digest").read_text())
    ended = asyncio.Event()
    if mode == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    inside: set[asyncio.Task[None]] = set()

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        inside.add(task)
        try:
            await server.client(reader, writer)
        finally:
            inside.discard(task)

    listening = await asyncio.start_unix_server(client, path, backlog=2048)
    await ended.wait()
    await asyncio.sleep(0.05)  # what connected before is taken in
    listening.close()
    if inside:
        await asyncio.wait(inside, timeout=5)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))

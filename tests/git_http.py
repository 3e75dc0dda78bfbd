"""Git over HTTP as a forge serves it: git's own backend, behind a token."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path


class GitServer:
    """A folder of bare repositories, while the `with` block runs.

    Args:
        root: The folder.
        token: Whoever has it may read and push.
    """

    def __init__(self, root: Path, token: str) -> None:
        secret = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        self.seen: list[str | None] = []
        """The `Authorization` of each request."""
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), _handler(root, f"basic {secret}", self.seen)
        )
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(root: Path, wanted: str, seen: list[str | None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            if self.headers.get("Transfer-Encoding") == "chunked":
                self._answer(b"".join(iter(self._chunk, b"")))
            else:
                self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def _chunk(self) -> bytes:
            size = int(self.rfile.readline(), 16)
            content = self.rfile.read(size)
            self.rfile.readline()
            return content

        def _answer(self, body: bytes) -> None:
            given = self.headers.get("Authorization")
            seen.append(given)
            if given is None or given.lower() != wanted.lower():
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="GitHub"')
                self.end_headers()
                return
            path, _, query = self.path.partition("?")
            # https://git-scm.com/docs/git-http-backend
            env = {
                **os.environ,
                "GIT_PROJECT_ROOT": str(root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "REMOTE_USER": "somebody",
            }
            done = subprocess.run(
                ["git", "http-backend"], input=body, env=env, capture_output=True, check=True
            )
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            lines = [line.split(": ", 1) for line in head.decode().splitlines()]
            status = next((text for name, text in lines if name == "Status"), "200 OK")
            self.send_response(int(status.split()[0]))
            for name, text in lines:
                if name != "Status":
                    self.send_header(name, text)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    return Handler

"""A webhook that a test reads: a real server, which answers what it is told to."""

from __future__ import annotations

import http.server
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Hook:
    """Answers with these statuses, one after the other, the last one again and again."""

    statuses: list[int] = field(default_factory=lambda: [200])
    body: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)
    got: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    """What who asks waited between two tries, in seconds."""
    url: str = ""


@contextmanager
def serving(hook: Hook) -> Iterator[Hook]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.got.append((self.path, dict(self.headers), json.loads(body)))
            self.send_response(hook.statuses.pop(0) if hook.statuses[1:] else hook.statuses[0])
            for name, text in hook.headers.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(hook.body)))
            self.end_headers()
            self.wfile.write(hook.body)

        def do_GET(self) -> None:
            hook.got.append((self.path, dict(self.headers), None))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hook.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield hook
        finally:
            server.shutdown()
            thread.join()

"""Our side of a connection: uvicorn's, with a short way for requests that are answered at once.

uvicorn makes a task, an event and a cycle of messages of every request, which takes longer than a
small model. A prediction that comes whole, with its length, to a model that answers on the event
loop needs none of them: it is parsed, answered and written in one go. All others, and all that may
have to wait, go uvicorn's way, to the same application.

A client that is slow with its request, or idle, is not waited for. There is no timer a connection:
whoever drives the server calls `sweep` now and then.
"""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from assay.serving.app import App
    from assay.serving.protocols.base import Headers, Speaks

KEEP_ALIVE = 75
"""Seconds that an idle connection is kept: longer than nginx keeps those to its upstreams (60)."""
_LARGEST_HEAD = 64_000
"""Bytes of headers, beside those that come with the first of them."""
_LINES = {one.value: f"HTTP/1.1 {one.value} {one.phrase}\r\n".encode("ascii") for one in HTTPStatus}


def _refusal(status: int, message: bytes) -> bytes:
    body = b'{"error":"%s"}' % message
    return (
        _LINES[status]
        + b"content-type: application/json\r\nconnection: close\r\n"
        + b"content-length: %d\r\n\r\n%s" % (len(body), body)
    )


_NOT_HTTP = _refusal(400, b"This is no request of HTTP.")
_LARGE = _refusal(431, b"The headers are larger than they may be.")
_SLOW = _refusal(408, b"The request was not all there in time.")


class Connection(HttpToolsProtocol):
    """One connection of a client."""

    assay: App
    """Set by `of`."""

    def connection_made(self, transport: Any) -> None:
        """A client is there."""
        super().connection_made(transport)
        self.since = time.monotonic()
        """When the request that comes began to, or the last one was answered."""
        self.is_coming = True
        """Whether a request is on its way; the first one is waited for as if it were."""
        self._head = 0
        """Bytes of headers that came, until they are complete; -1 after that."""
        self._is_last = False
        self._speaks: Speaks | None = None
        self._fields: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._entered = 0.0

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        scope, was_head = self.scope, self._head >= 0
        super().data_received(data)
        still_head = was_head and self._head >= 0 and self.scope is scope
        if still_head and not self.transport.is_closing():
            self._head += len(data)
            if self._head > _LARGEST_HEAD:
                self.transport.write(_LARGE)
                self.transport.close()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._head = 0
        self._entered = time.perf_counter()
        self.since = time.monotonic()
        self.is_coming = True

    def on_headers_complete(self) -> None:
        """Decide which way a request goes."""
        self._head = -1
        speaks = self.assay.asks_raw.get(self.url)
        if speaks is not None and self._is_simple():
            self._speaks = speaks
            self._body.clear()
        else:
            self._ordinary()

    def _is_simple(self) -> bool:
        """Whether a request needs nothing that only uvicorn's way has."""
        cycle, parser = self.cycle, self.parser
        return (
            self.assay.is_quick
            and (cycle is None or cycle.response_complete)
            and not self.pipeline
            and not self._is_last
            and not self.flow.write_paused
            and not self.expect_100_continue
            and parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and bool(parser.should_keep_alive())
            and not parser.should_upgrade()
            and self._has_length()
        )

    def _has_length(self) -> bool:
        self._fields = dict(self.headers)
        length = self._fields.get(b"content-length", b"")
        return length.isdigit() and int(length) <= self.assay.settings.max_body

    def _ordinary(self) -> None:
        self._speaks = None
        super().on_headers_complete()
        if self._is_last:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """A piece of a body."""
        if self._speaks is None:
            super().on_body(body)
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """A request is all there."""
        self.is_coming = False
        self.since = time.monotonic()
        speaks = self._speaks
        if speaks is None:
            super().on_message_complete()
            return
        self._speaks = None
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        path = self.url.decode("ascii")
        scope: Any = self.scope
        scope["method"], scope["path"], scope["raw_path"] = "POST", path, self.url
        scope["query_string"] = b""
        call = self.assay.opened(scope, path, self._fields)
        found = self.assay.at_once(call, speaks, body)
        if found is None:
            self._ordinary()
            super().on_body(body)
            super().on_message_complete()
            return
        self._write(call.id, *found)
        self.assay.done(call, self._entered)

    def _write(self, id_: str, status: int, body: bytes, headers: Headers) -> None:
        content = [_LINES[status]]
        for name, value in self.server_state.default_headers:
            content += (name, b": ", value, b"\r\n")
        for name, value in headers:
            content += (name, b": ", value, b"\r\n")
        is_last = self._is_last or not self.assay.ready
        if is_last:
            content.append(b"connection: close\r\n")
        content.append(
            b"content-length: %d\r\nx-request-id: %b\r\n\r\n" % (len(body), id_.encode("ascii"))
        )
        content.append(body)
        self.transport.write(b"".join(content))
        if is_last:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, in the form of all errors."""
        del msg
        self.transport.write(_NOT_HTTP)
        self.transport.close()

    def shutdown(self) -> None:
        """Answer the request that is inside or on its way, and close."""
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if self.is_coming and self.scope is not None and not is_answering:
            self._is_last = True
        else:
            super().shutdown()

    def give_up(self, now: float, timeout: float) -> None:
        """Close a connection that has been waited for long enough."""
        if self.transport.is_closing():
            return
        waited = now - self.since
        if self.is_coming and waited > timeout:
            # uvicorn's way tells the client by itself, once it has the headers.
            if self.cycle is None or self.cycle.response_complete:
                self.transport.write(_SLOW)
                self.transport.close()
        elif waited > KEEP_ALIVE and (self.cycle is None or self.cycle.response_complete):
            self.transport.close()


def of(app: App) -> type[Connection]:
    """The kind of connection that asks an application."""
    return type("Connection", (Connection,), {"assay": app})


def sweep(connections: Iterable[Any], timeout: float) -> None:
    """Give up connections that have been waited for long enough."""
    now = time.monotonic()
    for one in list(connections):
        if isinstance(one, Connection):
            one.give_up(now, timeout)

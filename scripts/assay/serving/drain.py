"""The server's process: it listens, serves, and ends without losing a request.

uvicorn parses HTTP (with httptools, on uvloop). What is ours: a unix socket appears whole or not at
all; a client that is slow with its headers is not waited for; what is no HTTP gets an error of the
same form as all others; and SIGTERM ends the process with 0 once everything inside is answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from assay.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from assay.serving.app import App
    from assay.serving.settings import ServeSettings

_BACKLOG = 2048
_KEEP_ALIVE = 75
"""Seconds that an idle connection is kept: as long as nginx keeps those to its upstreams, and more
than 60."""
_NOT_HTTP = b'{"error":"This is no request of HTTP."}'


def serve(app: App, settings: ServeSettings, said: Callable[[str], None]) -> None:
    """Answer requests until a signal ends it.

    Args:
        app: What answers.
        settings: Where it listens.
        said: Told where, once it does.

    Raises:
        OutsideError: The port or the socket is taken.
        UsageError: The path of the socket is too long.
    """
    listening = _unix(settings.uds) if settings.uds else _tcp(settings.host, settings.port)
    config = uvicorn.Config(
        app,
        http=_protocol(settings.timeout),
        loop="auto",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=max(int(settings.drain), 1),
    )
    server = _Server(config, app, settings.uds)
    host, *port = listening.getsockname() if not settings.uds else (str(settings.uds),)
    said(f"unix:{host}" if settings.uds else f"http://{host}:{port[0]}")
    # What was made so far stays: no collection has to look at it again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    try:
        server.run(sockets=[listening])
    finally:
        listening.close()
        if settings.uds:
            settings.uds.unlink(missing_ok=True)


class _Server(uvicorn.Server):
    """uvicorn's, which ends in order, and then returns."""

    def __init__(self, config: uvicorn.Config, app: App, path: Path | None) -> None:
        super().__init__(config)
        self._app, self._path = app, path

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals end it; unlike uvicorn's, they are not raised again afterwards."""
        loop = asyncio.get_running_loop()
        for one in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(one, self._end)
        yield

    def _end(self) -> None:
        self.force_exit = self.should_exit  # who asks twice does not want to wait
        self._app.ready = False
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take nothing new, answer what is inside, and end."""
        if self._path is not None:
            # Nobody finds the socket any more; those who did are taken in before it is closed.
            self._path.unlink(missing_ok=True)
            await asyncio.sleep(0.05)
        await super().shutdown(sockets)


def _protocol(timeout: float) -> type[HttpToolsProtocol]:
    """The server's side of a connection, which does not wait for ever, and answers with JSON."""

    class Connection(HttpToolsProtocol):
        _deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._deadline = self.loop.call_later(timeout, self._too_slow)

        def on_headers_complete(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None
            super().on_headers_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
            super().connection_lost(exc)

        def _too_slow(self) -> None:
            self.transport.close()

        def send_400_response(self, msg: str) -> None:
            del msg
            self.transport.write(
                b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"
                b"content-length: %d\r\nconnection: close\r\n\r\n" % len(_NOT_HTTP) + _NOT_HTTP
            )
            self.transport.close()

    return Connection


def _tcp(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, protocol)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
    except OSError as error:
        raise OutsideError(
            f"{host}:{port} cannot be listened on: {error.strerror or error}.",
            hint="Give another one as `--port`; 0 takes any that is free.",
        ) from error
    found.listen(_BACKLOG)
    return found


def _unix(path: Path) -> socket.socket:
    """A socket that is there once it listens, in place of one that nobody listens on any more."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _check_free(path)
        found.bind(str(scratch))
        found.listen(_BACKLOG)
        scratch.rename(path)
    except OSError as error:
        found.close()
        scratch.unlink(missing_ok=True)
        if "too long" in str(error):
            raise UsageError(
                f"{path} is too long for a unix socket: about 100 characters are allowed.",
                hint="Give a shorter path as `--uds`.",
            ) from error
        raise OutsideError(
            f"{path} cannot be listened on: {error.strerror or error}.",
            hint="Give a place where this user may write as `--uds`.",
        ) from error
    return found


def _check_free(path: Path) -> None:
    if not path.exists():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
        if not path.is_socket() or asked.connect_ex(str(path)) == 0:
            raise OSError(98, "it is in use")

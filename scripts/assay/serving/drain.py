"""The server's process: it listens, serves, and ends without losing a request.

uvicorn drives it, with our connections (`connection.py`). A unix socket appears whole or not at
all, and SIGTERM ends the process with 0 once everything inside is answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import os
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, cast

import uvicorn

from assay.errors import OutsideError, UsageError
from assay.serving import connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from assay.serving.app import App
    from assay.serving.settings import ServeSettings

_BACKLOG = 2048
_GRACE = 0.5
"""Seconds that connections stay open when it is to end. Every answer says by then that it was the
last; to close a connection while a client writes its next request would lose that."""


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
    server = Server(app, settings)
    said(server.where)
    _give_back()
    # What was made so far stays: no collection has to look at it again.
    gc.freeze()
    gc.set_threshold(5_000, 10, 10)
    gc.enable()
    server.serve_forever()


def _give_back() -> None:
    """Give the memory that only loading took back to the system, where its library can."""
    with contextlib.suppress(OSError, AttributeError):  # another one than GNU's
        ctypes.CDLL(None).malloc_trim(0)


class Server(uvicorn.Server):
    """Uvicorn's, which listens from the start, ends in order, and then returns.

    Args:
        app: What answers.
        settings: Where it listens.

    Raises:
        OutsideError: The port or the socket is taken.
        UsageError: The path of the socket is too long.
    """

    def __init__(self, app: App, settings: ServeSettings) -> None:
        self._app, self._path = app, settings.uds
        if settings.uds is not None:
            self._listening = _unix(settings.uds)
            self._inode = settings.uds.stat().st_ino
            self.where = f"unix:{settings.uds}"
        else:
            self._listening = _tcp(settings.host, settings.port)
            shown = f"[{settings.host}]" if ":" in settings.host else settings.host
            self.where = f"http://{shown}:{self._listening.getsockname()[1]}"
        config = uvicorn.Config(
            cast("Any", app),
            http=connection.of(app),
            ws="none",
            lifespan="on",
            log_config=None,
            log_level="error",  # what is no HTTP is answered, and is no news
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=_BACKLOG,
            timeout_keep_alive=connection.KEEP_ALIVE,
            timeout_graceful_shutdown=max(int(settings.drain), 1),
        )
        super().__init__(config)

    def serve_forever(self) -> None:
        """Answer requests until it is told to end."""
        try:
            self.run(sockets=[self._listening])
        finally:
            self.discard()

    def discard(self) -> None:
        """Listen no more."""
        self._listening.close()
        self._hide()

    def _hide(self) -> None:
        """Take the socket's path away, unless another server has it by now."""
        if self._path is not None:
            with contextlib.suppress(FileNotFoundError):
                if self._path.stat().st_ino == self._inode:
                    self._path.unlink()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals end it; unlike uvicorn's, they are not raised again afterwards."""
        if threading.current_thread() is threading.main_thread():
            loop = asyncio.get_running_loop()
            for one in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(one, self.end)
        yield

    def end(self) -> None:
        """Take nothing new, answer what is inside, and return."""
        self.force_exit = self.should_exit  # who asks twice does not want to wait
        self._app.ready = False
        self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second."""
        if counter % 5 == 0:
            connection.sweep(self.server_state.connections, self._app.settings.timeout)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take nothing new, answer what is inside, and end."""
        self._hide()  # nobody finds the socket any more; those who did are taken in
        until = time.monotonic() + min(_GRACE, self._app.settings.drain)
        await asyncio.sleep(0.05)
        while self.server_state.connections and time.monotonic() < until:
            await asyncio.sleep(0.02)
        await super().shutdown(sockets)
        if self.force_exit:  # uvicorn leaves it out then; but a log has to become whole
            await self.lifespan.shutdown()
        for one in list(self.server_state.connections):
            one.transport.abort()
        await asyncio.sleep(0)


def _tcp(host: str, port: int) -> socket.socket:
    found = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            # Text would be taken for a name in any alphabet, and their tables be loaded.
            host.encode() if host.isascii() else host,
            port,
            type=socket.SOCK_STREAM,
            flags=socket.AI_PASSIVE,
        )[0]
        found = socket.socket(family, kind, protocol)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(_BACKLOG)
    except OSError as error:
        if found is not None:
            found.close()
        raise OutsideError(
            f"{host}:{port} cannot be listened on: {error.strerror or error}.",
            hint="Give another one as `--port`; 0 takes any that is free.",
        ) from error
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

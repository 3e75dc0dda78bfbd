"""The server: a thread of this process, or a program."""

from __future__ import annotations

import argparse
import signal
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

import uvicorn

from tests.fakes.github import (
    actions,
    artifacts,
    checks,
    comments,
    contents,
    deployments,
    described,
    gitdata,
    issues,
    proposals,
    pulls,
    refs,
    releases,
    repositories,
    statuses,
    tags,
)
from tests.fakes.github.service import Service
from tests.fakes.github.state import State, load, save

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

# Importing them is what registers their endpoints.
ENDPOINTS = (
    actions,
    artifacts,
    checks,
    comments,
    contents,
    deployments,
    gitdata,
    issues,
    proposals,
    pulls,
    refs,
    releases,
    repositories,
    statuses,
    tags,
)


def _listen(port: int) -> socket.socket:
    # asyncio sends small packets at once only where the protocol is spelled out; elsewhere each
    # answer waits 40 ms for the client's delayed acknowledgement.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen()
    return listener


class GitHubApi:
    """The server, in a thread of this process while the `with` block runs.

    Args:
        state: What it starts with, and keeps up to date.
        port: 0 takes a free one.
        changed: Called after every request, before its answer leaves: the place for what others do
            meanwhile.
        watch: Whether to hold everything to GitHub's description; it takes 1 to 2 ms a request, and
            16 ms for a page of 100 comments, which a benchmark does not want to measure.
    """

    def __init__(
        self,
        state: State,
        *,
        port: int = 0,
        changed: Callable[[], None] = lambda: None,
        watch: bool = True,
    ) -> None:
        self._service = Service(state, changed, watch=watch)
        self._listener = _listen(port)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._service.application(),
                log_level="error",
                access_log=False,
                lifespan="off",
                ws="none",
                timeout_graceful_shutdown=1,
            )
        )
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._listener]}, daemon=True
        )

    @property
    def state(self) -> State:
        return self._service.state

    @state.setter
    def state(self, state: State) -> None:
        """Start afresh, so that many tests can share one server: starting one takes 0.1 s."""
        self._service.state = state

    def __enter__(self) -> Self:
        # The socket listens already, so a client that is early waits; nothing to poll for.
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=5)
        self._listener.close()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="A GitHub API that remembers, for tests.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--state", type=Path, required=True, help="JSON; see `State`")
    options = parser.parse_args(arguments)
    state = load(options.state) if options.state.exists() else State()
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    with GitHubApi(state, port=options.port, changed=lambda: save(state, options.state)) as api:
        save(state, options.state)
        print(api.url, flush=True)
        with suppress(KeyboardInterrupt):
            stop.wait()
    problems = described.taken()
    if problems:
        print("not as GitHub describes it:", *problems, sep="\n", file=sys.stderr)
    return 1 if problems else 0

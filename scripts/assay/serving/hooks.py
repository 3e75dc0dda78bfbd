"""Where other parts of the server join in: what they see of a request, and what they may add."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from assay.rollout.snapshot import Labelled, Shadowed
    from assay.serving.protocols.base import Answers, Feeds, Headers, Request, Speaks

Answer = tuple[int, bytes, "Headers"]
"""Status, body, headers without the length."""


class Call:
    """One request of HTTP, and what became of it. Observers may keep it; none may change it."""

    __slots__ = (
        "answers",
        "body",
        "caller",
        "error",
        "headers",
        "id",
        "path",
        "protocol",
        "request",
        "scope",
        "seconds",
        "sent",
        "status",
        "wall",
    )

    def __init__(self, scope: dict[str, Any], path: str, wall: float) -> None:
        self.scope = scope
        """As ASGI has it."""
        self.path = path
        """Below the place where the app is mounted."""
        self.wall = wall
        """When it came: seconds since 1970."""
        self.headers: dict[bytes, bytes] = {}
        """Names in lower case; of two of a name, the last."""
        self.id = ""
        """What the answer's `X-Request-Id` says."""
        self.caller: str | None = None
        """Whose key or token the request came with, where one is needed: a name."""
        self.body = b""
        self.protocol = "http"
        """`v2`, `rows`, ...; `http` of what is no prediction."""
        self.request: Request | None = None
        """Of a prediction that could be parsed."""
        self.answers: Answers | None = None
        """Of one that was answered."""
        self.status = 500
        self.sent = 0
        """Bytes of the answer's body."""
        self.error: str | None = None
        """What was wrong, as the client was told; of 5xx that are our fault, the kind."""
        self.seconds = 0.0
        """From the entry of the app until the answer was handed over."""


class Observer(Protocol):
    """Sees every request once, after it was answered. It must be quick, and not raise."""

    def __call__(self, call: Call) -> None:
        """Look at a request."""


class Guard(Protocol):
    """Decides who may ask."""

    def __call__(self, call: Call) -> Awaitable[None] | None:
        """Let a request pass, at once or after a while.

        Raises:
            RequestError: It may not (401, 403).
        """


class Runner(Protocol):
    """Asks the model, somewhere else than on the event loop."""

    def __call__(self, feeds: Feeds, rows: int) -> Awaitable[Answers]:
        """What the model says."""


@dataclass(frozen=True, eq=False)
class Route:
    """A page, or an endpoint that predicts nothing."""

    method: str
    path: str
    handler: Callable[[Call], Answer | Awaitable[Answer]]
    """Given the call with its whole body."""
    guarded: bool = True
    """Whether only those may have it who may ask the model."""


@dataclass(frozen=True, eq=False)
class Hooks:
    """Everything that is not the core."""

    observers: tuple[Observer, ...] = ()
    guard: Guard | None = None
    runner: Runner | None = None
    """In place of a thread; then nothing is asked on the event loop."""
    routes: tuple[Route, ...] = ()
    protocols: tuple[tuple[str, Speaks], ...] = ()
    """Further paths that predict, with what is spoken there."""
    start: tuple[Callable[[], Awaitable[None]], ...] = ()
    """Called before the first request, in the loop."""
    close: tuple[Callable[[], Awaitable[None]], ...] = ()
    """Called after the last."""
    metrics: tuple[Callable[[], Iterable[str]], ...] = ()
    """Further lines of `/metrics`."""
    shadowed: Callable[[], Shadowed | None] | None = None
    labelled: Callable[[], Labelled | None] | None = None

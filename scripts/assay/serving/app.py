"""The ASGI application: which path answers what, within limits.

It is plain ASGI, without a framework: a request is one look into a table of paths. It may be
mounted below a prefix of any other ASGI app; then it has no lifespan, and starts with its first
request.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

import orjson

from assay.serving import heads, inputs, pages, window
from assay.serving.errors import RequestError
from assay.serving.finite import check_finite, model_raised
from assay.serving.hooks import Call, Hooks, Route
from assay.serving.metrics import Metrics
from assay.serving.protocols.base import JSON
from assay.serving.protocols.rows import Rows
from assay.serving.protocols.v2 import V2

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from assay.serving.hooks import Answer
    from assay.serving.loaded import Loaded
    from assay.serving.protocols.base import Answers, Request, Speaks
    from assay.serving.settings import ServeSettings

    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]

_LOG = logging.getLogger("assay.serving")


class App:
    """The application.

    Args:
        loaded: The model.
        settings: Limits.
        hooks: What else there is.
    """

    def __init__(self, loaded: Loaded, settings: ServeSettings, hooks: Hooks) -> None:
        self.loaded, self.settings, self.hooks = loaded, settings, hooks
        self.ready = True
        """Whether it wants requests; not any more when it is about to end."""
        self.metrics = Metrics(loaded, settings)
        self.inside = 0
        """Predictions that are being answered."""
        table = inputs.Table(
            [inputs.Column.of(one, loaded.parity) for one in loaded.signature.inputs],
            settings.max_rows,
        )
        self.asks: dict[str, Speaks] = {
            "/predict": Rows(loaded, table),
            **dict.fromkeys(pages.infer_paths(loaded), V2(loaded, table)),
            **dict(hooks.protocols),
        }
        self._pages: dict[str, dict[str, Route]] = {}
        for route in (*pages.routes(self), *window.routes(self), *hooks.routes):
            self._pages.setdefault(route.path, {})[route.method] = route
        self.asks_raw = {quote(path).encode("ascii"): one for path, one in self.asks.items()}
        """By the path as it is written in a request."""
        self._inline = 0 if hooks.runner else loaded.inline_rows
        self.is_quick = self._inline > 0
        """Whether it answers a row without waiting for anything."""
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, "predict")
        self._run = hooks.runner or self._in_thread
        self._prefix = os.urandom(8).hex()
        self._count = 0
        self._started = False

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def start(self) -> None:
        """Start what runs beside requests; once."""
        if not self._started:
            self._started = True
            for one in self.hooks.start:
                await one()

    async def close(self) -> None:
        """End what runs beside requests."""
        for one in self.hooks.close:
            await one()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    def opened(self, scope: dict[str, Any], path: str, headers: dict[bytes, bytes]) -> Call:
        """What is known of a request before it is looked at."""
        call = Call(scope, path, time.time())
        call.headers = headers
        given = headers.get(b"x-request-id")
        if given is None:
            self._count += 1
            call.id = f"{self._prefix}-{self._count:x}"
        else:
            call.id = heads.own_id(given)
        return call

    def at_once(self, call: Call, speaks: Speaks, body: bytes) -> Answer | None:
        """Answer a prediction without waiting for anything.

        Returns:
            `None` where it takes waiting. Nothing has happened then.
        """
        call.protocol, call.body = speaks.name, body
        try:
            self._check_place()
            if self.hooks.guard is not None and _has_to_wait(self.hooks.guard(call)):
                return None
            heads.check_media(call.headers)
            call.request = request = speaks.parse(body, call.headers, call.id)
            if request.rows > self._inline:
                return None
            found = self._said(call, speaks, self._asked(request))
        except RequestError as error:
            found = _refusal(call, error)
        except Exception as error:  # noqa: BLE001 (a defect must not end the server)
            found = _defect(call, error)
        call.status, call.sent = found[0], len(found[1])
        return found

    def done(self, call: Call, entered: float) -> None:
        """Tell everybody of a request that was answered.

        Args:
            call: The request.
            entered: When it came, by `time.perf_counter`.
        """
        call.seconds = time.perf_counter() - entered
        self.metrics.observe(call)
        for observe in self.hooks.observers:
            observe(call)

    async def _http(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        entered = time.perf_counter()
        path: str = scope["path"]
        root: str = scope.get("root_path", "")
        if root and path.startswith(root):
            path = path[len(root) :] or "/"
        call = self.opened(scope, path, dict(scope["headers"]))
        await self.start()
        try:
            found = await self._answer(call, receive)
        except RequestError as error:
            found = _refusal(call, error)
        except Exception as error:  # noqa: BLE001 (as above)
            found = _defect(call, error)
        status, body, headers = found
        call.status, call.sent = status, len(body)
        length = (b"content-length", b"%d" % len(body))
        headers = [*headers, length, (b"x-request-id", call.id.encode("ascii"))]
        if not self.ready and not any(name == b"connection" for name, _ in headers):
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        self.done(call, entered)

    async def _answer(self, call: Call, receive: Receive) -> Answer:
        speaks = self.asks.get(call.path)
        if speaks is None:
            return await self._page(call, receive)
        call.protocol = speaks.name
        if call.scope["method"] != "POST":
            return _other_method(call, ["POST"])
        self._check_place()
        self.inside += 1
        try:
            await self._guarded(call)
            heads.check_media(call.headers)
            call.body = await self._body(call, receive)
            call.request = request = speaks.parse(call.body, call.headers, call.id)
            is_quick = request.rows <= self._inline
            answers = self._asked(request) if is_quick else await self._waited(request)
            return self._said(call, speaks, answers)
        finally:
            self.inside -= 1

    def _check_place(self) -> None:
        if self.inside >= self.settings.concurrency:
            raise RequestError(
                503,
                f"{self.inside} requests are being answered, which is as many as there may be.",
                kind="overload",
                headers=((b"retry-after", b"1"),),
            )

    async def _guarded(self, call: Call) -> None:
        if self.hooks.guard is not None:
            waiting = self.hooks.guard(call)
            if waiting is not None:
                await waiting

    def _asked(self, request: Request) -> Answers:
        try:
            return self.loaded.predict(request.feeds)
        except Exception as error:  # a model raises anything
            raise model_raised(error, request, self.loaded) from error

    def _said(self, call: Call, speaks: Speaks, answers: Answers) -> Answer:
        request = cast("Request", call.request)
        check_finite(answers, request, self.loaded)
        call.answers = answers
        return 200, *speaks.render(request, answers)

    async def _waited(self, request: Request) -> Answers:
        try:
            async with asyncio.timeout(self.settings.timeout):
                return await self._run(request.feeds, request.rows)
        except TimeoutError:
            raise RequestError(
                504,
                f"The model did not answer within {self.settings.timeout:g} seconds.",
                kind="timeout",
            ) from None
        except RequestError:
            raise
        except Exception as error:  # as above
            raise model_raised(error, request, self.loaded) from error

    async def _in_thread(self, feeds: Any, rows: int) -> Answers:
        del rows
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self.loaded.predict, feeds)

    async def _body(self, call: Call, receive: Receive) -> bytes:
        """The body of a request, which may be slow, or larger than it may be."""
        most = self.settings.max_body
        length = call.headers.get(b"content-length")
        if length is not None and (not length.isdigit() or int(length) > most):
            raise _too_large(most)
        try:
            async with asyncio.timeout(self.settings.timeout):
                message = await receive()
                body = cast("bytes", message.get("body", b""))
                while message.get("more_body"):
                    if len(body) > most:
                        raise _too_large(most)
                    message = await receive()
                    body += message.get("body", b"")
        except TimeoutError:
            raise RequestError(
                408,
                f"The request was not all there within {self.settings.timeout:g} seconds.",
                headers=((b"connection", b"close"),),
            ) from None
        if len(body) > most:
            raise _too_large(most)
        if message["type"] == "http.disconnect":
            raise RequestError(400, "The client went away before its request was all there.")
        return body

    async def _page(self, call: Call, receive: Receive) -> Answer:
        methods = self._pages.get(call.path)
        if methods is None:
            raise RequestError(404, pages.unknown(call.path, self.loaded))
        method = call.scope["method"]
        route = methods.get("GET" if method == "HEAD" else method)
        if route is None:
            allowed = [*methods, *(["HEAD"] if "GET" in methods else [])]
            return _other_method(call, allowed)
        if route.guarded:
            await self._guarded(call)
        if method == "POST":
            call.body = await self._body(call, receive)
        found = route.handler(call)
        return found if isinstance(found, tuple) else await found


def create_app(loaded: Loaded, settings: ServeSettings, hooks: Hooks | None = None) -> App:
    """The application of a model, to be served or mounted."""
    return App(loaded, settings, hooks or Hooks())


def _has_to_wait(found: Awaitable[None] | None) -> bool:
    """Whether a guard has to wait; it is asked again where there is time."""
    if asyncio.iscoroutine(found):
        found.close()
    return found is not None


def _too_large(most: int) -> RequestError:
    return RequestError(
        413, f"The body is larger than {most:,} bytes.", headers=((b"connection", b"close"),)
    )


def _other_method(call: Call, allowed: list[str]) -> Answer:
    methods = [*allowed, "OPTIONS"]
    allow = (b"allow", ", ".join(methods).encode())
    if call.scope["method"] == "OPTIONS":
        call.protocol = "http"  # it is no prediction
        return 204, b"", [allow]
    raise RequestError(405, f"{call.path} takes {', '.join(methods)}.", headers=(allow,))


def _refusal(call: Call, error: RequestError) -> Answer:
    call.error = error.kind or error.message
    return error.status, orjson.dumps({"error": error.message}), [*JSON, *error.headers]


def _defect(call: Call, error: Exception) -> Answer:
    """An error of ours: where it came from is logged, and nothing that a client sent."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    _LOG.error("%s in request %s:\n%s", type(error).__name__, call.id, frames)
    call.error = "internal"
    message = f"An error of the server; its log has it as request {call.id}."
    return 500, orjson.dumps({"error": message}), [*JSON]

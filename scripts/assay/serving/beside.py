"""What a server has beside its core, put together: logs, keys, batches, feedback, copies, pages.

Nothing of it is there unless it is asked for, but for the pages that say how to ask.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.errors import UsageError
from assay.serving import inputs, openapi
from assay.serving.accesslog import Access, AccessLog
from assay.serving.auth import KeyGuard
from assay.serving.background import Background
from assay.serving.feedback import PATH as FEEDBACK
from assay.serving.feedback import Feedback
from assay.serving.hooks import Hooks, Route
from assay.serving.predictionlog import PredictionLog
from assay.serving.predictiontable import Entry, layout
from assay.serving.protocols import tfserving
from assay.serving.protocols.base import JSON
from assay.serving.protocols.tfserving import TfServing
from assay.serving.protocols.v2binary import V2Binary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from assay.serving.auth import Keys
    from assay.serving.background import Sink
    from assay.serving.hooks import Answer, Call, Guard, Observer, Runner
    from assay.serving.loaded import Loaded
    from assay.serving.oidc import Provider
    from assay.serving.predictionlog import LogSettings
    from assay.serving.predictiontable import Layout
    from assay.serving.protocols.base import Answers, Feeds, Speaks
    from assay.serving.settings import ServeSettings
    from assay.serving.shadow import Shadow


@dataclass(frozen=True)
class Beside:
    """What is asked for."""

    access_log: bool = False
    log: LogSettings | None = None
    drop: tuple[str, ...] = ()
    """Inputs that are not logged, beside those that are sensitive."""
    keys: Keys | None = None
    provider: Provider | None = None
    batch_rows: int = 0
    """Rows of a micro-batch; 0: none are made."""
    batch_wait: float = 0.002
    """Seconds that the first request of one waits."""
    feedback: bool = False
    labels: tuple[str, ...] = ()
    """Names of this version, for TensorFlow Serving's API."""

    def __post_init__(self) -> None:
        if self.keys is not None and self.provider is not None:
            raise UsageError("API keys and an OpenID provider exclude each other.")
        if self.batch_rows < 0 or not 0 <= self.batch_wait <= 1:
            raise UsageError("A batch has at least 1 row, and waits at most 1 second.")
        if strange := [one for one in self.labels if not one or "/" in one or ":" in one]:
            raise UsageError(f"{strange[0]!r} is no label: it has neither `/` nor `:`.")


def hooks(loaded: Loaded, settings: ServeSettings, beside: Beside) -> Hooks:
    """All of it, for `create_app`.

    Raises:
        AssayError: Something that is asked for is not installed.
    """
    table = inputs.Table(
        [inputs.Column.of(one, loaded.parity) for one in loaded.signature.inputs],
        settings.max_rows,
    )
    logs = _Logs(loaded, beside)
    background = Background(logs.sinks)
    feedback = Feedback(loaded.signature.outputs[0]) if beside.feedback else None
    shadow = _shadow(loaded) if settings.admin else None
    observers: list[Observer] = [*logs.observers]
    routes = [
        *_tf_routes(loaded, beside.labels),
        *openapi.routes(
            loaded,
            settings,
            keys=beside.keys is not None or beside.provider is not None,
            feedback=feedback is not None,
            labels=beside.labels,
        ),
    ]
    if feedback is not None:
        observers.append(feedback.observe)
        routes.append(Route("POST", FEEDBACK, feedback.page))
    if shadow is not None:
        observers.append(shadow.observe)
        routes.append(shadow.route())

    async def start() -> None:
        background.start()
        if shadow is not None:
            await shadow.begin()

    async def close() -> None:
        if shadow is not None:
            await shadow.end()
        await asyncio.to_thread(background.close)

    return Hooks(
        observers=tuple(observers),
        guard=_guard(beside),
        runner=_runner(loaded, beside),
        routes=tuple(routes),
        protocols=tuple(_protocols(loaded, table, beside.labels)),
        start=(start,),
        close=(close,),
        metrics=(logs.metrics,),
        shadowed=None if shadow is None else shadow.shadowed,
        labelled=None if feedback is None else feedback.labelled,
    )


def _shadow(loaded: Loaded) -> Shadow:
    from assay.serving.shadow import Shadow

    return Shadow(loaded)


def _protocols(
    loaded: Loaded, table: inputs.Table, labels: Sequence[str]
) -> Iterator[tuple[str, Speaks]]:
    from assay.serving.pages import infer_paths

    binary = V2Binary(loaded, table)
    for path in infer_paths(loaded):
        yield path, binary
    tf = TfServing(loaded.signature, table)
    for path in tf_paths(loaded, labels):
        yield f"{path}:predict", tf


def tf_paths(loaded: Loaded, labels: Sequence[str]) -> list[str]:
    """The paths of the model in TensorFlow Serving's API."""
    model = f"/v1/models/{loaded.name}"
    return [model, f"{model}/versions/{loaded.version}", *(f"{model}/labels/{x}" for x in labels)]


def _tf_routes(loaded: Loaded, labels: Sequence[str]) -> Iterator[Route]:
    status = _page(tfserving.status(loaded.version))
    metadata = _page(tfserving.metadata(loaded.name, loaded.version, loaded.signature))
    for path in tf_paths(loaded, labels):
        yield Route("GET", path, status)
        yield Route("GET", f"{path}/metadata", metadata)


def _page(found: Any) -> Callable[[Call], Answer]:
    import orjson

    body = orjson.dumps(found)

    def page(call: Call) -> Answer:
        del call
        return 200, body, JSON

    return page


class _Logs:
    """The logs that are asked for, as observers and as sinks of one thread."""

    def __init__(self, loaded: Loaded, beside: Beside) -> None:
        self.sinks: list[Sink] = []
        self.observers: list[Observer] = []
        self._access = AccessLog(loaded.version) if beside.access_log else None
        self._predictions = None
        if self._access is not None:
            self.sinks.append(self._access)
            self.observers.append(_accessed(self._access))
        if beside.log is not None:
            self._predictions = PredictionLog(beside.log, logged(loaded, beside))
            self.sinks.append(self._predictions)
            self.observers.append(_predicted(self._predictions))

    def metrics(self) -> Iterator[str]:
        """Lines of `/metrics`."""
        if self._predictions is not None:
            yield "# HELP assay_log_rows_total Rows of the prediction log, by what became of them."
            yield "# TYPE assay_log_rows_total counter"
            for outcome in ("written", "dropped", "lost"):
                count = getattr(self._predictions, outcome)
                yield f'assay_log_rows_total{{outcome="{outcome}"}} {count}'
        if self._access is not None:
            yield "# HELP assay_access_log_dropped_total Lines that the access log left out."
            yield "# TYPE assay_access_log_dropped_total counter"
            yield f"assay_access_log_dropped_total {self._access.dropped}"


def logged(loaded: Loaded, beside: Beside) -> Layout:
    """What the prediction log holds of a model.

    Raises:
        UsageError: An input is to be left out that there is not.
    """
    return layout(
        loaded.signature,
        loaded.profile,
        model=loaded.name,
        version=loaded.version,
        digest=loaded.digest,
        drop=beside.drop,
    )


def _accessed(log: AccessLog) -> Observer:
    def observe(call: Call) -> None:
        rows = None if call.request is None else call.request.rows
        method = call.scope["method"]
        log.put(
            Access(
                time=call.wall,
                id=call.id,
                method=method,
                path=call.path,
                status=call.status,
                seconds=call.seconds,
                protocol=call.protocol,
                rows=rows,
                caller=call.caller,
                error=call.error if call.status >= 500 else None,
            )
        )

    return observe


def _predicted(log: PredictionLog) -> Observer:
    def observe(call: Call) -> None:
        request, answers = call.request, call.answers
        if request is not None and answers is not None:
            log.put(Entry(call.id, call.wall, request.rows, request.feeds, answers, len(call.body)))

    return observe


def _guard(beside: Beside) -> Guard | None:
    if beside.keys is not None:
        by_key = KeyGuard(beside.keys)

        def at_once(call: Call) -> None:
            call.caller = by_key.caller(call.headers)

        return at_once
    if beside.provider is None:
        return None
    from assay.serving.oidc import OidcGuard

    by_token = OidcGuard(beside.provider)

    def perhaps_later(call: Call) -> Any:
        found = by_token.caller(call.headers)
        if not isinstance(found, str):
            return _told(call, found)
        call.caller = found
        return None

    return perhaps_later


async def _told(call: Call, who: Any) -> None:
    call.caller = await who


def _runner(loaded: Loaded, beside: Beside) -> Runner | None:
    if not beside.batch_rows:
        return None
    from assay.serving.batching import Batcher

    batcher = Batcher(loaded.predict, beside.batch_rows, beside.batch_wait)

    async def run(feeds: Feeds, rows: int) -> Answers:
        return await batcher.ask(feeds, rows)

    return run

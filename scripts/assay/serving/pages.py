"""What is asked with GET: health, metadata of the model, metrics, and what is served here."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import orjson

from assay import __version__
from assay.serving.errors import shown
from assay.serving.hooks import Route
from assay.serving.protocols import v2
from assay.serving.protocols.base import JSON

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.serving.app import App
    from assay.serving.hooks import Answer, Call
    from assay.serving.loaded import Loaded

_METRICS = [(b"content-type", b"text/plain; version=0.0.4; charset=utf-8")]


def model_paths(loaded: Loaded) -> tuple[str, str]:
    """The paths of the model in V2: as such, and in its version."""
    model = f"/v2/models/{loaded.name}"
    return model, f"{model}/versions/{loaded.version}"


def infer_paths(loaded: Loaded) -> list[str]:
    """The paths where V2 predicts."""
    return [f"{path}/infer" for path in model_paths(loaded)]


def routes(app: App) -> list[Route]:
    """The pages of every server."""
    loaded = app.loaded

    def ready(call: Call) -> Answer:
        del call
        return (200, b'{"ready":true}', JSON) if app.ready else (503, b'{"ready":false}', JSON)

    def live(call: Call) -> Answer:
        del call
        return 200, b'{"live":true}', JSON

    def model_ready(call: Call) -> Answer:
        del call
        known = {"name": loaded.name, "ready": app.ready}
        return 200 if app.ready else 503, orjson.dumps(known), JSON

    def metrics(call: Call) -> Answer:
        del call
        return 200, app.metrics.text(app).encode(), _METRICS

    server = {"name": "assay", "version": __version__, "extensions": _extensions(app)}
    found = [
        Route("GET", "/v2", _fixed(orjson.dumps(server))),
        Route("GET", "/metrics", metrics, guarded=False),
        *(Route("GET", f"{at}/ready", ready, guarded=False) for at in ("/health", "/v2/health")),
        *(Route("GET", f"{at}/live", live, guarded=False) for at in ("/health", "/v2/health")),
    ]
    metadata = _fixed(orjson.dumps(v2.metadata(loaded)))
    for path in model_paths(loaded):
        found += [Route("GET", path, metadata), Route("GET", f"{path}/ready", model_ready)]
    return found


def _extensions(app: App) -> list[str]:
    """Of V2: what its protocol speaks beyond JSON."""
    spoken = dict(app.hooks.protocols)
    return [
        name
        for path in infer_paths(app.loaded)[:1]
        for name in getattr(spoken.get(path), "extensions", ())
    ]


def _fixed(body: bytes) -> Callable[[Call], Answer]:
    def page(call: Call) -> Answer:
        del call
        return 200, body, JSON

    return page


def unknown(path: str, loaded: Loaded) -> str:
    """What to say of a path that is not there."""
    parts = path.split("/")
    if path.startswith(("/v2/models/", "/v1/models/")) and parts[3] != loaded.name:
        return f"There is no model {shown(parts[3])} here, but {loaded.name!r}."
    if parts[4:5] == ["versions"] and parts[5:6] not in ([], [loaded.version]):
        return f"There is no version {shown(parts[5])} here, but {loaded.version!r}."
    return f"There is no {shown(quote(path))} here."

"""`GET /assay/window`: all totals of this process, for who decides about a rollout."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from assay.serving.hooks import Route
from assay.serving.protocols.base import JSON

if TYPE_CHECKING:
    from assay.rollout.snapshot import Snapshot
    from assay.serving.app import App
    from assay.serving.hooks import Answer, Call

PATH = "/assay/window"
_PROCESS = os.urandom(8).hex()


def routes(app: App) -> list[Route]:
    """The endpoint, where it may be asked."""
    if not app.settings.admin:
        return []

    def page(call: Call) -> Answer:
        del call
        return 200, snapshot(app).model_dump_json().encode(), JSON

    return [Route("GET", PATH, page, guarded=False)]


def snapshot(app: App) -> Snapshot:
    """All totals."""
    from assay.rollout.snapshot import Counted, Snapshot  # whoever never asks starts without

    metrics, hooks = app.metrics, app.hooks
    metrics.count()
    return Snapshot(
        process=_PROCESS,
        version=app.loaded.version,
        digest=app.loaded.digest,
        requests=metrics.answered,
        errors={kind: count for kind, count in metrics.errors.items() if count},
        refused=metrics.refused,
        latency=tuple(metrics.latency),
        predictions={
            one.name: Counted(edges=one.edges, values=one.values, counts=tuple(one.counts))
            for one in metrics.predictions
        },
        shadow=hooks.shadowed() if hooks.shadowed else None,
        labelled=hooks.labelled() if hooks.labelled else None,
        memory=memory(),
    )


def memory() -> int:
    """Resident set size in bytes; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")

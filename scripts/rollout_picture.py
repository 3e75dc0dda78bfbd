"""A picture of rollouts as users meet them: a good version, then a bad one, under real requests.

It is a run of its own, on this machine with real nginx and wrk: the versions, the load and the
commands are those of `make bench NAME=rollout`.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.report.vegalite import LIGHT, SCHEMA, theme
from assay.rollout.host.agent import local

from benchmarks import rollout, rollout_shifts, rollout_traffic
from benchmarks.harness import Bench, CommandFailedError, remove
from benchmarks.rollout_versions import BETTER, GOOD, SHIFTED

if TYPE_CHECKING:
    from benchmarks.rollout_traffic import Traffic

COLOURS = {GOOD: "#8c959f", BETTER: "#0b62c4", SHIFTED: "#cf222e"}
PAUSE = 0.015
"""Seconds between a connection's requests: about a thousand a second from all of them."""
AFTER = 8.0
"""Seconds of requests before the first, between both, and after the second."""
Spec = dict[str, Any]


def png() -> bytes:
    """The picture; raises what the benchmark raises where nginx or wrk is missing."""
    import vl_convert

    scratch = Path(tempfile.mkdtemp(prefix="assay-picture-"))
    try:
        traffic, marks = _measured(Bench(scratch))
    finally:
        remove(scratch)
    spec = drawn(traffic, marks)
    return bytes(vl_convert.vegalite_to_png(spec, scale=2, allowed_base_urls=[]))


def _measured(bench: Bench) -> tuple[Traffic, list[tuple[float, str]]]:
    """What users got, and (seconds since 1970, what happened then)."""
    models = rollout.released(bench)
    made = rollout_shifts.site(bench, models)
    rows = rollout_shifts.expected(made, models)
    made.deploy(GOOD, ends=rollout_shifts.PROMOTED)
    try:
        with rollout_traffic.under_load(made.url, rows, bench.scratch, pause=PAUSE) as traffic:
            time.sleep(AFTER)
            made.deploy(BETTER, ends=rollout_shifts.PROMOTED)
            time.sleep(AFTER)
            made.deploy(SHIFTED, ends=rollout_shifts.ROLLED_BACK)
            time.sleep(AFTER)
        events = local(made.folder).events()
    finally:
        made.run(["host", "down", "--folder", str(made.folder)])
    if traffic.failed or traffic.wrong:
        raise CommandFailedError(f"No picture: {traffic}")
    return traffic, [(one.time, _mark(one.what)) for one in events if _is_shown(one)]


def _is_shown(event: Any) -> bool:
    step = event.facts.get("step")
    return (event.kind, step) == ("done", "route") or (event.kind, step) == ("intent", "back")


def _mark(what: str) -> str:
    """`peak-hour@v1.1.0 answers 5 % of the requests.` as `v1.1.0: 5 %`."""
    if what.startswith("Going back"):
        return "judged: back"
    version, _, rest = what.partition(" answers ")
    return f"{version.partition('@')[2]}: {rest.partition(' of ')[0]}"


def drawn(traffic: Traffic, marks: list[tuple[float, str]]) -> Spec:
    """Requests a second by version over time, and what the rollout did."""
    begin = min(traffic.first.values())
    rows = []
    for version, bins in traffic.counts.items():
        seconds: dict[int, int] = {}
        for at, count in bins.items():
            seconds[int(at - begin)] = seconds.get(int(at - begin), 0) + count
        # An area needs its zeros.
        last = int(traffic.seconds)
        rows += [{"t": t, "version": version, "rate": seconds.get(t, 0)} for t in range(1, last)]
    told = [
        {"t": at - begin, "what": what, "line": number % 2}
        for number, (at, what) in enumerate(one for one in marks if one[0] > begin)
    ]
    return {
        "$schema": SCHEMA,
        "config": {**theme(LIGHT), "background": LIGHT.surface},
        "width": 720,
        "height": 240,
        "padding": 12,
        "layer": [_areas(rows), *_marks(told)],
    }


def _areas(rows: list[Spec]) -> Spec:
    names = sorted({row["version"] for row in rows})
    total: dict[int, int] = {}
    for row in rows:
        total[row["t"]] = total.get(row["t"], 0) + row["rate"]
    return {
        "data": {"values": rows},
        "mark": {"type": "area", "interpolate": "step-after", "opacity": 0.85},
        "encoding": {
            "x": {"field": "t", "type": "quantitative", "title": "Seconds"},
            "y": {
                "field": "rate",
                "type": "quantitative",
                "stack": "zero",
                "scale": {"domain": [0, max(total.values()) * 1.25], "nice": False},
                "title": "Requests answered a second",
            },
            "color": {
                "field": "version",
                "type": "nominal",
                "title": None,
                "scale": {"domain": names, "range": [COLOURS[name] for name in names]},
                "legend": {"symbolType": "square", "symbolSize": 120},
            },
            "order": {"field": "version", "sort": "ascending"},
        },
    }


def _marks(told: list[Spec]) -> list[Spec]:
    x = {"field": "t", "type": "quantitative"}
    return [
        {
            "data": {"values": told},
            "mark": {"type": "rule", "color": LIGHT.ink, "strokeDash": [3, 3]},
            "encoding": {"x": x},
        },
        *(
            {
                "data": {"values": [one for one in told if one["line"] == line]},
                "mark": {
                    "type": "text",
                    "align": "left",
                    "dx": 4,
                    "dy": 10 + 16 * line,
                    "fontSize": 12,
                    "color": LIGHT.ink,
                },
                "encoding": {"x": x, "y": {"value": 0}, "text": {"field": "what"}},
            }
            for line in (0, 1)
        ),
    ]

"""Snapshots and windows as servers would count them."""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import TYPE_CHECKING

from assay.rollout.latency import BINS as LATENCY_BINS
from assay.rollout.snapshot import Counted, Labelled, Shadowed
from assay.rollout.windows import Interval, Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

EDGES = tuple(i / 10 for i in range(1, 10))


def latency(seconds: Iterable[float]) -> tuple[int, ...]:
    """The histogram of latencies."""
    counts = [0] * LATENCY_BINS
    for one in seconds:
        index = math.floor(8 * math.log2(max(one * 1e6, 1.0)))
        counts[min(index, LATENCY_BINS - 1)] += 1
    return tuple(counts)


def scores(values: Iterable[float], edges: Sequence[float] = EDGES) -> Counted:
    """Numbers counted in bins."""
    counts = [0] * (len(edges) + 1)
    for value in values:
        counts[bisect_right(edges, value)] += 1
    return Counted(edges=tuple(edges), counts=tuple(counts))


def even(requests: int) -> Counted:
    """Scores of which each bin has about as many."""
    return scores((i + 0.5) / requests for i in range(requests)) if requests else scores(())


def window(
    requests: int = 1000,
    *,
    errors: int | dict[str, int] = 0,
    slow: float = 0.02,
    predictions: dict[str, Counted | None] | None = None,
    shadow: Shadowed | None = None,
    labelled: Labelled | None = None,
    seconds: float = 30.0,
) -> Window:
    """A window in which all requests took `slow` seconds."""
    kinds = {"internal": errors} if isinstance(errors, int) and errors else errors or {}
    return Window(
        requests=requests,
        errors=kinds if isinstance(kinds, dict) else {},
        latency=latency([slow] * requests),
        predictions={"score": even(requests)} if predictions is None else predictions,
        shadow=shadow,
        labelled=labelled,
        seconds=seconds,
    )


def interval(candidate: Window | None = None, stable: Window | None = None) -> Interval:
    """Both versions, alike unless said."""
    return Interval(candidate or window(), stable or window())

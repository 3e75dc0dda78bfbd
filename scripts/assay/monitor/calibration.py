"""Scores as probabilities: how often rows with such a score were positive where truth is known.

Isotonic regression by pooling adjacent violators (Ayer et al., 1955), as scikit-learn's
`IsotonicRegression`, kept as the blocks that it pools: each says how many rows it rests on, which
is what an interval needs. Between the middles of two blocks the probability rises on a line, so
that the ranking within a block is not lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_BLOCK = 50
"""Rows of a block: fewer tell little, and a block of one says 0 or 1."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """Blocks of scores, rising."""

    upper: NDArray[np.float64]
    """(b,): the largest score of each."""
    middles: NDArray[np.float64]
    """(b,): their mean scores."""
    rates: NDArray[np.float64]
    """(b,): share of positive rows, never falling."""
    rows: NDArray[np.float64]
    """(b,): how many rows each rests on."""

    def block(self, scores: NDArray[np.float64]) -> NDArray[np.intp]:
        """(n,): the block of each score."""
        found = np.searchsorted(self.upper, scores, side="left")
        return np.minimum(found, len(self.upper) - 1)

    def chance(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,): the probability that rows with these scores are positive."""
        return np.asarray(np.interp(scores, self.middles, self.rates))


def fitted(
    scores: NDArray[np.float64], positive: NDArray[np.bool_], *, least: int = LEAST_BLOCK
) -> Calibration:
    """Learn from labelled rows.

    Args:
        scores: (n,) finite; at least one.
        positive: (n,) the truth.
        least: See `LEAST_BLOCK`; at most a tenth of the rows.
    """
    order = np.argsort(scores, kind="stable")
    ordered, hits = scores[order], positive[order].astype(np.float64)
    ends = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    least = max(1, min(least, len(ordered) // 10))
    total, summed = np.cumsum(hits), np.cumsum(ordered)
    # Equal scores are one block, and so are neighbours until there are enough rows.
    kept, before = [], -1
    for end in ends.tolist():
        if end - before >= least:
            kept.append(end)
            before = end
    kept = [*kept[:-1], len(ordered) - 1] if kept else [len(ordered) - 1]
    at = np.asarray(kept)
    rows = np.diff(at, prepend=-1).astype(np.float64)
    hits_of = np.diff(total[at], prepend=0.0)
    scores_of = np.diff(summed[at], prepend=0.0)
    groups = _pooled(hits_of, rows)
    starts = np.asarray([start for start, _ in groups])
    sizes = np.add.reduceat(rows, starts)
    return Calibration(
        upper=ordered[at[[end - 1 for _, end in groups]]],
        middles=np.add.reduceat(scores_of, starts) / sizes,
        rates=np.add.reduceat(hits_of, starts) / sizes,
        rows=sizes,
    )


def _pooled(hits: NDArray[np.float64], rows: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Ranges of neighbours that are one block, so that rates never fall."""
    stack: list[tuple[int, int, float, float]] = []
    for place, (hit, size) in enumerate(zip(hits.tolist(), rows.tolist(), strict=True)):
        start, own, count = place, hit, size
        while stack and stack[-1][2] * count >= own * stack[-1][3]:
            start, _, more, others = stack.pop()
            own, count = own + more, count + others
        stack.append((start, place + 1, own, count))
    return [(start, end) for start, end, _, _ in stack]

"""Into which bin a number or a category falls; the same bins whoever counts."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.rollout.latency import BINS as LATENCY_BINS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assay.packaging.profile import Categories, Numbers

_LAST = LATENCY_BINS - 1
MOST_CATEGORIES = 32
"""Categories of a column that are counted apart; the rest is one bin."""


def latency_bin(seconds: float) -> int:
    """The bin of a latency; also of an absolute error, whose unit is then 1e-6."""
    if seconds <= 1e-6:
        return 0
    return min(int(8 * math.log2(seconds * 1e6) + 1e-9), _LAST)


def latency_upper(bin_: int) -> float:
    """Where a bin ends, in seconds."""
    return float(2 ** ((bin_ + 1) / 8)) * 1e-6


def edges(numbers: Numbers) -> tuple[float, ...]:
    """At most 9 deciles of a profile, rising: i of them at most as large as a value is bin i."""
    total = numbers.upto[-1] if numbers.upto else 0
    found = [
        numbers.edges[int(np.searchsorted(numbers.upto, total * tenth / 10))]
        for tenth in range(1, 10)
        if total
    ]
    return tuple(dict.fromkeys(found))


class Counter:
    """Counts of one column, by bins.

    Args:
        profile: The column where the model was tested.
    """

    def __init__(self, profile: Numbers | Categories) -> None:
        self.profile = profile
        self.name = profile.name
        self.edges: tuple[float, ...] | None = None
        self.values: tuple[str, ...] | None = None
        if profile.kind == "number":
            self.edges = edges(profile)
        else:
            self.values = profile.values[:MOST_CATEGORIES]
            self._at = {value: at for at, value in enumerate(self.values)}
        self.counts = [0] * (len(self.edges or self.values or ()) + 1)
        self.nulls = 0

    def add(self, values: NDArray[Any]) -> None:
        """Count values of shape (n,); NaN and, of text, the empty one are missing."""
        if self.edges is not None:
            numbers = values.astype(np.float64, copy=False)
            missing = int(np.isnan(numbers).sum())
            if missing:
                numbers = numbers[~np.isnan(numbers)]
            found = np.searchsorted(self.edges, numbers, side="right")
            for at, count in enumerate(np.bincount(found, minlength=len(self.counts)).tolist()):
                self.counts[at] += count
            self.nulls += missing
            return
        for value, count in _counted(values):
            if value in ("", "nan"):
                self.nulls += count
            else:
                self.counts[self._at.get(value, -1)] += count

    @property
    def labels(self) -> list[str]:
        """What the bins are called."""
        if self.edges is None:
            return [*(self.values or ()), "other"]
        ends = [-math.inf, *self.edges, math.inf]
        return [f"[{low!r}, {high!r})" for low, high in itertools.pairwise(ends)]

    @property
    def reference(self) -> list[float]:
        """The share of the bins where the model was tested, without what was missing."""
        one = self.profile
        if one.kind == "category":
            listed = one.counts[: len(self.values or ())]
            rest = one.count - one.nulls - sum(listed)
            shares = [*listed, rest]
        else:
            total = one.upto[-1] if one.upto else 0
            below = dict(zip(one.edges, one.below, strict=True))
            upto = [0, *(below[edge] for edge in self.edges or ()), total]
            shares = [high - low for low, high in itertools.pairwise(upto)]
        whole = sum(shares)
        return [share / whole if whole else 0.0 for share in shares]


def _counted(values: NDArray[Any]) -> list[tuple[str, int]]:
    found: dict[str, int] = {}
    for value in values.tolist():
        text = value if isinstance(value, str) else str(value)
        found[text] = found.get(text, 0) + 1
    return list(found.items())

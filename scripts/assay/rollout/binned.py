"""Statistics of counts in bins, in Python's own numbers: a judgement needs no array, and no import.

All tests are one-sided or by nature undirected; `p` is the probability, were both versions alike,
of a difference at least as large.
"""

from __future__ import annotations

import math
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.rollout.snapshot import Counts

PER_OCTAVE = 8
"""Bins of a histogram of latency for each doubling."""


class Ranked(NamedTuple):
    """Two samples compared by their ranks."""

    superiority: float
    """The chance that a value of the first is larger than one of the second, ties as half: the A of
    Vargha and Delaney (2000)."""
    p: float
    """That the first is larger, by Mann and Whitney's U: normal, with ties and continuity."""


def ranked(first: Counts, second: Counts) -> Ranked:
    """Compare two histograms over the same rising bins; values in one bin are tied."""
    n, m = sum(first), sum(second)
    below = 0
    wins = 0.0
    for a, b in zip(first, second, strict=True):
        wins += a * (below + b / 2)
        below += b
    if not n or not m:
        return Ranked(0.5, 1.0)
    total = n + m
    ties = sum(t**3 - t for t in (a + b for a, b in zip(first, second, strict=True)))
    variance = n * m / 12 * ((total + 1) - ties / (total * (total - 1)))
    if variance <= 0:
        return Ranked(0.5, 1.0)
    z = (wins - n * m / 2 - 0.5) / math.sqrt(variance)
    return Ranked(wins / (n * m), normal_tail(z))


def normal_tail(z: float) -> float:
    """P(Z > z) of a standard normal."""
    return math.erfc(z / math.sqrt(2)) / 2


def more_often(hits: int, of: int, other_hits: int, other_of: int) -> float:
    """The p that a share is higher than another one: Fisher's exact test."""
    drawn, total = hits + other_hits, of + other_of
    last = min(drawn, of)
    whole = _log_choose(total, drawn)
    return _tail(
        _log_choose(of, k) + _log_choose(other_of, drawn - k) - whole for k in range(hits, last + 1)
    )


def more_than(hits: int, of: int, share: float) -> float:
    """The p that a share is higher than a given one: the exact binomial test."""
    if share <= 0:
        return 0.0 if hits else 1.0
    if share >= 1:
        return 1.0
    yes, no = math.log(share), math.log1p(-share)
    return _tail(_log_choose(of, k) + k * yes + (of - k) * no for k in range(hits, of + 1))


def _tail(logs: Iterator[float]) -> float:
    """The sum of a distribution's tail; ends where nothing is added any more."""
    total = 0.0
    before = -math.inf
    for log in logs:
        term = math.exp(log)
        total += term
        if log < before and term <= total * 1e-17:
            break
        before = log
    return min(total, 1.0)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


class Distance(NamedTuple):
    """How far two distributions over the same bins are apart."""

    variation: float
    """Total variation distance: half the sum of |difference of shares|, from 0 to 1."""
    chance: float
    """What that is on average for two samples of one distribution, of these sizes."""
    p: float
    """Of Pearson's chi-squared test that both are one distribution."""

    @property
    def excess(self) -> float:
        """What chance does not explain on average."""
        return max(0.0, self.variation - self.chance)


def distance(first: Counts, second: Counts) -> Distance:
    """Compare two distributions. Bins that both leave empty say nothing."""
    n, m = sum(first), sum(second)
    if not n or not m:
        return Distance(0.0, 0.0, 1.0)
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if a or b]
    variation = sum(abs(a / n - b / m) for a, b in pairs) / 2
    shares = [(a + b) / (n + m) for a, b in pairs]
    # Half the mean of |N(0, s²)|, s² = p (1 - p) (1/n + 1/m), of every bin.
    spread = sum(math.sqrt(share * (1 - share)) for share in shares)
    chance = spread * math.sqrt((1 / n + 1 / m) * 2 / math.pi) / 2
    squares = sum(
        (a - n * share) ** 2 / (n * share) + (b - m * share) ** 2 / (m * share)
        for (a, b), share in zip(pairs, shares, strict=True)
    )
    return Distance(variation, chance, chi_squared_tail(squares, len(pairs) - 1))


def chi_squared_tail(value: float, freedom: int) -> float:
    """P(X > value) of a chi-squared distribution with a whole number of degrees of freedom.

    A finite sum: Abramowitz and Stegun, 26.4.4 and 26.4.5.
    """
    if freedom <= 0 or value <= 0:
        return 1.0
    half = value / 2
    even = freedom % 2 == 0
    total = 0.0 if even else math.erfc(math.sqrt(half))
    power = 0.0 if even else 0.5
    while power < freedom / 2:
        total += math.exp(power * math.log(half) - half - math.lgamma(power + 1))
        power += 1.0
    return min(total, 1.0)


def quantile(counts: Counts, share: float) -> float | None:
    """A quantile of a histogram with `PER_OCTAVE` bins an octave, in units of its first edge.

    Within a bin values are taken for spread evenly over its logarithm, so it is off by less than
    the width of a bin, 9 %.
    """
    total = sum(counts)
    if not total:
        return None
    wanted = share * total
    before = 0
    for index, upto in enumerate(accumulate(counts)):
        if upto >= wanted and upto > before:
            return math.pow(2.0, (index + (wanted - before) / (upto - before)) / PER_OCTAVE)
        before = upto
    return math.pow(2.0, len(counts) / PER_OCTAVE)


def above(counts: Counts, value: float) -> int:
    """How many values lie in bins above the one with `value`."""
    index = math.floor(PER_OCTAVE * math.log2(value)) if value >= 1 else 0
    return sum(counts[index + 1 :])


def mean(counts: Sequence[int]) -> float | None:
    """The mean of a histogram, each value taken for the middle of its bin's logarithm."""
    total = sum(counts)
    if not total:
        return None
    middles = (math.pow(2.0, (index + 0.5) / PER_OCTAVE) for index in range(len(counts)))
    return sum(count * middle for count, middle in zip(counts, middles, strict=True)) / total

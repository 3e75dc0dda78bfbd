"""How sure a distance between two samples is: intervals, estimates without bias, and p-values.

Between two samples of one distribution a divergence is not zero but about chi-squared, and between
two distributions that are a little apart about noncentral chi-squared, with a noncentrality that
grows with the rows: B. Yurdakul, Statistical Properties of Population Stability Index (2018), and
Menendez et al., Annals of the Institute of Statistical Mathematics 47 (1995), for divergences. So
one curve answers at any number of rows how far apart the distributions are themselves. Where they
are far apart it is too sure of it; there the delta method's normal is, and the more careful of the
two holds.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from assay.monitor.distances import Pieces, divergence, shares

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from assay.packaging.profile import Numbers

_MANY = 10_000.0
"""Noncentralities from which the curve is a normal one of a power (Sankaran, 1963)."""
_PER_BIT = 8 * math.log(2)
"""A Jensen-Shannon divergence in bits, times this: about the chi-squared distance of shares."""


class Spread(NamedTuple):
    """A value that was measured, and where the true one lies."""

    value: float
    """Freed of what chance adds on average."""
    low: float
    high: float
    raw: float
    """By the definition."""


class Chi(NamedTuple):
    """A distance that, times `scale`, is noncentral chi-squared with the true one's `scale`."""

    raw: float
    degrees: int
    """Of freedom; 0 where there is only one bin."""
    scale: float
    error: float
    """Standard error by the delta method; 0 where the distance is."""

    @property
    def unbiased(self) -> float:
        """Freed of what chance adds."""
        return max(0.0, self.raw - self.degrees / self.scale)

    def beyond(self, bound: float) -> float:
        """The p-value of "the true distance is at most `bound`"."""
        from scipy.special import ndtr

        if self.degrees == 0:
            return 1.0
        p_value = 1 - _below(self.raw * self.scale, self.degrees, bound * self.scale)
        if bound > 0 and self.error > 0:
            normal = float(ndtr((bound - self.unbiased) / self.error))
            p_value = max(p_value, normal)
        return min(1.0, max(0.0, p_value))

    def spread(self, confidence: float) -> Spread:
        """With an interval."""
        from scipy.special import ndtri

        if self.degrees == 0:
            return Spread(0.0, 0.0, 0.0, 0.0)
        tail = (1 - confidence) / 2
        seen = self.raw * self.scale
        low, high = (_noncentrality(seen, self.degrees, at) / self.scale for at in (1 - tail, tail))
        reach = float(ndtri(1 - tail)) * self.error
        low = max(0.0, min(low, self.unbiased - reach))
        return Spread(self.unbiased, low, max(high, self.unbiased + reach), self.raw)


def rooted(found: Spread) -> Spread:
    """A divergence as a distance."""
    return Spread(*(math.sqrt(value) for value in found))


def _below(value: float, degrees: int, noncentrality: float) -> float:
    """P(X <= value) of a noncentral chi-squared distribution."""
    from scipy.special import chndtr, ndtr

    if noncentrality < _MANY:
        return float(chndtr(value, degrees, noncentrality))
    mean, spread = degrees + noncentrality, degrees + 2 * noncentrality
    power = 1 - 2 * mean * (degrees + 3 * noncentrality) / (3 * spread**2)
    size = spread / mean**2
    bent = (power - 1) * (1 - 3 * power)
    centre = 1 + power * size * (power - 1 - (2 - power) * bent * size / 2)
    error = power * math.sqrt(2 * size) * (1 + bent * size / 2)
    return float(ndtr(((value / mean) ** power - centre) / error))


def _noncentrality(value: float, degrees: int, chance: float) -> float:
    """The noncentrality under which so large a share lies below `value`; 0 where it is none."""
    if _below(value, degrees, 0.0) <= chance:
        return 0.0
    # It falls with the noncentrality: halved until the place is known to the last digits.
    low, high = 0.0, max(1.0, value)
    while _below(value, degrees, high) > chance:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        if _below(value, degrees, middle) > chance:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def of_divergence(reference: Sequence[int], window: Sequence[int]) -> Chi:
    """The Jensen-Shannon divergence of counts in the same bins, in bits."""
    pairs = [(a, b) for a, b in zip(reference, window, strict=True) if a or b]
    one, other = [a for a, _ in pairs], [b for _, b in pairs]
    n, m = sum(one), sum(other)
    p, q = shares(one), shares(other)
    middle = (p + q) / 2
    degrees = len(pairs) - 1
    variance = _variance(_half_log(p, middle), p) / n + _variance(_half_log(q, middle), q) / m
    return Chi(
        raw=divergence(one, other),
        degrees=degrees,
        scale=_PER_BIT * n * m / (n + m) / (1 + _sparse(one, other) / max(1, degrees)),
        error=math.sqrt(variance),
    )


def _sparse(one: Sequence[int], other: Sequence[int]) -> float:
    """What bins of few rows add to the mean of a divergence beside the degrees of freedom.

    The next term of its expansion in 1/n (Bartlett's correction), with a bin's share of both
    samples together. Where less than a row is expected the expansion ends.
    """
    a, b = 1 / sum(one), 1 / sum(other)
    share = (np.asarray(one) + np.asarray(other)) / (1 / a + 1 / b)
    term = (3 * (a * a + b * b) / 8 - a * b / 4) / (a + b)
    return float((term / np.maximum(share, max(a, b))).sum())


def of_psi(value: float, reference: Sequence[int], window: Sequence[int]) -> Chi:
    """The population stability index, of the same counts.

    Args:
        value: The index itself.
        reference: Counts.
        window: Counts.
    """
    from assay.monitor.distances import FLOOR

    there = sum(1 for a, b in zip(reference, window, strict=True) if a or b)
    n, m = sum(reference), sum(window)
    p, q = (np.maximum(shares(side), FLOOR) for side in (reference, window))
    by_p = _variance(np.log(p / q) + 1 - q / p, p) / n
    by_q = _variance(np.log(q / p) + 1 - p / q, q) / m
    return Chi(value, there - 1, n * m / (n + m), math.sqrt(by_p + by_q))


def of_cramers_v(chi2: float, degrees: int, rows: int, confidence: float) -> Spread:
    """Cramér's V of a table with two rows: M. Smithson, Confidence Intervals (2003), chapter 4."""
    return rooted(Chi(chi2 / rows, degrees, float(rows), 0.0).spread(confidence))


def _half_log(p: NDArray[np.float64], middle: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.log2(np.where(p > 0, p, middle) / middle) / 2


def _variance(values: NDArray[np.float64], chance: NDArray[np.float64]) -> float:
    mean = float((values * chance).sum())
    return max(0.0, float((values**2 * chance).sum()) - mean**2)


def of_kolmogorov_smirnov(value: float, n: int, m: int, confidence: float) -> Spread:
    """By the inequality of Dvoretzky, Kiefer and Wolfowitz with Massart's constant, each side half.

    It holds for any two distributions and any number of rows, and is wide for that. What chance
    adds on average is that of Kolmogorov's distribution.
    """
    doubt = (1 - confidence) / 2
    reach = sum(math.sqrt(math.log(2 / doubt) / (2 * rows)) for rows in (n, m))
    chance = math.sqrt(1 / n + 1 / m) * math.sqrt(math.pi / 2) * math.log(2)
    return Spread(max(0.0, value - chance), max(0.0, value - reach), min(1.0, value + reach), value)


def of_wasserstein(
    found: Pieces, reference: Numbers, window: Numbers, scale: float, confidence: float
) -> Spread:
    """Wasserstein's distance over `scale`, by its influence on each side.

    The normal holds where the distributions are apart: at each place one lies above. Between equal
    ones it does not, so the lower end is reduced by what chance adds there.
    """
    from scipy.special import ndtri

    from assay.monitor.counting import finite_count

    n, m = finite_count(reference), finite_count(window)
    sign = np.sign(found.left + found.right)
    right_of = np.concatenate([np.cumsum((sign * found.widths)[::-1])[::-1], [0.0]])
    variance, spread_out = 0.0, 0.0
    for one, rows in ((reference, n), (window, m)):
        upto = np.concatenate([[0.0], np.asarray(one.upto) / rows])
        below = np.concatenate([np.asarray(one.below) / rows, [1.0]])
        atoms = upto[1:] - below[:-1]
        inside = np.maximum(below - upto, 0.0)
        middles = (right_of[1:] + right_of[:-1]) / 2
        variance += (
            _variance(np.concatenate([right_of[1:-1], middles]), np.concatenate([atoms, inside]))
            / rows
        )
        middle = (upto + below) / 2
        spread_out += float((np.sqrt(middle * (1 - middle)) * found.widths).sum()) / 2
    chance = math.sqrt(1 / n + 1 / m) * spread_out * math.sqrt(2 / math.pi)
    reach = float(ndtri((1 + confidence) / 2)) * math.sqrt(variance)
    value = found.area
    made = (max(0.0, value - chance), max(0.0, value - chance - reach), value + reach, value)
    return Spread(*(each / scale for each in made))


def of_shares(hits: int, rows: int, base_hits: int, base_rows: int, confidence: float) -> Spread:
    """The difference of two shares, window less reference; interval by Newcombe (1998), method 10.

    https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I
    """
    p, q = hits / rows, base_hits / base_rows
    low, high = wilson(hits, rows, confidence)
    base_low, base_high = wilson(base_hits, base_rows, confidence)
    away = p - q
    return Spread(
        away,
        away - math.hypot(p - low, base_high - q),
        away + math.hypot(high - p, q - base_low),
        away,
    )


def wilson(hits: int, rows: int, confidence: float) -> tuple[float, float]:
    """Wilson's score interval of a share."""
    from scipy.special import ndtri

    z = float(ndtri((1 + confidence) / 2))
    share = hits / rows
    centre = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z / (1 + z * z / rows) * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows**2))
    return max(0.0, centre - half), min(1.0, centre + half)

"""How far two distributions are apart, from the counts of the same bins or categories.

References:
    N. Siddiqi, Credit Risk Scorecards, Wiley 2006: the population stability index and its reading.
    B. Yurdakul, Statistical Properties of Population Stability Index, Western Michigan University
    2018: under no shift, PSI is about chi-squared with bins - 1 degrees of freedom times
    (1/n + 1/m).
    P. C. Austin, Statistics in Medicine 28 (2009), 3083-3107: the standardized difference.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from assay.datadiff.section import Shift, Size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FLOOR = 1e-4
"""The least share of a bin in PSI, which would be infinite where only one side has rows."""


def of_counts(
    head: Sequence[int],
    base: Sequence[int],
    *,
    ordered: bool,
    mean_difference: float | None = None,
) -> Shift | None:
    """The shift between two histograms; `None` where one of them is empty.

    Args:
        head: Rows in each bin.
        base: The same bins.
        ordered: Whether the bins have an order: numbers and times.
        mean_difference: What `standardized` gives, for numbers.
    """
    if sum(head) == 0 or sum(base) == 0:
        return None
    value = psi(head, base)
    return Shift(
        psi=round(value, 6),
        size=reading(value),
        within_chance=value <= by_chance(head, base),
        distance=round(kolmogorov_smirnov(head, base) if ordered else variation(head, base), 6),
        mean_difference=mean_difference,
    )


def psi(head: Sequence[int], base: Sequence[int]) -> float:
    """The sum over the bins of (p - q) ln(p / q); p and q are the shares, at least `FLOOR`."""
    p, q = (np.maximum(share, FLOOR) for share in _shares(head, base))
    return float(np.sum((p - q) * np.log(p / q)))


def by_chance(head: Sequence[int], base: Sequence[int], *, level: float = 0.05) -> float:
    """What PSI exceeds with probability `level` between two samples of one distribution."""
    from scipy.special import chdtri

    bins = len(_shares(head, base)[0])
    if bins < 2:
        return 0.0
    return float(chdtri(bins - 1, level)) * (1 / sum(head) + 1 / sum(base))


def kolmogorov_smirnov(head: Sequence[int], base: Sequence[int]) -> float:
    """The largest gap between the cumulative shares, at the edges of the bins."""
    p, q = _shares(head, base)
    return float(np.abs(np.cumsum(p) - np.cumsum(q)).max())


def variation(head: Sequence[int], base: Sequence[int]) -> float:
    """Total variation: the share of rows that would have to change category."""
    p, q = _shares(head, base)
    return float(np.abs(p - q).sum() / 2)


def standardized(head: tuple[float, float], base: tuple[float, float]) -> float | None:
    """The difference of means over the root of the mean variance; `None` where that is zero.

    Args:
        head: Mean and standard deviation.
        base: The same of base.
    """
    pooled = math.sqrt((head[1] ** 2 + base[1] ** 2) / 2)
    return (head[0] - base[0]) / pooled if pooled > 0 else None


def reading(value: float) -> Size:
    """PSI in a word."""
    if value < 0.1:
        return "small"
    return "moderate" if value <= 0.25 else "large"


def _shares(
    head: Sequence[int], base: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The shares of the bins in which either side has rows."""
    h, b = np.asarray(head, dtype=np.float64), np.asarray(base, dtype=np.float64)
    used = (h > 0) | (b > 0)
    return h[used] / h.sum(), b[used] / b.sum()

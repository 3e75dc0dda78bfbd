"""How far two distributions are apart: of counts in the same bins, of arrays, and of profiles.

On arrays and counts these are the definitions of scipy and numpy. On profiles (`Numbers`) the
cumulative distributions are exact at the reference's edges and taken for linear between them: a
column whose values are all edges (at most 289 different ones) is exact, else the
Kolmogorov-Smirnov distance is too small by at most `between`, and Wasserstein's is off by at most
the width of the gaps times it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from assay.datadiff.shift import FLOOR, psi
from assay.monitor.counting import finite_count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from assay.packaging.profile import Numbers

__all__ = ["FLOOR", "psi"]


def shares(counts: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float64]:
    """(k,): counts as parts of 1; there must be a row."""
    given = np.asarray(counts, dtype=np.float64)
    return np.asarray(given / given.sum())


def divergence(one: Sequence[int], other: Sequence[int]) -> float:
    """Jensen-Shannon divergence in bits, from 0 to 1; see `jensen_shannon`."""
    p, q = shares(one), shares(other)
    middle = (p + q) / 2
    return max(0.0, float(sum(_relative(side, middle) for side in (p, q)) / 2))


def _relative(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    there = p > 0
    return float((p[there] * np.log2(p[there] / q[there])).sum())


def jensen_shannon(one: Sequence[int], other: Sequence[int]) -> float:
    """Jensen-Shannon distance, base 2: the root of the divergence, as scipy's `jensenshannon`."""
    return math.sqrt(divergence(one, other))


class Association(NamedTuple):
    """Pearson's test that two samples have the same shares."""

    chi2: float
    degrees: int
    p_value: float
    cramers_v: float
    """As scipy's `association`: it depends on how many rows one sample has for one of the other."""


def chi_squared(one: Sequence[int], other: Sequence[int]) -> Association:
    """As scipy's `chi2_contingency(correction=False)` of the table of two rows."""
    from scipy.special import chdtrc

    table = np.asarray([one, other], dtype=np.float64)
    table = table[:, table.sum(axis=0) > 0]
    total = table.sum()
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / total
    chi2 = float(((table - expected) ** 2 / expected).sum())
    degrees = table.shape[1] - 1
    if degrees < 1:
        return Association(0.0, 0, 1.0, 0.0)
    return Association(chi2, degrees, float(chdtrc(degrees, chi2)), math.sqrt(chi2 / total))


def kolmogorov_smirnov(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The largest gap between two cumulative distributions, as scipy's `ks_2samp`."""
    first, second = np.sort(one), np.sort(other)
    places = np.concatenate([first, second])
    return float(np.abs(_cumulative(first, places) - _cumulative(second, places)).max())


def wasserstein(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The area between two cumulative distributions, as scipy's `wasserstein_distance`."""
    first, second = np.sort(one), np.sort(other)
    places = np.sort(np.concatenate([first, second]))
    gap = _cumulative(first, places[:-1]) - _cumulative(second, places[:-1])
    return float((np.abs(gap) * np.diff(places)).sum())


def _cumulative(ordered: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.searchsorted(ordered, at, side="right") / len(ordered))


class Curves(NamedTuple):
    """The cumulative distributions of a reference and a window, at the reference's edges."""

    edges: NDArray[np.float64]
    reference: tuple[NDArray[np.float64], NDArray[np.float64]]
    """Each (k,): shares below the edges, and up to them."""
    window: tuple[NDArray[np.float64], NDArray[np.float64]]

    @property
    def gaps(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Reference less window, below the edges and up to them."""
        (a, b), (c, d) = self.reference, self.window
        return a - c, b - d

    @property
    def kolmogorov_smirnov(self) -> float:
        """At the edges."""
        return float(max(np.abs(side).max() for side in self.gaps))

    @property
    def between(self) -> float:
        """What `kolmogorov_smirnov` may miss: the most that one side has between two edges."""
        return float(
            max(
                np.max(np.concatenate([below, [1.0]]) - np.concatenate([[0.0], upto]))
                for below, upto in (self.reference, self.window)
            )
        )


def curves(reference: Numbers, window: Numbers) -> Curves:
    """Of two profiles with the same edges; both must have a finite number."""
    if reference.edges != window.edges:
        raise ValueError(f"{window.name} was not counted by this reference")

    def sides(one: Numbers) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        total = finite_count(one)
        return np.asarray(one.below) / total, np.asarray(one.upto) / total

    return Curves(np.asarray(reference.edges), sides(reference), sides(window))


class Pieces(NamedTuple):
    """Where two cumulative distributions are apart: a straight line on each piece.

    The first and the last piece are what of the window lies outside of the reference.
    """

    widths: NDArray[np.float64]
    left: NDArray[np.float64]
    """Reference less window where a piece begins."""
    right: NDArray[np.float64]
    """Where it ends."""
    shift: float | None
    """Mean of the window less that of the reference, where they are known."""

    @property
    def area(self) -> float:
        """The integral of the gap's size.

        The integral of the gap itself is the difference of the means. So what lies outside, of
        which only the end is known, is made such that it is.
        """
        left, right = np.abs(self.left), np.abs(self.right)
        both = left + right
        crossing = self.left * self.right < 0
        safe = np.where(both > 0, both, 1.0)
        height = np.where(crossing, (left**2 + right**2) / safe, both) / 2
        areas = height * self.widths
        inside, outside = float(areas[1:-1].sum()), float(areas[0] + areas[-1])
        if self.shift is None or outside == 0:
            return inside + outside
        signed = float(((self.left + self.right) / 2 * self.widths).sum())
        missed = (self.shift - signed) / outside
        below, above = (
            float(areas[end]) * min(2.0, max(0.0, 1 + sign * missed))
            for end, sign in ((0, -1), (-1, 1))
        )
        return inside + below + above


def pieces(reference: Numbers, window: Numbers) -> Pieces:
    """The pieces between the edges, and those of the window that lie outside of them."""
    found = curves(reference, window)
    below, upto = found.gaps
    least, most = window.min, window.max
    assert least is not None and most is not None  # noqa: S101, PT018 (it has a finite number)
    low, high = min(least, float(found.edges[0])), max(most, float(found.edges[-1]))
    shift = None
    if reference.mean is not None and window.mean is not None:
        shift = window.mean - reference.mean
    return Pieces(
        widths=np.diff(np.concatenate([[low], found.edges, [high]])),
        left=np.concatenate([[0.0], upto]),
        right=np.concatenate([below, [0.0]]),
        shift=shift,
    )

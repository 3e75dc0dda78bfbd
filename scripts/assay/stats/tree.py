"""A shallow regression tree on coded columns: which few conditions part rows by their mean.

The tree is ours and not scikit-learn's, whose import takes longer than all of *evaluate*. Its
splits are the same (largest decrease of squared error, as the tests show), but columns are a few
codes here, so that text needs no encoding and a cut is a number that people can read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from assay.stats.coding import Coded, Condition

MOST_NAMED = 3
"""A split of text sets at most so many values apart: a rule that lists more is not read."""
CHANCE = 0.01
"""A split below the first must be one that chance would make at most so often."""


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """A part of the rows: by the position of a column, a mask of the codes that belong to it."""

    inside: dict[int, NDArray[np.bool_]]
    mean: float

    def member(self, fit: Sequence[Coded]) -> NDArray[np.bool_]:
        """(n,): which of all rows belong to it."""
        member = np.ones(fit[0].codes.size, dtype=np.bool_)
        for at, mask in self.inside.items():
            member &= mask[fit[at].codes]
        return member

    def conditions(self, fit: Sequence[Coded]) -> tuple[Condition, ...]:
        """What it asks of each column."""
        return tuple(fit[at].condition(mask) for at, mask in self.inside.items())


@dataclass(frozen=True, slots=True, eq=False)
class _Growth:
    """What the tree is grown on."""

    fit: Sequence[Coded]
    change: NDArray[np.float64]
    least: int
    """The fewest rows of a leaf."""


@dataclass(frozen=True, slots=True, eq=False)
class _Split:
    """One column's codes, parted in two."""

    at: int
    mask: NDArray[np.bool_]
    gain: float
    """By how much the sum of squared errors falls."""
    tried: int
    """How many splits there were to choose from."""


def grow(
    fit: Sequence[Coded],
    change: NDArray[np.float64],
    rows: NDArray[np.intp],
    *,
    least: int,
    depth: int,
) -> list[Leaf]:
    """The leaves of a tree; a single one without conditions where nothing can be split.

    Args:
        fit: The columns, of n rows.
        change: (n,) what the leaves shall differ in.
        rows: Positions of the rows to grow it on.
        least: The fewest of them in a leaf.
        depth: How many splits, at most, lead to a leaf.
    """
    return list(_leaves(_Growth(fit, change, least), rows, depth=depth))


def _leaves(
    growth: _Growth,
    rows: NDArray[np.intp],
    *,
    depth: int,
    inside: dict[int, NDArray[np.bool_]] | None = None,
) -> Iterator[Leaf]:
    """The leaves of the tree below some rows."""
    inside = inside or {}
    change = growth.change[rows]
    split = _best(growth, rows) if depth > 0 else None
    if split is None or (inside and not _stands_out(split, change)):
        yield Leaf(inside, float(change.mean()))
        return
    member = split.mask[growth.fit[split.at].codes[rows]]
    for mask, part in ((split.mask, rows[member]), (~split.mask, rows[~member])):
        narrowed = {**inside, split.at: mask & inside.get(split.at, np.True_)}
        yield from _leaves(growth, part, depth=depth - 1, inside=narrowed)


def _stands_out(split: _Split, change: NDArray[np.float64]) -> bool:
    """Whether the best of so many splits would hardly be as good by chance (Bonferroni).

    The first split is always made. Below it, a split of noise would only hide half of a slice.
    """
    from scipy.special import ndtri

    rest = float(np.square(change - change.mean()).sum()) - split.gain
    z = float(ndtri(1 - CHANCE / (2 * split.tried)))
    return split.gain * (change.size - 2) > z * z * rest


def _best(growth: _Growth, rows: NDArray[np.intp]) -> _Split | None:
    """The split with the largest decrease of squared error; the first of equals."""
    best: _Split | None = None
    tried = 0
    change = growth.change[rows] - growth.change[rows].mean()
    for at, column in enumerate(growth.fit):
        codes = column.codes[rows]
        count = np.bincount(codes, minlength=column.size)
        total = np.bincount(codes, weights=change, minlength=column.size)
        masks = _ranges(column.size) if column.ordered else _subsets(count, total)
        members = masks @ count
        allowed = (members >= growth.least) & (rows.size - members >= growth.least)
        tried += int(allowed.sum())
        if not allowed.any():
            continue
        # Centred, the two sides have sums of opposite sign and the same size.
        sums = masks[allowed] @ total
        sizes = members[allowed]
        gains = sums * sums * (1 / sizes + 1 / (rows.size - sizes))
        top = int(gains.argmax())
        if gains[top] > (best.gain if best else 0.0):
            best = _Split(at, masks[allowed][top], float(gains[top]), 0)
    return best and _Split(best.at, best.mask, best.gain, tried)


def _ranges(size: int) -> NDArray[np.bool_]:
    """(splits, size): below each cut, with rows without a value on either side, and these alone."""
    below = np.tri(size - 2, size, dtype=np.bool_)
    with_missing = below.copy()
    with_missing[:, -1] = True
    alone = np.zeros((1, size), dtype=np.bool_)
    alone[0, -1] = True
    return np.concatenate([below, with_missing, alone])


def _subsets(count: NDArray[Any], total: NDArray[Any]) -> NDArray[np.bool_]:
    """(splits, size): the few values with the lowest mean change, or with the highest."""
    there = np.flatnonzero(count)
    order = there[np.argsort(total[there] / count[there], kind="stable")]
    masks = []
    for ranked in (order, order[::-1]):
        for amount in range(1, min(MOST_NAMED, ranked.size - 1) + 1):
            mask = np.zeros(count.size, dtype=np.bool_)
            mask[ranked[:amount]] = True
            masks.append(mask)
    return np.array(masks).reshape(-1, count.size)

"""Drawing rows, or groups of rows, anew: how often each, at a cost that does not grow with them."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

MOST_UNITS = 2000
"""More units than this are dealt into as many larger ones.

A sum over random packs of rows varies from resample to resample as one over the rows does. What is
lost is a little of what is known of the spread: the standard error is uncertain by
1 / sqrt(2 * 2000), 2 % of itself, and by more where few rows of each pack matter.
"""
_CHUNK = 2_000_000
"""Numbers in memory at once."""


def stream(seed: int, name: str) -> np.random.Generator:
    """Random numbers for one purpose, which do not depend on what else is computed."""
    return np.random.default_rng(np.random.SeedSequence([seed, zlib.crc32(name.encode())]))


def weigh(
    rows: int, weight: NDArray[np.float64] | None, groups: NDArray[np.intp] | None
) -> tuple[NDArray[np.intp] | None, NDArray[np.float64]]:
    """Which independent unit each row belongs to, and how much each unit weighs.

    Args:
        rows: How many.
        weight: (n,) or None.
        groups: (n,) codes of rows that belong together, or None where each is on its own.

    Returns:
        (n,) codes 0..u-1 without a gap (None: each row is its own unit), and (u,) weights.
    """
    if groups is None:
        return None, np.ones(rows) if weight is None else weight
    codes = np.unique(groups, return_inverse=True)[1].astype(np.intp, copy=False).reshape(-1)
    return codes, np.bincount(codes, weights=weight).astype(np.float64)


def effective(unit_weight: NDArray[np.float64]) -> float:
    """How many units of equal weight tell as much as these, after Kish.

    https://en.wikipedia.org/wiki/Effective_sample_size#Weighted_samples
    """
    # Not `np.dot`: its threads cost more than they save on a vector, and a runner has few cores.
    return float(unit_weight.sum() ** 2 / np.square(unit_weight).sum())


def deal(units: int, generator: np.random.Generator) -> NDArray[np.intp]:
    """(u,): the pack that each unit goes to; itself where there are few."""
    if units <= MOST_UNITS:
        return np.arange(units, dtype=np.intp)
    packs = np.arange(units, dtype=np.intp) % MOST_UNITS
    generator.shuffle(packs)
    return packs


def counts(
    mass: NDArray[np.float64], resamples: int, generator: np.random.Generator
) -> Iterator[NDArray[np.float64]]:
    """How often each unit was drawn, for some resamples at a time.

    Args:
        mass: (u,) how many of each there are; as many as all of them are drawn.
        resamples: How many in all.
        generator: What chance comes from.

    Yields:
        (b, u), with b summing to `resamples`.
    """
    total = mass.sum()
    share = mass / total
    at_once = max(1, _CHUNK // mass.size)
    for start in range(0, resamples, at_once):
        size = min(at_once, resamples - start)
        yield generator.multinomial(round(total), share, size=size).astype(np.float64)

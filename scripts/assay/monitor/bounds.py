"""How far a column may be from the reference: as far as parts of the reference are from each other.

A model's data vary from week to week without anything being wrong. The reference, cut into chunks
as it came, tells how much: the mean of the chunks' divergences from the rest, and three standard
deviations more. What chance adds to both on average is taken off: small chunks make the bound less
certain, and not larger.
It is never below `FLOOR`, under which drift is of no use to know.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from assay.monitor import sureness
from assay.monitor.bins import binned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.packaging.profile import Categories, Numbers

FLOOR = 0.1
"""A Jensen-Shannon distance; Evidently and NannyML alarm from here on."""
LEAST_CHUNKS = 6
DEVIATIONS = 3.0


def learned(
    reference: Numbers | Categories,
    chunks: Sequence[Numbers | Categories],
    *,
    floor: float = FLOOR,
) -> float:
    """The Jensen-Shannon distance that is no drift.

    Args:
        reference: A column.
        chunks: The parts of it, counted at its edges, each with a row.
        floor: The least bound.

    Raises:
        ValueError: There are fewer than `LEAST_CHUNKS`.
    """
    if len(chunks) < LEAST_CHUNKS:
        raise ValueError(f"a bound is learned from {LEAST_CHUNKS} chunks, not from {len(chunks)}")
    counts = np.asarray([binned(reference, chunk).window for chunk in chunks])
    rest = counts.sum(axis=0) - counts
    found = [
        sureness.of_divergence(others, own)
        for others, own in zip(rest.tolist(), counts.tolist(), strict=True)
    ]
    excess = np.asarray([one.raw - one.degrees / one.scale for one in found])
    mean = max(0.0, float(excess.mean()))
    # The variance of noncentral chi-squared.
    by_chance = [2 * (one.degrees + 2 * mean * one.scale) / one.scale**2 for one in found]
    variance = max(0.0, float(excess.var(ddof=1)) - float(np.mean(by_chance)))
    return max(floor, math.sqrt(mean + DEVIATIONS * math.sqrt(variance)))

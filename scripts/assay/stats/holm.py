"""Holm's correction for having asked many questions at once. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Corrected:
    """A p-value among others."""

    p_value: float
    rank: int
    """From 1, the smallest."""
    family: int
    """How many there are."""
    adjusted: float
    """Below alpha exactly when Holm's procedure at alpha rejects."""


def holm(p_values: Sequence[float]) -> list[Corrected]:
    """The p-values, adjusted so that the chance of one false alarm among all of them is held.

    The smallest of m is held against alpha / m, the next against alpha / (m - 1), and so on until
    one is not small enough: it and the rest stand. Whatever the p-values have to do with each
    other, the chance that any true null is rejected is at most alpha (S. Holm, "A simple
    sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979).

    Returns:
        In the order that they were given in.
    """
    family = len(p_values)
    found: dict[int, Corrected] = {}
    so_far = 0.0
    for place, index in enumerate(sorted(range(family), key=p_values.__getitem__)):
        so_far = max(so_far, min(1.0, (family - place) * p_values[index]))
        found[index] = Corrected(p_values[index], place + 1, family, so_far)
    return [found[index] for index in range(family)]

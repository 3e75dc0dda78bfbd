"""A column's distribution as a few bins that the reference decides, and no number of rows changes.

Numbers: the deciles of the reference; a value that holds a tenth of its rows is a bin of its own.
Categories: the values with at least a fiftieth of the rows, and one bin for the rest, old or new.
Either way a bin for rows without a value, infinite ones among them. So in the smallest window that
is judged ten rows are expected in a bin, and few bins have fewer.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from assay.monitor.counting import finite_count
from assay.packaging.profile import Categories, Numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

PARTS = 10
LEAST_SHARE = 0.02
"""A category with less of the reference's rows has no bin of its own."""
MISSING, REST = "missing", "other"


class Bins(NamedTuple):
    """The same bins of both sides."""

    labels: tuple[str, ...]
    reference: tuple[int, ...]
    window: tuple[int, ...]


def binned(reference: Numbers | Categories, window: Numbers | Categories) -> Bins:
    """The bins of a column.

    Raises:
        ValueError: The window was not counted by this reference.
    """
    if isinstance(reference, Numbers) and isinstance(window, Numbers):
        if reference.edges != window.edges:
            raise ValueError(f"{window.name} was not counted by this reference")
        return _numbers(reference, window)
    if isinstance(reference, Categories) and isinstance(window, Categories):
        return _categories(reference, window)
    raise ValueError(f"{window.name} was not counted by this reference")


class _Cut(NamedTuple):
    edge: int
    """Position among the edges."""
    inclusive: bool
    """Whether the edge's own value is left of it."""


def _cuts(reference: Numbers) -> list[_Cut]:
    """Between bins, rising."""
    total = finite_count(reference)
    below, upto = np.asarray(reference.below), np.asarray(reference.upto)
    alone = set(np.flatnonzero((upto - below) * PARTS >= total).tolist())
    deciles = {int(np.searchsorted(upto, total * part / PARTS)) for part in range(1, PARTS)}
    found = []
    for edge in sorted(alone | deciles):
        if edge in alone:
            found.append(_Cut(edge, inclusive=False))
        found.append(_Cut(edge, inclusive=True))
    return found


def _numbers(reference: Numbers, window: Numbers) -> Bins:
    cuts = _cuts(reference) if finite_count(reference) else []

    def counts(one: Numbers) -> tuple[int, ...]:
        total = finite_count(one)
        places = (one.upto[cut.edge] if cut.inclusive else one.below[cut.edge] for cut in cuts)
        ends = [0, *places, total]
        return *(high - low for low, high in itertools.pairwise(ends)), one.count - total

    return Bins((*_ranges(reference.edges, cuts), MISSING), counts(reference), counts(window))


def _ranges(edges: Sequence[float], cuts: Sequence[_Cut]) -> list[str]:
    """Ranges as people write them: `(1, 2]`, `= 3`, `> 4`."""
    if not cuts:
        return ["any"]
    names = [f"{'<=' if cuts[0].inclusive else '<'} {edges[cuts[0].edge]:g}"]
    for one, other in itertools.pairwise(cuts):
        low, high = edges[one.edge], edges[other.edge]
        if one.edge == other.edge:
            names.append(f"= {low:g}")
        else:
            opened, closed = "(" if one.inclusive else "[", "]" if other.inclusive else ")"
            names.append(f"{opened}{low:g}, {high:g}{closed}")
    return [*names, f"> {edges[cuts[-1].edge]:g}"]


def _categories(reference: Categories, window: Categories) -> Bins:
    least = LEAST_SHARE * (reference.count - reference.nulls)
    listed = [
        value
        for value, count in zip(reference.values, reference.counts, strict=True)
        if count >= least
    ]

    def counts(one: Categories) -> tuple[int, ...]:
        known = dict(zip(one.values, one.counts, strict=True))
        own = [known.get(value, 0) for value in listed]
        return *own, one.count - one.nulls - sum(own), one.nulls

    return Bins((*listed, REST, MISSING), counts(reference), counts(window))

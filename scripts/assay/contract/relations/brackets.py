"""Distributions of large tables: counted between edges, where a sort of every value is too much.

The edges are quantiles of a sample of the reference, as in `assay.datadiff`; every row of both
tables is counted. That gives the population stability index, and two numbers between which the
exact Kolmogorov-Smirnov distance lies: a cumulative share cannot leave those of its bin's ends.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.contract.relations.distribution import usable
from assay.contract.scan import engines
from assay.contract.sources.base import POSITION
from assay.datadiff import shift
from assay.datadiff.profile import BINS, Edge, cuts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from assay.contract.relations.side import Side

SAMPLE = 100_000
"""Rows of the reference from which edges come."""
_EDGES = 64
_AT_ONCE = 8
"""Columns in one query."""


@dataclass(frozen=True)
class Bracket:
    """How far a column is from its reference."""

    psi: float
    least: float
    """The Kolmogorov-Smirnov distance at the edges: the exact one is no smaller."""
    most: float
    """The exact one is no larger."""


def measured(
    head: Side, reference: Side, columns: Sequence[str], *, reference_rows: int
) -> dict[str, Bracket]:
    """Brackets of columns of numbers or times, each of which has values on both sides.

    Args:
        head: The table.
        reference: Its reference, whose rows are numbered.
        columns: Of both.
        reference_rows: Those of the reference.
    """
    found: dict[str, Bracket] = {}
    for start in range(0, len(columns), _AT_ONCE):
        part = columns[start : start + _AT_ONCE]
        samples = _samples(reference, part, reference_rows)
        deciles = {name: cuts(_quantiles(sample, BINS)) for name, sample in samples.items()}
        fine = {name: cuts(_quantiles(sample, _EDGES)) for name, sample in samples.items()}
        edges = {
            name: sorted({*deciles[name], *fine[name]}, key=lambda e: (e.value, e.inclusive))
            for name in part
        }
        own, its = (_below(side, edges) for side in (head, reference))
        for name in part:
            at = [edges[name].index(edge) for edge in deciles[name]]
            found[name] = _bracket(own[name], its[name], edges[name], at)
    return found


def number(column: Any) -> Any:
    """The values of a column as numbers: times as seconds since 1970."""
    dtype = column.type()
    if dtype.is_timestamp() or dtype.is_date():
        return column.cast("timestamp").epoch_seconds().cast("float64")
    return usable(column).cast("float64")


def _samples(side: Side, columns: Sequence[str], rows: int) -> dict[str, NDArray[np.float64]]:
    """Some values of each column, sorted: those of every so many rows."""
    numbered = side.layout.numbered
    some = numbered.filter(numbered[POSITION] % max(rows // SAMPLE, 1) == 0)
    # By numbers, because columns may have any name.
    query = some.select(**{f"c{n}": number(some[name]) for n, name in enumerate(columns)})
    found = side.arrow(query)
    return {
        name: np.sort(found[f"c{n}"].drop_null().to_numpy().astype(np.float64))
        for n, name in enumerate(columns)
    }


def _quantiles(sample: NDArray[np.float64], parts: int) -> list[float]:
    """The values with at least 1, 2, ... of so many parts of the sample up to them."""
    places = [-(-number * len(sample) // parts) - 1 for number in range(1, parts)]
    return [float(sample[place]) for place in places] if len(sample) else []


def _below(side: Side, edges: dict[str, list[Edge]]) -> dict[str, list[int]]:
    """The rows below each edge of each column, and last all that have a value."""
    import ibis

    asked: dict[str, Any] = {}
    for n, (name, own) in enumerate(edges.items()):
        values = number(side.table[name])
        for at, edge in enumerate(own):
            # As text: DuckDB takes a number with a point for a decimal, and rounds it twice.
            end = ibis.literal(repr(edge.value)).cast("float64")
            below = values <= end if edge.inclusive else values < end
            asked[f"c{n}_{at}"] = engines.count(side.table, below).coalesce(0)
        asked[f"c{n}_{len(own)}"] = values.count()
    row = side.row(asked)
    return {
        name: [int(row[f"c{n}_{at}"]) for at in range(len(own) + 1)]
        for n, (name, own) in enumerate(edges.items())
    }


def _bracket(
    own: Sequence[int], its: Sequence[int], edges: Sequence[Edge], deciles: Sequence[int]
) -> Bracket:
    """From the rows below each edge, and of both sides in all."""
    h, b = (np.asarray([0, *counts]) / counts[-1] for counts in (own, its))
    return Bracket(
        psi=shift.psi(*(_between(counts, deciles) for counts in (own, its))),
        least=float(np.abs(h - b).max()),
        most=max(_within(h, b, edges)),
    )


def _between(counts: Sequence[int], edges: Sequence[int]) -> list[int]:
    """The rows between some of the edges."""
    below = [0, *(counts[at] for at in edges), counts[-1]]
    return [upper - lower for lower, upper in itertools.pairwise(below)]


def _within(
    h: NDArray[np.float64], b: NDArray[np.float64], edges: Sequence[Edge]
) -> Iterator[float]:
    """How far the cumulative shares can be apart in each bin."""
    for at, (start, end) in enumerate(itertools.pairwise([None, *edges, None])):
        if start is not None and end is not None and start.value == end.value:
            # Nothing lies between before a value and up to it: the ends are all there is.
            yield max(abs(h[at] - b[at]), abs(h[at + 1] - b[at + 1]))
        else:
            yield max(h[at + 1] - b[at], b[at + 1] - h[at])

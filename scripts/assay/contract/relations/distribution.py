"""Two distributions of one column, counted where the data is.

Every value is counted on both sides and accumulated in order, so that one query gives the exact
Kolmogorov-Smirnov distance, the reference's deciles and the rows in each bin between them; what a
sort needs beyond memory, the database spills. The statistics are those of `assay.datadiff`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.contract.relations.meeting import together
from assay.datadiff import shift
from assay.datadiff.columns import MOST_CATEGORIES, category_counts
from assay.datadiff.profile import BINS, cuts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.contract.relations.side import Side


@dataclass(frozen=True)
class Distance:
    """How far a column is from its reference."""

    psi: float
    ks: float


@dataclass(frozen=True)
class Novelty:
    """Values that the reference does not have."""

    values: int
    rows: int


def usable(column: Any) -> Any:
    """A column with null where it has nothing to count: infinities, NaN."""
    import ibis

    if column.type().is_floating():
        return ibis.ifelse(column.isnan() | column.isinf(), None, column.cast("float64"))
    return column.cast("float64") if column.type().is_decimal() else column


def ordered(
    head: Side, reference: Side, column: str, *, rows: int, reference_rows: int
) -> Distance:
    """How far numbers or times are apart.

    Args:
        head: The table.
        reference: Its reference.
        column: Of both.
        rows: Those of `head` that have a usable value.
        reference_rows: The same of the reference.
    """
    with together(head, reference, [column], [column]) as (left, right):
        running = _accumulated(_counts(left, right, column))
        gap = (running.head_so_far / rows - running.base_so_far / reference_rows).abs()
        asked = {"ks": gap.max()}
        for number in range(1, BINS):
            # As an inverse of the step function: the least value with so many rows up to it.
            reached = running.base_so_far >= -(-number * reference_rows // BINS)
            for side in _SIDES:
                upto = running[f"{side}_so_far"]
                asked[f"{side}_upto_{number}"] = upto.min(where=reached)
                asked[f"{side}_before_{number}"] = (upto - running[side]).min(where=reached)
        (found,) = left.rows(running.aggregate(**asked))
    bins = [_bins(found, side, total) for side, total in (("head", rows), ("base", reference_rows))]
    return Distance(psi=shift.psi(*bins), ks=float(found["ks"]))


def categories(head: Side, reference: Side, column: str) -> float | None:
    """The population stability index of categories; `None` of more than `MOST_CATEGORIES`."""
    sides = [counted(side, column) for side in (head, reference)]
    if sides[0] is None or sides[1] is None or len(sides[0].keys() | sides[1]) > MOST_CATEGORIES:
        return None
    return shift.psi(*category_counts(sides[0], sides[1]))


def counted(side: Side, column: str) -> dict[str, int] | None:
    """The rows of each value, as text; `None` of more than `MOST_CATEGORIES`."""
    values = side.table.select(value=side.table[column])
    times = values.filter(values.value.notnull()).group_by("value")
    found = side.rows(times.aggregate(rows=lambda t: t.count()).limit(MOST_CATEGORIES + 1))
    if len(found) > MOST_CATEGORIES:
        return None
    return {str(row["value"]): int(row["rows"]) for row in found}


def novelty(head: Side, reference: Side, column: str) -> Novelty:
    """The values of a column that the reference does not have."""
    with together(head, reference, [column], [column]) as (left, right):
        counts = _counts(left, right, column)
        new = counts.filter(counts.base == 0)
        asked = {"values": new.count(), "rows": new["head"].sum().coalesce(0)}
        (found,) = left.rows(new.aggregate(**asked))
    return Novelty(int(found["values"]), int(found["rows"]))


_SIDES = ("head", "base")


def _counts(head: Side, reference: Side, column: str) -> Any:
    """How often each value occurs on both sides: `value`, `head`, `base`."""
    import ibis

    own, its = (usable(side.table[column]) for side in (head, reference))
    if own.type() != its.type():
        common = "float64" if own.type().is_numeric() else "timestamp"
        own, its = own.cast(common), its.cast(common)
    parts = [
        side.table.select(value=values, head=ibis.literal(mine), base=ibis.literal(1 - mine))
        for side, values, mine in ((head, own, 1), (reference, its, 0))
    ]
    both = parts[0].union(parts[1])
    both = both.filter(both.value.notnull())
    return both.group_by("value").aggregate(head=both["head"].sum(), base=both.base.sum())


def _accumulated(counts: Any) -> Any:
    """With the rows of each side up to and with each value."""
    import ibis

    window = ibis.window(order_by=counts.value, preceding=None, following=0)
    return counts.mutate(
        head_so_far=counts["head"].sum().over(window), base_so_far=counts.base.sum().over(window)
    )


def _bins(found: dict[str, Any], side: str, total: int) -> Sequence[int]:
    """The rows between the reference's deciles, by the cuts that the comparison of data makes."""
    # A decile is told by how many rows of the reference lie up to it: equal deciles, equal counts.
    numbers = {int(found[f"base_upto_{number}"]): number for number in range(1, BINS)}
    deciles = [float(found[f"base_upto_{number}"]) for number in range(1, BINS)]
    below = [
        int(found[f"{side}_{'upto' if edge.inclusive else 'before'}_{numbers[int(edge.value)]}"])
        for edge in cuts(deciles)
    ]
    return [upper - lower for lower, upper in itertools.pairwise([0, *below, total])]

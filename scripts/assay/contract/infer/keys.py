"""The smallest set of columns that tells all rows apart, if that is no accident."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

from assay.contract.infer import query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.contract.infer.facts import ColumnProfile

ROWS = 100
"""Fewer tell nothing about what is unique."""
COLLISIONS = 7.0
"""With so many pairs of equal rows expected, that there is none is no accident: e^-7 is 0.001."""
CANDIDATES = 8
SAMPLE = 20_000
LOOKED_AT = 1_000_000
"""Rows that decide whether a set of columns is looked at in all rows."""
TRIED = 5

_KINDS = {"integer", "text", "time", "date", "category", "boolean"}


def by_chance(rows: int, possible: float) -> float:
    """The pairs of equal rows to expect if each drew one of so many values (the birthday)."""
    return rows * (rows - 1) / 2 / possible


def find(table: Any, columns: Sequence[ColumnProfile], rows: int) -> tuple[str, ...]:
    """The columns of a compound key; none where there is none, or a column alone is enough."""
    if rows < ROWS:
        return ()
    candidates = [
        column
        for column in columns
        if column.declared.kind in _KINDS and not column.missing and 1 < column.distinct < rows
    ]
    candidates = sorted(candidates, key=lambda column: -column.distinct)[:CANDIDATES]
    order = {column.name: number for number, column in enumerate(columns)}
    for size in (2, 3):
        sets = _plausible(candidates, size, rows)
        for found in _of_sample(table, sets)[:TRIED]:
            # Few sets that are no key get as far as the last of these.
            if all(_tells_apart(table, found, part) for part in (LOOKED_AT, rows) if part <= rows):
                return tuple(sorted(found, key=order.__getitem__))
    return ()


def _tells_apart(table: Any, names: tuple[str, ...], rows: int) -> bool:
    """Whether so many of the first rows differ in these columns."""
    return query.count(table.select(*names).limit(rows).distinct()) == rows


def _plausible(candidates: Sequence[ColumnProfile], size: int, rows: int) -> list[tuple[str, ...]]:
    """Sets with enough combinations of values, but not many more: the tightest first."""
    sized = [
        (math.prod(column.distinct for column in chosen), tuple(column.name for column in chosen))
        for chosen in itertools.combinations(candidates, size)
    ]
    return [
        names
        for possible, names in sorted(sized)
        # Distinct counts may be estimates, some percent too low.
        if possible >= 0.8 * rows and by_chance(min(rows, LOOKED_AT), possible) >= COLLISIONS
    ]


def _of_sample(table: Any, sets: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Those sets that tell the first rows apart."""
    import ibis

    if not sets:
        return []
    sample = table.limit(SAMPLE)
    counts = {
        f"c{number}": ibis.struct({name: sample[name] for name in names}).nunique()
        for number, names in enumerate(sets)
    }
    (row,) = query.rows(sample.aggregate(rows=sample.count(), **counts))
    return [names for number, names in enumerate(sets) if row[f"c{number}"] == row["rows"]]

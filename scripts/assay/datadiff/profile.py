"""Each column of both tables: nulls, range, moments, categories, and how far it moved."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from assay.datadiff.pair import kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.datadiff.engine import Engine, Table
    from assay.datadiff.pair import Pair

BINS = 10
_SAMPLE = 100_000
"""Rows of base from which the edges of bins come; every row is then counted into them."""
_STRETCHES = 20
COUNTED = 1_000_000
"""In tables with more rows the different values of numbers are not counted."""
_TRIED = 40
"""Columns in one query."""


@dataclass(frozen=True)
class Edge:
    """Where a bin ends."""

    value: float
    inclusive: bool
    """Whether `value` itself is below the edge."""


@dataclass(frozen=True)
class Numbers:
    """What is known of a column of numbers or times on one side, times in seconds since 1970."""

    count: int
    """Values that are neither null nor infinite nor NaN."""
    nulls: int
    not_finite: int
    distinct: int | None
    """About; `None` in tables of more than `COUNTED` rows, where it says little and takes long."""
    minimum: float | None
    maximum: float | None
    moments: tuple[float, float] | None
    """Mean and standard deviation of the population; `None` where they overflow."""
    bins: tuple[int, ...]
    """Rows in each bin."""


def edges(pair: Pair) -> dict[str, tuple[Edge, ...]]:
    """The edges of the bins of each common column of numbers or times, by alias: base's deciles.

    A value that holds a tenth of the rows or more gets a bin of its own.
    """
    columns = [
        (column.alias, value(column.alias, column.base_type))
        for column in pair.common
        if kind_of(column.base_type or "") in ("number", "time")
        and kind_of(column.base_type or "") == kind_of(column.head_type or "")
    ]
    if not columns:
        return {}
    engine = pair.engine
    shown = ", ".join(f"{finite(sql)} AS {alias}" for alias, sql in columns)
    engine.run(f"CREATE TEMP TABLE sample AS SELECT {shown} FROM base_view WHERE {some(pair.base)}")
    deciles = ", ".join(str(i / BINS) for i in range(1, BINS))
    asked = ", ".join(f"quantile_disc({alias}, [{deciles}])" for alias, _ in columns)
    found = engine.row(f"SELECT {asked} FROM sample")
    engine.run("DROP TABLE sample")
    return {alias: cuts(values or ()) for (alias, _), values in zip(columns, found, strict=True)}


def some(table: Table) -> str:
    """The SQL that chooses the rows of a sample: stretches all over the file, or every so many.

    A Parquet reader skips what lies between stretches. Of several parts, in each of which rows are
    counted anew, it cannot be said where they would lie.
    """
    if table.rows <= _SAMPLE:
        return "true"
    if table.parts > 1:
        return f"position % {table.rows // _SAMPLE} = 0"
    starts = [int((number + 0.5) * table.rows / _STRETCHES) for number in range(_STRETCHES)]
    length = _SAMPLE // _STRETCHES
    return " OR ".join(f"position BETWEEN {at} AND {at + length - 1}" for at in starts)


def cuts(deciles: Sequence[float]) -> tuple[Edge, ...]:
    """Edges from deciles: one after each value, and one before those that fill a bin alone."""
    made: list[Edge] = []
    for place in sorted(set(deciles)):
        if len(deciles) > 1 and list(deciles).count(place) > 1:
            made.append(Edge(float(place), inclusive=False))
        made.append(Edge(float(place), inclusive=True))
    return tuple(made)


def value(alias: str, type_: str | None) -> str:
    """The SQL of a column as a number: times as seconds since 1970."""
    return f"epoch({alias})" if kind_of(type_ or "") == "time" else f"CAST({alias} AS DOUBLE)"


def finite(sql: str) -> str:
    """The SQL of a number, null where it is NaN or infinite."""
    return f"CASE WHEN isfinite({sql}) THEN {sql} END"


def numbers(
    engine: Engine, side: str, columns: Sequence[tuple[str, str]], bins: dict[str, tuple[Edge, ...]]
) -> dict[str, Numbers]:
    """Aggregate columns of numbers and times of one side.

    Args:
        engine: With the views of a `Pair`.
        side: `head` or `base`.
        columns: Alias and DuckDB's type of each.
        bins: The edges of the bins by alias, as far as there are any.
    """
    found: dict[str, Numbers] = {}
    for start in range(0, len(columns), _TRIED):
        part = columns[start : start + _TRIED]
        first = _aggregated(engine, side, part, bins, finite_only=False)
        odd = [column for column in part if not _is_finite(first[column[0]])]
        again = _aggregated(engine, side, odd, bins, finite_only=True) if odd else {}
        rows = engine.tables[side].rows
        for alias, row in {**first, **again}.items():
            found[alias] = _numbers(row, rows, bins.get(alias, ()))
    return found


_FIXED = 7


def _aggregated(
    engine: Engine,
    side: str,
    columns: Sequence[tuple[str, str]],
    bins: dict[str, tuple[Edge, ...]],
    *,
    finite_only: bool,
) -> dict[str, tuple[Any, ...]]:
    """The fixed aggregates, the number of different values and the counts below each edge."""
    ends: list[list[str]] = []
    sums: list[list[str]] = []
    for alias, type_ in columns:
        sql = finite(value(alias, type_)) if finite_only else value(alias, type_)
        plain = alias if kind_of(type_) == "number" and not finite_only else sql
        own = bins.get(alias, ())
        # Squares of distances from the middle: those of the values themselves lose all digits
        # where the mean is far from zero.
        apart = f"({sql} - {_middle(own)!r}::DOUBLE)"
        below = (
            f"count_if({plain} {'<=' if edge.inclusive else '<'} {edge.value!r}::DOUBLE)"
            for edge in own
        )
        small = engine.tables[side].rows <= COUNTED
        different = f"approx_count_distinct({plain})" if small else "NULL"
        outer = "epoch({})" if plain != alias and not finite_only else "{}"
        inner = sql if finite_only else alias
        ends.append([f"count({alias})", *(outer.format(f"{f}({inner})") for f in ("min", "max"))])
        sums.append(
            [f"count({plain})", f"sum({apart})", f"sum({apart} * {apart})", different, *below]
        )
    # Apart from each other: the first DuckDB reads from the footer of a Parquet file.
    first, second = (_asked(engine, side, each) for each in (ends, sums))
    return {alias: (*a, *b) for (alias, _), a, b in zip(columns, first, second, strict=True)}


def _asked(engine: Engine, side: str, groups: Sequence[Sequence[str]]) -> list[tuple[Any, ...]]:
    """Aggregates over one side, grouped as they were given."""
    row = iter(engine.row(f"SELECT {', '.join(itertools.chain(*groups))} FROM {side}_view"))
    return [tuple(itertools.islice(row, len(group))) for group in groups]


def _middle(own: Sequence[Edge]) -> float:
    return own[len(own) // 2].value if own else 0.0


def _is_finite(row: tuple[Any, ...]) -> bool:
    """Whether no value is NaN or infinite: a sum finds those that a file's statistics leave out."""
    present, least, most, count, apart = row[:5]
    ends = (end for end in (least, most, apart) if end is not None)
    return present == count and all(math.isfinite(end) for end in ends)


def _numbers(row: tuple[Any, ...], rows: int, own: Sequence[Edge]) -> Numbers:
    present, least, most, count, apart, squares, different = row[:_FIXED]
    moments = None
    if count and math.isfinite(apart) and math.isfinite(squares):
        mean = apart / count
        moments = _middle(own) + mean, math.sqrt(max(squares / count - mean**2, 0.0))
    below = [0, *(number or 0 for number in row[_FIXED:]), count]  # no rows give null
    return Numbers(
        count=count,
        nulls=rows - present,
        not_finite=present - count,
        distinct=different,
        minimum=None if least is None else float(least),
        maximum=None if most is None else float(most),
        moments=moments,
        bins=tuple(b - a for a, b in itertools.pairwise(below)) if own else (),
    )


def nulls(engine: Engine, side: str, aliases: Sequence[str]) -> dict[str, int]:
    """How many values of each column are null."""
    found: dict[str, int] = {}
    for start in range(0, len(aliases), _TRIED):
        part = aliases[start : start + _TRIED]
        row = engine.row(f"SELECT {', '.join(f'count({a})' for a in part)} FROM {side}_view")
        found |= {a: engine.tables[side].rows - n for a, n in zip(part, row, strict=True)}
    return found


def distinct(engine: Engine, side: str, sql: str, *, among: str = "true") -> int:
    """About how many different values a column has, among the rows of a condition."""
    asked = f"SELECT approx_count_distinct({sql}) FROM {side}_view WHERE {among}"
    return int(engine.row(asked)[0])


def counted(engine: Engine, side: str, sql: str, *, most: int) -> dict[str, int] | None:
    """How often each value occurs, as text, nulls left out; `None` of more than `most` values."""
    # A glance at some rows: to count a million different values takes long, and is of no use.
    if distinct(engine, side, sql, among=some(engine.tables[side])) > 2 * most:
        return None
    found = engine.rows(
        f"SELECT CAST(value AS VARCHAR), count(*) FROM (SELECT {sql} AS value FROM {side}_view)"
        f" WHERE value IS NOT NULL GROUP BY value LIMIT {most + 1}"
    )
    return dict(found) if len(found) <= most else None


def moment(seconds: float) -> str | None:
    """A time as ISO 8601 text in UTC; `None` where a calendar does not reach."""
    try:
        found = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except OverflowError:
        return None
    return found.strftime("%Y-%m-%dT%H:%M:%SZ")


def rounded(number: float | None, digits: int = 6) -> float | None:
    """A number with so many significant digits.

    The last ones of a sum depend on the order in which threads add, and a record must not.
    """
    if number is None or not math.isfinite(number):
        return None
    return float(f"{number:.{digits}g}")

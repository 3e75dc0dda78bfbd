"""Which rows were added, removed and changed, and which rows two files share.

Of each row a key and a hash of the rest (64 bits: among 10 million rows a wrong match happens once
in some hundred thousand comparisons) go into one table a side. One aggregation of both tables drops
what is the same on both sides; only what is left is looked at closely.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from assay.datadiff.engine import MemoryShortError
from assay.datadiff.pair import comparable
from assay.datadiff.section import RowChange

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from assay.datadiff.engine import Engine
    from assay.datadiff.pair import Named, Pair

T = TypeVar("T")

LOOKED_AT = 100_000
"""Changed rows that are compared column by column; of more, every so many."""
AT_ONCE = 2_500_000
"""Rows that are aggregated at once where memory is short."""
_TRIED = 200
"""Columns that are compared in one query."""

# Marks head's rows: with it, the same row on both sides leaves just the mark.
_MARK = "CAST(6148914691236517205 AS UBIGINT)"


class Changed(NamedTuple):
    """What became of the rows."""

    rows: RowChange
    columns: dict[str, int]
    """In how many of `rows.compared` rows a column differs, by its name."""


def by_key(pair: Pair, key: Sequence[Named]) -> Changed:
    """Match rows by their key.

    Args:
        pair: The tables.
        key: Columns that both have.
    """
    engine, head, base = pair.engine, pair.head.rows, pair.base.rows
    rest = [column for column in pair.columns if column.is_same and column not in key]
    for side in ("head", "base"):
        key_sql = _key(key)
        engine.run(
            f"CREATE TEMP TABLE {side}_rows AS SELECT {key_sql} AS k, {_hash(rest)} AS h"
            f" FROM {side}_view"
        )
    in_parts(lambda parts: _find_differing(engine, parts), head + base)
    added, removed, changed, head_twice, base_twice, head_out, base_out = engine.row(
        "SELECT count(*) FILTER (h = 1 AND b = 0), count(*) FILTER (h = 0 AND b = 1),"
        " count(*) FILTER (h = 1 AND b = 1),"
        " coalesce(sum(h) FILTER (h > 1), 0)::BIGINT, coalesce(sum(b) FILTER (b > 1), 0)::BIGINT,"
        " coalesce(sum(h) FILTER (h > 1 OR b > 1), 0)::BIGINT,"
        " coalesce(sum(b) FILTER (h > 1 OR b > 1), 0)::BIGINT FROM differing"
    )
    head_null, base_null = (
        engine.row(f"SELECT count(*) - count(k) FROM {side}_rows")[0] for side in ("head", "base")
    )
    engine.run("DROP TABLE head_rows")
    engine.run("DROP TABLE base_rows")
    compared, columns = _columns(pair, key, rest, changed)
    rows = RowChange(
        head=head,
        base=base,
        key=tuple(column.name for column in key),
        added=added,
        removed=removed,
        changed=changed,
        unchanged=head - head_null - head_out - added - changed,
        compared=compared,
        head_left_out=head_null + head_out,
        base_left_out=base_null + base_out,
        head_missing_keys=head_null,
        base_missing_keys=base_null,
        head_duplicate_keys=head_twice,
        base_duplicate_keys=base_twice,
    )
    return Changed(rows, columns)


def _find_differing(engine: Engine, parts: int) -> None:
    """Make the table of keys that are not the same on both sides, and how often each has them."""
    engine.run(
        "CREATE OR REPLACE TEMP TABLE differing AS"
        " SELECT k, 0::BIGINT AS b, 0::BIGINT AS h FROM head_rows LIMIT 0"
    )
    for part in range(parts):
        mine = f"k IS NOT NULL AND hash(k) % {parts} = {part}" if parts > 1 else "k IS NOT NULL"
        engine.run(
            "CREATE OR REPLACE TEMP TABLE suspects AS SELECT k FROM"
            f" (SELECT k, h FROM base_rows WHERE {mine} UNION ALL"
            f" SELECT k, xor(h, {_MARK}) AS h FROM head_rows WHERE {mine})"
            f" GROUP BY k HAVING count(*) <> 2 OR bit_xor(h) <> {_MARK}"
        )
        engine.run(
            "INSERT INTO differing SELECT k, sum(b)::BIGINT, sum(h)::BIGINT FROM"
            " (SELECT k, 1 AS b, 0 AS h FROM base_rows SEMI JOIN suspects USING (k) UNION ALL"
            " SELECT k, 0 AS b, 1 AS h FROM head_rows SEMI JOIN suspects USING (k)) GROUP BY k"
        )


def in_parts(work: Callable[[int], T], rows: int) -> T:
    """Do something at once, and where memory is short again in parts; each reads all rows."""
    try:
        return work(1)
    except MemoryShortError:
        return work(2 + rows // AT_ONCE)


def by_content(pair: Pair) -> Changed:
    """Match rows by all columns that both tables have with the same type, as multisets."""
    engine = pair.engine
    same = [column for column in pair.columns if column.is_same]
    for side in ("head", "base"):
        engine.run(f"CREATE TEMP TABLE {side}_rows AS SELECT {_hash(same)} AS h FROM {side}_view")
    added, removed = in_parts(
        lambda parts: _unequal(engine, parts), pair.head.rows + pair.base.rows
    )
    rows = RowChange(
        head=pair.head.rows,
        base=pair.base.rows,
        added=added,
        removed=removed,
        changed=0,
        unchanged=pair.head.rows - added,
    )
    return Changed(rows, {})


def _unequal(engine: Engine, parts: int) -> tuple[int, int]:
    """How many rows head has more, and base, of the same content."""
    found = [
        engine.row(
            "SELECT coalesce(sum(n) FILTER (n > 0), 0)::BIGINT,"
            " coalesce(-sum(n) FILTER (n < 0), 0)::BIGINT FROM (SELECT sum(n) AS n FROM"
            f" (SELECT h, 1 AS n FROM head_rows WHERE h % {parts} = {part} UNION ALL"
            f" SELECT h, -1 AS n FROM base_rows WHERE h % {parts} = {part})"
            " GROUP BY h HAVING sum(n) <> 0)"
        )
        for part in range(parts)
    ]
    return sum(added for added, _ in found), sum(removed for _, removed in found)


def shared(pair: Pair, columns: Sequence[Named], *, whole: bool) -> int:
    """How many rows of head have the same values in these columns as some row of base.

    Args:
        pair: The tables, unified.
        columns: Of both.
        whole: Whether nulls are values like others; else rows with one are never the same.
    """
    value = _hash(columns) if whole else _key(columns)
    head, base = (f"(SELECT {value} AS k FROM {side}_view)" for side in ("head", "base"))
    return int(pair.engine.row(f"SELECT count(*) FROM {head} SEMI JOIN {base} USING (k)")[0])


def _key(key: Sequence[Named]) -> str:
    """The SQL of a row's key: a whole number itself, else a hash; null where a part is missing."""
    parts = [comparable(column, column.alias) for column in key]
    if len(key) == 1 and key[0].is_same and key[0].head_type in {"BIGINT", "INTEGER"}:
        return parts[0]
    missing = " OR ".join(f"{part} IS NULL" for part in parts)
    return f"CASE WHEN {missing} THEN NULL ELSE hash({', '.join(parts)}) END"


def _hash(columns: Sequence[Named]) -> str:
    """The SQL of a hash of all values of a row; nulls count as a value."""
    if not columns:
        return "CAST(0 AS UBIGINT)"
    return f"hash({', '.join(comparable(column, column.alias) for column in columns)})"


def _columns(
    pair: Pair, key: Sequence[Named], rest: Sequence[Named], changed: int
) -> tuple[int, dict[str, int]]:
    """How many changed rows were compared, and in how many of them each column differs."""
    if changed == 0:
        return 0, dict.fromkeys((column.name for column in rest), 0)
    engine, step = pair.engine, -(-changed // LOOKED_AT)
    # Chosen by a hash of the key, so that the same data gives the same rows in any order.
    engine.run(
        "CREATE TEMP TABLE chosen AS SELECT k FROM differing"
        f" WHERE h = 1 AND b = 1 AND hash(k) % {step} = 0"
    )
    counts: dict[str, int] = {}
    for start in range(0, len(rest), _TRIED):
        part = rest[start : start + _TRIED]
        head, base = (_chosen(side, key, part) for side in ("head", "base"))
        differ = ", ".join(
            f"count(*) FILTER (h.{c.alias} IS DISTINCT FROM b.{c.alias})" for c in part
        )
        found = engine.row(f"SELECT {differ} FROM {head} AS h JOIN {base} AS b USING (k)")
        counts |= {c.name: int(n) for c, n in zip(part, found, strict=True)}
    (compared,) = engine.row("SELECT count(*) FROM chosen")
    return int(compared), counts


def _chosen(side: str, key: Sequence[Named], columns: Sequence[Named]) -> str:
    listed = ", ".join(column.alias for column in columns)
    return (
        f"(SELECT * FROM (SELECT {_key(key)} AS k, {listed} FROM {side}_view)"
        " WHERE k IN (SELECT k FROM chosen))"
    )

"""Values that come twice where they must not: grouped by the engine, which spills if it must."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.contract.check import MOST_POSITIONS, Finding
from assay.contract.scan import engines
from assay.contract.scan.query import fetch
from assay.contract.scan.rows import Scan, finding_of, first_of
from assay.contract.sources.base import POSITION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.contract.scan.plan import Place, Repeats

_GROUP = "__assay_key_{}__"
_FIRST, _LAST, _TIMES = "__assay_first__", "__assay_last__", "__assay_times__"


def repeated(repeats: Sequence[Repeats], scan: Scan) -> Iterator[tuple[Place, Finding]]:
    """What comes more than once, and must not; each with its place."""
    failed: set[Place] = set()
    for one in repeats:
        if failed.intersection(one.unless):
            continue
        found = _repeats(one, scan)
        if found is not None:
            failed.add(one.place)
            yield one.place, found


def _repeats(one: Repeats, scan: Scan) -> Finding | None:
    import ibis

    table = scan.layout.table
    keys = _keys(one, table)
    if engines.all_differ(table, keys, private=scan.private, known=one.known):
        return None
    groups = table.select(**keys).group_by(list(keys)).agg(**{_TIMES: lambda t: t.count()})
    groups = groups.filter(groups[_TIMES] > 1)
    rows = groups[_TIMES] if one.keep == "all" else groups[_TIMES] - 1
    missing = ibis.and_(*(groups[name].isnull() for name in keys))
    counted = rows.sum() if one.counts_null else rows.sum(where=~missing)
    answer = fetch(groups.aggregate(groups=groups.count(), rows=counted), private=scan.private)[0]
    if not answer["groups"]:
        return None
    count = int(answer["rows"] or 0)
    return finding_of(one, count, _first_repeated(one, scan) if count else [], scan)


def _keys(one: Repeats, table: Any) -> dict[str, Any]:
    return {_GROUP.format(number): key for number, key in enumerate(one.key(table))}


def _first_repeated(one: Repeats, scan: Scan) -> list[dict[str, Any]]:
    """The first rows whose key comes more than once.

    They are in the groups that begin first; without the first or the last row of each group they
    may not be the very first.
    """
    import ibis

    table = scan.layout.numbered
    if table is None:
        return []
    keyed = table.mutate(**_keys(one, table))
    names = [name for name in keyed.columns if name not in table.columns]
    groups = keyed.group_by(names).agg(
        **{
            _FIRST: keyed[POSITION].min(),
            _LAST: keyed[POSITION].max(),
            _TIMES: keyed.count(),
        }
    )
    groups = groups.filter(groups[_TIMES] > 1)
    if not one.counts_null:
        groups = groups.filter(~ibis.and_(*(groups[name].isnull() for name in names)))
    groups = groups.order_by(_FIRST).limit(MOST_POSITIONS).view()
    same = [keyed[name].identical_to(groups[name]) for name in names]
    joined = keyed.inner_join(groups, same)
    if one.keep == "exclude_first":
        joined = joined.filter(joined[POSITION] != joined[_FIRST])
    elif one.keep == "exclude_last":
        joined = joined.filter(joined[POSITION] != joined[_LAST])
    return first_of(joined, one, scan)

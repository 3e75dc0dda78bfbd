"""A plan, carried out: one aggregate query, a query for each uniqueness, and Pandera for the rest.

What fails is looked at once more, for a bounded number of its rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from assay.contract import check as contract_check
from assay.contract.check import EXAMPLES, MOST_POSITIONS, Finding, Findings
from assay.contract.privacy import Sight, as_text, has_plain_rows
from assay.contract.scan import byparts, memory
from assay.contract.scan.query import fetch
from assay.contract.sources.base import POSITION
from assay.errors import DataError
from assay.stages.validate import CheckFailure, PlannedCheck

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from assay.contract.scan.plan import Place, Plan, Repeats, Rows
    from assay.contract.schema import LoadedSchema
    from assay.contract.sources.base import Layout, Source

_GROUP = "__assay_key_{}__"
_FIRST, _LAST, _TIMES = "__assay_first__", "__assay_last__", "__assay_times__"


class LayoutError(DataError):
    """The layout took something for granted that does not hold; the data must be read whole."""


@dataclass(frozen=True)
class Scan:
    """All that the steps of a scan share."""

    source: Source
    layout: Layout
    loaded: LoadedSchema
    root: Path
    sight: Sight
    rows: int

    @property
    def private(self) -> bool:
        """Whether messages must not quote values."""
        return bool(self.sight.sensitive)


def execute(
    plan: Plan,
    source: Source,
    layout: Layout,
    loaded: LoadedSchema,
    *,
    root: Path,
    sensitive: Collection[str],
) -> Findings:
    """Carry out a plan.

    Args:
        plan: For this layout and schema.
        source: The data.
        layout: Its layout.
        loaded: The schema.
        root: The project folder.
        sensitive: The columns whose values must not appear in what is returned.

    Raises:
        LayoutError: The layout does not describe the data.
        DataError: The data cannot be read, or a check needs more memory than there is.
        OutsideError: Memory or disk space ran out.
        SchemaError: The schema cannot be applied.
    """
    sight = Sight.on(layout.empty, loaded, sensitive)
    planned = tuple(
        PlannedCheck(
            check=sight.check(one.check, one.column),
            column=sight.column(one.column),
            how=one.how,
            why=one.why,
        )
        for one in plan.promises
    )
    if layout.table is None:
        memory.refuse_whole(source.bytes)
        frame = next(iter(source.frames(layout)))
        return replace(
            contract_check.check(frame, loaded, root=root, sensitive=sensitive), plan=planned
        )
    answers = _aggregate(plan, layout, private=bool(sensitive))
    rows = answers["rows"]
    columns = len(layout.empty.columns)
    if rows == 0:
        empty = CheckFailure(check="not_empty", count=1)
        return Findings(failures=(empty,), plan=planned, rows=rows, columns=columns)
    scan = Scan(source, layout, loaded, root, sight, rows)
    found: list[tuple[Place, Finding]] = [
        (one.place, contract_check.finding(one.error, layout.empty, sight)) for one in plan.decided
    ]
    said: list[tuple[Place, str]] = [((), text) for text in plan.said]
    for number, one in enumerate(plan.rows):
        count = answers[f"r{number}"] or 0
        if count and one.said is not None:
            said.append((one.place, one.said))
        elif count:
            found.append((one.place, _of_rows(one, count, scan)))
    for number, whole in enumerate(plan.wholes):
        if answers[f"w{number}"]:
            continue
        if whole.said is not None:
            said.append((whole.place, whole.said))
        else:
            column = sight.column(whole.column)
            failure = CheckFailure(check=sight.check(whole.check, column), column=column, count=1)
            found.append((whole.place, Finding(failure)))
    found += _repeated(plan.repeats, scan)
    by_pandera, warned = byparts.run(plan.parts, scan)
    found += by_pandera
    said += warned
    found.sort(key=lambda pair: pair[0])
    said.sort(key=lambda pair: pair[0])
    return Findings(
        failures=tuple(one.failure for _, one in found),
        warnings=(
            *contract_check.limits(layout.empty, sensitive),
            *sight.warnings([text for _, text in said]),
        ),
        positions=tuple(one.positions for _, one in found),
        plan=planned,
        rows=rows,
        columns=columns,
    )


def _aggregate(plan: Plan, layout: Layout, *, private: bool) -> dict[str, Any]:
    """The one query: what the layout takes for granted, and all that the scan decides."""
    table = layout.table
    wanted: dict[str, Any] = {"rows": table.count()}
    wanted |= {f"a{number}": one.holds for number, one in enumerate(layout.assumptions)}
    wanted |= {f"r{number}": one.fails(table).sum() for number, one in enumerate(plan.rows)}
    wanted |= {f"w{number}": one.holds(table) for number, one in enumerate(plan.wholes)}
    answers = fetch(table.aggregate(**wanted), private=private)[0]
    for number, one in enumerate(layout.assumptions):
        if answers["rows"] and not answers[f"a{number}"]:
            raise LayoutError(one.message)
    return answers


def _of_rows(one: Rows, count: int, scan: Scan) -> Finding:
    """A failure of single rows, with the first of them."""
    table = scan.layout.table if scan.layout.numbered is None else scan.layout.numbered
    failing = table.filter(one.fails(table).fill_null(False))  # noqa: FBT003 (Ibis)
    counted = count if one.most is None else min(count, one.most)
    return _finding(one, counted, _first(failing, one, scan), scan)


def _first(failing: Any, one: Rows | Repeats, scan: Scan) -> list[dict[str, Any]]:
    """The first rows of some that fail: their position, and the values that are shown."""
    values = [failing[name] for name in one.shown] if one.values is None else one.values(failing)
    shown = dict(zip(one.shown, values, strict=True))
    if scan.layout.numbered is None:
        return fetch(failing.select(**shown).limit(EXAMPLES), private=scan.private)
    ordered = failing.select(failing[POSITION], **shown).order_by(POSITION).limit(MOST_POSITIONS)
    return fetch(ordered, private=scan.private)


def _finding(one: Rows | Repeats, count: int, first: list[dict[str, Any]], scan: Scan) -> Finding:
    sight, column = scan.sight, one.column
    first = first[:count]
    positions = tuple(int(row[POSITION]) for row in first if POSITION in row)
    some = first[:EXAMPLES]
    labels = _labels(positions[:EXAMPLES], scan) if sight.labels else []
    labels = labels or [None] * len(some)
    dtypes = one.dtypes or tuple(getattr(scan.layout.empty[n], "dtype", None) for n in one.shown)
    cells = {
        name: _texts([row[name] for row in some], dtype)
        for name, dtype in zip(one.shown, dtypes, strict=True)
    }
    if column is not None:
        values: list[str | None] = list(cells[one.shown[0]])
    elif sight.hides(None):
        values = [None] * len(some)
    else:
        values = [_row(cells, number, row) for number, row in enumerate(some)]
    shown = sight.column(column)
    failure = CheckFailure(
        check=sight.check(one.check, column),
        column=shown,
        count=count,
        share=contract_check.share(count, scan.rows) if count else None,
        examples=contract_check.examples(
            labels, values, hidden=sight.hides(column) and column is not None
        ),
    )
    return Finding(failure, positions=positions)


def _labels(positions: Sequence[int], scan: Scan) -> list[Any]:
    """What the data frame calls some of its first rows, in their order."""
    layout = scan.layout
    if has_plain_rows(layout.empty) or not positions:
        return list(positions)
    import pandas as pd
    from pandera.backends.pandas.error_formatters import reshape_failure_cases

    parts: list[Any] = []
    start = 0
    for frame in scan.source.frames(layout, layout.empty.columns[:1], rows=memory.MOST_ROWS):
        end = start + len(frame)
        parts.append(frame.index[[p - start for p in positions if start <= p < end]])
        start = end
        if start > positions[-1]:
            break
    index = parts[0].append(parts[1:])
    named = reshape_failure_cases(pd.Series(0, index=index), ignore_na=False)
    labels: list[Any] = named["index"].tolist()
    return labels


def _row(cells: dict[str, list[str]], number: int, row: dict[str, Any]) -> str:
    """The cells of a row that are not missing."""
    named = [(name, texts[number]) for name, texts in cells.items() if row[name] is not None]
    return contract_check.joined(named)


def _texts(values: list[Any], dtype: Any) -> list[str]:
    """Values as a data frame shows them: a whole number in a column of floats as `24.0`."""
    if not type(dtype).__module__.startswith("polars") and dtype is not None:
        import pandas as pd

        try:
            values = pd.Series(values, dtype=dtype).tolist()
        except (TypeError, ValueError, OverflowError):
            values = list(values)  # as the database shows them
    return [as_text(value) for value in values]


def _repeated(repeats: Sequence[Repeats], scan: Scan) -> Iterator[tuple[Place, Finding]]:
    """What comes more than once."""
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
    groups = table.select(**keys).group_by(list(keys)).agg(**{_TIMES: lambda t: t.count()})
    groups = groups.filter(groups[_TIMES] > 1)
    rows = groups[_TIMES] if one.keep == "all" else groups[_TIMES] - 1
    missing = ibis.and_(*(groups[name].isnull() for name in keys))
    counted = rows.sum() if one.counts_null else rows.sum(where=~missing)
    answer = fetch(groups.aggregate(groups=groups.count(), rows=counted), private=scan.private)[0]
    if not answer["groups"]:
        return None
    count = int(answer["rows"] or 0)
    return _finding(one, count, _first_repeated(one, scan) if count else [], scan)


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
    return _first(joined, one, scan)

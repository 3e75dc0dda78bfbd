"""A plan, carried out: one aggregate query, a query for each uniqueness, and Pandera for the rest.

What fails is looked at once more, for a bounded number of its rows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from assay.contract import check as contract_check
from assay.contract.check import Finding, Findings
from assay.contract.privacy import Sight
from assay.contract.scan import byparts, engines, memory
from assay.contract.scan.query import fetch
from assay.contract.scan.repeats import repeated
from assay.contract.scan.rows import Scan, of_rows
from assay.stages.validate import CheckFailure, PlannedCheck

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from assay.contract.scan.plan import Place, Plan, Promise
    from assay.contract.schema import LoadedSchema
    from assay.contract.sources.base import Layout, Source


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
        DataError: The data cannot be read, or a check needs more memory than there is.
        OutsideError: Memory or disk space ran out.
        SchemaError: The schema cannot be applied.
    """
    sight = Sight.on(layout.empty, loaded, sensitive)
    planned = _planned(plan.promises, sight)
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
            found.append((one.place, of_rows(one, count, scan)))
    for number, whole in enumerate(plan.wholes):
        if answers[f"w{number}"]:
            continue
        if whole.said is not None:
            said.append((whole.place, whole.said))
        else:
            column = sight.column(whole.column)
            check = sight.check(whole.check, column)
            failure = CheckFailure(check=check, column=column, count=whole.count)
            found.append((whole.place, Finding(failure)))
    found += repeated(plan.repeats, scan)
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


def _planned(promises: Iterable[Promise], sight: Sight) -> tuple[PlannedCheck, ...]:
    """Promises as the record has them."""
    return tuple(
        PlannedCheck(
            check=sight.check(one.check, one.column),
            column=sight.column(one.column),
            how=one.how,
            why=one.why,
        )
        for one in promises
    )


def by_pandera(
    plan: Plan, layout: Layout, loaded: LoadedSchema, *, root: Path, sensitive: Collection[str]
) -> Findings:
    """What Pandera says of an Ibis table, in queries of its own; see `execute`."""
    # Where the table cannot be read either, that is no failure of a check.
    read = {f"c{at}": layout.table[name].count() for at, name in enumerate(layout.table.columns)}
    fetch(layout.table.aggregate(rows=layout.table.count(), **read), private=bool(sensitive))
    found = contract_check.check(layout.table, loaded, root=root, sensitive=sensitive)
    why = "the engine cannot compute all of the checks in one query"
    promises = [replace(one, how="table", why=why) for one in plan.promises]
    sight = Sight.on(layout.empty, loaded, sensitive)
    told = [text for text in sight.warnings(plan.said) if text not in found.warnings]
    return replace(found, plan=_planned(promises, sight), warnings=(*found.warnings, *told))


def _aggregate(plan: Plan, layout: Layout, *, private: bool) -> dict[str, Any]:
    """The one query: all that the scan decides."""
    table = layout.table
    wanted: dict[str, Any] = {"rows": table.count()}
    wanted |= {
        f"r{number}": engines.count(table, one.fails(table)) for number, one in enumerate(plan.rows)
    }
    wanted |= {f"w{number}": one.holds(table) for number, one in enumerate(plan.wholes)}
    return fetch(table.aggregate(**wanted), private=private)[0]

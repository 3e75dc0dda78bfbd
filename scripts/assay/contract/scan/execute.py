"""A plan, carried out: one aggregate query, a query for each uniqueness, and Pandera for the rest.

What fails is looked at once more, for a bounded number of its rows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from assay.contract import check as contract_check
from assay.contract.check import Finding, Findings
from assay.contract.privacy import Sight
from assay.contract.refused import one_answer
from assay.contract.scan import byparts, engines, memory, turning
from assay.contract.scan.query import fetch
from assay.contract.scan.repeats import repeated
from assay.contract.scan.rows import Scan, of_rows
from assay.stages.validate import CheckFailure, PlannedCheck

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from assay.contract.scan.plan import Assumed, Place, Plan, Promise
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
    layout = layout if plan.layout is None else plan.layout
    sight = Sight.on(layout.empty, loaded, sensitive)
    columns = len(layout.empty.columns)
    if layout.table is None:
        memory.refuse_whole(source.bytes)
        frame = next(iter(source.frames(layout)))
        return replace(
            contract_check.check(frame, loaded, root=root, sensitive=sensitive),
            plan=_planned(plan.promises, sight),
        )
    answers = _aggregate(plan, layout, private=bool(sensitive))
    rows = answers["rows"]
    if rows == 0:
        empty = CheckFailure(check="not_empty", count=1)
        planned = _planned(plan.promises, sight)
        return Findings(failures=(empty,), plan=planned, rows=rows, columns=columns)
    scan = Scan(source, layout, loaded, root, sight, rows)
    plan, answers, failed = _settled(plan, answers, scan)
    found, said = _looked(plan, answers, scan)
    found = sorted((*failed, *found), key=lambda pair: pair[0])
    if plan.undropped is not None and any(one.cases == "answer" for _, one in found):
        return execute(plan.undropped, source, layout, loaded, root=root, sensitive=sensitive)
    if plan.drops:
        found = [] if plan.undropped is not None else _kept(found, scan)
    return Findings(
        failures=tuple(one.failure for _, one in found),
        warnings=(
            *contract_check.limits(layout.empty, sensitive),
            *sight.warnings([text for _, text in sorted(said, key=lambda pair: pair[0])]),
        ),
        positions=tuple(one.positions for _, one in found),
        plan=_planned(plan.promises, sight),
        rows=rows,
        columns=columns,
    )


def _looked(plan: Plan, answers: dict[str, Any], scan: Scan) -> tuple[byparts.Found, byparts.Said]:
    """What fails and what is said, from each kind of thing in a plan."""
    found = [
        (one.place, contract_check.finding(one.error, scan.layout.empty, scan.sight))
        for one in plan.decided
    ]
    said: byparts.Said = [((), text) for text in plan.said]
    _add_answers(plan, answers, scan, found, said)
    found += repeated(plan.repeats, scan)
    by_pandera, warned = byparts.run(plan.parts, scan)
    return [*found, *by_pandera], [*said, *warned]


def _add_answers(
    plan: Plan, answers: dict[str, Any], scan: Scan, found: byparts.Found, said: byparts.Said
) -> None:
    """Add what the one query tells."""
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
            column = scan.sight.column(whole.column)
            check = scan.sight.check(whole.check, column)
            failure = CheckFailure(check=check, column=column, count=whole.count)
            found.append((whole.place, Finding(failure, cases="answer")))


def _kept(found: list[tuple[Place, Finding]], scan: Scan) -> list[tuple[Place, Finding]]:
    """The failures that stay failures where Pandera drops rows: all, if one has a text for cases.

    Raises:
        SchemaError: A check has one answer for all rows, and Pandera cannot tell which to drop.
    """
    if any(one.cases == "text" for _, one in found):
        return found
    for _, one in found:
        if one.cases == "answer":
            raise one_answer(one.failure.check, scan.loaded)
    return []


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


def _settled(
    plan: Plan, answers: dict[str, Any], scan: Scan
) -> tuple[Plan, dict[str, Any], byparts.Found]:
    """The plan that assumes nothing that is not so, its answers, and what fails by that."""
    found: byparts.Found = []
    while plan.otherwise is not None and (doubtful := _doubtful(plan, answers)):
        turned, failed = turning.tried(doubtful, scan)
        found += failed
        plan = plan.otherwise(turned)
        answers = _aggregate(plan, scan.layout, private=scan.private)
    return plan, answers, found


def _doubtful(plan: Plan, answers: dict[str, Any]) -> list[Assumed]:
    """What the plan assumes and is not certain; what no query tells comes first."""
    untold = [one for one in plan.assumed if one.holds is None]
    return untold or [one for number, one in enumerate(plan.assumed) if not answers[f"a{number}"]]


def _aggregate(plan: Plan, layout: Layout, *, private: bool) -> dict[str, Any]:
    """The one query: all that the scan decides."""
    table = layout.table
    wanted: dict[str, Any] = {"rows": table.count()}
    assumed = {f"a{number}": one.holds for number, one in enumerate(plan.assumed)}
    if None in assumed.values():  # there will be another plan
        return fetch(table.aggregate(**wanted), private=private)[0]
    wanted |= {name: holds(table) for name, holds in assumed.items() if holds is not None}
    wanted |= {
        f"r{number}": engines.count(table, one.fails(table)) for number, one in enumerate(plan.rows)
    }
    wanted |= {f"w{number}": one.holds(table) for number, one in enumerate(plan.wholes)}
    return fetch(table.aggregate(**wanted), private=private)[0]

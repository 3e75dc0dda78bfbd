"""Tables that a reader opens to see why: groups, data, code, packages, features."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from assay.report import contract, contractchange, gatewords, wording
from assay.report.escape import Code, Phrase, pieces
from assay.report.lines import joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from assay.causes import CodeChange
    from assay.datadiff.section import ColumnChange, DataChange, Shift
    from assay.evidence import FairnessFact
    from assay.gates import Gate
    from assay.record import RunRecord


_BY_CHANCE = (
    "By fairlearn's definitions. The largest of several differences is above zero by chance alone,"
    " and the more so the smaller the groups are."
)


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table in a fold of its own."""

    title: str
    head: tuple[str, ...]
    numeric: tuple[bool, ...]
    """By column: whether it is aligned as numbers are."""
    rows: tuple[tuple[Phrase, ...], ...]
    note: Phrase = ()
    """Below the table."""


def tables(record: RunRecord) -> tuple[Table, ...]:
    """Those that have anything to show, in the order in which people ask."""
    return tuple(table for table in _tables(record) if table.rows)


def _tables(record: RunRecord) -> Iterator[Table]:
    yield _fairness(record)
    yield _contract(record)
    yield _schemas(record)
    yield from _data(record)
    yield _code(record)
    yield _packages(record)
    yield _importance(record)
    yield _left_out(record)


def _table(
    title: str,
    head: Iterable[str],
    rows: Iterable[tuple[Phrase | str, ...]],
    *,
    note: Phrase = (),
) -> Table:
    """A header that begins with `#` stands over numbers."""
    names = tuple(head)
    whole = tuple(tuple((cell,) if isinstance(cell, str) else cell for cell in row) for row in rows)
    return Table(
        title=f"{title} ({len(whole):,})",
        head=tuple(name.removeprefix("#") for name in names),
        numeric=tuple(name.startswith("#") for name in names),
        rows=whole,
        note=note,
    )


def _fairness(record: RunRecord) -> Table:
    facts = record.evaluate.fairness if record.evaluate else ()
    gates = record.compare.gates if record.compare else ()
    share = f"{wording.percent(record.config.statistics.confidence)} interval"
    note: Phrase = (_BY_CHANCE,)
    for fact in facts:
        for group, why in fact.excluded.items():
            note += (" Not compared: ", Code(group), f" ({why}).")
    return _table(
        "How far apart groups are",
        ("Groups of", "Measure", f"Base → this change, {share}", "Furthest apart", "Gate"),
        (_groups(fact, gates) for fact in facts),
        note=note,
    )


def _contract(record: RunRecord) -> Table:
    table = _table(
        "How the data contract was checked", ("Looked at", "Checks"), contract.looked_at(record)
    )
    # Its rows are no things that anybody would count.
    files = record.validation.files if record.validation else ()
    planned = wording.count(sum(len(file.plan) for file in files), "check")
    return replace(table, title=f"How the data contract was checked ({planned})")


def _schemas(record: RunRecord) -> Table:
    found = record.compare.schemas if record.compare else ()
    note = tuple(part for said in contractchange.notes(found) for part in (*said, " "))
    table = _table(
        "How the data contract changed",
        contractchange.HEAD,
        contractchange.rows(found),
        note=(*contractchange.NOTE, " ", *note),
    )
    return replace(table, title=f"How the data contract changed ({contractchange.counted(found)})")


def _groups(fact: FairnessFact, gates: Iterable[Gate]) -> tuple[Phrase | str, ...]:
    base, head, _ = wording.pair(fact.base, fact.head)
    interval = ""
    if fact.low is not None and fact.high is not None:
        interval = f" ({wording.number(fact.low, 4)} to {wording.number(fact.high, 4)})"
    shown: Phrase = (head, interval) if fact.undefined is None else pieces(fact.undefined)
    apart: Phrase = () if fact.apart is None else (Code(fact.apart[0]), ", ", Code(fact.apart[1]))
    measure = fact.measure.replace("_", " ")
    own = [g for g in gates if (g.column, g.metric) == (fact.column, fact.measure)]
    decided = ", ".join(f"{words.result}: {words.rule}" for words in map(gatewords.words_of, own))
    return (Code(fact.column),), measure, (f"{base} → ", *shown), apart, decided


def _data(record: RunRecord) -> Iterator[Table]:
    for change in record.compare.data if record.compare else ():
        moved = [column for column in change.columns if _is_of_interest(column)]
        yield _table(
            f"Columns that changed in {change.path}",
            ("Column", "What changed", "#Base", "#This change"),
            (row for column in moved for row in _column(column)),
            note=_rest(change, len(moved)),
        )


def _is_of_interest(column: ColumnChange) -> bool:
    nulls = bool(column.head and column.base and column.head.nulls != column.base.nulls)
    return bool(
        column.change != "kept" or _shift(column) or nulls or column.new or column.vanished
    ) or bool(column.changed_rows)


def _shift(column: ColumnChange) -> Shift | None:
    """How far a column moved, where that is worth saying and more than chance."""
    found = column.shift
    return None if found is None or found.size == "small" or found.within_chance else found


def _rest(change: DataChange, shown: int) -> Phrase:
    left = len(change.columns) - shown
    return (f"{wording.count(left, 'other column')} did not change.",) if left else ()


def _column(column: ColumnChange) -> Iterator[tuple[Phrase | str, ...]]:
    name: Phrase = (Code(column.name),)
    head, base = column.head, column.base
    if column.change != "kept":
        types = (_type(column.base_type), _type(column.head_type))
        yield name, {"added": "new", "removed": "gone"}.get(column.change, "type"), *types
    if column.changed_rows:
        yield name, "rows with another value", "", f"{column.changed_rows:,}"
    if head is None or base is None:
        return
    if head.nulls != base.nulls:
        shares = (wording.share(base.null_share) or "0 %", wording.share(head.null_share) or "0 %")
        yield name, "missing values", *shares
    if shift := _shift(column):
        how = f"distribution, {shift.size} shift (PSI {shift.psi:.2f})"
        means = (wording.number(base.mean), wording.number(head.mean))
        yield name, how, *(("", "") if head.mean is None else means)
    yield from _values(name, "new values", column.new, column.new_examples, is_new=True)
    yield from _values(name, "values gone", column.vanished, column.vanished_examples)


def _values(
    name: Phrase, what: str, count: int, examples: tuple[str, ...], *, is_new: bool = False
) -> Iterator[tuple[Phrase | str, ...]]:
    if not count:
        return
    more: Phrase = (f" and {count - 3:,} more",) if count > 3 else ()
    cell: Phrase = (*joined(examples[:3]), *more) or (f"{count:,}",)
    yield (name, what, "", cell) if is_new else (name, what, cell, "")


def _type(name: str | None) -> Phrase:
    return () if name is None else (Code(name),)


def _code(record: RunRecord) -> Table:
    causes = record.compare.causes if record.compare else None
    rows: list[tuple[Phrase | str, ...]] = []
    for stage in causes.stages if causes else ():
        name: Phrase = (Code(stage.name),)
        if stage.change != "modified":
            rows.append((name, f"stage {stage.change}", ""))
        if stage.head_command is not None and stage.base_command is not None:
            rows.append((name, ("command ", Code(stage.head_command)), ""))
        rows += [(name, *_file(change)) for change in stage.code]
    rows += [("no stage", *_file(change)) for change in (causes.unclaimed if causes else ())]
    return _table("Code that changed, by stage", ("Stage", "What", "#Lines"), rows)


def _file(change: CodeChange) -> tuple[Phrase | str, str]:
    if change.added is None or change.removed is None:
        return (Code(change.path),), change.change
    return (Code(change.path),), f"+{change.added:,} −{change.removed:,}"  # noqa: RUF001 (a minus)


def _packages(record: RunRecord) -> Table:
    causes = record.compare.causes if record.compare else None
    rows: list[tuple[Phrase | str, ...]] = [
        (("Python, ", Code(python.file)), _version(python.base), _version(python.head))
        for python in (causes.python if causes else ())
    ]
    for package in causes.packages if causes else ():
        name: Phrase = (Code(package.name), *(() if package.direct else (" (indirect)",)))
        rows.append((name, _version(package.base), _version(package.head)))
    return _table("Packages that changed", ("Package", "Base", "This change"), rows)


def _version(text: str | None) -> Phrase:
    return ("none",) if text is None else (Code(text),)


def _importance(record: RunRecord) -> Table:
    found = record.evaluate.importance if record.evaluate else None
    if found is None:
        return _table("Features", (), ())
    rows = []
    for feature in found.features:
        base, head, difference = wording.pair(feature.base, feature.head)
        rows.append(((Code(feature.feature),), base, head, difference))
    metric = wording.metric_title(found.metric)
    note = f"{metric} that is lost when a feature is shuffled: mean of {found.repeats} times, on"
    note += f" {found.rows:,} rows."
    if found.more:
        note += f" {wording.count(found.more, 'other feature')} changed less."
    return _table(
        "Features that matter more or less" if found.has_base else "Features that matter most",
        ("Feature", "#Base", "#This change", "#Difference"),
        rows,
        note=(note,),
    )


def _left_out(record: RunRecord) -> Table:
    reasons = {
        "too few rows": "fewer rows than `min_slice_rows`",
        "too many values": "beyond the values with the most rows",
        "equal values": "quantiles that are equal",
        "not in head": "only in base",
    }
    rows: list[tuple[Phrase | str, ...]] = []
    for left in record.evaluate.left_out if record.evaluate else ():
        count = f"{left.values:,}", f"{left.rows:,}"
        rows.append(((Code(left.name),), reasons[left.reason], *count, joined(left.examples)))
    head = ("Sliced by", "Why", "#Values", "#Rows", "Such as")
    return _table("Rows that are in no slice", head, rows)

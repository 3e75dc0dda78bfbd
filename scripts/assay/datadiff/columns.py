"""Each column of head and base as the record has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from assay.console import printable
from assay.datadiff import profile, shift
from assay.datadiff.pair import kind_of
from assay.datadiff.section import Category, ColumnChange, LabelBalance, Profile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from assay.datadiff.pair import Named, Pair
    from assay.datadiff.profile import Numbers
    from assay.datadiff.section import Kind, Shift

MOST_CATEGORIES = 1_000
"""Of more different values a column of text is no category."""
MOST_CLASSES = 50
"""Of a label with more values no balance is reported: it is a number to predict."""
TOP = 10
EXAMPLES = 5
FOLDED = 50
"""The categories that are told apart in a shift; the rest, which are rarer, count as one."""
_WIDTH = 80


@dataclass(frozen=True)
class Side:
    """What is known of the columns of one side, by alias."""

    rows: int
    numbers: Mapping[str, Numbers]
    nulls: Mapping[str, int]
    """Of what is neither a number nor a time."""
    counts: Mapping[str, dict[str, int] | None]
    """Of categories; `None` of too many different values."""
    distinct: Mapping[str, int]
    """Of the same; an estimate where `counts` has none."""


def changes(
    both: Pair,
    *,
    changed: Mapping[str, int],
    label: str | None,
    sensitive: frozenset[str],
    hidden: bool,
) -> tuple[tuple[ColumnChange, ...], LabelBalance | None]:
    """All columns, head's first, and the balance of the label.

    Args:
        both: The tables.
        changed: In how many rows each column differs.
        label: The label's column, if there is one.
        sensitive: The columns whose values are hidden.
        hidden: Whether the names of columns that one side alone has are hidden too.
    """
    edges = profile.edges(both)
    head, base = (_side(both, side, edges) for side in ("head", "base"))
    found = tuple(
        _change(
            column,
            head,
            base,
            changed_rows=changed.get(column.name),
            sensitive=column.name in sensitive,
            hidden=hidden and not column.is_common,
        )
        for column in both.columns
    )
    named = [column for column in both.common if column.name == label]
    balance = _balance(both, named[0], head, base, sensitive=label in sensitive) if named else None
    return found, balance


def _side(both: Pair, side: str, edges: dict[str, tuple[profile.Edge, ...]]) -> Side:
    types = [
        (column.alias, type_)
        for column in both.columns
        if (type_ := column.head_type if side == "head" else column.base_type) is not None
    ]
    ordered = [(a, t) for a, t in types if kind_of(t) in {"number", "time"}]
    others = [(a, t) for a, t in types if kind_of(t) not in {"number", "time"}]
    nulls = profile.nulls(both.engine, side, [alias for alias, _ in others])
    counts: dict[str, dict[str, int] | None] = {}
    distinct: dict[str, int] = {}
    for alias, type_ in others:
        if kind_of(type_) == "category":
            known = profile.counted(both.engine, side, alias, most=MOST_CATEGORIES)
            counts[alias] = known
            distinct[alias] = (
                profile.distinct(both.engine, side, alias) if known is None else len(known)
            )
    rows = both.engine.tables[side].rows
    numbers = profile.numbers(both.engine, side, ordered, edges)
    return Side(rows=rows, numbers=numbers, nulls=nulls, counts=counts, distinct=distinct)


def _change(
    column: Named,
    head: Side,
    base: Side,
    *,
    changed_rows: int | None,
    sensitive: bool,
    hidden: bool,
) -> ColumnChange:
    """One column, of which `changed_rows` differ."""
    kind = _kind(column, head, base)
    moved: Shift | None = None
    counts: dict[str, Any] = {}
    if column.is_common and _own_kind(column.head_type) == _own_kind(column.base_type):
        if kind in {"number", "time"}:
            moved = _moved(
                head.numbers[column.alias], base.numbers[column.alias], is_number=kind == "number"
            )
        elif kind == "category":
            sides = head.counts[column.alias] or {}, base.counts[column.alias] or {}
            moved = _moved_categories(*sides)
            counts = _categories(*sides, private=sensitive)
    return ColumnChange(
        name="(hidden)" if hidden else printable(column.name),
        change=_what(column),
        kind=kind,
        sensitive=sensitive,
        head_type=_type(column.head_type, private=sensitive),
        base_type=_type(column.base_type, private=sensitive),
        head=_profile(head, column.alias, column.head_type, private=sensitive),
        base=_profile(base, column.alias, column.base_type, private=sensitive),
        changed_rows=changed_rows,
        shift=moved,
        **counts,
    )


def _own_kind(type_: str | None) -> Kind | None:
    return None if type_ is None else kind_of(type_)


def _kind(column: Named, head: Side, base: Side) -> Kind:
    """The kind in head, or where it was removed in base; `text` where values are too many."""
    kind = kind_of(column.head_type or column.base_type or "")
    if kind != "category":
        return kind
    many = any(side.counts.get(column.alias, {}) is None for side in (head, base))
    return "text" if many else kind


def _what(column: Named) -> Literal["added", "removed", "retyped", "kept"]:
    if column.base_type is None:
        return "added"
    if column.head_type is None:
        return "removed"
    return "kept" if column.is_same else "retyped"


def _type(type_: str | None, *, private: bool) -> str | None:
    """DuckDB's type; that of an enumeration lists its values."""
    if type_ is None:
        return None
    shown = type_.partition("(")[0] if private or type_.startswith("ENUM") else type_
    return _short(shown)


def _profile(side: Side, alias: str, type_: str | None, *, private: bool) -> Profile | None:
    if type_ is None:
        return None
    known = side.numbers.get(alias)
    if known is None:
        nulls = side.nulls[alias]
        return Profile(
            nulls=nulls,
            null_share=_share(nulls, side.rows),
            distinct=side.distinct.get(alias),
            distinct_is_exact=side.counts.get(alias) is not None,
        )
    is_time = kind_of(type_) == "time"
    least, most = (
        None if end is None or private else profile.moment(end) if is_time else end
        for end in (known.minimum, known.maximum)
    )
    mean, std = (known.moments or (None, None)) if not private and not is_time else (None, None)
    return Profile(
        nulls=known.nulls,
        null_share=_share(known.nulls, side.rows),
        not_finite=known.not_finite,
        distinct=known.distinct,
        minimum=least,
        maximum=most,
        mean=profile.rounded(mean),
        std=profile.rounded(std),
    )


def _moved(head: Numbers, base: Numbers, *, is_number: bool) -> Shift | None:
    apart = None
    if is_number and head.moments and base.moments:
        apart = shift.standardized(head.moments, base.moments)
    return shift.of_counts(
        head.bins, base.bins, ordered=True, mean_difference=profile.rounded(apart)
    )


def _moved_categories(head: Mapping[str, int], base: Mapping[str, int]) -> Shift | None:
    return shift.of_counts(*category_counts(head, base), ordered=False)


def category_counts(
    head: Mapping[str, int], base: Mapping[str, int]
) -> tuple[list[int], list[int]]:
    """The rows of each category on both sides; those after the `FOLDED` most frequent are one."""
    frequent = _by_frequency(head, base)
    told_apart, rest = frequent[:FOLDED], frequent[FOLDED:]
    mine, its = (
        [*(side.get(v, 0) for v in told_apart), sum(side.get(v, 0) for v in rest)]
        for side in (head, base)
    )
    return mine, its


def _categories(
    head: Mapping[str, int], base: Mapping[str, int], *, private: bool
) -> dict[str, Any]:
    """The most frequent categories, and those that came and went."""
    frequent = _by_frequency(head, base)
    new = [v for v in frequent if v not in base]
    vanished = [v for v in frequent if v not in head]
    found: dict[str, Any] = {"new": len(new), "vanished": len(vanished)}
    if not private:
        found["categories"] = _shares(frequent[:TOP], head, base)
        found["new_examples"] = tuple(map(_short, new[:EXAMPLES]))
        found["vanished_examples"] = tuple(map(_short, vanished[:EXAMPLES]))
    return found


def _balance(
    both: Pair, label: Named, head: Side, base: Side, *, sensitive: bool
) -> LabelBalance | None:
    """How the classes are spread; `None` of a label that is no class."""
    counts = []
    for name, side in (("head", head), ("base", base)):
        known = side.counts.get(label.alias)
        if known is None and label.alias in side.numbers:
            sql = label.alias if label.is_same else f"CAST({label.alias} AS DOUBLE)"
            known = profile.counted(both.engine, name, sql, most=MOST_CLASSES)
        if known is None or len(known) > MOST_CLASSES:
            return None
        counts.append(known)
    if not all(counts):  # no label at all on one side: the nulls of the column say so
        return None
    frequent = _by_frequency(*counts)
    spread = [[side.get(value, 0) for value in frequent] for side in counts]
    return LabelBalance(
        column=printable(label.name),
        classes=() if sensitive else _shares(frequent, *counts),
        distance=round(shift.variation(*spread), 6),
    )


def _by_frequency(head: Mapping[str, int], base: Mapping[str, int]) -> list[str]:
    values = {**head, **base}
    return sorted(values, key=lambda v: (-head.get(v, 0) - base.get(v, 0), v))


def _shares(
    values: Iterable[str], head: Mapping[str, int], base: Mapping[str, int]
) -> tuple[Category, ...]:
    totals = sum(head.values()), sum(base.values())
    return tuple(
        Category(
            value=_short(value),
            head=head.get(value, 0),
            base=base.get(value, 0),
            head_share=_share(head.get(value, 0), totals[0]),
            base_share=_share(base.get(value, 0), totals[1]),
        )
        for value in values
    )


def _share(count: int, total: int) -> float:
    return round(count / total, 6) if total else 0.0


def _short(text: str) -> str:
    shown = printable(text[: _WIDTH + 1])
    return shown if len(shown) <= _WIDTH else shown[: _WIDTH - 1] + "…"

"""Two revisions of a schema: what each change does to the data that are accepted.

A change `widens` where all data that base accepts are accepted by head as well, and `narrows` where
it is the other way round. Where that cannot be told, as of a function that was edited, it is
`unknown`; nothing is guessed, and no column is taken for another one renamed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from assay.contract.evolution import columns
from assay.contract.evolution.section import ColumnDescription, Description, SchemaChange
from assay.contract.patterns import matches

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from assay.contract.evolution.section import Aspect, Effect

INDEX = "(index)"
_STRICT = {
    "no": "other columns allowed",
    "yes": "no other columns",
    "filter": "other columns dropped",
}


def compare(
    base: Description, head: Description, sensitive: Collection[str] = ()
) -> tuple[SchemaChange, ...]:
    """What head says otherwise: of the whole table first, then by column.

    Args:
        base: The schema before.
        head: The schema now.
        sensitive: Columns of which no value may be told.
    """
    return (*_of_table(base, head, hidden=bool(sensitive)), *_of_columns(base, head, sensitive))


def _of_table(base: Description, head: Description, *, hidden: bool) -> Iterator[SchemaChange]:
    if base.flavour != head.flavour:
        yield _change("flavour", base.flavour, head.flavour, "unknown")
    yield from _strictness(base, head)
    yield from _order(base, head)
    if base.dtype != head.dtype and base.flavour == head.flavour:
        effect: Effect = "narrows" if base.dtype is None and not base.coerce else "both"
        yield _change("dtype", base.dtype, head.dtype, effect)
    if _coerce_changed(base, head):
        said = ("types as they are read", "types are coerced")
        yield _change(
            "coerce", said[base.coerce], said[head.coerce], "widens" if head.coerce else "narrows"
        )
    yield from _keys(base, head)
    yield from _flags(base, head)
    yield from columns.checks(base.checks, head.checks, shown=None, hidden=hidden)
    if base.parsers != head.parsers:
        yield _change("parser", None, None, "unknown")
    yield from columns.options(base.options, head.options, None)


def _change(aspect: Aspect, base: str | None, head: str | None, effect: Effect) -> SchemaChange:
    return SchemaChange(aspect=aspect, base=base, head=head, effect=effect)


def _strictness(base: Description, head: Description) -> Iterator[SchemaChange]:
    if base.strict == head.strict:
        return
    effect: Effect = "unknown"  # what is dropped is not seen by checks of the whole table
    if head.strict == "yes":
        effect = "narrows"
    elif base.strict == "yes":
        effect = "widens"
    yield _change("strict", _STRICT[base.strict], _STRICT[head.strict], effect)


def _order(base: Description, head: Description) -> Iterator[SchemaChange]:
    said = ("columns in any order", "columns in this order")
    if base.ordered != head.ordered:
        effect: Effect = "narrows" if head.ordered else "widens"
        yield _change("ordered", said[base.ordered], said[head.ordered], effect)
    elif head.ordered:
        before, after = ([c.name for c in each.columns] for each in (base, head))
        if [n for n in before if n in after] != [n for n in after if n in before]:
            yield _change(
                "ordered", ", ".join(map(str, before)), ", ".join(map(str, after)), "both"
            )


def _coerce_changed(base: Description, head: Description) -> bool:
    return base.coerce != head.coerce and base.flavour == head.flavour


def _keys(base: Description, head: Description) -> Iterator[SchemaChange]:
    """Keys; rows that are told apart by some columns are told apart by more of them too."""
    before, after = ({frozenset(key) for key in each.keys} for each in (base, head))
    if before == after:
        return
    weaker = all(any(old <= new for old in before) for new in after)
    stronger = all(any(new <= old for new in after) for old in before)
    effect: Effect = "both"
    if weaker != stronger:
        effect = "widens" if weaker else "narrows"
    if not (weaker and stronger):
        yield _change("key", _key_words(base), _key_words(head), effect)


def _key_words(description: Description) -> str | None:
    return "; ".join(", ".join(key) for key in description.keys) or None


def _flags(base: Description, head: Description) -> Iterator[SchemaChange]:
    effects: dict[str, Effect] = {
        "unique_column_names": "narrows",
        "add_missing_columns": "widens",
        "drop_invalid_rows": "widens",
    }
    for name, effect in effects.items():
        before, after = getattr(base, name), getattr(head, name)
        if before != after:
            said = {False: "off", True: "on"}
            yield SchemaChange(
                aspect="option",
                name=name,
                base=said[before],
                head=said[after],
                effect=effect if after else columns.opposite(effect),
            )


def _of_columns(
    base: Description, head: Description, sensitive: Collection[str]
) -> Iterator[SchemaChange]:
    skip: list[Aspect] = []
    if base.flavour != head.flavour:
        skip = ["dtype", "coerce"]
    elif _coerce_changed(base, head):
        skip = ["coerce"]
    yield from _index(base, head, skip, hidden=bool(sensitive))
    before, after = ({(c.name, c.regex): c for c in each.columns} for each in (base, head))
    for key in dict.fromkeys([*before, *after]):
        old, new, shown = before.get(key), after.get(key), str(key[0])
        hidden = bool(sensitive) if key[1] else shown in sensitive
        if old is not None and new is not None:
            yield from columns.compare(old, new, shown=shown, skip=skip, hidden=hidden)
        elif new is not None:
            yield SchemaChange(
                column=shown,
                aspect="column",
                head=_words(new, hidden=hidden),
                effect=_added(base, head, new),
            )
        elif old is not None:
            yield SchemaChange(
                column=shown,
                aspect="column",
                base=_words(old, hidden=hidden),
                effect=_removed(head, old),
            )


def _words(column: ColumnDescription, *, hidden: bool) -> str:
    kind = "regular expression, " if column.regex else ""
    # How Pandera prints Python's `str` depends on what is installed.
    dtype = re.sub(r"^string\[.*\]$", "str", column.dtype or "any type")
    dtype = columns.dtype_words(dtype, hidden=hidden)
    return f"{kind}{dtype}, {'required' if column.required else 'optional'}"


def _added(base: Description, head: Description, column: ColumnDescription) -> Effect:
    """A new column: data without it fail if it is required, others had it anyway or must not."""
    if base.strict != "yes" or (not column.regex and _matched(base, column)):
        return "narrows"
    made = head.add_missing_columns and (column.default is not None or column.nullable)
    return "both" if column.regex or (column.required and not made) else "widens"


def _removed(head: Description, column: ColumnDescription) -> Effect:
    """A column that is gone: whoever still has it is turned away by a strict schema."""
    if head.strict != "yes" or (not column.regex and _matched(head, column)):
        return "widens"
    return "both" if column.regex or column.required else "narrows"


def _matched(description: Description, column: ColumnDescription) -> bool:
    """Whether a regular expression of a schema stands for a column too."""
    return any(
        each.regex and matches(str(each.name), str(column.name)) for each in description.columns
    )


def _index(
    base: Description, head: Description, skip: Collection[Aspect], *, hidden: bool
) -> Iterator[SchemaChange]:
    before, after = ([c.name for c in each.index] for each in (base, head))
    if before != after:
        effect: Effect = "both" if before and after else "narrows" if after else "widens"
        yield _change("index", _index_words(base), _index_words(head), effect)
        return
    for old, new in zip(base.index, head.index, strict=True):
        yield from columns.compare(old, new, shown=old.name or INDEX, skip=skip, hidden=hidden)


def _index_words(description: Description) -> str | None:
    return (
        ", ".join(f"{c.name or INDEX} {c.dtype or ''}".strip() for c in description.index) or None
    )

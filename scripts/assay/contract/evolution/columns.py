"""One column of two revisions of a schema."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from assay.contract.evolution import domains, dtypes
from assay.contract.evolution.section import CheckDescription, ColumnDescription, SchemaChange

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from assay.contract.evolution.section import Aspect, Effect

HIDDEN = "(hidden)"
_QUOTING = re.compile(r"\[.*['\"].*\]", re.DOTALL)
Flag = Literal["coerce", "nullable", "unique", "required"]

# What it does to switch a flag on; off is the opposite.
_SWITCHED_ON: dict[Flag, Effect] = {
    "coerce": "widens",
    "nullable": "widens",
    "unique": "narrows",
    "required": "narrows",
}
_SAID: dict[Flag, tuple[str, str]] = {
    "coerce": ("only this type", "turned into this type"),
    "nullable": ("no missing values", "missing values allowed"),
    "unique": ("repeated values allowed", "unique"),
    "required": ("optional", "required"),
}


def compare(
    base: ColumnDescription,
    head: ColumnDescription,
    *,
    shown: str,
    skip: Collection[Aspect] = (),
    hidden: bool = False,
) -> Iterator[SchemaChange]:
    """What a column says otherwise.

    Args:
        base: The column of the one revision.
        head: The same column of the other.
        shown: Its name.
        skip: What is told of the whole table, and not for each of its columns.
        hidden: Whether no value may be told.
    """
    if "dtype" not in skip:
        yield from _dtype(base, head, shown, hidden=hidden)
    for flag, effect in _SWITCHED_ON.items():
        before, after = getattr(base, flag), getattr(head, flag)
        # Of another type, coercion is part of what that does.
        if before == after or flag in skip or (flag == "coerce" and base.dtype != head.dtype):
            continue
        yield SchemaChange(
            column=shown,
            aspect=flag,
            base=_SAID[flag][before],
            head=_SAID[flag][after],
            effect=effect if after else opposite(effect),
        )
    whole = dtypes.is_whole(base.dtype) and dtypes.is_whole(head.dtype)
    yield from checks(base.checks, head.checks, shown=shown, whole=whole, hidden=hidden)
    yield from _others(base, head, shown, hidden=hidden)


def opposite(effect: Effect) -> Effect:
    """What the way back does."""
    back: dict[Effect, Effect] = {"widens": "narrows", "narrows": "widens"}
    return back.get(effect, effect)


def _dtype(
    base: ColumnDescription, head: ColumnDescription, shown: str, *, hidden: bool
) -> Iterator[SchemaChange]:
    effect = dtypes.effect(base, head)
    if effect is None:
        return
    yield SchemaChange(
        column=shown,
        aspect="dtype",
        base=_type(base, hidden=hidden),
        head=_type(head, hidden=hidden),
        effect=effect,
    )


def _type(column: ColumnDescription, *, hidden: bool) -> str | None:
    if column.dtype is None:
        return None
    listed = ""
    if column.categories is not None:
        listed = f" of {HIDDEN if hidden else domains.listed(column.categories)}"
    return (
        f"{dtype_words(column.dtype, hidden=hidden)}{listed}{', coerced' if column.coerce else ''}"
    )


def dtype_words(dtype: str, *, hidden: bool) -> str:
    """A type in words; that of a list or a struct may quote the values that it allows."""
    return _QUOTING.sub(f"[{HIDDEN}]", dtype) if hidden else dtype


def _others(
    base: ColumnDescription, head: ColumnDescription, shown: str, *, hidden: bool
) -> Iterator[SchemaChange]:
    """What is compared, but not understood."""
    if base.parsers != head.parsers:
        yield SchemaChange(column=shown, aspect="parser", effect="unknown")
    if base.default != head.default:
        told = (HIDDEN, HIDDEN) if hidden else (base.default, head.default)
        before, after = (
            None if real is None else text
            for real, text in zip((base.default, head.default), told, strict=True)
        )
        yield SchemaChange(
            column=shown, aspect="default", base=before, head=after, effect="unknown"
        )
    yield from options(base.options, head.options, shown)


def options(
    base: dict[str, str], head: dict[str, str], shown: str | None
) -> Iterator[SchemaChange]:
    """Options whose meaning is not known here."""
    for name in sorted({*base, *head}):
        if base.get(name) != head.get(name):
            yield SchemaChange(
                column=shown,
                aspect="option",
                name=name,
                base=base.get(name),
                head=head.get(name),
                effect="unknown",
            )


def checks(
    base: Sequence[CheckDescription],
    head: Sequence[CheckDescription],
    *,
    shown: str | None,
    whole: bool = False,
    hidden: bool = False,
) -> Iterator[SchemaChange]:
    """What the checks of a column, or of the table, say otherwise, but for those that only warn."""
    before, after = ([c for c in listed if not c.warns] for listed in (base, head))
    rest = [[c for c in listed if not (_is_set(c) or _is_length(c))] for listed in (before, after)]
    sets = ([c for c in listed if _is_set(c)] for listed in (before, after))
    sizes = ([c for c in listed if _is_length(c)] for listed in (before, after))
    try:
        old, new = (domains.of(listed, whole=whole) for listed in sets)
        yield from _domains(old, new, "range", shown, hidden=hidden)
        old, new = (domains.lengths(listed) for listed in sizes)
        yield from _domains(old, new, "length", shown, hidden=hidden)
    except domains.IncomparableError:
        rest = [before, after]
    yield from _one_by_one(*rest, shown=shown, hidden=hidden)


def _is_plain(check: CheckDescription) -> bool:
    return check.builtin and check.ignore_na and not check.options


def _is_set(check: CheckDescription) -> bool:
    return _is_plain(check) and check.name in domains.COMPARED


def _is_length(check: CheckDescription) -> bool:
    return _is_plain(check) and check.name == "str_length"


def _domains(
    base: domains.Domain,
    head: domains.Domain,
    aspect: Aspect,
    shown: str | None,
    *,
    hidden: bool,
) -> Iterator[SchemaChange]:
    effect = domains.effect(base, head)
    if effect is None:
        return
    listed = [d.only is not None or bool(d.never) for d in (base, head)]
    if aspect == "range" and any(listed):
        aspect = "categories"
    words = [None if d.everything else HIDDEN if hidden else domains.words(d) for d in (base, head)]
    lists = (domains.only_in(head, base), domains.only_in(base, head))
    new, gone = (HIDDEN if hidden and each else each for each in lists)
    yield SchemaChange(
        column=shown,
        aspect=aspect,
        base=words[0],
        head=words[1],
        effect=effect,
        new=new,
        gone=gone,
    )


def _one_by_one(
    base: list[CheckDescription],
    head: list[CheckDescription],
    *,
    shown: str | None,
    hidden: bool,
) -> Iterator[SchemaChange]:
    """Checks that are only told to be the same or not."""
    gone, new = list(base), []
    for check in head:
        if check in gone:
            gone.remove(check)
        else:
            new.append(check)
    for check in new:
        old = next((each for each in gone if each.name == check.name), None)
        if old is not None:
            gone.remove(old)
        yield SchemaChange(
            column=shown,
            aspect="check",
            name=check.name,
            base=None if old is None else _arguments(old, hidden=hidden),
            head=_arguments(check, hidden=hidden),
            effect="narrows" if old is None else _changed(old, check),
        )
    for check in gone:
        yield SchemaChange(
            column=shown,
            aspect="check",
            name=check.name,
            base=_arguments(check, hidden=hidden),
            effect="widens",
        )


def _changed(base: CheckDescription, head: CheckDescription) -> Effect:
    """What it does to change a check that has the same name as before."""
    ends = {"str_startswith": str.startswith, "str_endswith": str.endswith}
    has = ends.get(head.name)
    if has is None or not (_is_plain(base) and _is_plain(head)):
        return "unknown"
    old, new = ("".join(v.key for v in c.arguments.get("string", ())) for c in (base, head))
    return "narrows" if has(new, old) else "widens" if has(old, new) else "both"


def _arguments(check: CheckDescription, *, hidden: bool) -> str:
    """`str_matches(^a)`, or only the name."""
    told = [
        f"{name} {HIDDEN if hidden else domains.listed(values)}"
        for name, values in check.arguments.items()
        if any(value.kind != "none" for value in values)
    ]
    return f"{check.name} ({', '.join(told)})" if told else check.name

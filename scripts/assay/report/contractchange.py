"""How schemas changed, for people: what is accepted now that was not, and what is not any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.report import wording
from assay.report.escape import Code, Phrase, pieces

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from assay.contract.evolution.section import Aspect, Effect, SchemaChange, SchemaComparison

HEAD = ("Schema change", "Accepts", "Breaking")
_NOTE = (
    "Breaking: data that passed before may be rejected now. Where more is accepted, whoever reads"
    " the data may meet values that were not there before."
)
NOTE: Phrase = (_NOTE,)

_ACCEPTS: dict[Effect, str] = {
    "widens": "more",
    "narrows": "less",
    "both": "more, and less",
    "unknown": "not known",
}
_SUBJECTS: dict[Aspect, str] = {
    "flavour": "library",
    "column": "column",
    "index": "index",
    "dtype": "type",
    "coerce": "coercion",
    "nullable": "missing values",
    "unique": "repeated values",
    "required": "presence",
    "range": "range",
    "categories": "values",
    "length": "length",
    "check": "check",
    "parser": "parser",
    "default": "default",
    "strict": "other columns",
    "ordered": "order of columns",
    "key": "key",
    "option": "option",
}
_NO_VALUE = {"range", "categories", "length"}


def rows(comparisons: Iterable[SchemaComparison]) -> tuple[tuple[Phrase, ...], ...]:
    """One row a change, those that break something first."""
    found = [
        (change, (_subject(comparison, change), (accepts(change),), (breaking(change),)))
        for comparison in comparisons
        for change in comparison.changes
    ]
    found.sort(key=lambda pair: _RANK[pair[0].breaking])  # stable
    return tuple(row for _, row in found)


_RANK = {True: 0, None: 1, False: 2}


def accepts(change: SchemaChange) -> str:
    """Whether more or less data is accepted."""
    return _ACCEPTS[change.effect]


def told(change: SchemaChange) -> str:
    """The same, where no head of a table says what it is about."""
    unknown = change.effect == "unknown"
    return "what it accepts is not known" if unknown else f"accepts {accepts(change)}"


def breaking(change: SchemaChange) -> str:
    """Whether data that passed before may be rejected now."""
    return {True: "❌ yes", False: "no", None: "⚠️ perhaps"}[change.breaking]


def _subject(comparison: SchemaComparison, change: SchemaChange) -> Phrase:
    return (Code(_short(comparison.reference)), " ", *sentence(change))


def _short(reference: str) -> str:
    """`Schema` of `schema.py:Schema`: what people call it."""
    return reference.rpartition(":")[2]


def sentence(change: SchemaChange) -> Phrase:
    """`hr`: range 0 to 23 → 0 to 24."""
    subject: Phrase = () if change.column is None else (Code(change.column), ": ")
    if change.aspect == "column":
        word = "removed" if change.head is None else "added"
        return (*subject, f"column {word}, ", Code(change.head or change.base or ""))
    name: Phrase = (_SUBJECTS[change.aspect],)
    if change.name is not None:
        name = (*name, " ", Code(change.name))
    if change.new is not None or change.gone is not None:
        return (*subject, *name, *_lists(change))
    if change.base is None and change.head is None:
        return (*subject, *name, " changed")
    if change.aspect == "check" and change.base == change.head:
        return (*subject, *name, " changed in its code")
    if change.aspect == "check" and None in {change.base, change.head}:
        word = "removed" if change.head is None else "added"
        said = change.head or change.base or ""
        return (*subject, "check ", Code(said), f" {word}")
    before, after = (_side(change, side) for side in (change.base, change.head))
    return (*subject, *name, " ", *before, " → ", *after)


def _lists(change: SchemaChange) -> Phrase:
    """Two lists of values by what differs: they may be long."""
    parts: list[str] = []
    for listed, word in ((change.new, "added"), (change.gone, "removed")):
        if listed is not None:
            parts += [", " if parts else " ", Code(listed), f" {word}"]
    return tuple(parts)


def _side(change: SchemaChange, said: str | None) -> Phrase:
    if said is not None:
        return (Code(said),)
    return ("any",) if change.aspect in _NO_VALUE else ("none",)


def counted(comparisons: Sequence[SchemaComparison]) -> str:
    """`3 changes, 1 breaking`."""
    changes = [change for comparison in comparisons for change in comparison.changes]
    broken = sum(change.breaking is True for change in changes)
    unsure = sum(change.breaking is None for change in changes)
    told = [
        f"{count:,} {word}"
        for count, word in ((broken, "breaking"), (unsure, "perhaps breaking"))
        if count
    ]
    return ", ".join([wording.count(len(changes), "change"), *told])


def notes(comparisons: Iterable[SchemaComparison]) -> Iterator[Phrase]:
    """What became of schemas that were not compared."""
    for comparison in comparisons:
        if comparison.added:
            yield (Code(comparison.reference), " is new.")
        elif comparison.problem is not None:
            yield (Code(comparison.reference), ": ", *pieces(comparison.problem.message))

"""The profile of a window of production: what `profile.json` is of the evaluation data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from assay.monitor.counting import merged
from assay.packaging.profile import Categories, Numbers, Profile
from assay.section import Fact

if TYPE_CHECKING:
    from collections.abc import Iterable

Problem = Literal["gone", "type", "empty", "infinite"]
"""What breaks the contract of a column.

- `gone`: there is no such column
- `type`: it holds text where there were numbers, or truth values where there were none
- `empty`: no row has a value, and in the reference some had
- `infinite`: there are infinite numbers, and in the reference there were none
"""


class Breach(Fact):
    """A column that is not what the model was made for."""

    column: str
    problem: Problem
    rows: int = 0
    """How many show it."""


class WindowProfile(Fact):
    """A window, counted at the edges and categories of a reference."""

    format: Literal[1] = 1
    rows: int
    """Without duplicates."""
    duplicates: int = 0
    """Rows that had come before, by their key."""
    features: tuple[Numbers | Categories, ...]
    predictions: tuple[Numbers | Categories, ...]
    gone: tuple[str, ...] = ()
    """Columns of the reference that the table lacks."""
    mistyped: tuple[str, ...] = ()
    """Columns that hold another type than in the reference; not among the columns above."""


def together(one: WindowProfile, other: WindowProfile) -> WindowProfile:
    """The profile of two windows as one.

    A key that is in both is counted twice: windows that do not overlap have none.

    Raises:
        ValueError: They were not counted by the same reference.
    """
    wrong = dict.fromkeys([*one.mistyped, *other.mistyped])
    gone = dict.fromkeys([*one.gone, *other.gone])
    left_out = {*wrong, *gone}
    return WindowProfile(
        rows=one.rows + other.rows,
        duplicates=one.duplicates + other.duplicates,
        features=_merged(one.features, other.features, left_out),
        predictions=_merged(one.predictions, other.predictions, left_out),
        gone=tuple(gone),
        mistyped=tuple(name for name in wrong if name not in gone),
    )


def _merged(
    one: Iterable[Numbers | Categories], other: Iterable[Numbers | Categories], left_out: set[str]
) -> tuple[Numbers | Categories, ...]:
    kept = ([part for part in side if part.name not in left_out] for side in (one, other))
    return tuple(merged(first, second) for first, second in zip(*kept, strict=True))


def breaches(reference: Profile, window: WindowProfile) -> tuple[Breach, ...]:
    """What of the window is not what the model was made for; none where there are no rows."""
    if not window.rows:
        return ()
    found = [Breach(column=name, problem="gone", rows=window.rows) for name in window.gone]
    found += [Breach(column=name, problem="type", rows=window.rows) for name in window.mistyped]
    known = {one.name: one for one in (*reference.features, *reference.predictions)}
    for one in (*window.features, *window.predictions):
        expected = known[one.name]
        if one.nulls == one.count and expected.nulls < expected.count:
            found.append(Breach(column=one.name, problem="empty", rows=one.count))
        if not isinstance(one, Numbers) or not isinstance(expected, Numbers):
            continue
        if one.infinite and not expected.infinite:
            found.append(Breach(column=one.name, problem="infinite", rows=one.infinite))
    return tuple(found)

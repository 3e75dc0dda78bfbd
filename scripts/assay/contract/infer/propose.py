"""What a schema should promise, from what a table holds: a promise that has a reason, or none."""

from __future__ import annotations

import keyword
import re
from datetime import date, datetime, timedelta
from pathlib import PurePath
from typing import TYPE_CHECKING

from assay.contract.infer import keys, patterns, ranges
from assay.contract.infer.facts import ColumnProposal, Proposal, Scalar
from assay.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.contract.infer.facts import ColumnProfile, Options, Profile, Setting

FEW_ROWS = 20
"""Fewer say nothing of which values there are."""
MOST_CATEGORIES = 30
LONGEST_CATEGORY = 60
MOST_NUMBERS = 10
"""Whole numbers that are codes, and not counts or measurements."""
UNSEEN = 0.001
"""The chance that the next row has a value not seen yet, by Good and Turing: the part of the rows
whose value is there only once. Above it, there is no list of categories."""
EARLIEST = 1700
"""pandas cannot hold much earlier times in nanoseconds."""

_TAKEN = {"Series", "Annotated", "Any", "ZoneInfo", "DataFrameModel"}


def propose(profile: Profile, options: Options) -> Proposal:
    """A schema for a table.

    Raises:
        DataError: A sensitive column is not in the table.
        UsageError: The name that is asked for is none that a class can have.
    """
    names = {column.name for column in profile.columns}
    if missing := sorted(options.sensitive - names):
        raise DataError(
            f"{profile.shown} has no column `{missing[0]}`, which is to be sensitive.",
            hint="Correct the name, or leave it out.",
        )
    open_columns = [c for c in profile.columns if c.name not in options.sensitive]
    return Proposal(
        name=_class_name(profile, options),
        flavour=profile.flavour,
        docstring=f"Inferred from {profile.shown} ({_counted(profile.rows)}).",
        columns=tuple(
            _column(column, profile, hidden=column.name in options.sensitive)
            for column in profile.columns
        ),
        unique=() if options.sensitive.intersection(profile.key) else profile.key,
        in_order=tuple(c.name for c in open_columns if c.in_order and profile.rows >= keys.ROWS),
    )


def _counted(rows: int) -> str:
    return f"{rows:,} row{'' if rows == 1 else 's'}"


def _class_name(profile: Profile, options: Options) -> str:
    if (asked := options.class_name) is not None:
        if not asked.isidentifier() or keyword.iskeyword(asked) or asked in _TAKEN:
            raise UsageError(
                f"`{asked}` cannot be the name of the schema's class.",
                hint="Use letters, digits and underscores, such as `Rentals`.",
            )
        return asked
    stem = PurePath(profile.shown).name.partition(".")[0]
    words = [word for word in re.split(r"[^0-9A-Za-z]+", stem) if word]
    name = "".join(word[0].upper() + word[1:] for word in words)
    if not name or not name[0].isalpha() or keyword.iskeyword(name) or name in _TAKEN:
        return "Schema"
    return name


def _column(column: ColumnProfile, profile: Profile, *, hidden: bool) -> ColumnProposal:
    declared, rows = column.declared, profile.rows
    written, coerce = declared.written, declared.coerce
    # To pandas whole numbers with gaps are floats.
    gapped = profile.flavour == "pandas" and written == "float"
    if gapped and column.whole and column.missing and column.distinct > 2:
        written, coerce = "pd.Int64Dtype", True
    settings: list[tuple[str, Setting]] = []
    if not hidden:
        settings += _promises(column, rows)
    if column.missing:
        settings.append(("nullable", True))
    if coerce:
        settings.append(("coerce", True))
    note = "No value in this data." if column.missing == rows else None
    if not hidden and any(name == "eq" for name, _ in settings):
        note = "Constant in this data."
    return ColumnProposal(
        name=column.name, written=written, zone=declared.zone, settings=tuple(settings), note=note
    )


def _promises(column: ColumnProfile, rows: int) -> Iterator[tuple[str, Setting]]:
    known = sum(column.values.values())
    if known >= FEW_ROWS and (listed := _categories(column)):
        yield ("eq", listed[0]) if len(listed) == 1 else ("isin", listed)
        return
    unique = _is_id(column, rows)
    match column.declared.kind:
        case "integer" | "number":
            low, high = ranges.bounds(column)
            if unique:  # ids go on where these end
                low, high = _first_id(column), None
            yield from ((name, end) for name, end in (("ge", low), ("le", high)) if end is not None)
        case "time" | "date":
            if (since := _since(column)) is not None:
                yield "ge", since
        case "text" if column.texts is not None and rows - column.missing >= FEW_ROWS:
            if column.texts.pattern is not None:
                yield "str_matches", column.texts.pattern
    if unique:
        yield "unique", True


def _first_id(column: ColumnProfile) -> int | None:
    return min(1, column.low) if isinstance(column.low, int) and column.low >= 0 else None


def _categories(column: ColumnProfile) -> tuple[Scalar, ...]:
    """The only values to allow, in order; none where there may be others."""
    values = column.values
    if patterns.is_time(column.texts):
        return ()
    once = sum(count == 1 for count in values.values())
    if once / sum(values.values()) >= UNSEEN:
        return ()
    texts = sorted(value for value in values if isinstance(value, str))
    if len(texts) == len(values) <= MOST_CATEGORIES:
        return tuple(texts) if max(map(len, texts)) <= LONGEST_CATEGORY else ()
    numbers = sorted(
        value for value in values if isinstance(value, int | float) and not isinstance(value, bool)
    )
    if len(numbers) != len(values) or column.open_below or column.open_above:
        return ()
    if column.declared.kind == "integer" or column.whole:
        # A scale, such as hours, is better told by its ends.
        few = len(numbers) <= MOST_NUMBERS and not ranges.is_scale(column)
        return tuple(int(value) for value in numbers) if few else ()
    return tuple(numbers) if len(numbers) == 1 else ()  # floats are measurements


def _is_id(column: ColumnProfile, rows: int) -> bool:
    """Whether a column tells rows apart, and not only because its values have so many digits."""
    if column.missing or column.distinct != rows or rows < keys.ROWS:
        return False
    if isinstance(column.low, int) and isinstance(column.high, int):
        span = column.high - column.low + 1
        return keys.by_chance(rows, span) >= keys.COLLISIONS
    return column.texts is not None and not column.texts.spaced and column.texts.longest <= 64


def _since(column: ColumnProfile) -> Scalar | None:
    """The start of the year of the first value: time goes on, so that there is no end."""
    low = column.low
    if isinstance(low, datetime):
        # A day earlier, so that no time zone moves it after the first value.
        earlier = timedelta(days=1 if column.declared.zone else 0)
        year = (low.replace(tzinfo=None) - earlier).year
        return datetime(year, 1, 1) if year >= EARLIEST else None  # noqa: DTZ001 (zone is apart)
    if isinstance(low, date) and low.year >= EARLIEST:
        return date(low.year, 1, 1)
    return None

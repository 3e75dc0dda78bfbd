"""Patterns of text columns, where they are evident: codes of one length, UUIDs, ISO dates."""

from __future__ import annotations

import re
import string
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from assay.contract.infer import query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from assay.contract.infer.facts import ColumnProfile, Texts

LONGEST = 64
SAMPLE = 10_000
"""Rows that rule out most patterns; what is left is asked of all."""
UUID = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"

_CHARSETS = ("[0-9]", "[0-9a-f]", "[0-9A-F]", "[A-Z]", "[a-z]", "[A-Z0-9]", "[a-z0-9]")
_CHARACTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_CLASSES = "9" * 10 + "A" * 26 + "a" * 26
"""What takes the place of each of `_CHARACTERS` in a shape: `AB-12` has the shape `AA-99`."""
_OF_CLASS = {"9": "[0-9]", "A": "[A-Z]", "a": "[a-z]"}
_SPECIAL = set(".^$*+?{}[]\\|()")
"""Of regular expressions, in Python and in Rust."""


def add(table: Any, columns: Sequence[ColumnProfile]) -> list[ColumnProfile]:
    """The columns, with the pattern of those texts that have all the same length."""
    lengths = {
        column.name: column.texts.longest
        for column in columns
        if column.texts and 0 < column.texts.shortest == column.texts.longest <= LONGEST
    }
    if not lengths:
        return list(columns)
    possible = _shaped(table.limit(SAMPLE), lengths)
    held = _held(table, _held(table.limit(SAMPLE), possible))
    return [
        replace(column, texts=replace(column.texts, pattern=held[column.name][0]))
        if column.texts and held.get(column.name)
        else column
        for column in columns
    ]


def _shaped(sample: Any, lengths: Mapping[str, int]) -> dict[str, list[str]]:
    """The patterns that each column may have, the most telling first."""
    wanted: dict[str, Any] = {}
    for number, name in enumerate(lengths):
        shape = sample[name].translate(_CHARACTERS, _CLASSES)
        wanted |= {f"c{number}_first": shape.min(), f"c{number}_last": shape.max()}
    (row,) = query.rows(sample.aggregate(**wanted))
    found = {}
    for number, (name, length) in enumerate(lengths.items()):
        shape = row[f"c{number}_first"]
        same = shape is not None and shape == row[f"c{number}_last"]
        told = [of_shape(shape)] if same and re.search("[9Aa]", shape) else []
        sets = [f"^{charset}{{{length}}}$" for charset in _CHARSETS] if length > 1 else []
        found[name] = [UUID, *told, *sets]
    return found


def _held(table: Any, asked: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Of the patterns those that all values of a column match."""
    wanted = {
        f"c{number}_{place}": table[name].re_search(pattern).all()
        for number, (name, listed) in enumerate(asked.items())
        for place, pattern in enumerate(listed)
    }
    if not wanted:
        return {}
    (row,) = query.rows(table.aggregate(**wanted))
    return {
        name: [pattern for place, pattern in enumerate(listed) if row[f"c{number}_{place}"]]
        for number, (name, listed) in enumerate(asked.items())
    }


def of_shape(shape: str) -> str:
    """`AA-9999` as `^[A-Z]{2}-[0-9]{4}$`."""
    parts = []
    for run in re.finditer(r"(.)\1*", shape, re.DOTALL):
        char, length = run[1], len(run[0])
        literal = f"\\{char}" if char in _SPECIAL else char
        parts.append(_OF_CLASS.get(char, literal) + (f"{{{length}}}" if length > 1 else ""))
    return f"^{''.join(parts)}$"


def is_time(texts: Texts | None) -> bool:
    """Whether texts look like dates, or dates with times, by ISO 8601."""
    return texts is not None and texts.pattern in _TIMES


_TIMES = {
    of_shape(f"9999-99-99{rest}") for rest in ("", " 99:99", "T99:99", " 99:99:99", "T99:99:99")
}

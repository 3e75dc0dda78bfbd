"""What a change of a column's type does to the data that are accepted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from assay.contract.evolution.section import ColumnDescription, Effect

_NUMBER = re.compile(r"(u?int|float)(\d+)", re.IGNORECASE)
_EXACT = {16: 11, 32: 24, 64: 53}
"""Bits of a whole number that a float of so many bits holds exactly."""


class _Number(NamedTuple):
    kind: str
    bits: int
    gaps: bool
    """Whether it has room for missing values: pandas' `Int64`, and all that polars has."""


def effect(base: ColumnDescription, head: ColumnDescription) -> Effect | None:
    """What it does to put one type in the place of the other; `None` where they are the same.

    Without coercion Pandera asks for the type itself, and no other is good enough.
    """
    if base.dtype == head.dtype:
        return _of_categories(base, head)
    if base.dtype is None:
        return "narrows"
    if head.dtype is None:
        # Checks then see values that were turned into another type before.
        return "both" if base.coerce and head.checks else "widens"
    if not head.coerce:
        return "both"
    if not holds(head.dtype, base.dtype):
        return "both"
    # What base coerced was changed by it: 1.5 became 1, and passed `le=1`.
    return "both" if base.coerce and (head.checks or head.unique) else "widens"


def _of_categories(base: ColumnDescription, head: ColumnDescription) -> Effect | None:
    if base.categories == head.categories:
        return None
    if base.categories is None or head.categories is None:
        return "narrows" if base.categories is None else "widens"
    if not (base.coerce and head.coerce):
        return "both"
    old, new = ({(v.kind, v.key) for v in c.categories or ()} for c in (base, head))
    return "widens" if old < new else "narrows" if new < old else "both"


def is_whole(dtype: str | None) -> bool:
    """Whether values of a type are whole numbers."""
    found = _number(dtype)
    return found is not None and found.kind != "float"


def holds(outer: str, inner: str) -> bool:
    """Whether every value of one type of numbers can be turned into the other.

    Whole numbers of 64 bits count as floats: of those beyond 2^53 some digits are lost.
    """
    big, small = _number(outer), _number(inner)
    if big is None or small is None or (small.gaps and not (big.gaps or big.kind == "float")):
        return False
    if big.kind == "float":
        if small.kind == "float":
            return big.bits >= small.bits
        return big.bits == 64 or small.bits <= _EXACT.get(big.bits, 0)
    if small.kind == "float":
        return False
    if big.kind == small.kind:
        return big.bits >= small.bits
    return big.kind == "int" and big.bits > small.bits


def _number(dtype: str | None) -> _Number | None:
    found = _NUMBER.fullmatch(dtype or "")
    if found is None:
        return None
    return _Number(found[1].lower(), int(found[2]), gaps=found[0][0].isupper())

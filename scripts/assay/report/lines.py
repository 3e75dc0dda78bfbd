"""One subject of a report in one line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.report.escape import Code

if TYPE_CHECKING:
    from assay.report.escape import Phrase


@dataclass(frozen=True, kw_only=True)
class Line:
    """One subject in one line."""

    label: str
    status: str
    """Icon and word; empty where nothing was judged."""
    text: Phrase


def joined(values: tuple[str, ...]) -> Phrase:
    """`a`, `b`."""
    pieces: list[str] = []
    for value in values:
        pieces += [", ", Code(value)] if pieces else [Code(value)]
    return tuple(pieces)

"""Pieces of a model card: sections, tables and intervals as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.report import escape
from assay.report.wording import decimals, number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST_ROWS = 200
"""Of a table; the manifest has all."""


def section(title: str, *parts: str) -> str:
    """Parts under a heading; nothing where all are empty."""
    present = [part for part in parts if part]
    return "\n\n".join([f"## {title}", *present]) if present else ""


def table(head: Sequence[str], rows: Iterable[Sequence[object]], align: str = "") -> str:
    """A table; nothing without rows.

    Args:
        head: Of each column.
        rows: Values, which are escaped here.
        align: For each column `l` or `r`.
    """
    found = list(rows)
    if not found:
        return ""
    marks = (align or "l" * len(head)).replace("l", "---,").replace("r", "---:,").split(",")
    lines = [" | ".join(head), " | ".join(marks[:-1])]
    lines += [" | ".join(escape.markdown(cell) for cell in row) for row in found[:MOST_ROWS]]
    text = "\n".join(f"| {line} |" for line in lines)
    more = len(found) - MOST_ROWS
    return f"{text}\n\n{more:,} more are in `manifest.json`." if more > 0 else text


def folded(title: str, text: str) -> str:
    """Markdown behind a line that opens it; nothing of nothing."""
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>" if text else ""


def interval(value: float | None, low: float | None, high: float | None) -> str:
    """`0.8701 to 0.8889`, with the decimals of the value; nothing where it is not known."""
    if value is None or low is None or high is None:
        return ""
    places = decimals(value)
    return f"{number(low, places)} to {number(high, places)}"

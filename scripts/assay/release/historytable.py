"""A history as a table of 80 columns. All text is `Text`: brackets in a name are brackets."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from assay.console import printable
from assay.release.history import FIRST
from assay.report import wording

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from assay.release.history import History, Row

WIDTH = 80
MOST_METRICS = 3
"""That fit beside the rest; `--json` has all."""
_DIGITS = 8
"""Of a digest that people compare by eye."""


def text(histories: Sequence[History], *, metrics: Iterable[str] = ()) -> str:
    """The tables as plain text."""
    out = io.StringIO()
    console = Console(file=out, width=WIDTH, color_system=None, legacy_windows=False)
    console.print(render(histories, metrics=metrics))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def render(histories: Sequence[History], *, metrics: Iterable[str] = ()) -> RenderableType:
    """The tables as something that Rich prints.

    Args:
        histories: Of one artifact or several.
        metrics: Those that assay.yaml names, the first ones first; else those of the files.
    """
    blocks: list[RenderableType] = []
    for history in histories:
        blocks += [Text(""), _heading(history)]
        blocks += [_table(history, _shown(history, tuple(metrics)))] if history.rows else []
        blocks += [
            Text(f"{row.version or row.commit[:12]}: {printable(row.problem)}", "yellow")
            for row in history.rows
            if row.problem
        ]
        blocks += [
            Text(f"{printable(note.message)} {note.hint}", "yellow") for note in history.notes
        ]
    return Group(*blocks[1:]) if blocks else Text(f"There are no versions yet: {FIRST}")


def _heading(history: History) -> Text:
    heading = Text(history.name, "bold")
    return heading.append(" is deprecated", "not bold") if history.deprecated else heading


def _shown(history: History, configured: tuple[str, ...]) -> tuple[str, ...]:
    """The metrics that get a column."""
    there = {name: None for row in history.rows for name in row.metrics}
    named = [name for name in configured if name in there]
    return tuple(named or there)[:MOST_METRICS]


def _table(history: History, metrics: tuple[str, ...]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for title in ("Version", "Date", "Commit"):
        table.add_column(title, no_wrap=True)
    table.add_column("Stages", overflow="fold")
    for name in metrics:
        table.add_column(Text(printable(name)), justify="right", no_wrap=True, max_width=12)
    table.add_column("Data", no_wrap=True)
    for row in history.rows:
        table.add_row(*_cells(row, metrics), style="" if row.registered else "dim")
    return table


def _cells(row: Row, metrics: tuple[str, ...]) -> list[RenderableType]:
    stages = list(row.stages)
    if row.version is not None and not row.registered:
        stages = ["(deregistered)"]
    return [
        Text(row.version or "(no version)"),
        Text(datetime.fromtimestamp(row.time, UTC).date().isoformat()),
        Text(row.commit[:7]),
        Text(", ".join(stages)),
        *(Text(wording.number(row.metrics[m]) if m in row.metrics else "") for m in metrics),
        Text("same" if row.data_changed is False else (row.data or "")[:_DIGITS]),
    ]

"""The report in a terminal: what a person wants to know before pushing, on one screen.

Words carry the meaning; colour only repeats it. All text is made of `Text`, never of Rich's
markup, so that brackets in a name are brackets.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from assay.report import contract, escape, view, wording
from assay.workspace import STATE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assay.provenance import Provenance
    from assay.record import RunRecord
    from assay.report.comparison import MetricRow, SliceRow
    from assay.report.escape import Phrase
    from assay.report.view import View
    from assay.verdict import Outcome, Verdict

WIDTH = 80
_STYLES: dict[Outcome, str] = {
    "pass": "bold green",
    "warn": "bold yellow",
    "fail": "bold red",
    "inconclusive": "bold yellow",
    "no gate": "bold",
    "error": "bold red",
}
_CHANGES = {"better": "green", "worse": "red"}
_MOST_SLICES = 5
_MOST_FAILURES = 10


def render(
    record: RunRecord, *, verdict: Verdict | None = None, files: Mapping[str, str] | None = None
) -> RenderableType:
    """The report as something that Rich prints.

    Args:
        record: The run.
        verdict: What `decide` says of it, where that is known already.
        files: Where the full report is, by what it is.
    """
    content = view.of(record, verdict, most=0)
    blocks: list[RenderableType] = [_headline(content)]
    blocks += [_provenance(content.provenance)] if content.provenance else []
    blocks += [_problem(content)] if content.problems or content.not_run else []
    blocks += [Text("\n".join(map(escape.text, content.overrides)))] if content.overrides else []
    blocks += [_metrics(content)] if content.metrics else []
    blocks += [_slices(content)] if content.worse else []
    blocks += [_failures(content)] if content.tests else []
    blocks += [_contract(record, content)] if content.contract_count else []
    blocks += [_mismatches(content)] if content.mismatches else []
    blocks += [_lines(content)] if content.lines or content.notes else []
    blocks += [_files(files)] if files else []
    spaced: list[RenderableType] = []
    for block in blocks:
        spaced += [Text(""), block]
    return Group(*spaced)


def text(
    record: RunRecord,
    *,
    verdict: Verdict | None = None,
    files: Mapping[str, str] | None = None,
    width: int = WIDTH,
) -> str:
    """The report as plain text, without colour."""
    out = io.StringIO()
    console = Console(file=out, width=width, color_system=None, legacy_windows=False)
    console.print(render(record, verdict=verdict, files=files))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _headline(content: View) -> Text:
    title = f" · {escape.text(content.title)}" if content.title else ""
    line = Text(content.word + title, style=_STYLES[content.outcome])
    line.append(": " + escape.text(content.headline), style="bold")
    if content.overall:
        line.append("\nOverall: " + escape.text(content.overall))
    if content.more:
        line.append("\nHow sure: " + escape.text(content.more))
    if content.revision:
        line.append("\n" + escape.text(content.revision), style="dim")
    return line


def _provenance(told: Provenance) -> Text:
    found = Text("Made by a run that is not trusted; what was not checked is what it says.")
    for label, texts, style in (
        ("It contradicts what was checked: ", told.differences, "bold red"),
        ("Checked anew: ", told.verified, ""),
        ("Only reported: ", told.reported, ""),
    ):
        if texts:
            found.append("\n" + label + "; ".join(map(escape.text, texts)), style=style)
    return found


def _problem(content: View) -> RenderableType:
    found: list[RenderableType] = []
    for problem in content.problems[:_MOST_FAILURES]:
        style = "red" if problem.blocking else "yellow"
        stage = Text(f"{problem.stage}: ", style=f"bold {style}")
        found.append(stage + Text(escape.text(problem.message), style=""))
        details = Table.grid()
        details.add_column(style="dim", no_wrap=True)
        details.add_column(overflow="fold")
        for label, value in (("To do", problem.hint), ("Where", problem.where)):
            if value:
                details.add_row(f"  {label}: ", Text(escape.text(value)))
        found += [details] if details.row_count else []
    left = len(content.problems) - _MOST_FAILURES
    if left > 0:
        found.append(Text(f"…and {wording.count(left, 'more problem')}, in the log", style="dim"))
    if content.not_run:
        found.append(Text(f"Not run: {', '.join(content.not_run)}"))
    return Group(*found)


def _metrics(content: View) -> RenderableType:
    rows = content.metrics
    gated = any(row.gates for row in rows)
    table = _table()
    table.add_column("Metric", overflow="fold", ratio=3)
    table.add_column("Base", justify="right", no_wrap=True)
    table.add_column("Now", justify="right", no_wrap=True)
    table.add_column("Difference", no_wrap=True)
    if gated:
        table.add_column("Gate", overflow="fold", ratio=4)
    for row in rows:
        cells: list[RenderableType] = [
            Text(_title(row.title)),
            row.base,
            Text(row.head, style="bold"),
            _change(row),
        ]
        if gated:
            cells.append(_gates(row))
        table.add_row(*cells)
    left = content.metric_count - len(rows)
    if left <= 0:
        return table
    more = wording.count(left, "more metric")
    return Group(table, Text(f"…and {more}, in the full report", style="dim"))


def _title(title: Phrase) -> str:
    """`Mean absolute error (mae)`: in a terminal nothing else tells the name from the words."""
    words, *name = title
    return escape.text((words, *(f"({escape.text(part)})" for part in name)))


def _gates(row: MetricRow) -> Text:
    # A terminal's font may lack the icon.
    return Text("\n").join(
        Text(
            f"{gate.result.partition(' ')[2]}: {gate.rule}",
            style="bold red" if gate.passed is False else "",
        )
        for gate in row.gates
    )


def _slices(content: View) -> RenderableType:
    table = _table()
    table.add_column("Slice", overflow="fold", ratio=3)
    table.add_column("Rows", justify="right", no_wrap=True)
    table.add_column("Metric", overflow="fold", ratio=2)
    table.add_column("Base", justify="right", no_wrap=True)
    table.add_column("Now", justify="right", no_wrap=True)
    table.add_column("Difference", no_wrap=True)
    for row in content.worse[:_MOST_SLICES]:
        name = Text(escape.text(row.name))
        metric = Text(_title(row.title))
        table.add_row(name, row.rows, metric, row.base, row.head, _change(row))
    title = f"Worse on {content.worse_on} of {content.sliced} slices"
    title += ", more than chance explains" if content.sure else ""
    left = content.worse_count - _MOST_SLICES
    more = [Text(f"…and {left} more", style="dim")] if left > 0 else []
    return Group(Text(title, style="bold"), table, *more)


def _failures(content: View) -> Text:
    found = Text()
    for test in content.tests[:_MOST_FAILURES]:
        what = "failed" if "failed" in test.outcome else "could not run"
        found.append(f"{what}: ", style="red")
        found.append(f"{escape.text(test.name)}\n")
        found.append(f"  {escape.text(test.message)}\n", style="dim")
    found.append(_left(len(content.tests), "more test"))
    found.rstrip()
    return found


def _contract(record: RunRecord, content: View) -> Text:
    files = contract.files(record, _MOST_FAILURES)
    found = Text()
    for file in files:
        found.append("broken: " if file.checks or file.error else "warning: ", style="red")
        found.append(escape.text(file.path))
        found.append(f" ({file.facts})\n" if file.facts else "\n", style="dim")
        if file.error:
            found.append(f"  {escape.text(file.error)}\n")
        for check in file.checks:
            rows = f" in {check.count} rows ({check.share})" if check.share else ""
            found.append(f"  {escape.text(check.column)}: {escape.text(check.check)}{rows}\n")
            if check.examples:
                found.append(f"    {escape.text(check.examples)}\n", style="dim")
            if check.spread:
                found.append(f"    {escape.text(check.spread)}\n", style="dim")
        if file.more:
            found.append(f"  …and {file.more:,} more in this file, in the full report\n", "dim")
        for warning in file.warnings[:_MOST_FAILURES]:
            found.append(f"  warning: {escape.text(warning)}\n", style="yellow")
        if file.failing_rows:
            where = escape.text(f"{STATE}/{file.failing_rows}")
            found.append(f"  first failing rows: {where}\n", style="dim")
    left = content.contract_count - len(files)
    found.append(f"…and {wording.count(left, 'more file')}, in the full report" if left else "")
    found.rstrip()
    return found


def _mismatches(content: View) -> Text:
    found = Text()
    for row in content.mismatches[:_MOST_FAILURES]:
        found.append("disagree: ", style="red")
        found.append(f"{escape.text(row.row)}, {escape.text(row.output)}: ")
        found.append(f"{escape.text(row.expected)} → {escape.text(row.got)}\n")
        found.append(f"  {escape.text(row.values)}\n" if row.values else "", style="dim")
    found.append(_left(len(content.mismatches), "more row"))
    found.rstrip()
    return found


def _left(amount: int, what: str) -> Text:
    left = wording.count(amount - _MOST_FAILURES, what)
    return Text(f"…and {left}, in the full report\n" if amount > _MOST_FAILURES else "", "dim")


def _lines(content: View) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for line in content.lines:
        # A terminal's font may lack the icon; the word is always there where it matters.
        status = line.status.partition(" ")[2]
        table.add_row(line.label, Text(f"{status} {escape.text(line.text)}".strip()))
    for note in content.notes:
        table.add_row("Note", Text(escape.text(note)))
    return table


def _files(files: Mapping[str, str]) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, path in files.items():
        table.add_row(label, Text(escape.text(path)))
    return table


def _change(row: MetricRow | SliceRow) -> Text:
    words = Text(f"{row.difference} {row.change}".strip(), style=_CHANGES.get(row.kind, ""))
    return words.append(f"\n{row.interval}", style="dim") if row.interval else words


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, expand=False)

"""report: everything that people read about a run, from its record."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import OutsideError
from assay.report import figures, html, markdown, outputs, summary
from assay.verdict import decide
from assay.workspace import write_atomically

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from assay.context import Context
    from assay.record import RunRecord
    from assay.verdict import Verdict

FORMATS = ("markdown", "html", "json", "summary", "outputs", "terminal")
MARKDOWN, HTML, JSON = "report.md", "report.html", "report.json"
MARKER_ROOM = 2_048
"""Characters of a comment that are left for hidden lines: its marker, and what it has shown."""


@dataclass(frozen=True)
class ReportFiles:
    """Where the reports of a run are."""

    verdict: Verdict
    markdown: Path
    html: Path
    json: Path


def run(
    context: Context,
    *,
    formats: Collection[str] = FORMATS,
    folder: Path | None = None,
    html_link: str | None = None,
) -> ReportFiles:
    """Render the record and write what was asked for; a reader never sees half a file.

    Args:
        context: The run; of its environment `GITHUB_STEP_SUMMARY` and `GITHUB_OUTPUT` are used.
        formats: Of `FORMATS`, which to make.
        folder: Where files go: by default beside the record.
        html_link: Where people find the HTML page, if it is published.

    Raises:
        OutsideError: A file cannot be written.
    """
    record = context.record
    verdict = decide(record)
    state = context.workspace.state
    target = folder or state
    files = ReportFiles(verdict, target / MARKDOWN, target / HTML, target / JSON)
    if "markdown" in formats:
        limit = markdown.LIMIT - MARKER_ROOM
        text = markdown.render(record, verdict=verdict, limit=limit, html_link=html_link)
        write_atomically(files.markdown, _encodable(text))
    if "html" in formats:
        plots = figures.of(record, _plot_files(record, state))
        write_atomically(files.html, _encodable(html.render(record, verdict=verdict, plots=plots)))
    if "json" in formats:
        write_atomically(files.json, as_json(record, verdict))
    _for_github(context, files, formats, html_link)
    if "terminal" in formats:
        _print(context, files)
    return files


def as_json(record: RunRecord, verdict: Verdict) -> str:
    """The record with its verdict, for programs."""
    whole = json.loads(record.to_json())
    return json.dumps({"verdict": verdict.model_dump(), **whole}, indent=1) + "\n"


def _plot_files(record: RunRecord, state: Path) -> dict[str, bytes]:
    """The plot files that the record names; one that points out of its folder is not read."""
    found = {}
    root = state.resolve()
    for name in figures.names(record):
        path = (root / name).resolve()
        try:
            if path.is_relative_to(root) and path.is_file():
                # One byte more than is shown, so that what is too large is seen to be.
                with path.open("rb") as file:
                    found[name] = file.read(figures.MOST_BYTES + 1)
        except (OSError, ValueError):
            continue
    return found


def _for_github(
    context: Context, files: ReportFiles, formats: Collection[str], html_link: str | None
) -> None:
    step_summary = context.environ.get("GITHUB_STEP_SUMMARY")
    if step_summary and "summary" in formats:
        text = summary.render(context.record, verdict=files.verdict, html_link=html_link)
        _append(Path(step_summary), _encodable(text))
    output = context.environ.get("GITHUB_OUTPUT")
    if output and "outputs" in formats:
        values = outputs.of(context.record, files.verdict)
        values |= {
            "report": str(files.markdown),
            "report-html": str(files.html),
            "report-json": str(files.json),
        }
        outputs.write(Path(output), values)


def _append(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise OutsideError(f"{path} cannot be written: {error.strerror}.") from error


def _print(context: Context, files: ReportFiles) -> None:
    from rich.console import Console

    from assay.report import terminal

    console = context.console
    shown = dict(_places(context, files))
    if console.interactive:
        content = terminal.render(context.record, verdict=files.verdict, files=shown)
        Console(file=console.out, highlight=False).print(content)
        return
    # A log: the text of a user's file must not be taken for a workflow command.
    with console.untrusted():
        console.raw(terminal.text(context.record, verdict=files.verdict, files=shown))


def _places(context: Context, files: ReportFiles) -> Iterable[tuple[str, str]]:
    root = context.workspace.root
    for label, path in (("Full report", files.html), ("Comment", files.markdown)):
        if path.is_file():
            shown = path.relative_to(root) if path.is_relative_to(root) else path
            yield label, str(shown)


def _encodable(text: str) -> str:
    r"""Lone surrogates spelled out as `\udc..`: file names that are no UTF-8 have them."""
    return text.encode("utf-8", errors="backslashreplace").decode("utf-8")

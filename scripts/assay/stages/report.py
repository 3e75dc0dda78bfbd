"""report: everything that people read about a run, from its record."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.contract import failing
from assay.errors import ConfigError
from assay.forge import comment
from assay.report import figures, html, junit, markdown, mermaid, outputs, summary, templating
from assay.section import Reason
from assay.verdict import decide
from assay.workspace import read_inside, write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from concurrent.futures import Future

    from assay.context import Context
    from assay.record import RunRecord
    from assay.report.images import Image
    from assay.verdict import Verdict

FORMATS = ("markdown", "html", "json", "junit", "summary", "outputs", "terminal")
MARKDOWN, HTML, JSON, JUNIT = "report.md", "report.html", "report.json", "report.junit.xml"


@dataclass(frozen=True)
class ReportFiles:
    """Where the reports of a run are."""

    verdict: Verdict
    markdown: Path
    html: Path
    json: Path
    junit: Path


def run(
    context: Context,
    *,
    formats: Collection[str] = FORMATS,
    folder: Path | None = None,
    html_link: str | None = None,
    images: Sequence[Image] = (),
    charts: bool = True,
) -> ReportFiles:
    """Render the record and write what was asked for; a reader never sees half a file.

    Args:
        context: The run; of its environment `GITHUB_STEP_SUMMARY` and `GITHUB_OUTPUT` are used.
        formats: Of `FORMATS`, which to make.
        folder: Where files go: by default beside the record.
        html_link: Where people find the HTML page, if it is published.
        images: Plots of the comment that have been published.
        charts: Whether the comment shows plots as text that its host draws, without any of these.

    Raises:
        OutsideError: A file cannot be written.
    """
    record = context.record
    verdict = decide(record)
    state = context.workspace.state
    target = folder or state
    names = (MARKDOWN, HTML, JSON, JUNIT)
    files = ReportFiles(verdict, *(target / name for name in names))
    shown: dict[str, Any] = {
        "verdict": verdict,
        "html_link": html_link,
        "images": images,
        "charts": mermaid.charts(record) if charts and not images else (),
    }
    # Another process draws, which takes as long as all the rest: meanwhile the rest is rendered.
    with ThreadPoolExecutor(1) as pool:
        plots = (
            pool.submit(figures.of, record, plot_files(record, state))
            if "html" in formats
            else None
        )
        _write(context, formats, files, shown, plots)
    _bundle(record, state)
    return files


def _bundle(record: RunRecord, state: Path) -> None:
    """Put the files with failing rows into one; whatever the user's code left in its place goes."""
    (state / failing.BUNDLE).unlink(missing_ok=True)
    named = [file.failing_rows for file in record.validation.files] if record.validation else []
    if present := [file for file in named if file is not None]:
        failing.bundle(state, present)


def _write(
    context: Context,
    formats: Collection[str],
    files: ReportFiles,
    shown: Mapping[str, Any],
    plots: Future[dict[str, str]] | None,
) -> None:
    """Render and write; `plots` are those of the page, and `None` where none is wanted."""
    record, templates = context.record, _templates(context)
    render: Callable[..., str]
    if "markdown" in formats:
        limit = comment.room(comment.marker(record.comment_key))
        render = partial(markdown.render, record, limit=limit, **shown)
        write_atomically(files.markdown, _with(context, templates, markdown.TEMPLATE, render))
    if "json" in formats:
        write_atomically(files.json, as_json(record, files.verdict))
    if "junit" in formats:
        write_atomically(files.junit, comment.encodable(junit.render(record, files.verdict)))
    if "summary" in formats and (path := context.environ.get("GITHUB_STEP_SUMMARY")):
        render = partial(summary.render, record, **shown)
        _append(context, Path(path), _with(context, templates, markdown.TEMPLATE, render))
    if plots is not None:
        render = partial(html.render, record, verdict=files.verdict, plots=plots.result())
        write_atomically(files.html, _with(context, templates, html.TEMPLATE, render))
    if "outputs" in formats and (path := context.environ.get("GITHUB_OUTPUT")):
        outputs.write(Path(path), _outputs(record, files))
    if "terminal" in formats:
        _print(context, files)


def as_json(record: RunRecord, verdict: Verdict) -> str:
    """The record with its verdict, for programs."""
    whole = json.loads(record.to_json())
    return json.dumps({"verdict": verdict.model_dump(), **whole}, indent=1) + "\n"


def _templates(context: Context) -> dict[str, str]:
    """The user's templates by name; none where they cannot be read."""
    folder = context.config.report.templates
    if folder is None:
        return {}
    try:
        return templating.load(context.workspace.root / folder)
    except ConfigError as error:
        _refuse(context, folder, error)
        return {}


def _with(
    context: Context, templates: dict[str, str], name: str, render: Callable[..., str]
) -> str:
    """What the user's template makes; where it fails, what ours does: people wait for a report.

    One that failed is taken out of `templates`, for it would fail, and be told of, again.
    """
    folder = context.config.report.templates
    if folder is not None and name in templates:
        try:
            return comment.encodable(render(overrides={name: templates[name]}))
        except ConfigError as error:
            del templates[name]
            _refuse(context, folder, error)
    return comment.encodable(render())


def _refuse(context: Context, folder: str, error: ConfigError) -> None:
    """Say what is wrong with a template, with its file as GitHub knows it."""
    root = context.workspace.root
    # Whether the error names the template, or all of its path.
    path = Path(root, folder, error.file or "").relative_to(root).as_posix()
    placed = {"file": f"{context.record.project}{path}", "severity": "warning"}
    context.console.annotate(Reason.of(error).model_copy(update=placed))


def plot_files(record: RunRecord, state: Path) -> dict[str, bytes]:
    """The plot files that the record names; one that points out of its folder is not read."""
    contents = {
        name: read_inside(state, name, figures.MOST_BYTES) for name in figures.names(record)
    }
    return {name: content for name, content in contents.items() if content is not None}


def _append(context: Context, path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:  # the other places are served all the same
        message = f"{path} cannot be written: {error.strerror}."
        context.console.annotate(Reason(message=message, severity="warning"))


def _outputs(record: RunRecord, files: ReportFiles) -> Mapping[str, str]:
    return outputs.of(record, files.verdict) | {
        "report": str(files.markdown),
        "report-html": str(files.html),
        "report-json": str(files.json),
    }


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

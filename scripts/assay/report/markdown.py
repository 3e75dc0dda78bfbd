"""The report as Markdown: the comment of a pull request, and GitHub's step summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.report import templating, view
from assay.report.escape import Code, web_address

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup

    from assay.record import RunRecord
    from assay.report.images import Image
    from assay.report.mermaid import Chart
    from assay.verdict import Verdict

LIMIT = 65_536
"""Characters that GitHub takes in a comment."""
TEMPLATE = "comment.md.j2"
FULL_REPORT = "report.html"
"""What the page is called among the files that a run leaves."""

LEAST_IMPORTANT_FIRST = (
    "environment",
    "stages",
    "undefined",
    "files",
    "tables",
    "plots",
    "parameters",
    "all slices",
    "all metrics",
    "checks",
    "mismatches",
    "tests",
    "reproduce",
    "lines",
    "worse slices",
    "notes",
    "metrics",
    "overrides",
    "problems",
    "provenance",
)
"""What is left out when there is no room, in this order. The verdict never is."""

ROWS = (30, 10)
"""Rows of a long table: fewer are tried before a part is left out."""


def render(
    record: RunRecord,
    *,
    verdict: Verdict | None = None,
    limit: int = LIMIT,
    html_link: str | None = None,
    overrides: Mapping[str, str] | None = None,
    images: Sequence[Image] = (),
    charts: Sequence[Chart] = (),
    rows: Sequence[int] = ROWS,
) -> str:
    """The report as Markdown that GitHub renders.

    Args:
        record: The run.
        verdict: What `decide` says of it, where that is known already.
        limit: Characters that it may have at most, as `length` counts them.
        html_link: Where the full report is, if it is anywhere. Not from the record: a link in the
            comment is ours to give.
        overrides: The user's templates; see `templating.load`.
        images: Plots that have been published.
        charts: Plots as Mermaid text, shown where there are no images.
        rows: Rows of a long table; the next number is tried where there is no room.

    Raises:
        ConfigError: A template of `overrides` cannot be rendered; without it ours can.
    """
    link = web_address(html_link)
    provenance = record.provenance
    run_link = web_address(provenance.run_url) if provenance else None
    shown = [image for image in images if web_address(image.light) and web_address(image.dark)]
    found: list[tuple[str, str]] = []
    for most in rows:
        rendered = templating.render(
            TEMPLATE,
            overrides,
            view=view.of(record, verdict, most=most),
            link=link,
            run_link=run_link,
            images=shown,
            charts=charts,
            rows=most,
            code=Code,
        )
        found = templating.parts(rendered)
        text = _joined(found)
        if length(text) <= limit:
            return text
    return _shortened(found, limit, link)


def length(text: str) -> int:
    """Characters as GitHub's own interface counts them: in UTF-16 code units."""
    return len(text.encode("utf-16-le", errors="surrogatepass")) // 2


def _shortened(parts: list[tuple[str, str]], limit: int, link: Markup | None) -> str:
    """As many parts as there is room for; the least important go first."""
    kept = list(parts)
    left_out = []
    text = ""
    for name in LEAST_IMPORTANT_FIRST:
        if not any(part == name for part, _ in kept):
            continue
        kept = [(part, body) for part, body in kept if part != name]
        left_out.append(name)
        where = f"[the full report]({link})" if link else f"the full report, `{FULL_REPORT}`"
        note = f"_Left out for want of room: {', '.join(left_out)}. All of it is in {where}._"
        text = _joined([*kept, ("", note)])
        if length(text) <= limit:
            return text
    # A limit that is shorter than one sentence: nothing that is cut stays well-formed but this.
    verdict = kept[0][1].partition("\n")[0]
    return verdict if length(verdict) <= limit else verdict[: max(limit // 2, 0)]


def _joined(parts: list[tuple[str, str]]) -> str:
    return "\n\n".join(body for _, body in parts) + "\n"

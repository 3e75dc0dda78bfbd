"""The report as Markdown: the comment of a pull request, and GitHub's step summary."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from markupsafe import Markup

from assay.report import templating, view
from assay.report.escape import Code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assay.record import RunRecord
    from assay.verdict import Verdict

LIMIT = 65_536
"""Characters that GitHub takes in a comment."""
TEMPLATE = "comment.md.j2"

LEAST_IMPORTANT_FIRST = (
    "environment",
    "stages",
    "undefined",
    "files",
    "tables",
    "parameters",
    "all slices",
    "all metrics",
    "checks",
    "tests",
    "reproduce",
    "lines",
    "worse slices",
    "notes",
    "metrics",
    "overrides",
    "problems",
)
"""What is left out when there is no room, in this order. The verdict never is."""

_ROWS = (200, 40, 10)
"""Rows of a long table: fewer are tried before a part is left out."""


def render(
    record: RunRecord,
    *,
    verdict: Verdict | None = None,
    limit: int = LIMIT,
    html_link: str | None = None,
    overrides: Mapping[str, str] | None = None,
) -> str:
    """The report as Markdown that GitHub renders.

    Args:
        record: The run.
        verdict: What `decide` says of it, where that is known already.
        limit: Characters that it may have at most.
        html_link: Where the full report is, if it is anywhere. Not from the record: a link in the
            comment is ours to give.
        overrides: The user's templates; see `templating.render`.
    """
    content = view.of(record, verdict)
    link = _link(html_link)
    text = ""
    for rows in _ROWS:
        rendered = templating.render(
            TEMPLATE, overrides, view=content, link=link, rows=rows, code=Code
        )
        found = templating.parts(rendered)
        text = _joined(found)
        if length(text) <= limit:
            return text
    return _shortened(found, limit)


def length(text: str) -> int:
    """Characters as GitHub's own interface counts them: in UTF-16 code units."""
    return len(text.encode("utf-16-le", errors="surrogatepass")) // 2


def _shortened(parts: list[tuple[str, str]], limit: int) -> str:
    """As many parts as there is room for; the least important go first."""
    kept = list(parts)
    left_out = []
    text = ""
    for name in LEAST_IMPORTANT_FIRST:
        if not any(part == name for part, _ in kept):
            continue
        kept = [(part, body) for part, body in kept if part != name]
        left_out.append(name)
        note = f"_Left out for want of room: {', '.join(left_out)}._"
        text = _joined([*kept, ("", note)])
        if length(text) <= limit:
            return text
    # A limit that is shorter than one sentence: nothing that is cut stays well-formed but this.
    verdict = kept[0][1].partition("\n")[0]
    return verdict if length(verdict) <= limit else verdict[: max(limit // 2, 0)]


def _joined(parts: list[tuple[str, str]]) -> str:
    return "\n\n".join(body for _, body in parts) + "\n"


def _link(url: str | None) -> Markup | None:
    if url is None or urlsplit(url).scheme not in ("https", "http"):
        return None
    # Spaces, parentheses, quotes and angle brackets would end a Markdown link.
    return Markup(quote(url, safe=":/?#@!$&*+,;=%~-._"))  # noqa: S704 (nothing ends the link)

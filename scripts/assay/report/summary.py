"""GitHub's step summary: the comment's content, with room for nearly everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.report import markdown

if TYPE_CHECKING:
    from assay.record import RunRecord
    from assay.verdict import Verdict

LIMIT_BYTES = 1024 * 1024
"""GitHub's, of all that one step writes."""
_LIMIT = LIMIT_BYTES // 4
"""In UTF-16 units, which take three bytes of UTF-8 at most: a quarter is left for others."""


def render(
    record: RunRecord, *, verdict: Verdict | None = None, html_link: str | None = None
) -> str:
    """The summary, as Markdown."""
    return markdown.render(record, verdict=verdict, limit=_LIMIT, html_link=html_link)

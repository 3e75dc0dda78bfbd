"""GitHub's step summary: the comment's content, with room for nearly everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.report import markdown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from assay.record import RunRecord
    from assay.report.images import Image
    from assay.report.mermaid import Chart
    from assay.verdict import Verdict

LIMIT_BYTES = 1024 * 1024
"""GitHub's, of all that one step writes."""
ROWS = (200, 40, 10)
"""Of a long table: there is more room than in a comment."""
_LIMIT = LIMIT_BYTES // 4
"""In UTF-16 units, which take three bytes of UTF-8 at most: a quarter is left for others."""


def render(
    record: RunRecord,
    *,
    verdict: Verdict | None = None,
    html_link: str | None = None,
    overrides: Mapping[str, str] | None = None,
    images: Sequence[Image] = (),
    charts: Sequence[Chart] = (),
) -> str:
    """The summary, as Markdown; see `markdown.render`."""
    return markdown.render(
        record,
        verdict=verdict,
        limit=_LIMIT,
        html_link=html_link,
        overrides=overrides,
        images=images,
        charts=charts,
        rows=ROWS,
    )

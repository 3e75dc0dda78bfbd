"""The report as one self-contained HTML page: no network, no script, no font from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from assay.report import templating, view

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assay.record import RunRecord
    from assay.verdict import Verdict

TEMPLATE = "page.html.j2"
MOST_ROWS = 1_000
"""Of one table; a longer one is in the record."""


def render(
    record: RunRecord,
    *,
    verdict: Verdict | None = None,
    plots: Mapping[str, str] | None = None,
    overrides: Mapping[str, str] | None = None,
) -> str:
    """The page.

    Args:
        record: The run.
        verdict: What `decide` says of it, where that is known already.
        plots: Markup by title, from `figures.of`: it is not escaped again.
        overrides: The user's templates; see `templating.render`.
    """
    figures = [(title, Markup(markup)) for title, markup in (plots or {}).items()]  # noqa: S704
    return templating.render(
        TEMPLATE,
        overrides,
        view=view.of(record, verdict, most=MOST_ROWS),
        repository=record.ci.repository or "",
        pull_request=record.ci.pull_request,
        figures=figures,
        rows=MOST_ROWS,
    )

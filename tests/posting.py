"""Posting a report that was written, in the least that it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.connection import connect
from assay.forge.comment import Report, Run, marker

if TYPE_CHECKING:
    from assay.context import Context
    from assay.forge import Posted
    from assay.stages.report import ReportFiles


def post(context: Context, files: ReportFiles, run: Run) -> Posted:
    report = Report(
        body=files.markdown.read_text(encoding="utf-8"),
        marker=marker(context.record.comment_key),
        sha=context.record.commit,
        run=run,
    )
    number = context.ci.pull_request or 0
    return connect(context.ci, context.environ).upsert_comment(pull_request=number, report=report)

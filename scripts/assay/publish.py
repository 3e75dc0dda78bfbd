"""Posting a report where the run's host shows it. The one place that holds a token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import SecretStr

from assay.errors import ForgeError
from assay.forge.comment import marker, with_marker
from assay.section import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assay.context import Context
    from assay.stages.report import ReportFiles

TOKENS = ("ASSAY_TOKEN", "GITHUB_TOKEN", "GH_TOKEN")


def publish(context: Context, files: ReportFiles, *, key: str) -> None:
    """Post the comment of a pull request, or say why there is nothing to post.

    Raises:
        ForgeError: The forge refused.
    """
    ci = context.ci
    if ci.host != "github" or ci.repository is None:
        context.console.line(f"Nothing to post to outside GitHub; the report is {files.markdown}")
        return
    if ci.pull_request is None:
        context.console.line(f"The {ci.event} event belongs to no pull request: nothing to post.")
        return
    from assay.forge.github import GitHubForge

    hidden = marker(key)
    try:
        forge = GitHubForge(
            api_url=ci.api_url, repository=ci.repository, token=_token(context.environ)
        )
        body = with_marker(files.markdown.read_text(encoding="utf-8"), hidden)
        posted = forge.upsert_comment(pull_request=ci.pull_request, body=body, marker=hidden)
    except ForgeError as error:
        if not ci.from_fork:
            raise
        # Expected: a fork's token is read-only. The verdict must not depend on it.
        message = "The comment cannot be posted from a fork; the report is in the job's summary."
        context.console.annotate(Reason(message=message, hint=error.message, severity="note"))
        return
    context.console.line(f"Comment {posted.action}: {posted.url}")


def _token(environ: Mapping[str, str]) -> SecretStr:
    for name in TOKENS:
        if environ.get(name):
            return SecretStr(environ[name])
    raise ForgeError(
        "There is no token to post the comment with.",
        hint="Pass `github-token: ${{ github.token }}` to the action, or set GITHUB_TOKEN.",
    )

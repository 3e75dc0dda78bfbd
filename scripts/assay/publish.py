"""Posting a report where the run's host shows it, and reading what people answered there.

The one place that holds a token.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic import SecretStr

from assay import record as records
from assay.errors import ForgeError
from assay.forge.comment import marker
from assay.override import judge, speakers
from assay.section import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assay.ci import CiContext
    from assay.context import Context
    from assay.forge.github import GitHubForge
    from assay.override import Override
    from assay.record import RunRecord
    from assay.stages.report import ReportFiles

TOKENS = ("ASSAY_TOKEN", "GITHUB_TOKEN", "GH_TOKEN")


def hear(context: Context, *, key: str) -> Context:
    """The context with what people said about the gates that stop this run, in its record.

    What was there before is gone: the project's code can write the record too, and only the forge
    says who said what. Where it does not answer nothing is accepted.
    """
    record = context.record.model_copy(update={"overrides": (), "comment_key": key})
    try:
        record = record.model_copy(update={"overrides": _overrides(context, record)})
    except ForgeError as error:
        message = f"Nobody's word on a gate could be read, so none counts: {error.message}"
        context.console.annotate(Reason(message=message, hint=error.hint, severity="warning"))
    if record != context.record:
        records.save(record, context.workspace.state / records.FILE)
    return context.with_record(record)


def _overrides(context: Context, record: RunRecord) -> tuple[Override, ...]:
    number, head = context.ci.pull_request, _commit(record)
    gates = record.compare.gates if record.compare else ()
    if number is None or head is None or context.ci.host != "github":
        return ()
    if not any(gate.stops for gate in gates):
        return ()  # nobody has to be asked
    forge = connect(context.ci, context.environ)
    thread = forge.thread(number)
    if thread.head != head:
        # Its own run reads them. The commit is the event's to say, which earlier steps can change.
        context.console.line(f"The pull request is at {thread.head[:7]} now, not at {head[:7]}.")
        return ()
    if thread.labels_hidden:
        message = "Nobody's label on a gate could be read, so none counts; a comment does."
        hint = "Add `permissions: issues: read` to the job."
        context.console.annotate(Reason(message=message, hint=hint, severity="warning"))
    voices = thread.voices()
    return judge(
        voices,
        permitted=forge.writers(speakers(voices)),
        author=thread.author,
        head=head,
        shown=thread.shown(marker(record.comment_key)),
        gates=[gate.name for gate in gates if gate.stops or gate.warns],
        key=record.comment_key,
    )


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
    try:
        posted = connect(ci, context.environ).upsert_comment(
            pull_request=ci.pull_request,
            body=files.markdown.read_text(encoding="utf-8"),
            marker=marker(key),
            sha=_commit(context.record),
        )
    except ForgeError as error:
        if not ci.from_fork:
            raise
        # Expected: a fork's token is read-only. The verdict must not depend on it.
        message = "The comment cannot be posted from a fork; the report is in the job's summary."
        context.console.annotate(Reason(message=message, hint=error.message, severity="note"))
        return
    context.console.line(f"Comment {posted.action}: {posted.url}")


def connect(ci: CiContext, environ: Mapping[str, str]) -> GitHubForge:
    """The forge of a run.

    Raises:
        ForgeError: There is no token.
    """
    from assay.forge.github import GitHubForge

    return GitHubForge(api_url=ci.api_url, repository=ci.repository or "", token=_token(environ))


def _commit(record: RunRecord) -> str | None:
    """The commit that a report is about, in full."""
    sha = record.commit or ""
    return sha if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", sha) else None


def _token(environ: Mapping[str, str]) -> SecretStr:
    for name in TOKENS:
        if environ.get(name):
            return SecretStr(environ[name])
    raise ForgeError(
        "There is no token to post the comment with.",
        hint="Pass `github-token: ${{ github.token }}` to the action, or set GITHUB_TOKEN.",
    )

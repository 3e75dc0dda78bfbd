"""Running the failed jobs of a workflow of GitHub's again, and answering the comment that asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from assay.errors import ForgeError
from assay.forge.refusal import WRONG_API, ForbiddenError, MissingError

if TYPE_CHECKING:
    from assay.forge.transport import Api

Reaction = Literal["+1", "confused"]


@dataclass(frozen=True)
class Rerun:
    """What became of running a workflow again."""

    outcome: Literal["started", "running", "passed", "none"]
    """`running`: it has not ended, and will see the comment. `none`: there is no run."""
    url: str = ""


def rerun(api: Api, repository: str, workflow: str, sha: str) -> Rerun:
    """Run the failed jobs of the last run for a commit again, if it has ended.

    Such a run has the commit, the reference and the rights of the first one.
    https://docs.github.com/en/rest/actions/workflow-runs#re-run-failed-jobs-from-a-workflow-run

    Args:
        api: The connection; its token needs `actions: write`.
        repository: `owner/name`.
        workflow: The name of the workflow's file: `model-check.yml`.
        sha: The commit that the pull request is at.

    Raises:
        ForgeError: There is no such workflow, or GitHub does not run it again.
    """
    listed = (
        f"/repos/{repository}/actions/workflows/{quote(workflow, safe='')}/runs"
        f"?event=pull_request&head_sha={quote(sha, safe='')}&per_page=1"
    )
    try:
        answer = api.request("GET", listed)
    except MissingError as error:
        raise ForgeError(
            f"there is no workflow {workflow} in {repository}",
            hint="Give `workflow:` the name of the file in .github/workflows that checks models.",
        ) from error
    match answer:
        case {"workflow_runs": []}:
            return Rerun("none")
        case {
            "workflow_runs": [
                {
                    "id": int(number),
                    "html_url": str(url),
                    "status": str(status),
                    "conclusion": conclusion,
                    "head_sha": str(found),
                },
                *_,
            ]
        } if found == sha:
            pass
        case _:
            raise ForgeError("GitHub sent no list of workflow runs", hint=WRONG_API)
    if status != "completed":
        return Rerun("running", url)
    if conclusion in ("success", "neutral", "skipped"):
        return Rerun("passed", url)
    try:
        api.request("POST", f"/repos/{repository}/actions/runs/{number}/rerun-failed-jobs")
    except ForbiddenError as error:
        if "already running" in error.message:  # somebody else was faster
            return Rerun("running", url)
        raise
    return Rerun("started", url)


def react(api: Api, repository: str, comment: int, reaction: Reaction) -> None:
    """Answer a comment; the same answer twice is one.

    https://docs.github.com/en/rest/reactions/reactions#create-reaction-for-an-issue-comment
    """
    path = f"/repos/{repository}/issues/comments/{comment}/reactions"
    api.request("POST", path, {"content": reaction})

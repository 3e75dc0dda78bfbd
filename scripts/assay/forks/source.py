"""What GitHub says of the run that left a record: its commit, its repository, its pull request.

Nothing here is read from what the run itself wrote.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from assay.ci import SHA
from assay.errors import ForgeError, UsageError
from assay.forge.pulls import account, moment
from assay.forge.refusal import WRONG_API

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from assay.forge.transport import Api

DEPENDABOT = "dependabot[bot]"
"""Its runs get a token that may only read, though their branch is the repository's own.
https://docs.github.com/en/code-security/dependabot/troubleshooting-dependabot/troubleshooting-dependabot-on-github-actions
"""
WITHOUT_REPORT = {
    "cancelled": "it was cancelled, as when a newer commit was pushed",
    "skipped": "it was skipped",
    "action_required": "it waits for somebody with write access to approve it",
}
"""How a run ends that was not meant to leave a report, and why."""


@dataclass(frozen=True, kw_only=True)
class UntrustedRun:
    """A run of the workflow that checks, by GitHub's own account."""

    id: int
    attempt: int
    event: str
    conclusion: str
    workflow: str
    url: str
    head_sha: str
    head_branch: str
    head_repository: str | None
    """`owner/name`; `None` where the fork was deleted since."""
    owner: str
    """Of the head repository; empty where there is none."""
    actor: str
    started: datetime
    from_fork: bool

    @property
    def read_only(self) -> bool:
        """Whether it had a token that may not post."""
        return self.from_fork or self.actor == DEPENDABOT


@dataclass(frozen=True, kw_only=True)
class Pull:
    """An open pull request that is at the commit of the run."""

    number: int
    base_ref: str
    base_sha: str


@dataclass(frozen=True)
class Pulls:
    """The open pull requests of the run's branch."""

    found: tuple[Pull, ...]
    moved_to: str = ""
    """The commit that one is at by now, where that is another."""


def find(api: Api, repository: str, number: int) -> UntrustedRun:
    """A run of the repository.

    https://docs.github.com/en/rest/actions/workflow-runs#get-a-workflow-run

    Raises:
        ForgeError: There is none, or GitHub cannot be asked.
        UsageError: It has not ended.
    """
    data = api.request("GET", f"/repos/{repository}/actions/runs/{number}")
    match data:
        case {
            "id": int(found),
            "event": str(event),
            "status": str(status),
            "head_sha": str(sha),
            "html_url": str(url),
            "repository": {"full_name": str(name)},
            **rest,
        } if found == number and SHA.fullmatch(sha) and _same(name, repository):
            pass
        case _:
            raise ForgeError(f"GitHub sent no run {number} of {repository}", hint=WRONG_API)
    if status != "completed":
        raise UsageError(
            f"The run {number} has not ended: it is {status}.",
            hint="Let this workflow run `on: workflow_run: types: [completed]`.",
        )
    head_repository, owner = _head_repository(rest.get("head_repository"))
    return UntrustedRun(
        id=number,
        attempt=_whole(rest.get("run_attempt")),
        event=event,
        conclusion=str(rest.get("conclusion") or ""),
        workflow=str(rest.get("name") or ""),
        url=url,
        head_sha=sha,
        head_branch=str(rest.get("head_branch") or ""),
        head_repository=head_repository,
        owner=owner,
        actor=account(rest.get("actor"))[0],
        started=moment(rest.get("run_started_at") or rest.get("created_at")),
        # A fork that is gone is not our own branch either.
        from_fork=head_repository is None or not _same(head_repository, repository),
    )


def pulls(api: Api, repository: str, run: UntrustedRun) -> Pulls:
    """The pull requests that the run was for: open, of its branch, and at its commit.

    GitHub's own list in the run (`pull_requests`) is empty for forks, so that all are looked for
    in the same way: by branch. The filter is not relied on, for GitHub leaves out one that it does
    not understand. There may be two, of one branch into two others, and what the run wrote may not
    choose between them.
    https://docs.github.com/en/rest/pulls/pulls#list-pull-requests
    """
    if not run.owner or not run.head_branch:
        return Pulls(())
    head = quote(f"{run.owner}:{run.head_branch}", safe="", errors="surrogateescape")
    path = f"/repos/{repository}/pulls?state=open&head={head}&per_page=100"
    listed = api.request("GET", path)
    if not isinstance(listed, list):
        raise ForgeError("GitHub sent no list of pull requests", hint=WRONG_API)
    found, moved_to = [], ""
    for data in listed:
        match data:
            case {
                "number": int(number),
                "state": "open",
                "head": {"sha": str(sha), "ref": str(ref), "repo": {"full_name": str(theirs)}},
                "base": {"sha": str(base), "ref": str(into), "repo": {"full_name": str(ours)}},
            } if (
                _same(theirs, run.head_repository or "")
                and ref == run.head_branch
                and _same(ours, repository)
                and SHA.fullmatch(base)
            ):
                if sha == run.head_sha:
                    found.append(Pull(number=number, base_ref=into, base_sha=base))
                else:
                    moved_to = sha
    return Pulls(tuple(found), moved_to)


def _head_repository(data: object) -> tuple[str | None, str]:
    match data:
        case {"full_name": str(name), "owner": {"login": str(owner)}}:
            return name, owner
        case None:
            return None, ""
    raise ForgeError("GitHub does not say which repository the run's commit is in", hint=WRONG_API)


def _same(name: str, other: str) -> bool:
    """Whether two names of repositories are one: GitHub knows no case in them."""
    return name.lower() == other.lower()


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 1


def run_id(asked: str, event: Mapping[str, object]) -> int:
    """The number of the run: as the action's input says, else the event that started us.

    Raises:
        UsageError: Neither names one.
    """
    if asked.strip():
        if re.fullmatch(r"[0-9]{1,19}", asked.strip()):
            return int(asked)
        raise UsageError(f"`run` is {asked!r}, which is not the number of a run.")
    match event:
        case {"workflow_run": {"id": int(number)}}:
            return number
    raise UsageError(
        "No run is named whose report could be posted.",
        hint="Let this workflow run `on: workflow_run`, or give the action `run`.",
    )

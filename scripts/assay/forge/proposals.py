"""Pull requests that we open ourselves: one of a branch, found again, brought up to date, merged.

https://docs.github.com/en/rest/pulls/pulls
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from assay.errors import ForgeError
from assay.forge import pulls
from assay.forge.pulls import account, moment
from assay.forge.refusal import WRONG_API, ForbiddenError, RejectedError
from assay.forge.transport import repeated
from assay.report.wording import short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from assay.forge.transport import Api

LONGEST_TITLE = 256
State = Literal["open", "merged", "closed"]


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A pull request of a branch of this repository."""

    number: int
    url: str
    state: State
    body: str
    head: str
    """The commit that it is at."""
    base: str
    """The branch that it would merge into."""
    opened: datetime
    ended: datetime | None
    author: str


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a pull request is to say."""

    title: str
    body: str
    head: str
    """The branch."""
    base: str
    """The branch that it would merge into."""
    labels: tuple[str, ...] = ()


class Proposals:
    """The pull requests of one branch of a repository.

    Args:
        api: The connection; its token needs `pull-requests: write`.
        repository: `owner/name`.
        sleep: Waits before it looks again whether a request, whose answer got lost, happened.
    """

    def __init__(self, api: Api, repository: str, *, sleep: Callable[[float], None]) -> None:
        self._api, self._repository, self._sleep = api, repository, sleep
        self._root = f"/repos/{repository}/pulls"
        self._trusted: dict[str, bool] = {}

    def listed(self, branch: str) -> tuple[Proposal, ...]:
        """All that were ever opened from a branch by who may write, in any order.

        Raises:
            ForgeError: GitHub refuses, or cannot be reached.
        """
        return tuple(one for one, trusted in self._found(branch, "all") if trusted)

    def _found(self, branch: str, state: Literal["all", "open"]) -> Iterator[tuple[Proposal, bool]]:
        """Pull requests, and whether somebody opened them who may write to the repository.

        Whoever may read it can open one from a branch that is there, and write marks in it.
        """
        owner = self._repository.partition("/")[0]
        head = quote(f"{owner}:{branch}", safe="")
        for data in self._api.pages(f"{self._root}?state={state}&head={head}"):
            found, repository = _proposal(data)
            # The owner may have a fork with a branch of that name.
            if repository is not None and repository.lower() == self._repository.lower():
                yield found, self._is_trusted(data)

    def _is_trusted(self, data: object) -> bool:
        user = data.get("user") if isinstance(data, dict) else None
        login, _ = account(user)
        if login not in self._trusted:
            self._trusted[login] = pulls.is_trusted(self._api, self._repository, user)
        return self._trusted[login]

    def publish(self, wanted: Wanted) -> Proposal:
        """Open one, or bring the one that is open up to date.

        Raises:
            ForgeError: GitHub refuses, or cannot be reached.
        """
        try:
            found = repeated(lambda: self._publish_once(wanted), sleep=self._sleep)
        except ForbiddenError as error:
            if "not permitted to create" not in error.message:
                raise
            raise ForbiddenError(
                error.message,
                hint="Let workflows open pull requests (Settings > Actions > General), or pass the "
                "token of an app of yours as `github-token`.",
            ) from error
        if wanted.labels:
            names = {"labels": list(wanted.labels)}
            path = f"/repos/{self._repository}/issues/{found.number}/labels"
            repeated(lambda: self._api.request("POST", path, names), sleep=self._sleep)
        return found

    def _publish_once(self, wanted: Wanted) -> Proposal:
        text = {"title": short(wanted.title, LONGEST_TITLE), "body": wanted.body}
        if (known := self._open(wanted)) is not None:
            return self.change(known, **text)
        document = {**text, "head": wanted.head, "base": wanted.base}
        try:
            return _proposal(self._api.request("POST", self._root, document))[0]
        except RejectedError:
            # Somebody else may have opened it at the same moment.
            if (known := self._open(wanted)) is not None:
                return self.change(known, **text)
            raise

    def _open(self, wanted: Wanted) -> int | None:
        """The one that is open.

        A stranger's is closed: who opened it could change its text, and GitHub lets there be no
        other one.
        """
        for one, trusted in self._found(wanted.head, "open"):
            if one.base != wanted.base:
                continue
            if trusted:
                return one.number
            self.change(one.number, state="closed")
        return None

    def change(self, number: int, **fields: str) -> Proposal:
        """Give one another title, body or state.

        Raises:
            ForgeError: GitHub refuses, or cannot be reached.
        """
        return _proposal(self._api.request("PATCH", f"{self._root}/{number}", fields))[0]

    def say(self, number: int, body: str) -> None:
        """Comment on one, or on an issue.

        Raises:
            ForgeError: GitHub refuses, or cannot be reached.
        """
        path = f"/repos/{self._repository}/issues/{number}/comments"
        self._api.request("POST", path, {"body": body})

    def merge(self, number: int, *, sha: str, title: str) -> None:
        """Merge one, if it is still at a commit.

        Raises:
            ForgeError: It is not, a rule of the repository forbids it, or GitHub cannot be reached.
        """
        document = {"sha": sha, "merge_method": "merge", "commit_title": short(title, 200)}
        match self._api.request("PUT", f"{self._root}/{number}/merge", document):
            case {"merged": True}:
                return
        raise ForgeError(f"GitHub did not merge #{number}", hint=WRONG_API)

    def refused_by(self, number: int) -> tuple[str, ...]:
        """Who may write and asks for changes, as their last word on a pull request.

        https://docs.github.com/en/rest/pulls/reviews#list-reviews-for-a-pull-request

        Raises:
            ForgeError: GitHub refuses, or cannot be reached.
        """
        last: dict[str, tuple[str, object]] = {}
        for data in self._api.pages(f"{self._root}/{number}/reviews"):
            match data:
                case {
                    "state": "APPROVED" | "CHANGES_REQUESTED" | "DISMISSED" as said,
                    "user": user,
                }:
                    last[account(user)[0]] = said, data
        wants = {who: data for who, (said, data) in last.items() if said == "CHANGES_REQUESTED"}
        return tuple(who for who, data in wants.items() if self._is_trusted(data))

    def failing(self, sha: str) -> tuple[str, ...]:
        """The checks and statuses of a commit that have not passed, or not ended, by name.

        Raises:
            ForgeError: GitHub refuses, or cannot be reached.
        """
        commit = f"/repos/{self._repository}/commits/{sha}"
        checks = self._api.pages(f"{commit}/check-runs?filter=latest", key="check_runs")
        # The newest of each context.
        statuses = self._api.pages(f"{commit}/status", key="statuses")
        return tuple(name for data in (*checks, *statuses) if (name := _failing(data)) is not None)


def _failing(data: object) -> str | None:
    """The name of a check or a status that has not passed."""
    match data:
        case {"conclusion": "success" | "neutral" | "skipped"} | {"state": "success"}:
            return None
        case {"name": str(name), "conclusion": _} | {"context": str(name), "state": _}:
            return name
    raise ForgeError("GitHub sent no check", hint=WRONG_API)


def _proposal(data: object) -> tuple[Proposal, str | None]:
    """A pull request from GitHub's JSON, and the repository that its branch is in."""
    match data:
        case {
            "number": int(number),
            "html_url": str(url),
            "state": str(state),
            "created_at": created,
            "head": {"sha": str(head), **end},
            "base": {"ref": str(base)},
            **rest,
        }:
            merged = rest.get("merged_at")
            closed = merged or rest.get("closed_at")
            found = Proposal(
                number=number,
                url=url,
                state="merged" if merged else "open" if state == "open" else "closed",
                body=str(rest.get("body") or ""),
                head=head,
                base=base,
                opened=moment(created),
                ended=moment(closed) if closed else None,
                author=account(rest.get("user"))[0],
            )
            repository = end.get("repo")
            name = repository.get("full_name") if isinstance(repository, dict) else None
            return found, str(name) if name else None
    raise ForgeError("GitHub sent no pull request", hint=WRONG_API)

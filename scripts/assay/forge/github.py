"""GitHub as a forge: which comment is ours, and what happens to it."""

from __future__ import annotations

import random
import re
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from assay.errors import ForgeError
from assay.forge import pulls, runs
from assay.forge.comment import OURS, encodable, marked, own, written
from assay.forge.posting import Posting, check_length
from assay.forge.refusal import WRONG_API, ForbiddenError, MissingError
from assay.forge.rights import RERUN, TALK
from assay.forge.transport import Api, repeated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydantic import SecretStr

    from assay.forge import Posted
    from assay.forge.comment import Comment, Report
    from assay.forge.runs import Reaction, Rerun
    from assay.forge.thread import Thread

ACTIONS_BOT = "github-actions[bot]"


class GitHubForge:
    """Comments on pull requests of one repository.

    Args:
        api_url: `GITHUB_API_URL`: `https://api.github.com`, or that of an Enterprise server.
        repository: `owner/name`.
        token: What `Authorization` carries. It goes nowhere else.
        timeout: Seconds that one answer may take.
        login: Who the token is, when it is known. A GitHub App's installation token cannot ask;
            without this it is taken for the workflow's own `github-actions[bot]`.
        sleep: Waits between two tries.
        spread: See `Api`.
    """

    def __init__(
        self,
        *,
        api_url: str,
        repository: str,
        token: SecretStr | None,
        timeout: float = 30,
        login: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
        spread: Callable[[], float] = random.random,
    ) -> None:
        self._api_url = api_url.rstrip("/")
        self._repository = repository
        self._token = token
        self._timeout = timeout
        self._login = login
        self._sleep = sleep
        self._spread = spread

    def upsert_comment(self, *, pull_request: int, report: Report) -> Posted:
        """Show the report in the one comment that carries its marker.

        What a later run wrote for the pull request's commit stays; what is about another commit
        says so. A creation whose answer got lost may have happened, and a comment may be deleted
        while we look at it: in both cases we look again instead of repeating the request.

        https://docs.github.com/en/rest/issues/comments

        Raises:
            ForgeError: There is no usable token, GitHub cannot be reached, or refuses. The
                message says which, the hint what to do; neither ever holds the token.
            AssayError: The body is longer than GitHub allows, which the report has to prevent.
        """
        report = replace(report, body=encodable(report.body))
        check_length(written(report, head=report.sha))
        with self.api(_pull(pull_request), permission=TALK) as api:
            posting = Posting(
                api, self._repository, pull_request, report, partial(self._author, api)
            )
            return repeated(posting.upsert, sleep=self._sleep, spread=self._spread)

    def present(self, pull_request: int, marker: str) -> str:
        """The text of our comment with this marker, as it stands; empty where there is none.

        Raises:
            ForgeError: See `upsert_comment`.
        """
        with self.api(_pull(pull_request), permission=TALK) as api:
            found = marked(pulls.comments(api, self._repository, pull_request), marker)
            ours = own(found, self._author(api, found)) if found else None
        return "" if ours is None else ours.body

    def thread(self, pull_request: int) -> Thread:
        """What was said on a pull request.

        Raises:
            ForgeError: See `upsert_comment`.
        """
        with self.api(_pull(pull_request), permission=TALK) as api:
            thread = pulls.thread(api, self._repository, pull_request)
            reports = [comment for comment in thread.comments if comment.body.startswith(OURS)]
            return replace(thread, login=self._author(api, reports))

    def writers(self, logins: Iterable[str]) -> frozenset[str]:
        """Those who may write to the repository, now.

        Raises:
            ForgeError: See `upsert_comment`.
        """
        with self.api("collaborators", permission=TALK) as api:
            return pulls.writers(api, self._repository, logins)

    def react(self, comment: int, reaction: Reaction) -> None:
        """Answer a comment with a small picture.

        Raises:
            ForgeError: See `upsert_comment`.
        """
        with self.api(f"comment {comment}", permission=TALK) as api:
            runs.react(api, self._repository, comment, reaction)

    def rerun(self, workflow: str, sha: str) -> Rerun:
        """Run the failed jobs of a workflow again, of its last run for a commit.

        Raises:
            ForgeError: See `upsert_comment`.
        """
        with self.api(workflow, permission=RERUN) as api:
            return runs.rerun(api, self._repository, workflow, sha)

    def api(self, subject: str, *, permission: str | None = None) -> Api:
        """A connection, for other things than comments; to be closed by `with`.

        Args:
            subject: What it is about, for messages: `pictures`.
            permission: What its job needs, unless each request says so by its path.

        Raises:
            ForgeError: There is no usable token, or the address is none.
        """
        if not re.fullmatch(r"[\w-]+/(?!\.+$)[\w.-]+", self._repository, re.ASCII):
            raise ForgeError(
                f"{self._repository!r} is not a repository's name",
                hint="GITHUB_REPOSITORY has the form owner/name.",
            )
        return Api(
            url=self._api_url,
            token=_usable(self._token),
            timeout=self._timeout,
            sleep=self._sleep,
            spread=self._spread,
            subject=f"{subject} of {self._repository}",
            permission=permission,
        )

    def _author(self, api: Api, comments: Iterable[Comment]) -> str:
        """The login under which this token writes.

        `GET /user` is closed to installation tokens, of which a workflow's `GITHUB_TOKEN` is one,
        and those begin with `ghs_`. So does the token of a company's own app, whose name only
        GraphQL tells: it is asked if another bot than GitHub's own has posted a report.
        https://docs.github.com/en/rest/users/users#get-the-authenticated-user

        Args:
            api: The connection.
            comments: Those that carry our marker, whoever wrote them.
        """
        if self._login is None:
            self._login = self._ask_login(api, comments)
        return self._login

    def _ask_login(self, api: Api, comments: Iterable[Comment]) -> str:
        try:
            if not _usable(self._token).startswith("ghs_"):
                return _login(api.request("GET", "/user"))
            bots = {one.author for one in comments if one.author.endswith("[bot]")}
            if not bots - {ACTIONS_BOT}:
                return ACTIONS_BOT
            return api.viewer() or ACTIONS_BOT
        except (ForbiddenError, MissingError):
            return ACTIONS_BOT


def _pull(number: int) -> str:
    return f"pull request #{number}"


def _usable(token: SecretStr | None) -> str:
    secret = token.get_secret_value().strip() if token else ""
    if not secret:
        raise ForgeError(
            "no token: the comment cannot be posted",
            hint="Pass `github-token: ${{ github.token }}` to the action, or set GITHUB_TOKEN.",
        )
    # The HTTP library quotes a header that it refuses, and with it the secret.
    if not re.fullmatch(r"[!-~]+", secret):
        raise ForgeError(
            "the token holds spaces or characters that no token has",
            hint="Paste it again into the secret that `github-token:` or GITHUB_TOKEN reads.",
        )
    return secret


def _login(user: object) -> str:
    match user:
        case {"login": str(login)} if login:
            return login
    raise ForgeError("GitHub does not say whose token this is", hint=WRONG_API)

"""GitHub as a forge: which comment is ours, and what happens to it."""

from __future__ import annotations

import itertools
import random
import re
import time
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from assay.errors import AssayError, ForgeError
from assay.forge import Posted, pulls, runs
from assay.forge.comment import MAX_BODY, OURS, encodable, marked, own, written
from assay.forge.refusal import WRONG_API, ForbiddenError, LookAgainError, MissingError
from assay.forge.rights import RERUN, TALK
from assay.forge.sticky import Create, Decision, Keep, decide, relevant, settled, spare
from assay.forge.transport import RETRIES, Api

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydantic import SecretStr

    from assay.forge.comment import Comment, Report
    from assay.forge.runs import Reaction, Rerun
    from assay.forge.thread import Thread

ACTIONS_BOT = "github-actions[bot]"
MOMENT = timedelta(minutes=10)
"""How long before ours another run may have created a comment that we have not seen."""


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
        _check_length(written(report, head=report.sha))
        with self.api(_pull(pull_request), permission=TALK) as api:
            for attempt in itertools.count():
                try:
                    return self._upsert_once(api, pull_request, report)
                except LookAgainError:
                    if attempt == RETRIES:
                        raise
                    self._sleep(2.0**attempt + self._spread())
        raise AssertionError  # pragma: no cover (the loop only ends by return or raise)

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

    def _upsert_once(self, api: Api, pull_request: int, report: Report) -> Posted:
        # First, and the comments last: another run may write between our look and our writing.
        head = self._head(api, pull_request) if report.sha else None
        thread = f"/repos/{self._repository}/issues/{pull_request}/comments"
        found = relevant(map(pulls.comment, api.pages(thread)), report.marker)
        # Who we are matters only if there is something that could be ours: it may cost a request.
        author = self._author(api, found) if found else ""
        decision = decide(found, author=author, report=report, head=head)
        posted, comment = self._apply(api, thread, decision)
        if isinstance(decision, Create):
            return self._settle(api, thread, posted, comment, report, head)
        # A person's own copy of our report is left alone, should the token be that person's.
        bots = [one for one in found if not one.person]
        self._delete(api, spare(bots, author=author, kept=comment, marker=report.marker))
        return posted

    def _settle(  # noqa: PLR0917 (what one posting knows)
        self,
        api: Api,
        thread: str,
        posted: Posted,
        created: Comment,
        report: Report,
        head: str | None,
    ) -> Posted:
        """After a creation: if another run has created one too, leave one of them."""
        since = f"?since={created.created - MOMENT:%Y-%m-%dT%H:%M:%SZ}" if created.created else ""
        listed = map(pulls.comment, api.pages(f"{thread}{since}"))
        found = {one.id: one for one in [*marked(listed, report.marker), created]}
        author, both = created.author, list(found.values())
        kept = own(both, author)
        if kept is None or len(both) == 1:
            return posted
        decision = settled(both, author=author, report=report, head=head)
        after, kept = self._apply(api, thread, decision)
        self._delete(api, spare(both, author=author, kept=kept, marker=report.marker))
        return posted if kept.id == created.id else after

    def _apply(self, api: Api, thread: str, decision: Decision) -> tuple[Posted, Comment]:
        if isinstance(decision, Keep):
            return Posted(action="unchanged", url=decision.comment.url), decision.comment
        _check_length(decision.body)
        data = {"body": decision.body}
        if isinstance(decision, Create):
            comment = pulls.comment(api.request("POST", thread, data))
            return Posted(action="created", url=comment.url), comment
        comment = pulls.comment(api.request("PATCH", self._one(decision.comment), data))
        return Posted(action="updated", url=comment.url), comment

    def _delete(self, api: Api, comments: Iterable[Comment]) -> None:
        for comment in comments:
            with suppress(MissingError):  # the other run was faster
                api.request("DELETE", self._one(comment))

    def _one(self, comment: Comment) -> str:
        return f"/repos/{self._repository}/issues/comments/{comment.id}"

    def _head(self, api: Api, pull_request: int) -> str | None:
        """The commit that the pull request is at, if the token may know.

        A job with `issues: write` alone may write comments, but not look at the pull request.
        """
        try:
            return pulls.head(api.request("GET", f"/repos/{self._repository}/pulls/{pull_request}"))
        except ForbiddenError:
            return None

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


def _check_length(text: str) -> None:
    if len(text) > MAX_BODY:
        raise AssayError(
            f"the comment has {len(text):,} characters with its marker, "
            f"and GitHub takes at most {MAX_BODY:,}"
        )


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

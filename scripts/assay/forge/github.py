"""GitHub as a forge: which comment is ours, and what happens to it."""

from __future__ import annotations

import itertools
import random
import re
import time
from typing import TYPE_CHECKING

from assay.errors import AssayError, ForgeError
from assay.forge import Posted, pulls, runs
from assay.forge.comment import (
    MAX_BODY,
    Create,
    Decision,
    Keep,
    decide,
    encodable,
    marked,
    with_marker,
)
from assay.forge.refusal import WRONG_API, ForbiddenError, LookAgainError
from assay.forge.rights import RERUN, TALK
from assay.forge.transport import RETRIES, Api

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydantic import SecretStr

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

    def upsert_comment(
        self, *, pull_request: int, body: str, marker: str, sha: str | None = None
    ) -> Posted:
        """Create our comment, or update it in place; see `Forge.upsert_comment`.

        A creation whose answer got lost may have happened, and a comment may be deleted while we
        look at it: in both cases we look again instead of repeating the request.

        https://docs.github.com/en/rest/issues/comments

        Raises:
            ForgeError: There is no usable token, GitHub cannot be reached, or refuses. The
                message says which, the hint what to do; neither ever holds the token.
            AssayError: The body is longer than GitHub allows, which the report has to prevent.
        """
        text = encodable(with_marker(body, marker))
        _check_length(text)
        with self.api(_pull(pull_request), permission=TALK) as api:
            for attempt in itertools.count():
                try:
                    return self._upsert_once(api, pull_request, text, marker, sha)
                except LookAgainError:
                    if attempt == RETRIES:
                        raise
                    self._sleep(2.0**attempt)
        raise AssertionError  # pragma: no cover (the loop only ends by return or raise)

    def thread(self, pull_request: int) -> Thread:
        """What was said on a pull request.

        Raises:
            ForgeError: See `upsert_comment`.
        """
        with self.api(_pull(pull_request), permission=TALK) as api:
            login = self._author(api)
            return pulls.thread(api, self._repository, pull_request, login=login)

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

    def _upsert_once(
        self, api: Api, pull_request: int, text: str, marker: str, sha: str | None
    ) -> Posted:
        thread = f"/repos/{self._repository}/issues/{pull_request}/comments"
        candidates = marked(map(pulls.comment, api.pages(thread)), marker)
        # Who we are matters only if there is something that could be ours: it costs a request.
        author = self._author(api) if candidates else ""
        return self._apply(api, thread, decide(candidates, author=author, body=text, sha=sha))

    def _apply(self, api: Api, thread: str, decision: Decision) -> Posted:
        if isinstance(decision, Keep):
            return Posted(action="unchanged", url=decision.comment.url)
        _check_length(decision.body)
        data = {"body": decision.body}
        if isinstance(decision, Create):
            return Posted(
                action="created", url=pulls.comment(api.request("POST", thread, data)).url
            )
        one = f"/repos/{self._repository}/issues/comments/{decision.comment.id}"
        return Posted(action="updated", url=pulls.comment(api.request("PATCH", one, data)).url)

    def _author(self, api: Api) -> str:
        """The login under which this token writes.

        `GET /user` is closed to installation tokens, of which a workflow's `GITHUB_TOKEN` is one.
        https://docs.github.com/en/rest/users/users#get-the-authenticated-user
        """
        if self._login is None:
            try:
                self._login = _login(api.request("GET", "/user"))
            except ForbiddenError:
                self._login = ACTIONS_BOT
        return self._login


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

"""GitHub as a forge: which comment is ours, and what happens to it."""

from __future__ import annotations

import itertools
import re
import time
from typing import TYPE_CHECKING

from assay.errors import AssayError, ForgeError
from assay.forge import Posted
from assay.forge.comment import (
    MAX_BODY,
    Comment,
    Create,
    Decision,
    Keep,
    decide,
    encodable,
    marked,
    with_marker,
)
from assay.forge.refusal import WRONG_API, ForbiddenError, LookAgainError
from assay.forge.transport import RETRIES, Api

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import SecretStr

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
    ) -> None:
        self._api_url = api_url.rstrip("/")
        self._repository = repository
        self._token = token
        self._timeout = timeout
        self._login = login
        self._sleep = sleep

    def upsert_comment(self, *, pull_request: int, body: str, marker: str) -> Posted:
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
        if len(text) > MAX_BODY:
            raise AssayError(
                f"the comment has {len(text):,} characters with its marker, "
                f"and GitHub takes at most {MAX_BODY:,}"
            )
        if not re.fullmatch(r"[\w-]+/(?!\.+$)[\w.-]+", self._repository, re.ASCII):
            raise ForgeError(
                f"{self._repository!r} is not a repository's name",
                hint="GITHUB_REPOSITORY has the form owner/name.",
            )
        subject = f"pull request #{pull_request} of {self._repository}"
        with Api(
            url=self._api_url,
            token=_usable(self._token),
            timeout=self._timeout,
            sleep=self._sleep,
            subject=subject,
        ) as api:
            for attempt in itertools.count():
                try:
                    return self._upsert_once(api, pull_request, text, marker)
                except LookAgainError:
                    if attempt == RETRIES:
                        raise
                    self._sleep(2.0**attempt)
        raise AssertionError  # pragma: no cover (the loop only ends by return or raise)

    def _upsert_once(self, api: Api, pull_request: int, text: str, marker: str) -> Posted:
        thread = f"/repos/{self._repository}/issues/{pull_request}/comments"
        candidates = marked(map(_comment, api.pages(thread)), marker)
        # Who we are matters only if there is something that could be ours: it costs a request.
        author = self._author(api) if candidates else ""
        return self._apply(api, thread, decide(candidates, author=author, body=text))

    def _apply(self, api: Api, thread: str, decision: Decision) -> Posted:
        if isinstance(decision, Keep):
            return Posted(action="unchanged", url=decision.comment.url)
        data = {"body": decision.body}
        if isinstance(decision, Create):
            return Posted(action="created", url=_comment(api.request("POST", thread, data)).url)
        one = f"/repos/{self._repository}/issues/comments/{decision.comment.id}"
        return Posted(action="updated", url=_comment(api.request("PATCH", one, data)).url)

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


def _comment(data: object) -> Comment:
    match data:
        case {"id": int(number), "html_url": str(url), "user": user, "body": body}:
            login = user.get("login") if isinstance(user, dict) else None
            return Comment(id=number, author=str(login or ""), body=str(body or ""), url=url)
    # PyGithub takes a 307 for an answer; GitHub sends one for writes to a renamed repository.
    said = data.get("message") if isinstance(data, dict) else None
    raise ForgeError(
        f"GitHub answered {said!r} instead of a comment" if said else "GitHub sent no comment",
        hint="Was the repository renamed or moved? Check GITHUB_REPOSITORY and GITHUB_API_URL.",
    )

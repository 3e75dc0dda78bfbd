"""Requests to GitHub's API, with retries. PyGithub carries them; it is imported when one is made.

PyGithub's own retrying is switched off. It sends a POST again after a 502, although the comment
may exist by then, and it may sleep for an hour until a rate limit resets.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
import math
import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from assay import extras
from assay.errors import ForgeError
from assay.forge.download import into, read
from assay.forge.failures import RefusedError, answered, certificates, host, no_answer
from assay.forge.refusal import (
    WRONG_API,
    LookAgainError,
    Refusal,
    Verb,
    explain,
    seconds_to_wait,
)
from assay.forge.rights import kind_of, permission_for
from assay.forge.session import HEADERS, USER_AGENT
from assay.forge.upload import send

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from github import Github

PER_PAGE = 100
RETRIES = 3
PATIENCE = 120.0
"""The longest single pause, in seconds, that a retry is worth: a job is paid by the minute."""

Answer = TypeVar("Answer")
_log = logging.getLogger(__name__)


class Api:
    """One connection to the API: requests with retries, and refusals as exceptions.

    Args:
        url: `GITHUB_API_URL`.
        token: What `Authorization` carries. It goes to the API and nowhere else.
        timeout: Seconds that one answer may take.
        sleep: Waits between two tries.
        subject: What it is about, for messages: `pull request #5 of acme/bikes`.
        permission: What a job needs for it; None goes by the path of each request.
        spread: Between 0 and 1, how far a pause is stretched. By chance, so that jobs that were
            refused at the same moment do not come back at the same moment.
    """

    def __init__(
        self,
        *,
        url: str,
        token: str,
        timeout: float,
        sleep: Callable[[float], None],
        subject: str,
        permission: str | None = None,
        spread: Callable[[], float] = random.random,
    ) -> None:
        self._token = token
        self._sleep = sleep
        self._subject = subject
        self._permission = permission
        self._timeout = timeout
        self._spread = spread
        self._host = host(url)
        self._url = url.rstrip("/")
        self._github = _connect(url=self._url, token=token, timeout=timeout)

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_: object) -> None:
        self._github.close()

    def pages(self, path: str, key: str | None = None) -> Iterator[object]:
        """The items of a list, page after page.

        It follows the `Link` headers: a page that is not full need not be the last one.
        https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api

        Args:
            path: With a query of its own, if need be.
            key: Under which the items are, where a page is an object: `artifacts`, `check_runs`.
        """
        from requests.utils import parse_header_links

        url: str | None = f"{path}{'&' if '?' in path else '?'}per_page={PER_PAGE}"
        while url:
            headers, page = self._request("GET", url, None)
            items = page.get(key) if key and isinstance(page, dict) else page
            if not isinstance(items, list):
                raise ForgeError(
                    f"{self._host} sent no list of {(key or 'items').replace('_', ' ')} "
                    f"for {self._subject}",
                    hint=WRONG_API,
                )
            yield from items
            links = parse_header_links(str(headers.get("link", "")))
            url = next((link["url"] for link in links if link.get("rel") == "next"), None)
            if url and not url.startswith(f"{self._url}/"):
                raise ForgeError(
                    f"{self._host} does not answer as GitHub's API does (a page is elsewhere)",
                    hint=WRONG_API,
                )

    def request(self, verb: Verb, path: str, data: Mapping[str, object] | None = None) -> object:
        """The answer to one request, as JSON; None when it is empty.

        Args:
            verb: What to do. A POST is never repeated unless it was certainly refused.
            path: Below the API's URL.
            data: Any JSON object.

        Raises:
            ForgeError: See `explain`.
        """
        return self._request(verb, path, data)[1]

    def viewer(self) -> str:
        """Whose token it is; empty where the server does not say.

        For an installation's token, to which `GET /user` is closed.
        https://docs.github.com/en/graphql/reference/queries#user

        Raises:
            ForgeError: See `explain`.
        """
        data = {"query": "query { viewer { login } }"}
        match self.request("POST", self._github.requester.graphql_url, data):
            case {"data": {"viewer": {"login": str(login)}}}:
                return login
        return ""

    def download(self, path: str, limit: int, *, accept: str = "*/*") -> bytes:
        """The bytes of a file of at most `limit`; see `download.read`.

        Raises:
            ForgeError: It is larger, or see `explain`.
        """

        def once() -> bytes:
            found = bytearray()
            self._read(path, limit, accept, found.extend)
            return bytes(found)

        return self._retried("GET", path, once)

    def save(self, path: str, limit: int, target: Path, *, accept: str) -> None:
        """Write a file of at most `limit` bytes to disk, in pieces.

        Raises:
            OutsideError: The disk does not take it.
            ForgeError: It is larger, or see `explain`.
        """

        def once() -> None:
            with into(target) as write:
                self._read(path, limit, accept, write)

        self._retried("GET", path, once)

    def sha256(self, path: str, limit: int, *, accept: str) -> str:
        """The SHA-256 of a file of at most `limit` bytes, in hexadecimal; nothing of it is kept.

        Raises:
            ForgeError: It is larger, or see `explain`.
        """

        def once() -> str:
            found = hashlib.sha256()
            self._read(path, limit, accept, found.update)
            return found.hexdigest()

        return self._retried("GET", path, once)

    def upload(self, url: str, file: Path, media: str) -> object:
        """The answer to a file that is sent as it lies on disk; see `upload.send`.

        Args:
            url: In full, as the API named it: files are sent to a host of their own.
            file: What to send.
            media: Its media type.

        Raises:
            ForgeError: See `explain`.
        """
        return self._retried("POST", url, lambda: self._send(url, file, media))

    def _request(
        self, verb: Verb, url: str, data: Mapping[str, object] | None
    ) -> tuple[Mapping[str, Any], object]:
        return self._retried(verb, url, lambda: self._once(verb, url, data))

    def _retried(self, verb: Verb, url: str, once: Callable[[], Answer]) -> Answer:
        for attempt in itertools.count():
            try:
                return once()
            except RefusedError as error:
                refusal = replace(error.refusal, message=self._redact(error.refusal.message))
            now = time.time()
            pause = seconds_to_wait(refusal, attempt=attempt, now=now, spread=self._spread())
            if verb == "POST" and not refusal.limits_rate:
                pause = None
            if pause is None or pause > PATIENCE or attempt == RETRIES:
                # Not from the library's error: that one carries the request and its headers.
                raise explain(
                    refusal,
                    verb=verb,
                    subject=self._subject,
                    permission=self._permission or permission_for(verb, url),
                    kind=kind_of(self._token),
                    now=now,
                ) from None
            _log.info("%s %s: %s; trying again in %g s", verb, url, refusal, pause)
            self._sleep(pause)
        raise AssertionError  # pragma: no cover (the loop only ends by return or raise)

    def _once(
        self, verb: Verb, url: str, data: Mapping[str, object] | None
    ) -> tuple[Mapping[str, Any], object]:
        import requests

        # PyGithub adds the authorization to the dictionary that it gets: a new one each time. It
        # follows a 301; what is redirected otherwise did not happen, and it takes that for done.
        try:
            status, headers, text = self._github.requester.requestJson(
                verb, url, headers=dict(HEADERS), input=None if data is None else dict(data)
            )
            if status < 300:
                return headers, json.loads(text) if text else None
            refusal = answered(status, text, headers)
        except (requests.RequestException, OSError) as error:
            refusal = no_answer(error, host=self._host, timeout=self._timeout)
        except (AssertionError, AttributeError, RuntimeError, ValueError) as error:
            # PyGithub's words for a redirection to another host; or no JSON.
            refusal = Refusal(
                status=None,
                message=f"{self._host} does not answer as GitHub's API does "
                f"({str(error) or type(error).__name__})",
                hint=WRONG_API,
                lasting=True,
            )
        raise RefusedError(refusal)

    def _read(self, path: str, limit: int, accept: str, take: Callable[[bytes], object]) -> None:
        import requests

        try:
            read(
                root=self._url,
                path=path,
                token=self._token,
                limit=limit,
                timeout=self._timeout,
                take=take,
                accept=accept,
            )
        except (requests.RequestException, OSError) as error:
            refusal = no_answer(error, host=self._host, timeout=self._timeout)
        else:
            return
        raise RefusedError(refusal)

    def _send(self, url: str, file: Path, media: str) -> object:
        import requests

        # What the file itself may raise is no failure of the connection.
        with file.open("rb") as content:
            try:
                return send(
                    url,
                    content,
                    root=self._url,
                    token=self._token,
                    media=media,
                    timeout=self._timeout,
                )
            except (requests.RequestException, OSError) as error:
                refusal = no_answer(error, host=host(url), timeout=self._timeout)
        raise RefusedError(refusal)

    def _redact(self, text: str) -> str:
        # Proxies are known to echo what they refuse.
        return text.replace(self._token, "***")


def repeated(
    once: Callable[[], Answer],
    *,
    sleep: Callable[[float], None],
    spread: Callable[[], float] = lambda: 0.0,
) -> Answer:
    """What `once` answers, which may be done again: where an answer got lost, it is.

    Args:
        once: Sends the requests.
        sleep: Waits between two tries.
        spread: See `Api`.
    """
    for attempt in itertools.count():
        try:
            return once()
        except LookAgainError:
            if attempt == RETRIES:
                raise
            sleep(2.0**attempt + spread())
    raise AssertionError  # pragma: no cover (the loop only ends by return or raise)


def _connect(*, url: str, token: str, timeout: float) -> Github:
    try:
        import github
    except ImportError as error:
        raise ForgeError(
            f"posting to GitHub needs PyGithub, which cannot be imported ({error})",
            hint=extras.hint("github"),
        ) from error
    return github.Github(
        auth=github.Auth.Token(token),
        base_url=url,
        timeout=max(1, math.ceil(timeout)),
        user_agent=USER_AGENT,
        retry=None,
        # A handful of requests: PyGithub's pauses would take longer than all of them.
        seconds_between_requests=None,
        seconds_between_writes=None,
        verify=certificates(),
    )

"""Requests to GitHub's API, with retries. PyGithub carries them; it is imported when one is made.

PyGithub's own retrying is switched off. It sends a POST again after a 502, although the comment
may exist by then, and it may sleep for an hour until a rate limit resets.
"""

from __future__ import annotations

import itertools
import logging
import math
import os
import time
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from assay import __version__
from assay.errors import ForgeError
from assay.forge.refusal import TALK, WRONG_API, Refusal, Verb, explain, seconds_to_wait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from github import Github

PER_PAGE = 100
RETRIES = 3
PATIENCE = 120.0
"""The longest single pause, in seconds, that a retry is worth: a job is paid by the minute."""

_log = logging.getLogger(__name__)


class Api:
    """One connection to the API: requests with retries, and refusals as exceptions."""

    def __init__(
        self,
        *,
        url: str,
        token: str,
        timeout: float,
        sleep: Callable[[float], None],
        subject: str,
        permission: str = TALK,
    ) -> None:
        self._token = token
        self._sleep = sleep
        self._subject = subject
        self._permission = permission
        self._timeout = timeout
        self._host = _host(url)
        self._github = _connect(url=url, token=token, timeout=timeout)

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_: object) -> None:
        self._github.close()

    def pages(self, path: str) -> Iterator[object]:
        """The items of a list, page after page.

        It follows the `Link` headers: a page that is not full need not be the last one.
        https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api
        """
        from requests.utils import parse_header_links

        url: str | None = f"{path}?per_page={PER_PAGE}"
        while url:
            headers, items = self._request("GET", url, None)
            if not isinstance(items, list):
                raise ForgeError(
                    f"{self._host} sent no list of comments for {self._subject}",
                    hint=WRONG_API,
                )
            yield from items
            links = parse_header_links(str(headers.get("link", "")))
            url = next((link["url"] for link in links if link.get("rel") == "next"), None)

    def request(self, verb: Verb, path: str, data: Mapping[str, str] | None = None) -> object:
        """The answer to one request, as JSON.

        Raises:
            ForgeError: See `explain`.
        """
        return self._request(verb, path, data)[1]

    def _request(
        self, verb: Verb, url: str, data: Mapping[str, str] | None
    ) -> tuple[Mapping[str, Any], object]:
        for attempt in itertools.count():
            try:
                return self._once(verb, url, data)
            except _RefusedError as error:
                refusal = error.refusal
                pause = seconds_to_wait(refusal, attempt=attempt, now=time.time())
                if verb == "POST" and not refusal.limits_rate:
                    pause = None
                if pause is None or pause > PATIENCE or attempt == RETRIES:
                    # Not from the library's error: that one carries the request and its headers.
                    raise explain(
                        refusal, verb=verb, subject=self._subject, permission=self._permission
                    ) from None
                _log.info("%s %s: %s; trying again in %g s", verb, url, refusal, pause)
                self._sleep(pause)
        raise AssertionError  # pragma: no cover (the loop only ends by return or raise)

    def _once(
        self, verb: Verb, url: str, data: Mapping[str, str] | None
    ) -> tuple[Mapping[str, Any], object]:
        import requests
        from github import GithubException

        # PyGithub adds the authorization to the dictionary that it gets: a new one each time.
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
        try:
            return self._github.requester.requestJsonAndCheck(
                verb, url, headers=headers, input=data
            )
        except GithubException as error:
            refusal = Refusal(
                status=error.status,
                message=self._redact(_message(error.data)),
                headers={name.lower(): str(text) for name, text in (error.headers or {}).items()},
            )
        except requests.RequestException as error:
            refusal = self._no_answer(error)
        except OSError as error:
            refusal = Refusal(
                status=None,
                message=f"the certificate authorities cannot be read ({error})",
                hint="Check REQUESTS_CA_BUNDLE, SSL_CERT_FILE and PIP_CERT.",
                lasting=True,
            )
        except (AssertionError, AttributeError, RuntimeError, ValueError) as error:
            # PyGithub's words for: a page on another host, an error that is no object,
            # a redirection to another host, no JSON.
            refusal = Refusal(
                status=None,
                message=f"{self._host} does not answer as GitHub's API does "
                f"({self._redact(str(error)) or type(error).__name__})",
                hint=WRONG_API,
                lasting=True,
            )
        raise _RefusedError(refusal)

    def _no_answer(self, error: Exception) -> Refusal:
        """What kept the answer away. The library's own text is long and holds the whole URL."""
        import requests

        match error:
            case requests.exceptions.SSLError() if "CERTIFICATE_VERIFY_FAILED" in str(error):
                return Refusal(
                    status=None,
                    message=f"the certificate of {self._host} cannot be verified",
                    hint="Behind a company's own certificate authority, "
                    "set REQUESTS_CA_BUNDLE or SSL_CERT_FILE.",
                    lasting=True,
                )
            case requests.exceptions.ProxyError():
                message = f"the proxy on the way to {self._host} does not answer"
                hint = "Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY."
            case requests.Timeout():
                message = f"{self._host} did not answer within {self._timeout:g} s"
                hint = "Check the network, and GITHUB_API_URL; then run this again."
            case _:
                message = f"{self._host} cannot be reached ({_reason(error)})"
                hint = "Check the network, and GITHUB_API_URL; then run this again."
        return Refusal(status=None, message=message, hint=hint)

    def _redact(self, text: str) -> str:
        # Proxies are known to echo what they refuse.
        return text.replace(self._token, "***")


class _RefusedError(Exception):
    """Carries a refusal from one try to the loop around it."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


def _reason(error: BaseException) -> str:
    """What the operating system said, below the layers that wrapped it."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror
        inner = inner.__cause__ or inner.__context__
    return type(error).__name__


def _message(data: object) -> str:
    """What GitHub says, with the details that it gives for a 422."""
    if not isinstance(data, dict) or not data.get("message"):
        return "no explanation was given"
    errors = data.get("errors")
    details = [
        str(item.get("message") or item.get("code")) if isinstance(item, dict) else str(item)
        for item in (errors if isinstance(errors, list) else [])
    ]
    return " ".join(": ".join([str(data["message"]), *details]).split())


def _host(url: str) -> str:
    """The host alone: an URL may hold a password."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        _bad_url()
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        _bad_url()
    return parts.hostname if port is None else f"{parts.hostname}:{port}"


def _bad_url() -> NoReturn:
    raise ForgeError(
        "GITHUB_API_URL is not the URL of an API",
        hint="It is https://api.github.com, or https://HOST/api/v3 on an Enterprise server.",
    )


def _connect(*, url: str, token: str, timeout: float) -> Github:
    try:
        import github
    except ImportError as error:
        raise ForgeError(
            f"posting to GitHub needs PyGithub, which cannot be imported ({error})",
            hint="Install the extra: `pip install 'assay[github]'`.",
        ) from error
    return github.Github(
        auth=github.Auth.Token(token),
        base_url=url,
        timeout=max(1, math.ceil(timeout)),
        user_agent=f"assay/{__version__}",
        retry=None,
        # A handful of requests: PyGithub's pauses would take longer than all of them.
        seconds_between_requests=None,
        seconds_between_writes=None,
        verify=_certificates(),
    )


def _certificates() -> str | bool:
    """The certificate authorities to trust.

    The HTTP library reads only the first two variables itself; a company that is set up for pip
    and uv has set one of the others.
    """
    if os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE"):
        return True
    return os.environ.get("SSL_CERT_FILE") or os.environ.get("PIP_CERT") or True

"""A request to an address that is a secret: it is in no message, whatever goes wrong.

The address is in an environment variable, and may hold a user's name and a password. Redirects are
not followed: they would lead what is sent to somebody else.
"""

from __future__ import annotations

import base64
import http.client
import os
import re
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from assay import __version__
from assay.console import printable
from assay.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT = 10.0
_LARGEST = 4096
"""Bytes of an answer that are read."""
_SHORTEST = 8
"""Characters of a part of an address that may be a token."""
_LONGEST = 200
"""Characters of what it says that are shown."""
_CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "PIP_CERT")
"""Variables by which a company names its own authority, as `forge.failures` has them."""


class UnansweredError(OutsideError):
    """There was no answer, or it was a no.

    Args:
        message: Without the address.
        hint: What to do.
        status: Of the answer.
        retry_after: What it says in `Retry-After`.
    """

    def __init__(
        self, message: str, *, hint: str, status: int | None = None, retry_after: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.retry_after = retry_after


def send(
    method: str,
    variable: str,
    environ: Mapping[str, str],
    *,
    body: bytes,
    media: str,
    whose: str,
    path: str = "",
    timeout: float = TIMEOUT,
) -> None:
    """Send something; any answer from 200 to 299 is good.

    Args:
        method: Of HTTP.
        variable: The environment variable with the address.
        environ: Where that is.
        body: What is sent.
        media: Its media type.
        whose: Who is asked, for messages: `the webhook`.
        path: What comes after the address's own path.
        timeout: Seconds to wait for each part of the answer.

    Raises:
        UsageError: There is no address.
        UnansweredError: There was no answer, or it was a no.
    """
    status, after = None, None
    where = _address(variable, environ, whose)
    headers = {"Content-Type": media, "User-Agent": f"assay/{__version__}"} | where.headers
    try:
        request = urllib.request.Request(  # noqa: S310 (`_address` lets http and https through)
            f"{where.url.rstrip('/')}{path}" if path else where.url,
            data=body,
            headers=headers,
            method=method,
        )
        with _opener().open(request, timeout=timeout) as response:
            response.read(_LARGEST)
    except urllib.error.HTTPError as error:
        with error:
            said = _said(error, where)
        status, after = error.code, error.headers.get("Retry-After")
        message = f"{whose} in {variable} answered {error.code}{said}"
        hint = "Look at its log; is the address the right one, and what it is sent allowed?"
    except (OSError, ValueError, http.client.HTTPException) as error:
        message = f"{whose} in {variable} did not answer: {_why(error)}."
        hint = "Check the address, and whether it can be reached from here."
    else:
        return
    # Without its cause, which holds the address.
    raise UnansweredError(message, hint=hint, status=status, retry_after=after)


class _Address(NamedTuple):
    url: str
    headers: dict[str, str]
    secrets: tuple[str, ...]
    """What must not be shown."""


def _address(variable: str, environ: Mapping[str, str], whose: str) -> _Address:
    value = environ.get(variable, "").strip()
    if not value:
        raise UsageError(
            f"the environment variable {variable}, with the address of {whose}, is not set.",
            hint="In GitHub Actions: `env:` of the step, from a secret.",
        )
    if not (parts := _parts(value)):
        raise UsageError(
            f"the environment variable {variable} holds no address of {whose}.",
            hint="It begins with https:// or http://, and has no spaces.",
        )
    netloc = parts.netloc.rpartition("@")[2]
    headers = {}
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if parts.username is not None:
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        headers["Authorization"] = f"Basic {token}"
    # An answer that names the wrong token does so without the rest of the path.
    pieces = re.split(r"[/&=]", unquote(f"{parts.path}&{parts.query}"))
    long = [one for one in pieces if len(one) >= _SHORTEST]
    secrets = (parts.hostname or "", parts.path.strip("/"), parts.query, user, password, *long)
    return _Address(
        url=urlunsplit((parts.scheme, netloc, parts.path, parts.query, "")),
        headers=headers,
        secrets=tuple(filter(None, secrets)),
    )


def _parts(value: str) -> SplitResult | None:
    """An address taken apart; `None` of what is none."""
    if not value.isascii() or not value.isprintable() or " " in value:
        return None
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        return None
    return parts if usable else None


class _Stays(urllib.request.HTTPRedirectHandler):
    """Follows nobody."""

    def redirect_request(self, *given: Any) -> None:
        """No request."""


def _opener() -> urllib.request.OpenerDirector:
    bundle = next(filter(None, map(os.environ.get, _CERTIFICATES)), None)
    is_folder = bundle is not None and Path(bundle).is_dir()
    where = (None, bundle) if is_folder else (bundle, None)
    context = ssl.create_default_context(cafile=where[0], capath=where[1])
    return urllib.request.build_opener(_Stays, urllib.request.HTTPSHandler(context=context))


def _said(error: urllib.error.HTTPError, where: _Address) -> str:
    """What the answer says, on a line; nothing where it repeats what must not be shown."""
    try:
        text = error.read(_LARGEST).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        text = ""
    first = printable(" ".join(text.split()))[:_LONGEST]
    if not first or first.startswith("<") or any(one in text for one in where.secrets):
        return "."
    return f": {first}"


def _why(error: BaseException) -> str:
    """What the operating system said; the library's own words hold the address."""
    inner = getattr(error, "reason", None)
    if isinstance(inner, BaseException):
        error = inner
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate cannot be verified"
    if isinstance(error, TimeoutError):
        return "it took too long"
    text = error.strerror if isinstance(error, OSError) else None
    return text or type(error).__name__

"""What the HTTP libraries raise, as refusals. Their own texts are long and hold the whole URL."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from assay.errors import ForgeError
from assay.forge.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping


class RefusedError(Exception):
    """Carries a refusal from one try to the loop around it."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


def no_answer(error: Exception, *, host: str, timeout: float) -> Refusal:
    """What kept an answer away.

    Args:
        error: A `requests.RequestException`, or the `OSError` of a certificate file.
        host: Who was asked.
        timeout: How many seconds it had.
    """
    import requests

    match error:
        case requests.exceptions.SSLError() if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return Refusal(
                status=None,
                message=f"the certificate of {host} cannot be verified",
                hint="Behind a company's own certificate authority, "
                "set REQUESTS_CA_BUNDLE or SSL_CERT_FILE.",
                lasting=True,
            )
        case requests.exceptions.ProxyError():
            message = f"the proxy on the way to {host} does not answer"
            hint = "Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY."
        case requests.Timeout():
            message = f"{host} did not answer within {timeout:g} s"
            hint = "Check the network, and GITHUB_API_URL; then run this again."
        case requests.RequestException():
            message = f"{host} cannot be reached ({_reason(error)})"
            hint = "Check the network, and GITHUB_API_URL; then run this again."
        case _:
            return Refusal(
                status=None,
                message=f"the certificate authorities cannot be read ({error})",
                hint="Check REQUESTS_CA_BUNDLE, SSL_CERT_FILE and PIP_CERT.",
                lasting=True,
            )
    return Refusal(status=None, message=message, hint=hint)


def answered(status: int, text: str | bytes, headers: Mapping[str, object]) -> Refusal:
    """GitHub's document for an error; a proxy's is none."""
    try:
        data = json.loads(text)
    except ValueError:
        data = None
    lower = {name.lower(): str(text) for name, text in headers.items()}
    return Refusal(status=status, message=_message(data), headers=lower)


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


def host(url: str) -> str:
    """The host alone: an URL may hold a password.

    Raises:
        ForgeError: It is no URL of an API.
    """
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


def certificates() -> str | bool:
    """The certificate authorities to trust.

    The HTTP library reads only the first two variables itself; a company that is set up for pip
    and uv has set one of the others.
    """
    if os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE"):
        return True
    return os.environ.get("SSL_CERT_FILE") or os.environ.get("PIP_CERT") or True

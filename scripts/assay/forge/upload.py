"""Sending a file to GitHub, which takes them on a host of its own."""

from __future__ import annotations

import re
from typing import IO
from urllib.parse import urlsplit

from assay.forge.failures import RefusedError, answered
from assay.forge.refusal import WRONG_API, Refusal
from assay.forge.session import HEADERS, USER_AGENT, opened

PATIENCE = 120.0
"""Seconds that the answer may take at least: it comes when the whole file is stored."""


def send(
    url: str, content: IO[bytes], *, root: str, token: str, media: str, timeout: float
) -> object:
    """The answer, as JSON, to a file that is read while it is sent.

    https://docs.github.com/en/rest/releases/assets#upload-a-release-asset

    Args:
        url: In full, as the API named it.
        content: The file, at its start.
        root: The API's URL: where that is encrypted, this is; and it is on that host, or beside
            an `api.` host on `uploads.`, as on github.com and GHE.com.
        token: What `Authorization` carries.
        media: The media type.
        timeout: Seconds until the next bytes must have gone.

    Raises:
        RefusedError: It was not taken.
        requests.RequestException: There was no answer.
    """
    import requests

    # As it would be sent, for there are URLs that two readers take for those of two hosts.
    prepared = requests.Request("POST", url).prepare().url or ""
    there, api = urlsplit(prepared), urlsplit(root)
    if there.scheme not in {api.scheme, "https"}:
        raise RefusedError(_astray("wants files sent without encryption"))
    own = api.hostname or ""
    if there.hostname not in {own, re.sub(r"^api\.", "uploads.", own)}:
        raise RefusedError(_astray(f"wants files sent to {there.hostname}, with the token"))
    headers = {
        **HEADERS,
        "Authorization": f"Bearer {token}",
        "Content-Type": media,
        "User-Agent": USER_AGENT,
    }
    with opened() as session:
        answer = session.post(
            url,
            data=content,
            headers=headers,
            timeout=(timeout, max(timeout, PATIENCE)),
            allow_redirects=False,
        )
    if answer.status_code >= 400:
        raise RefusedError(answered(answer.status_code, answer.content, answer.headers))
    if answer.status_code != 201:
        raise RefusedError(_astray(f"answered {answer.status_code} to a file"))
    try:
        return answer.json()
    except ValueError:
        return None


def _astray(what: str) -> Refusal:
    return Refusal(status=None, message=f"the API's server {what}", hint=WRONG_API, lasting=True)

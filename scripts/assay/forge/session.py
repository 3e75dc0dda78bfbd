"""What requests have in common: who asks, in which version, trusting which certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay import __version__
from assay.forge.failures import certificates

if TYPE_CHECKING:
    from requests import PreparedRequest, Session

USER_AGENT = f"assay/{__version__}"
HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
"""Of requests that are answered with JSON."""


def opened() -> Session:
    """A session of `requests` that sends no credentials but those of a request's own headers."""
    import requests

    session = requests.Session()
    # Anything here keeps the library from sending a password of ~/.netrc.
    session.auth = _as_it_is
    session.verify = certificates()
    return session


def _as_it_is(request: PreparedRequest) -> PreparedRequest:
    return request

"""Downloading a file through GitHub's API, which sends most of them from another host."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from assay.errors import ForgeError
from assay.forge.failures import RefusedError, answered
from assay.forge.refusal import WRONG_API, Refusal
from assay.forge.session import USER_AGENT, opened
from assay.notwritten import not_written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from requests import Response, Session

MOST_REDIRECTS = 2
"""One for a repository that was renamed, one to where the file is."""
CHUNK = 1 << 16
ERROR_LIMIT = 1 << 16
"""Bytes of an error's document that are read."""


def read(
    *,
    root: str,
    path: str,
    token: str,
    limit: int,
    timeout: float,
    take: Callable[[bytes], object],
    accept: str,
) -> None:
    """Give the bytes of a file to `take`, in pieces.

    The token goes to the API alone, never to where that redirects.

    https://docs.github.com/en/rest/actions/artifacts#download-an-artifact

    Args:
        root: The API's URL, without a slash at its end.
        path: The path below it: `/repos/acme/bikes/actions/artifacts/7/zip`.
        token: What `Authorization` carries.
        limit: The most bytes that the file may have, unpacked if it was sent packed.
        timeout: Seconds until the next bytes must have come.
        take: Is called with each piece.
        accept: The media type to ask the API for, where a path has several.

    Raises:
        RefusedError: The API refuses, or what it redirects to does.
        ForgeError: The file is larger than the limit, or the redirection leads astray.
        requests.RequestException: There was no answer.
    """
    url = f"{root}{path}"
    with opened() as session:
        for _ in range(MOST_REDIRECTS + 1):
            ours = url.startswith(f"{root}/")
            with _get(
                session, url, token=token if ours else None, accept=accept, timeout=timeout
            ) as answer:
                if not answer.is_redirect:
                    _read(answer, ours=ours, limit=limit, take=take)
                    return
                url = _next(url, answer.headers["location"])
    raise ForgeError(f"{_host(root)} redirects a download again and again", hint=WRONG_API)


@contextmanager
def into(target: Path) -> Iterator[Callable[[bytes], object]]:
    """A new file, as what takes the pieces: its failures are none of the connection.

    Raises:
        OutsideError: It cannot be written, as on a full disk.
    """

    def write(piece: bytes) -> None:
        try:
            file.write(piece)
        except OSError as error:
            raise not_written(target, error) from error

    try:
        with target.open("wb") as file:
            yield write
    except OSError as error:
        raise not_written(target, error) from error


def _get(session: Session, url: str, *, token: str | None, accept: str, timeout: float) -> Response:
    headers = {"User-Agent": USER_AGENT, "Accept": accept}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return session.get(url, headers=headers, timeout=timeout, stream=True, allow_redirects=False)


def _next(url: str, location: str) -> str:
    target = urljoin(url, location)
    before, after = urlsplit(url).scheme, urlsplit(target).scheme
    if after not in {before, "https"}:
        raise ForgeError(
            f"{_host(url)} redirects a download to {after or 'no'} URL, which is not safe",
            hint=WRONG_API,
        )
    return target


def _read(answer: Response, *, ours: bool, limit: int, take: Callable[[bytes], object]) -> None:
    if answer.status_code >= 400:
        raise RefusedError(_refusal(answer, ours=ours))
    found = 0
    for chunk in answer.iter_content(CHUNK):
        found += len(chunk)
        if found > limit:
            raise ForgeError(
                f"a download from {_host(answer.url)} has more than {limit:,} bytes",
                hint="It is not read: what Assay publishes is smaller.",
            )
        take(chunk)


def _refusal(answer: Response, *, ours: bool) -> Refusal:
    if not ours:
        # A signed URL that ran out, or a store in trouble: the API gives a new one.
        message = f"{_host(answer.url)} answered {answer.status_code} to the download"
        return Refusal(status=None, message=message)
    text = next(answer.iter_content(ERROR_LIMIT), b"")
    return answered(answer.status_code, text, answer.headers)


def _host(url: str) -> str:
    return urlsplit(url).hostname or "GitHub"

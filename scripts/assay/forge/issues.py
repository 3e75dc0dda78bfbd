"""Issues that we open ourselves: one for a matter, found again by a line that nobody sees.

https://docs.github.com/en/rest/issues/issues
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from assay.errors import ForgeError
from assay.forge.comment import MAX_BODY
from assay.forge.refusal import WRONG_API, MissingError
from assay.forge.transport import repeated
from assay.report.wording import short

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.forge.transport import Api

PERMISSION = "issues: write"
LABEL = "assay-rollout"
"""Only who may write to the repository can set one: nobody else's issue is taken for ours."""
LONGEST_TITLE = 256


@dataclass(frozen=True, kw_only=True)
class Issue:
    """What is to be said."""

    title: str
    body: str
    """Markdown of at most `room` characters."""
    matter: str
    """What it is about: while an issue about it is open, this goes there as a comment."""
    event: str
    """What happened: it is told once."""


def room(matter: str, event: str) -> int:
    """How many characters a body may have."""
    return MAX_BODY - len(_marks(matter, event)) - 1


def _marks(matter: str, event: str) -> str:
    return f"{_mark('matter', matter)}\n{_mark('event', event)}\n"


def _mark(kind: str, key: str) -> str:
    # Percent-encoded, it can neither end the HTML comment nor its line.
    encoded = quote(key, safe="").replace("--", "-%2D")
    return f"<!-- assay:{kind} {encoded} -->"


def publish(api: Api, repository: str, issue: Issue, *, sleep: Callable[[float], None]) -> str:
    """Open an issue, or add to the one that is open about the same matter; where to read it.

    Args:
        api: The connection; its token needs `issues: write`.
        repository: `owner/name`.
        issue: What is to be said.
        sleep: Waits before it looks again whether a request, whose answer got lost, happened.

    Raises:
        ForgeError: GitHub refuses, or cannot be reached.
    """
    try:
        return repeated(lambda: _publish_once(api, repository, issue), sleep=sleep)
    except MissingError as error:
        raise ForgeError(
            f"no issue can be opened: {error.message}",
            hint="Switch issues on in the repository's settings, under General > Features.",
        ) from error


def _publish_once(api: Api, repository: str, issue: Issue) -> str:
    root = f"/repos/{repository}/issues"
    body = f"{_marks(issue.matter, issue.event)}\n{issue.body}"
    event = _mark("event", issue.event)
    found = _open(api, root, _mark("matter", issue.matter))
    if found is None:
        document = {
            "title": short(issue.title, LONGEST_TITLE),
            "body": body,
            "labels": [LABEL],
        }
        return _page(api.request("POST", root, document))
    if event in found[1]:
        return _page(api.request("GET", f"{root}/{found[0]}"))
    for item in api.pages(f"{root}/{found[0]}/comments"):
        match item:
            case {"body": str(said)} if event in said:
                return _page(item)
    return _page(api.request("POST", f"{root}/{found[0]}/comments", {"body": body}))


def _open(api: Api, root: str, matter: str) -> tuple[int, str] | None:
    """Number and text of the open issue about a matter."""
    for item in api.pages(f"{root}?state=open&labels={LABEL}"):
        match item:
            case {"pull_request": _}:
                continue
            case {"number": int(number), "body": str(body)} if body.startswith(matter):
                return number, body
    return None


def _page(data: object) -> str:
    match data:
        case {"html_url": str(url)}:
            return url
    raise ForgeError("GitHub sent no issue", hint=WRONG_API)

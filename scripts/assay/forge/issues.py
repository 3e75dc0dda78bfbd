"""Issues that we open ourselves: one for a matter, found again by a line that nobody sees.

`publish` adds to one what happens, event by event; `find`, `create`, `comment` and `rewrite` keep
one that says how things are.

https://docs.github.com/en/rest/issues/issues
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.errors import ForgeError
from assay.forge import pulls
from assay.forge.comment import MAX_BODY, hidden
from assay.forge.refusal import WRONG_API, MissingError
from assay.forge.transport import repeated
from assay.report.wording import short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Literal

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


def spare(matter: str) -> int:
    """How many characters a body about a matter may have that is no event's."""
    return MAX_BODY - len(_mark("matter", matter)) - 1


def room(matter: str, event: str) -> int:
    """How many characters a body may have."""
    return MAX_BODY - len(_marks(matter, event)) - 1


def _marks(matter: str, event: str) -> str:
    return f"{_mark('matter', matter)}\n{_mark('event', event)}\n"


def _mark(kind: str, key: str) -> str:
    return f"<!-- assay:{kind} {hidden(key)} -->"


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
        raise _switched_off(error) from error


def _switched_off(error: MissingError) -> ForgeError:
    return ForgeError(
        f"no issue can be opened: {error.message}",
        hint="Switch issues on in the repository's settings, under General > Features.",
    )


def _publish_once(api: Api, repository: str, issue: Issue) -> str:
    body = f"{_marks(issue.matter, issue.event)}\n{issue.body}"
    found = find(api, repository, issue.matter, label=LABEL, state="open")
    if found is None:
        return _create_once(api, repository, title=issue.title, body=body, label=LABEL).url
    if _mark("event", issue.event) in found.body:
        return found.url
    return _comment_once(api, repository, found.number, event=issue.event, body=body)


@dataclass(frozen=True, kw_only=True)
class Found:
    """An issue of ours, as it stands."""

    number: int
    url: str
    """Where people read it."""
    open: bool
    title: str
    body: str


def find(
    api: Api, repository: str, matter: str, *, label: str, state: Literal["open", "all"]
) -> Found | None:
    """The newest issue about a matter.

    Raises:
        ForgeError: GitHub refuses, or cannot be reached.
    """
    return next(_about(api, repository, matter, label, state), None)


def _about(
    api: Api, repository: str, matter: str, label: str, state: Literal["open", "all"]
) -> Iterator[Found]:
    mark = _mark("matter", matter)
    for item in api.pages(f"/repos/{repository}/issues?state={state}&labels={label}"):
        match item:
            case {"pull_request": _}:
                continue
            case {"body": str(body)} if body.startswith(mark):
                yield _found(item)


def create(
    api: Api,
    repository: str,
    *,
    matter: str,
    title: str,
    body: str,
    label: str,
    sleep: Callable[[float], None],
) -> Found:
    """Open an issue about a matter that has none.

    Args:
        api: The connection; its token needs `issues: write`.
        repository: `owner/name`.
        matter: What it is about, by which `find` finds it again.
        title: One line.
        body: Markdown.
        label: That makes it ours.
        sleep: See `publish`.

    Raises:
        ForgeError: GitHub refuses, or cannot be reached.
    """

    def once() -> Found:
        # Where an answer got lost, it may be there already.
        known = find(api, repository, matter, label=label, state="open")
        if known is not None:
            return known
        text = f"{_mark('matter', matter)}\n{body}"
        return _create_once(api, repository, title=title, body=text, label=label)

    try:
        return repeated(once, sleep=sleep)
    except MissingError as error:
        raise _switched_off(error) from error


def comment(
    api: Api,
    repository: str,
    number: int,
    *,
    event: str,
    body: str,
    sleep: Callable[[float], None],
) -> str:
    """Say something below an issue, once for an event; where to read it.

    Raises:
        ForgeError: GitHub refuses, or cannot be reached.
    """
    text = f"{_mark('event', event)}\n\n{body}"
    return repeated(
        lambda: _comment_once(api, repository, number, event=event, body=text), sleep=sleep
    )


def rewrite(
    api: Api,
    repository: str,
    number: int,
    *,
    matter: str,
    title: str,
    body: str,
    state: Literal["open", "closed"] | None = None,
) -> None:
    """Say in an issue how things are now, and open or close it.

    Raises:
        ForgeError: GitHub refuses, or cannot be reached.
    """
    document = {
        "title": short(title, LONGEST_TITLE),
        "body": f"{_mark('matter', matter)}\n{body}",
        **({"state": state} if state else {}),
    }
    api.request("PATCH", f"/repos/{repository}/issues/{number}", document)


def _create_once(api: Api, repository: str, *, title: str, body: str, label: str) -> Found:
    document = {"title": short(title, LONGEST_TITLE), "body": body, "labels": [label]}
    return _found(api.request("POST", f"/repos/{repository}/issues", document))


def _comment_once(api: Api, repository: str, number: int, *, event: str, body: str) -> str:
    path, mark = f"/repos/{repository}/issues/{number}/comments", _mark("event", event)
    for item in api.pages(path):
        match item:
            case {"body": str(said), "user": user} if mark in said.splitlines()[:2]:
                # A stranger who foresaw the mark would keep people from being told.
                if pulls.is_trusted(api, repository, user):
                    return _page(item)
    return _page(api.request("POST", path, {"body": body}))


def _found(item: object) -> Found:
    match item:
        case {
            "number": int(number),
            "state": str(state),
            "title": str(title),
            "body": str(body),
            "html_url": str(url),
        }:
            return Found(number=number, url=url, open=state == "open", title=title, body=body)
    raise ForgeError("GitHub sent no issue", hint=WRONG_API)


def _page(data: object) -> str:
    match data:
        case {"html_url": str(url)}:
            return url
    raise ForgeError("GitHub sent no issue", hint=WRONG_API)

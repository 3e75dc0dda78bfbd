"""The sticky comment: which of a pull request's comments is ours, and what to do with it.

Pure functions. A comment is ours when its first line is our marker *and* we are its author: a
marker alone proves nothing, because a person who quotes our report quotes the marker too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_BODY = 65_536
"""Characters that GitHub takes in one comment, marker included."""
MOST_SHOWN = 8
"""Commits that our comment remembers having shown."""
_ENTRY = re.compile(r"([0-9a-f]{40,64})@([0-9TZ:-]*)")


@dataclass(frozen=True)
class Comment:
    """A comment as it stands on the forge."""

    id: int
    author: str
    """The login; empty when the account was deleted."""
    body: str
    url: str
    person: bool = True
    """Whether it is a person's account, not a bot's and not a deleted one."""
    created: datetime | None = None
    updated: datetime | None = None
    """When its text was changed last, by the forge's clock."""


@dataclass(frozen=True)
class Shown:
    """A commit whose result our comment has shown, and since when."""

    sha: str
    since: datetime | None


@dataclass(frozen=True)
class Create:
    """Post a new comment."""

    body: str


@dataclass(frozen=True)
class Update:
    """Replace the text of our comment."""

    comment: Comment
    body: str


@dataclass(frozen=True)
class Keep:
    """Our comment says this already: an edit would only mark it as edited."""

    comment: Comment


Decision = Create | Update | Keep


def marker(key: str) -> str:
    """The hidden line that tells our reports from other comments, and from each other.

    Args:
        key: Any text. It is percent-encoded, so that it can neither close the HTML comment nor
            break its line; different keys never give the same marker.
    """
    encoded = quote(key, safe="", errors="backslashreplace")
    # A double hyphen may not stand inside an HTML comment (CommonMark's inline comments, XML).
    return f"<!-- assay:report key={encoded.replace('--', '-%2D')} -->"


def with_marker(body: str, marker: str) -> str:
    """`body` with the marker as its first line; one that has it already is left as it is."""
    return body if has_marker(body, marker) else f"{marker}\n{body}"


def room(marker: str) -> int:
    """How many characters a body may have so that it fits into a comment with its marker."""
    return MAX_BODY - len(marker) - 1


def has_marker(body: str, marker: str) -> bool:
    """Whether a comment starts with the marker.

    Only the first line counts: text further down comes from the user's repository, and may
    imitate the marker of another report.
    """
    return body.partition("\n")[0].strip() == marker


def marked(comments: Iterable[Comment], marker: str) -> list[Comment]:
    """The comments that start with the marker, whoever wrote them."""
    return [comment for comment in comments if has_marker(comment.body, marker)]


def own(candidates: Iterable[Comment], author: str) -> Comment | None:
    """The oldest that we wrote. GitHub's logins know no case."""
    ours = [comment for comment in candidates if comment.author.lower() == author.lower()]
    return min(ours, key=lambda comment: comment.id, default=None)


def decide(
    candidates: Iterable[Comment], *, author: str, body: str, sha: str | None = None
) -> Decision:
    """What to do so that exactly our oldest comment says `body`.

    Should two runs have created one each, both keep writing to the oldest from then on.

    Args:
        candidates: The comments that start with the marker, in any order.
        author: Our login.
        body: The text with its marker.
        sha: The commit that it is about. The comment remembers which it has shown, and since when.
    """
    oldest = own(candidates, author)
    past = shown(oldest) if oldest else ()
    present = bool(past) and past[-1].sha == sha
    if oldest and same_text(_without_shown(oldest.body), body) and (present or sha is None):
        return Keep(oldest)
    if sha is not None:
        body = _with_shown(body, past if present else [*past, Shown(sha, None)])
    return Update(oldest, body) if oldest else Create(body)


def shown(comment: Comment) -> tuple[Shown, ...]:
    """The commits that our comment has shown, oldest first.

    When it first showed the last one is not in it, for it was written before it was posted: the
    forge's clock says when. From then on the next text holds it. Should somebody else edit the
    comment in between, the time is later than it was, and what was said before does not count.
    """
    line = _shown_line(comment.body)
    entries = [Shown(sha, _moment(since)) for sha, since in _ENTRY.findall(line)]
    if entries and entries[-1].since is None:
        entries[-1] = Shown(entries[-1].sha, comment.updated)
    return tuple(entries)


def _shown_line(body: str) -> str:
    """The second line, if it is what `_with_shown` writes; further down is the user's text."""
    _, _, rest = body.partition("\n")
    line = rest.partition("\n")[0].strip()
    return line if line.startswith("<!-- assay:shown ") and line.endswith(" -->") else ""


def _with_shown(body: str, entries: Sequence[Shown]) -> str:
    first, _, rest = body.partition("\n")
    told = " ".join(
        f"{entry.sha}@{entry.since:%Y-%m-%dT%H:%M:%SZ}" if entry.since else f"{entry.sha}@"
        for entry in entries[-MOST_SHOWN:]
    )
    return f"{first}\n<!-- assay:shown {told} -->\n{rest}"


def _without_shown(body: str) -> str:
    if not _shown_line(body):
        return body
    first, _, rest = body.partition("\n")
    return f"{first}\n{rest.partition(chr(10))[2]}"


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def same_text(left: str, right: str) -> bool:
    """Whether two bodies read the same; line ends are GitHub's to choose."""
    return _normal(left) == _normal(right)


def encodable(text: str) -> str:
    r"""The text with lone surrogates spelled out as `\udc..`.

    Python reads file names that are no UTF-8 as such; JSON and UTF-8 have no place for them.
    """
    return text.encode("utf-8", errors="backslashreplace").decode("utf-8")


def _normal(text: str) -> str:
    return text.replace("\r\n", "\n").rstrip()

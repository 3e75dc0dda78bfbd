"""The sticky comment: which of a pull request's comments is ours, and what to do with it.

Pure functions. A comment is ours when its first line is our marker *and* we are its author: a
marker alone proves nothing, because a person who quotes our report quotes the marker too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_BODY = 65_536
"""Characters that GitHub takes in one comment, marker included."""


@dataclass(frozen=True)
class Comment:
    """A comment as it stands on the forge."""

    id: int
    author: str
    """The login; empty when the account was deleted."""
    body: str
    url: str


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


def decide(candidates: Iterable[Comment], *, author: str, body: str) -> Decision:
    """What to do so that exactly our oldest comment says `body`.

    Should two runs have created one each, both keep writing to the oldest from then on.

    Args:
        candidates: The comments that start with the marker, in any order.
        author: Our login. GitHub's logins know no case.
        body: The text with its marker.
    """
    own = [comment for comment in candidates if comment.author.lower() == author.lower()]
    if not own:
        return Create(body)
    oldest = min(own, key=lambda comment: comment.id)
    if same_text(oldest.body, body):
        return Keep(oldest)
    return Update(oldest, body)


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

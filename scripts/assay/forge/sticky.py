"""The sticky comment: which of a pull request's comments is ours, and what to do with it.

Pure functions. A comment is ours when its first line is our marker *and* we are its author: a
marker alone proves nothing, because a person who quotes our report quotes the marker too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

from assay.forge import watermark
from assay.forge.comment import (
    OURS,
    has_marker,
    key_of,
    marked,
    own,
    read,
    same_text,
    shown,
    visible,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from assay.forge.comment import Comment, Report


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
    """Our comment says this already, or something newer."""

    comment: Comment


Decision = Create | Update | Keep


def relevant(comments: Iterable[Comment], marker: str) -> list[Comment]:
    """Those that carry the marker, and those that CML would take for its report of that title."""
    key = key_of(marker)
    return [
        comment
        for comment in comments
        if has_marker(comment.body, marker) or _left_by_cml(comment, key)
    ]


def decide(
    candidates: Sequence[Comment], *, author: str, report: Report, head: str | None = None
) -> Decision:
    """What to do so that exactly our oldest comment shows the newest report.

    Where there is none of ours, the last that CML left under our login becomes ours: CML, too,
    looks for the last one.

    Args:
        candidates: See `relevant`; in any order.
        author: Our login.
        report: What we have to say.
        head: The commit that the pull request is at; None when that is not known.
    """
    ours = own(marked(candidates, report.marker), author)
    if ours is None:
        left = _last_of_cml(candidates, author, key_of(report.marker))
        body = written(report, head=head)
        return Update(left, body) if left else Create(body)
    there, past = read(ours, report.marker), shown(ours)
    if gives_way(report, to=there, head=head):
        report = there
    body = written(report, head=head, past=past)
    if report.sha in {None, there.sha} and same_text(visible(ours.body), visible(body)):
        return Keep(ours)  # an edit would only mark it as edited
    return Update(ours, body)


def gives_way(report: Report, *, to: Report, head: str | None) -> bool:
    """Whether a report is older than another one, which must stay then.

    What is about the commit that the pull request is at is newer than anything else; apart from
    that the later run counts.
    """
    if report.sha is None or to.sha is None:
        return False
    if head is not None and (report.sha == head) != (to.sha == head):
        return to.sha == head
    return report.run.before(to.run)


def newest(reports: Sequence[Report], *, head: str | None) -> Report:
    """The one that none of the others is newer than; of equals the last."""
    return reduce(lambda one, two: one if gives_way(two, to=one, head=head) else two, reports)


def spare(
    candidates: Iterable[Comment], *, author: str, kept: Comment, marker: str
) -> list[Comment]:
    """Those that two runs at once have posted beside the one that is kept.

    They have to say which commits they showed: what else carries our marker is not known to be
    posted by us.
    """
    return [
        comment
        for comment in marked(candidates, marker)
        if comment.id != kept.id and comment.author.lower() == author.lower() and shown(comment)
    ]


def settled(
    candidates: Sequence[Comment], *, author: str, report: Report, head: str | None
) -> Decision:
    """What to do after a creation, when another run may have created one at the same time.

    Each of them sees the two, and both bring the oldest to the same text.

    Args:
        candidates: What is there now, ours included.
        author: The login under which ours was posted.
        report: What ours shows.
        head: See `decide`.
    """
    others = [
        read(comment, report.marker)
        for comment in marked(candidates, report.marker)
        if comment.author.lower() == author.lower()
    ]
    # Our own first: it is among the others as well, and of equals the last is taken.
    best = newest([report, *others], head=head)
    return decide(candidates, author=author, report=replace(best, marker=report.marker), head=head)


def _left_by_cml(comment: Comment, key: str) -> bool:
    ours = comment.body.startswith(OURS)
    return not ours and watermark.stands_in(comment.body, key)


def _last_of_cml(candidates: Iterable[Comment], author: str, key: str) -> Comment | None:
    theirs = [
        comment
        for comment in candidates
        if comment.author.lower() == author.lower() and _left_by_cml(comment, key)
    ]
    return max(theirs, key=lambda comment: comment.id, default=None)

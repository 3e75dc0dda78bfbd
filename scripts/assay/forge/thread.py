"""What was said on a pull request, as values: comments, labels, and what our own comment shows.

Pure functions, between the transport (`pulls.py`) and the decisions (`assay.override`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from assay.forge.comment import OURS, has_marker, own, shown

if TYPE_CHECKING:
    from datetime import datetime

    from assay.forge.comment import Comment, Shown


@dataclass(frozen=True)
class Voice:
    """A comment on a pull request; or a label that is on it, by who set it last."""

    who: str
    person: bool
    """Not a bot, and not an account that is gone."""
    when: datetime
    url: str
    text: str
    """Of a label: its name."""
    how: Literal["comment", "label"] = "comment"
    edited: bool = False


@dataclass(frozen=True)
class Thread:
    """A pull request and what was said on it."""

    head: str
    """The commit that it is at, as the forge says."""
    author: str
    login: str
    """Who we are."""
    comments: tuple[Comment, ...]
    labels: tuple[Voice, ...] = ()
    labels_hidden: bool = False
    """There are labels for us, and the token may not see who set them."""

    def voices(self) -> list[Voice]:
        """Comments and labels, oldest first; our own reports say nothing to us."""
        found = [
            Voice(
                who=comment.author,
                person=comment.person,
                when=comment.created,
                url=comment.url,
                text=comment.body,
                edited=comment.updated != comment.created,
            )
            for comment in self.comments
            if comment.created is not None and not self._is_report(comment)
        ]
        return sorted([*found, *self.labels], key=lambda voice: voice.when)

    def shown(self, marker: str) -> tuple[Shown, ...]:
        """The commits that our comment with this marker has shown."""
        found = own((one for one in self.comments if has_marker(one.body, marker)), self.login)
        return shown(found) if found else ()

    def markers(self) -> set[str]:
        """The markers of all our comments: there is one for each model that is checked."""
        reports = filter(self._is_report, self.comments)
        return {report.body.partition("\n")[0].strip() for report in reports}

    def _is_report(self, comment: Comment) -> bool:
        # Not by the login alone: the token may be a person's, who says other things as well.
        ours = comment.author.lower() == self.login.lower()
        return ours and comment.body.startswith(OURS)

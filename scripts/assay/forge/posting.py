"""A report on its way into a pull request's thread, beside others that may be on theirs."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from assay.errors import AssayError
from assay.forge import Posted, pulls, stamp
from assay.forge.comment import MAX_BODY, marked, own
from assay.forge.refusal import ForbiddenError, LookAgainError, MissingError
from assay.forge.sticky import Create, Decision, Keep, decide, relevant, settled, spare
from assay.forge.transport import RETRIES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from assay.forge.comment import Comment, Report
    from assay.forge.transport import Api

MOMENT = timedelta(minutes=10)
"""How long before ours another run may have created a comment that we have not seen."""


@dataclass(frozen=True)
class Posting:
    """What one report needs to get there."""

    api: Api
    repository: str
    """`owner/name`."""
    pull_request: int
    report: Report
    author: Callable[[Iterable[Comment]], str]
    """Who we are, given the comments that could be ours: it may cost a request."""

    def upsert(self) -> Posted:
        """Create our comment, or update it in place.

        Raises:
            LookAgainError: The thread is not what it was; the same once more may succeed.
            ForgeError: GitHub refuses.
        """
        # First, and the comments last: another run may write between our look and our writing.
        head = self._head() if self.report.sha else None
        found = relevant(self._comments(), self.report.marker)
        author = self.author(found) if found else ""
        decision = decide(found, author=author, report=self.report, head=head)
        posted, comment = self._apply(decision)
        if isinstance(decision, Create):
            return self._settle(posted, comment, head)
        # A person's own copy of our report is left alone, should the token be that person's.
        bots = [one for one in found if not one.person]
        self._delete(spare(bots, author=author, kept=comment, marker=self.report.marker))
        return posted

    def _settle(self, posted: Posted, created: Comment, head: str | None) -> Posted:
        """After a creation: should other runs have created one too, leave the oldest.

        Nearly always there is nothing to do, and it costs one request. Otherwise it looks again
        afterwards, for a third run may have written in between.
        """
        since = f"?since={stamp(created.created - MOMENT)}" if created.created else ""
        marker, author = self.report.marker, created.author
        # GitHub may not list yet what it has just taken.
        known, result = {created.id: created}, posted
        for _ in range(RETRIES):
            listed = {one.id: one for one in marked(self._comments(since), marker)}
            ours = list((known | listed).values())
            kept = own(ours, author)
            if kept is None:
                raise LookAgainError("somebody deleted the comment", hint="Run this again.")
            decision = settled(ours, author=author, report=self.report, head=head)
            extra = spare(ours, author=author, kept=kept, marker=marker)
            if isinstance(decision, Keep) and not extra:
                break
            after, _ = self._apply(decision)
            result = posted if kept.id == created.id else after
            self._delete(extra)
            known = {kept.id: kept} if kept.id == created.id else {}
        return result

    def _apply(self, decision: Decision) -> tuple[Posted, Comment]:
        if isinstance(decision, Keep):
            return Posted(action="unchanged", url=decision.comment.url), decision.comment
        check_length(decision.body)
        data = {"body": decision.body}
        if isinstance(decision, Create):
            comment = pulls.comment(self.api.request("POST", self._thread, data))
            return Posted(action="created", url=comment.url), comment
        one = self._one(decision.comment)
        comment = pulls.comment(self.api.request("PATCH", one, data))
        return Posted(action="updated", url=comment.url), comment

    def _delete(self, comments: Iterable[Comment]) -> None:
        for comment in comments:
            with suppress(MissingError):  # the other run was faster
                self.api.request("DELETE", self._one(comment))

    def _comments(self, query: str = "") -> Iterator[Comment]:
        return pulls.comments(self.api, self.repository, self.pull_request, query)

    @property
    def _thread(self) -> str:
        return f"/repos/{self.repository}/issues/{self.pull_request}/comments"

    def _one(self, comment: Comment) -> str:
        return f"/repos/{self.repository}/issues/comments/{comment.id}"

    def _head(self) -> str | None:
        """The commit that the pull request is at, if the token may know.

        A job with `issues: write` alone may write comments, but not look at the pull request.
        """
        path = f"/repos/{self.repository}/pulls/{self.pull_request}"
        try:
            return pulls.head(self.api.request("GET", path))
        except ForbiddenError:
            return None


def check_length(text: str) -> None:
    """Nothing longer than GitHub takes is sent.

    Raises:
        AssayError: It is longer; what wrote the report has to prevent that.
    """
    if len(text) > MAX_BODY:
        raise AssayError(
            f"the comment has {len(text):,} characters with its hidden lines, "
            f"and GitHub takes at most {MAX_BODY:,}"
        )

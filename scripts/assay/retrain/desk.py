"""Where the pull requests of a retraining are looked at and written."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay import connection
from assay.errors import UsageError
from assay.forge.proposals import Proposals
from assay.release import tagging
from assay.report import retrain as report
from assay.retrain import branch as branches
from assay.retrain import marks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.context import Context
    from assay.forge.proposals import Proposal
    from assay.forge.transport import Api
    from assay.retrain.branch import Branch
    from assay.retrain.decision import Attempt


@dataclass(frozen=True)
class Desk:
    """Where pull requests are looked at and written."""

    context: Context
    api: Api
    repository: str
    proposals: Proposals
    branch: Branch
    listed: tuple[Proposal, ...]
    """All that were ever opened from the branch."""

    @property
    def history(self) -> tuple[Attempt, ...]:
        """Those that are ours."""
        return tuple(one for one in map(marks.attempt, self.listed) if one is not None)

    @property
    def current(self) -> Attempt | None:
        """The open one, into the default branch."""
        into = self.branch.found.default
        numbers = {one.number for one in self.listed if one.base == into}
        return next(
            (one for one in self.history if one.state == "open" and one.number in numbers), None
        )

    def remember(self, attempt: Attempt, **facts: object) -> None:
        """Note something in the body of a pull request."""
        body = next(one.body for one in self.listed if one.number == attempt.number)
        new = attempt.model_copy(update=facts)
        self.proposals.change(attempt.number, body=marks.changed(body, new))

    def say(self, attempt: Attempt, why: str, hint: str) -> None:
        """Comment on a pull request."""
        self.proposals.say(attempt.number, report.said(why, hint, self.context.ci.run_url))


@contextmanager
def opened(context: Context) -> Iterator[Desk]:
    """The pull requests and the branch, as they are now.

    Raises:
        UsageError: There is no token, or the branch is none to push to.
        OutsideError: GitHub or origin cannot be reached, or refuse.
    """
    forge, repository = tagging.forge_of(context)
    if forge is None:
        raise UsageError(
            "The pull requests of this repository cannot be asked for: there is no token "
            "(GITHUB_TOKEN), or origin is somewhere else.",
            hint="Set GITHUB_TOKEN, or pass `github-token` to the action.",
        )
    name, token = context.config.retrain.branch, connection.token(context.environ)
    with (
        forge.api("the retraining") as api,
        branches.looked_at(context, name, token=token) as branch,
    ):
        found = Proposals(api, repository, sleep=time.sleep)
        yield Desk(context, api, repository, found, branch, found.listed(name))

"""The end of every rollout, on the way forward and back: one version for all requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.errors import AssayError
from assay.rollout.history import last_good
from assay.rollout.targets.base import FencedError, Routing, UnreachableError

if TYPE_CHECKING:
    from assay.rollout.conduct import Conduct
    from assay.rollout.targets.base import State, VersionId


def now(goal: VersionId | None) -> str:
    """Who answers, in a sentence."""
    return f"{goal} answers all requests." if goal else "no version was stable, so none answers."


def instead(goal: VersionId, stable: VersionId | None, problem: AssayError) -> str:
    """Why a rollback did not get where it was to go, and who answers; below it the end of a log."""
    first, _, rest = problem.message.partition("\n")
    told = f"{goal} could not be gone back to, so {now(stable)} {first}"
    return f"{told}\n{rest}" if rest else told


def arrive(conduct: Conduct, goal: VersionId, state: State) -> AssayError | None:
    """Go where a rollback goes; where that version does not come up, users stay with stable.

    A rollback that was left at such a version would be tried again by whatever comes next.

    Returns:
        Why `goal` could not be gone to; `stable` answers all requests then.

    Raises:
        AssayError: Neither can be said of all requests, or not all else could be done.
    """
    try:
        settle(conduct, goal, state)
    except (FencedError, UnreachableError):
        raise
    except AssayError as error:
        if goal.same(state.stable) or answers_all(conduct.state(), goal):
            raise
        settle(conduct, state.stable, state)
        return error
    return None


def settle(conduct: Conduct, goal: VersionId | None, state: State) -> None:
    """One version for all requests, and no other one running. Any state leads there, also twice.

    Traffic comes first: that is what users wait for.
    """
    target = conduct.target
    if goal is not None:
        running = any(goal.same(one) for one in state.running)
        if not running:
            conduct.ask(lambda: target.start(goal))
        conduct.ask(lambda: target.route(Routing(stable=goal)))
        if running:
            conduct.ask(lambda: target.start(goal))
        if not goal.same(state.stable):  # a rollback, whose `begin` says already where it goes
            conduct.promoted(goal, last_good(conduct.events(), goal, state.placed))
    for one in conduct.state().running:
        if not one.same(goal):
            conduct.ask(lambda one=one: target.stop(one))  # type: ignore[misc]


def answers_all(state: State, version: VersionId) -> bool:
    """Whether all requests go to one version."""
    routing = state.routing
    return routing is not None and routing.candidate is None and routing.stable.same(version)

"""What the journal tells of rollouts: what they meant to do, and where a rollback goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from assay.errors import UsageError
from assay.rollout import journal
from assay.rollout.targets.base import MissingVersionError, VersionId

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from assay.rollout.journal import Event
    from assay.rollout.targets.base import State


def promotions(events: Iterable[Event]) -> list[VersionId]:
    """The versions that are below each other, the stable one last.

    Going back to one takes those above it away: a second rollback goes further back, and never
    forward again to what was bad.
    """
    found: list[VersionId] = []
    for event in events:
        promoted = event.kind == "done" and event.facts.get("step") == "promote"
        if promoted and (version := _version(event)) is not None:
            places = [index for index, one in enumerate(found) if one.same(version)]
            del found[places[0] if places else len(found) :]
            found.append(version)
    return found


def last_good(
    events: Iterable[Event], goal: VersionId, placed: Sequence[VersionId]
) -> VersionId | None:
    """The version below `goal` whose bundle is still on the target."""
    below: list[VersionId] = []
    for one in promotions(events):
        if one.same(goal):
            break
        below.append(one)
    else:
        return None  # it was never stable: nothing is known to be before it
    there = [one for one in below if any(one.same(other) for other in placed)]
    return there[-1] if there else None


def previous(state: State, version: VersionId) -> VersionId | None:
    """What a rollback goes to once `version` is stable: what is stable now."""
    return state.last_good if version.same(state.stable) else state.stable


def begun(events: Sequence[Event], rollout: str) -> tuple[str, VersionId | None]:
    """What a rollout meant to do: `rollback` or else, and with which version where it says so.

    Another program may write the journal of a target.
    """
    first = next(one for one in journal.of(events, rollout) if one.kind == "begin")
    return str(first.facts.get("verb", "deploy")), _version(first)


def _version(event: Event) -> VersionId | None:
    try:
        return VersionId.model_validate(event.facts.get("version"))
    except ValidationError:
        return None


def goal_of(state: State, to: str | None, events: Sequence[Event]) -> VersionId:
    """Where a rollback goes; see `machine.rollback`.

    Raises:
        MissingVersionError: `to` is not on the target.
        UsageError: There is no version to go back to.
    """
    if to is not None:
        return _placed(state, to)
    if (rollout := journal.unfinished(events)) is not None:
        verb, version = begun(events, rollout)
        goal = version if verb == "rollback" else state.stable
        if goal is not None:
            return goal
    if state.last_good is None:
        now = "nothing is deployed"
        if state.stable is not None:
            now = f"none before {state.stable} is known to be good"
        there = ", ".join(one.version for one in state.placed if not one.same(state.stable))
        raise UsageError(
            f"There is no version to go back to: {now}.",
            hint=f"Name one that is on the target with `--to` (there: {there or 'none'}), or "
            "deploy one with `assay deploy`.",
        )
    return state.last_good


def _placed(state: State, to: str) -> VersionId:
    wanted = to.rpartition("@")[2]
    for one in state.placed:
        if wanted in {one.version, one.version.removeprefix("v")}:
            return one
        if len(wanted) >= 7 and one.digest.startswith(wanted):
            return one
    there = ", ".join(f"{one.version}" for one in state.placed) or "none"
    raise MissingVersionError(
        f"{to} is not on the target; there are: {there}.",
        hint="`assay deploy` brings it there again, step by step; `keep` says how many stay.",
    )

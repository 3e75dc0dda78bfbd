"""Which version a rollback goes to, by the journal's promotions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.rollout.targets.base import VersionId

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
        if event.kind == "done" and event.facts.get("step") == "promote":
            version = VersionId.model_validate(event.facts["version"])
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

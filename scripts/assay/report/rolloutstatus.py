"""What an environment is like now, for a terminal. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from assay.report import escape
from assay.report.wording import size
from assay.rollout import journal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.rollout.journal import Event
    from assay.rollout.targets.base import Observation, Routing, Seen, State, VersionId

RECENT = 8
"""Events that are shown; the journal has all."""


def text(state: State, seen: Observation, events: Sequence[Event], *, environment: str) -> str:
    """Who answers, who runs, and what happened last."""
    lines = [*_state(state, environment), *(_seen(one) for one in seen.seen)]
    # That a step is done, the next one says.
    told = [one for one in events if one.kind != "done"]
    if told:
        lines += ["", "last events (UTC)", *(_event(one) for one in told[-RECENT:])]
    if journal.unfinished(events) is not None:
        lines += ["", "A rollout is under way, or was left unfinished. Where nobody is at it,"]
        lines += [f"`assay rollout resume --env {environment}` ends it."]
    return "\n".join(escape.text(line) for whole in lines for line in whole.split("\n"))


def _state(state: State, environment: str) -> Iterator[str]:
    yield f"stable       {_named(state.stable)}"
    yield f"rolls back   {_back(state, environment)}"
    yield f"traffic      {_traffic(state.routing)}"
    if state.placed:
        yield f"on target    {', '.join(one.version for one in state.placed)}"
    if state.owner is not None:
        yield f"held by      {state.owner}"


def _back(state: State, environment: str) -> str:
    if state.last_good is not None:
        return f"to {_named(state.last_good)}"
    others = [one for one in state.placed if not one.same(state.stable)]
    if not others:
        return "to nothing: no other version is there"
    by_name = f"`assay rollback --env {environment} --to {others[0].version}`"
    return f"only to a version that is named, as {by_name}"


def _named(version: VersionId | None) -> str:
    return "nothing" if version is None else f"{version} ({version.digest[:12]})"


def _traffic(routing: Routing | None) -> str:
    if routing is None:
        return "none"
    if routing.candidate is None:
        return f"100 % {routing.stable.version}"
    if routing.shadow:
        return f"100 % {routing.stable.version}, copies to {routing.candidate.version}"
    rest = 100 - routing.percent
    return f"{rest} % {routing.stable.version}, {routing.percent} % {routing.candidate.version}"


def _seen(one: Seen) -> str:
    start = f"process      {one.version.version:<12} "
    if one.snapshot is None:
        return f"{start}{'gives no answer' if one.alive else 'is dead'}: {one.problem}"
    found = one.snapshot
    failed = sum(found.errors.values())
    restarts = f", restarted {one.restarts} times" if one.restarts else ""
    return (
        f"{start}{found.requests:,} requests, {failed:,} failed, {size(found.memory)} of memory"
        f"{restarts}"
    )


def _event(event: Event) -> str:
    when = datetime.fromtimestamp(event.time, UTC)
    return f"{when:%Y-%m-%d %H:%M:%S}  {event.what}"

"""What an environment is like now, for a terminal. Pure."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from assay.errors import UsageError
from assay.report import escape
from assay.report.rollout import wrapped
from assay.report.wording import size
from assay.rollout import history, journal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.rollout.journal import Event
    from assay.rollout.targets.base import Observation, Routing, Seen, State, VersionId

_NAMES = 13
"""Columns of the names of facts."""
RECENT = 8
"""Events that are shown; the journal has all."""


def text(
    state: State,
    seen: Observation,
    events: Sequence[Event],
    *,
    environment: str,
    width: int = 100,
) -> str:
    """Who answers, who runs, and what happened last.

    Args:
        state: What the target is like.
        seen: How its servers do.
        events: Its journal.
        environment: The name.
        width: Columns of the terminal.
    """
    facts = [*_state(state, events, environment), *(_seen(one) for one in seen.seen)]
    lines = [line for one in facts for line in _fact(one, width)]
    # That a step is done, the next one says.
    told = [one for one in events if one.kind != "done"]
    if told:
        lines += ["", "last events (UTC)"]
        lines += [line for one in told[-RECENT:] for line in _event(one, width)]
    if journal.unfinished(events) is not None:
        lines += ["", "A rollout is under way, or was left unfinished. Where nobody is at it,"]
        lines += [f"`assay rollout resume --env {environment}` ends it."]
    return "\n".join(lines)


def _fact(line: str, width: int) -> Iterator[str]:
    """A line of a name and what it is; below it the end of a log, as it was written."""
    first, *log = line.split("\n")
    yield from wrapped(first[_NAMES:], width, first[:_NAMES])
    yield from map(escape.text, log)


def _state(state: State, events: Sequence[Event], environment: str) -> Iterator[str]:
    yield f"stable       {_named(state.stable)}"
    yield f"rolls back   {_back(state, events, environment)}"
    yield f"traffic      {_traffic(state.routing)}"
    if state.placed:
        yield f"on target    {', '.join(one.version for one in state.placed)}"
    if state.owner is not None:
        yield f"held by      {state.owner}"


def _back(state: State, events: Sequence[Event], environment: str) -> str:
    with contextlib.suppress(UsageError):
        return f"to {_named(history.goal_of(state, None, events))}"
    others = [one for one in state.placed if not one.same(state.stable)]
    if not others:
        return "to nothing: no other version is there"
    # What was rolled back is not among them: nobody is led to a bad version.
    good = [one for one in history.promotions(events) if any(one.same(two) for two in others)]
    if good:
        return f"only by name: `assay rollback --env {environment} --to {good[-1].version}`"
    return "to nothing: no other is known to be good (--to VERSION takes any)"


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
    memory = f", {size(found.memory)} of memory" if found.memory else ""
    return f"{start}{found.requests:,} requests, {failed:,} failed{memory}{restarts}"


def _event(event: Event, width: int) -> Iterator[str]:
    when = datetime.fromtimestamp(event.time, UTC)
    first, *log = event.what.split("\n")
    yield from wrapped(first, width, f"{when:%Y-%m-%d %H:%M:%S}  ")
    yield from map(escape.text, log)

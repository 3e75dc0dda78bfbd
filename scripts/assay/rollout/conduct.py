"""What every step of a rollout has in hand: the target, a clock, the journal, somebody to tell."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from assay.errors import AssayError
from assay.rollout.journal import Event, Kind
from assay.rollout.targets.base import FencedError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.rollout.targets.base import State, Target, VersionId

TTL = 30.0
"""Seconds of a lease. A rollout asks its target every second; one that is silent for so long is
dead, and whoever watches the target goes back."""
_AGAIN = (0.5, 1.0, 2.0, 4.0)
"""Seconds before a target that gave no answer is asked once more; together well below `TTL`."""

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Clock:
    """Time, for tests to hold still."""

    now: Callable[[], float] = time.time
    """Seconds since 1970, for people."""
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def new_id() -> str:
    """The id of a new rollout."""
    return uuid.uuid4().hex[:12]


def _nobody(_: Event) -> None:
    """Tells nobody."""


@dataclass(frozen=True)
class Conduct:
    """One rollout, rollback or resumption."""

    target: Target
    owner: str
    """Who holds the lease, for people too: `deploy of bike@v1.2.0 by ann, run 17`."""
    rollout: str = field(default_factory=new_id)
    clock: Clock = field(default_factory=Clock)
    tell: Callable[[Event], None] = _nobody
    """Is given every event when it happens."""

    def say(self, kind: Kind, what: str, **facts: Any) -> None:
        """Write an event into the journal, and tell it."""
        event = Event(
            kind=kind, rollout=self.rollout, time=self.clock.now(), what=what, facts=facts
        )
        self.ask(lambda: self.target.append(event))
        self.tell(event)

    def try_to_say(self, kind: Kind, what: str, **facts: Any) -> None:
        """The same on the way back, which no journal may stop: its disk may be full.

        Raises:
            FencedError: It is not our way any more.
        """
        try:
            self.say(kind, what, **facts)
        except FencedError:
            raise
        except AssayError as error:
            self.note(f"{what} The journal could not be written: {error.message}")

    def note(self, what: str) -> None:
        """Tell something that is not for the journal."""
        self.tell(Event(kind="note", rollout=self.rollout, time=self.clock.now(), what=what))

    def do(self, step: str, what: str, action: Callable[[], None], **facts: Any) -> None:
        """One step: its intent, itself, and that it is done."""
        self.say("intent", what, step=step, **facts)
        self.ask(action)
        self.say("done", what, step=step, **facts)

    def ask(self, action: Callable[[], Answer]) -> Answer:
        """Ask the target, a few times where it gives no answer.

        Raises:
            UnreachableError: It never did.
        """
        for pause in _AGAIN:
            try:
                return action()
            except UnreachableError:
                self.clock.sleep(pause)
        return action()

    def state(self) -> State:
        """What the target is like."""
        return self.ask(self.target.state)

    def events(self) -> list[Event]:
        """The target's journal."""
        return self.ask(self.target.events)

    def promoted(self, version: VersionId, last_good: VersionId | None) -> None:
        """Move the pointer: the one moment after which the new version is the stable one."""
        self.do(
            "promote",
            f"{version} is the stable version now.",
            lambda: self.target.promote(version, last_good),
            version=version.model_dump(),
        )

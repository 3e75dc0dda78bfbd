"""What a rollout needs of the place where versions run; docs/targets.md says it for people.

Every method may be called again with the same arguments after it failed, or after its answer was
lost: the second call changes nothing more. The machine knows no state of its own; it asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from pydantic import Field

from assay.errors import OutsideError, UsageError
from assay.rollout.snapshot import Snapshot
from assay.section import Fact

if TYPE_CHECKING:
    from pathlib import Path

    from assay.rollout.journal import Event


class TargetError(OutsideError):
    """A target did not do what it was asked to."""


class UnreachableError(TargetError):
    """A target gave no answer at all: asking again may help."""


class StartError(TargetError):
    """A version does not get up; the message has the end of its log."""


class PlaceError(TargetError):
    """A bundle did not arrive as it was sent, or is not signed by whom the target trusts."""


class MissingVersionError(UsageError):
    """A version is not on the target."""


class BusyError(OutsideError):
    """Somebody else's rollout holds the target; the message says whose."""


class FencedError(OutsideError):
    """Somebody took this rollout's lease: it may change nothing any more."""


class VersionId(Fact):
    """A version of a model; on a target, two with one digest are the same."""

    name: str
    version: str
    """`v1.2.3`."""
    digest: str
    """Of the bundle: SHA-256 in hex."""

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"

    def same(self, other: VersionId | None) -> bool:
        """Whether both are one bundle."""
        return other is not None and other.digest == self.digest


class Routing(Fact):
    """Who answers users."""

    stable: VersionId
    candidate: VersionId | None = None
    percent: int = Field(default=0, ge=0, le=100)
    """Of the requests that `candidate` answers; `stable` answers the others, and those that the
    candidate fails to answer."""
    shadow: bool = False
    """Whether `candidate` is sent copies of stable's requests, whose answers nobody sees."""


class State(Fact):
    """What a target is like now."""

    stable: VersionId | None = None
    """The version that was promoted last; `None` before the first deployment."""
    last_good: VersionId | None = None
    """The version that a rollback goes to, as `promote` said it."""
    routing: Routing | None = None
    running: tuple[VersionId, ...] = ()
    placed: tuple[VersionId, ...] = ()
    """Versions whose bundle is on the target; the one that was placed last comes first."""
    owner: str | None = None
    """Who holds the lease."""
    rollout: str | None = None
    """The rollout that began and has no end (`journal.unfinished`)."""


class Seen(Fact):
    """How a version that should run was found."""

    version: VersionId
    alive: bool = True
    """Whether its process runs."""
    restarts: int = 0
    """How often it was started again since `start`."""
    snapshot: Snapshot | None = None
    problem: str = ""
    """Where there is no snapshot: why, with the end of its log where it died."""


class Observation(Fact):
    """How all running versions were found at about one moment."""

    seen: tuple[Seen, ...] = ()

    def of(self, version: VersionId) -> Seen | None:
        """How a version was found; `None` where the target knows of no such process."""
        return next((one for one in self.seen if one.version.same(version)), None)


@runtime_checkable
class Target(Protocol):
    """The place. Any method may raise `UnreachableError`, and after `acquire` `FencedError`."""

    def acquire(self, owner: str, ttl: float, *, force: bool = False) -> None:
        """Take the lease for `ttl` seconds; every later call by this object renews it.

        The lease does not run out while a call is under way. With `force` it is taken from whoever
        has it, who is then refused with `FencedError`. Who has it already keeps it.

        Raises:
            BusyError: Somebody else has it.
        """

    def release(self, owner: str) -> None:
        """Give the lease back; nothing where it is somebody else's."""

    def state(self) -> State:
        """What the target is like. Needs no lease."""

    def manifest(self, version: VersionId) -> str | None:
        """`manifest.json` of a bundle; `None` where it is not on the target. Needs no lease."""

    def place(self, bundle: Path, version: VersionId) -> None:
        """Bring a bundle onto the target, whole and verified there; nothing where it is already.

        Raises:
            PlaceError: It did not arrive whole, or is not signed by whom the target trusts.
        """

    def start(self, version: VersionId) -> None:
        """Start a version and wait until it is ready; it gets no traffic. Nothing where it is up.

        Raises:
            StartError: It does not get ready.
            MissingVersionError: Its bundle is not on the target.
        """

    def route(self, routing: Routing) -> None:
        """Move all traffic to be as `routing` says, at once and without a failed request."""

    def observe(self) -> Observation:
        """How the running versions do. Needs no lease."""

    def stop(self, version: VersionId) -> None:
        """Let a version finish its requests and end it; nothing where it does not run."""

    def promote(self, version: VersionId, last_good: VersionId | None) -> None:
        """Write down that `version` is stable, and which version a rollback goes to."""

    def append(self, event: Event) -> None:
        """Add to the journal; on disk when it returns."""

    def events(self) -> list[Event]:
        """The journal, oldest first. Needs no lease."""

"""A target that is a few numbers: versions answer as told, by a clock that nobody waits for."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from assay.rollout import journal
from assay.rollout.conduct import Clock, Conduct
from assay.rollout.latency import BINS as LATENCY_BINS
from assay.rollout.snapshot import Counted, Shadowed, Snapshot
from assay.rollout.targets.base import (
    BusyError,
    FencedError,
    MissingVersionError,
    Observation,
    PlaceError,
    Routing,
    Seen,
    StartError,
    State,
    TargetError,
    UnreachableError,
    VersionId,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from assay.rollout.journal import Event

V1, V2, V3 = (VersionId(name="bike", version=f"v{n}.0.0", digest=f"{n}" * 64) for n in (1, 2, 3))


class Killed(BaseException):
    """SIGKILL: nothing of ours runs after it."""


@dataclass
class Time:
    """Seconds that pass when somebody sleeps."""

    seconds: float = 1000.0
    events: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    """What happens at some time."""

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        due = [event for event in self.events if event[0] <= self.seconds]
        self.events = [event for event in self.events if event[0] > self.seconds]
        for _, action in due:
            action()

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.seconds, lambda: self.seconds, self.sleep)


@dataclass
class Behaviour:
    """How a version answers."""

    errors: float = 0.0
    """Share of requests."""
    latency: float = 0.02
    bins: tuple[int, ...] = (1, 1, 1, 1)
    """How predictions are spread."""
    starts: bool = True
    silent: bool = False
    """Whether it gives no counters."""
    not_finite: int = 0
    agreement: float = 1.0


@dataclass
class Process:
    version: VersionId
    number: int
    alive: bool = True
    restarts: int = 0
    requests: int = 0
    errors: float = 0.0
    latency: list[int] = field(default_factory=lambda: [0] * LATENCY_BINS)
    labels: list[float] = field(default_factory=lambda: [0.0] * 4)
    copied: int = 0
    agreed: float = 0.0


@dataclass
class World:
    """What is true of the place, whoever asks."""

    time: Time = field(default_factory=Time)
    rate: float = 1000.0
    """Requests a second."""
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    stable: VersionId | None = None
    last_good: VersionId | None = None
    routing: Routing | None = None
    placed: list[VersionId] = field(default_factory=list)
    manifests: dict[str, str] = field(default_factory=dict)
    processes: dict[str, Process] = field(default_factory=dict)
    journal: list[Event] = field(default_factory=list)
    owner: str | None = None
    expires: float = 0.0
    since: float = 1000.0
    started: int = 0
    calls: list[str] = field(default_factory=list)
    """Every call that came in, by whom."""
    lost: int = 0
    """Requests that nobody answered."""
    routed: list[tuple[float, Routing]] = field(default_factory=list)

    def of(self, version: VersionId) -> Behaviour:
        return self.behaviours.setdefault(version.digest, Behaviour())

    def pass_time(self) -> None:
        """Give the running versions the requests that came meanwhile."""
        count = round((self.time.seconds - self.since) * self.rate)
        self.since = self.time.seconds
        routing = self.routing
        if routing is None or not count:
            return
        mine = count * routing.percent // 100 if routing.candidate else 0
        if routing.candidate is not None and not self._gives(routing.candidate, mine):
            mine = 0  # the front asks stable instead
        if not self._gives(routing.stable, count - mine):
            self.lost += count - mine
        if routing.shadow and routing.candidate is not None:
            self._gives(routing.candidate, count)
            stable = self.processes[routing.stable.digest]
            stable.copied += count
            stable.agreed += count * self.of(routing.candidate).agreement

    def _gives(self, version: VersionId, count: int) -> bool:
        process = self.processes.get(version.digest)
        if process is None or not process.alive:
            return False
        how = self.of(version)
        process.requests += count
        process.errors += count * how.errors
        process.latency[math.floor(8 * math.log2(how.latency * 1e6))] += count
        for index, share in enumerate(how.bins):
            process.labels[index] += count * share / sum(how.bins)
        return True

    def die(self, version: VersionId, *, again: bool = False) -> None:
        """A process crashes; a supervisor may start it again."""
        self.pass_time()
        process = self.processes[version.digest]
        if again:
            self.started += 1
            self.processes[version.digest] = Process(
                version, self.started, restarts=process.restarts + 1
            )
        else:
            process.alive = False

    def snapshot(self, process: Process) -> Snapshot:
        broken = self.of(process.version).not_finite if process.requests else 0
        errors = {"internal": int(process.errors), "not_finite": broken}
        copied = Shadowed(rows=process.copied, agreed=int(process.agreed))
        labels = Counted(values=("a", "b", "c"), counts=tuple(map(int, process.labels)))
        return Snapshot(
            process=f"p{process.number}",
            version=process.version.version,
            digest=process.version.digest,
            requests=process.requests,
            errors={kind: count for kind, count in errors.items() if count},
            latency=tuple(process.latency),
            predictions={"label": labels},
            shadow=copied if process.copied else None,
        )


@dataclass
class SimTarget:
    """A `Target` on a `World`, which may be killed or cut off at any call."""

    world: World
    owner: str | None = None
    kill_at: int | None = None
    """Which of its calls is the last one; negative ones kill before their effect."""
    interrupt_at: int | None = None
    unreachable: Callable[[int, str], bool] = lambda number, name: False
    """Whether a call gets no answer, by its number and name; its effect happens all the same."""
    full: bool = False
    """Whether the disk is."""
    made: int = 0

    def _call(self, name: str, effect: Callable[[], Any], *, lease: bool = True) -> Any:
        self.made += 1
        number = self.made
        world = self.world
        world.calls.append(name)
        if self.kill_at is not None and number > abs(self.kill_at):
            raise Killed
        if self.kill_at == -number:
            raise Killed
        world.pass_time()
        if lease:
            self._hold()
        found = effect()
        if self.kill_at == number:
            raise Killed
        if self.interrupt_at == number:
            raise KeyboardInterrupt
        if self.unreachable(number, name):
            raise UnreachableError("The target gives no answer.")
        return found

    def _hold(self) -> None:
        world = self.world
        if self.owner is None or world.owner != self.owner:
            raise FencedError(f"{world.owner} holds the lease.")
        world.expires = world.time.seconds + 30.0

    def _write(self) -> None:
        if self.full:
            raise TargetError("No space left on device.")

    def acquire(self, owner: str, ttl: float, *, force: bool = False) -> None:
        def effect() -> None:
            world = self.world
            held = world.owner not in {None, owner} and world.expires > world.time.seconds
            if held and not force:
                raise BusyError(f"{world.owner} holds the lease.")
            self.owner = world.owner = owner
            world.expires = world.time.seconds + ttl

        self._call("acquire", effect, lease=False)

    def release(self, owner: str) -> None:
        def effect() -> None:
            if self.world.owner == owner:
                self.world.owner = None

        self._call("release", effect, lease=False)

    def state(self) -> State:
        world = self.world
        return self._call(  # type: ignore[no-any-return]
            "state",
            lambda: State(
                stable=world.stable,
                last_good=world.last_good,
                routing=world.routing,
                running=tuple(one.version for one in world.processes.values()),
                placed=tuple(reversed(world.placed)),
                owner=world.owner,
                rollout=journal.unfinished(world.journal),
            ),
            lease=False,
        )

    def manifest(self, version: VersionId) -> str | None:
        found = self._call(
            "manifest", lambda: self.world.manifests.get(version.digest), lease=False
        )
        return None if found is None else str(found)

    def place(self, bundle: Path, version: VersionId) -> None:
        def effect() -> None:
            self._write()
            if bundle.name == "damaged":
                raise PlaceError("The bundle did not arrive whole.")
            if (manifest := bundle / "manifest.json").is_file():
                self.world.manifests[version.digest] = manifest.read_text()
            if version not in self.world.placed:
                self.world.placed.append(version)

        self._call("place", effect)

    def start(self, version: VersionId) -> None:
        def effect() -> None:
            world = self.world
            if version not in world.placed:
                raise MissingVersionError(f"{version} is not on the target.")
            if not world.of(version).starts:
                raise StartError(f"{version} does not start: out of cheese.")
            process = world.processes.get(version.digest)
            if process is None or not process.alive:
                world.started += 1
                world.processes[version.digest] = Process(version, world.started)

        self._call("start", effect)

    def route(self, routing: Routing) -> None:
        def effect() -> None:
            self.world.routing = routing
            self.world.routed.append((self.world.time.seconds, routing))

        self._call("route", effect)

    def observe(self) -> Observation:
        def effect() -> Observation:
            world, seen = self.world, []
            for process in world.processes.values():
                silent = world.of(process.version).silent or not process.alive
                seen.append(
                    Seen(
                        version=process.version,
                        alive=process.alive,
                        restarts=process.restarts,
                        snapshot=None if silent else world.snapshot(process),
                        problem="" if process.alive else "killed by SIGSEGV",
                    )
                )
            return Observation(seen=tuple(seen))

        return self._call("observe", effect, lease=False)  # type: ignore[no-any-return]

    def stop(self, version: VersionId) -> None:
        self._call("stop", lambda: self.world.processes.pop(version.digest, None))

    def promote(self, version: VersionId, last_good: VersionId | None) -> None:
        def effect() -> None:
            self._write()
            self.world.stable, self.world.last_good = version, last_good

        self._call("promote", effect)

    def append(self, event: Event) -> None:
        def effect() -> None:
            self._write()
            if self.world.journal[-1:] != [event]:
                self.world.journal.append(event)

        self._call("append", effect)

    def events(self) -> list[Event]:
        return self._call("events", lambda: list(self.world.journal), lease=False)  # type: ignore[no-any-return]


def conduct(world: World, owner: str = "ann", **target: Any) -> Conduct:
    """Somebody who works on a world."""
    ids = f"{owner}-{len(world.journal)}"
    told: list[Event] = []
    return Conduct(SimTarget(world, **target), owner, ids, world.time.clock, told.append)


def world_with(*versions: VersionId, rate: float = 1000.0) -> World:
    """A world in which these were deployed one after the other; the last one is stable."""
    world = World(rate=rate)
    for version in versions:
        world.placed.append(version)
        world.last_good, world.stable = world.stable, version
        event = journal.Event(
            kind="done",
            rollout=f"old-{version.version}",
            time=0.0,
            facts={"step": "promote", "version": version.model_dump()},
        )
        world.journal.append(event)
    if world.stable is not None:
        world.routing = Routing(stable=world.stable)
        world.started += 1
        world.processes[world.stable.digest] = Process(world.stable, 1)
    return world

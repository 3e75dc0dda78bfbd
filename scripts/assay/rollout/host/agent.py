"""What a host does when a rollout asks: the methods of `targets.base.Target`, on this machine.

Each change is made by one at a time (`guard.py`), looks at what is there, and may be
repeated: whoever lost an answer asks again.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from assay.errors import UsageError
from assay.rollout import history, journal
from assay.rollout.host import bundles, layout, lease, owned, room, routes, servers
from assay.rollout.host.files import unreadable, write_whole
from assay.rollout.host.guard import Guard
from assay.rollout.host.layout import Layout
from assay.rollout.host.nginx import NAME, Nginx
from assay.rollout.targets.base import (
    Observation,
    StartError,
    State,
    TargetError,
    VersionId,
)
from assay.section import Fact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.rollout.host.bundles import Receive
    from assay.rollout.host.processes import Processes
    from assay.rollout.host.settings import HostSettings
    from assay.rollout.journal import Event
    from assay.rollout.targets.base import Routing

READY = 5.0
"""Seconds to wait for stable where it does not answer at the moment."""
SETTLED = 0.3
"""Seconds after a shift in which a request may still be on its way to where it was sent before."""


class Promoted(Fact):
    """`state.json`: what is to outlive rollouts."""

    stable: VersionId | None = None
    last_good: VersionId | None = None


@dataclass
class Agent:
    """One folder on this machine."""

    place: Layout
    settings: HostSettings | None = None
    """The owner's, where the caller brings them; else as they were the last time."""
    owner: str | None = None
    """As whom it acts."""
    receive: Receive = bundles.received
    processes: Processes | None = None
    clock: lease.Clock = field(default_factory=lease.Clock)
    settled: float = SETTLED

    def acquire(self, owner: str, ttl: float, *, force: bool = False) -> None:
        """See `Target.acquire`."""
        if not owner or ttl <= 0:
            raise UsageError("A lease needs an owner, and more than 0 seconds.")
        self.place.make()
        guard = self.guard()
        with guard.locked():
            guard.take(owner, ttl, force=force)
            self.owner = owner
            if self.settings is not None:
                owned.keep(self.place, self.settings)
            if owned.decide(self.place, self._known().keeper):
                self.processes = None
            room.keep(self.place)
        self._processes().up()

    def release(self, owner: str) -> None:
        """See `Target.release`."""
        if self.place.folder.exists():
            self.guard().give_back(owner)
        self.owner = None

    def guard(self) -> Guard:
        """Of the folder, for the owner."""
        return Guard(self.place, self.owner, self.clock)

    def _changing(self) -> contextlib.AbstractContextManager[None]:
        self.place.make()
        return self.guard().changing()

    def _check(self) -> None:
        with self._changing():
            pass

    def state(self) -> State:
        """See `Target.state`."""
        if not self.place.folder.exists():
            return State()
        promoted = self._promoted()
        held = lease.read(self.place.lease)
        placed = tuple(one.id for one in bundles.placed(self.place))
        return State(
            stable=promoted.stable,
            last_good=promoted.last_good,
            routing=routes.read(self.place),
            running=tuple(self._running()),
            placed=placed,
            owner=held.owner if held is not None and not held.expired(self.clock) else None,
            rollout=journal.unfinished(self.events()),
        )

    def _promoted(self) -> Promoted:
        try:
            return Promoted.model_validate_json(self.place.state.read_bytes())
        except FileNotFoundError:
            return Promoted()
        except ValidationError:
            raise unreadable(self.place.state) from None

    def _running(self) -> Iterator[VersionId]:
        """The versions that should run."""
        wanted = self._processes().wanted()
        for one in bundles.placed(self.place):
            if layout.process(one.id.digest) in wanted:
                yield one.id

    def observe(self) -> Observation:
        """See `Target.observe`; renews the lease of its owner, as all that it asks."""
        if not self.place.folder.exists():
            return Observation()
        processes = self._processes()
        if self.owner is not None:
            self.guard().renew()
            processes.look()
        return Observation(
            seen=tuple(servers.seen(self.place, processes, one) for one in self._running())
        )

    def events(self) -> list[Event]:
        """See `Target.events`."""
        return journal.read(self.place.journal)[0]

    def manifest(self, version: VersionId) -> str | None:
        """See `Target.manifest`."""
        return bundles.manifest(self.place, version)

    def place_bundle(self, bundle: Path, version: VersionId) -> None:
        """See `Target.place`."""
        self._check()
        trusted, checked = self._known().trusted, bundles.checked
        with (
            self.guard().kept(),
            checked(self.place, bundle, version, trusted, self.receive) as parts,
            self._changing(),
        ):
            bundles.take(self.place, parts, version)
            self._prune(version)

    def start(self, version: VersionId) -> None:
        """See `Target.start`."""
        self._check()
        processes, name = self._processes(), layout.process(version.digest)
        with self.guard().kept():
            if name not in processes.wanted():
                processes.gone(name)  # it may still be at its last requests
            with self._changing():
                up = servers.ready(self.place.folder / self.place.socket(version.digest))
                if up and name in processes.wanted():
                    return
                if NAME not in processes.wanted():  # the first version is promoted before its route
                    Nginx(self.place, processes).check(servers.fitted(self.place, self._known()))
                bins = self._promoted().stable
                spec = servers.spec(self.place, self._known(), version, bins)
                processes.want(name, spec)
            self._wait(version, name)

    def _wait(self, version: VersionId, name: str) -> None:
        """Wait until a version is ready. Others may act meanwhile: a rollback does not wait."""
        processes, timeout = self._processes(), self._known().start_timeout
        try:
            servers.wait(self.place, processes, version, timeout, self.guard().check)
        except StartError:
            with self._changing():
                if name not in routes.answers(routes.read(self.place)):
                    processes.unwant(name)
            processes.gone(name)
            raise

    def route(self, routing: Routing) -> None:
        """See `Target.route`."""
        with self._changing():
            self._check_routed(routing)
            before = routes.read(self.place)
            if before != routing:
                routes.switch(self.place, routing)
            self._apply(back=routing.candidate is None and before not in (None, routing))
            if routing.shadow:
                servers.shadow(self.place, routing.stable, routing.candidate)
            elif before is not None and before.shadow:
                # A server that does not listen any more sends nothing: going on matters more.
                with contextlib.suppress(TargetError):
                    servers.shadow(self.place, before.stable, None)

    def _apply(self, *, back: bool) -> None:
        """Have nginx work by the settings; on a way back, users' traffic has moved, and that is it.

        Raises:
            TargetError: nginx refuses them.
        """
        front = Nginx(self.place, self._processes())
        try:
            front.apply(servers.fitted(self.place, self._known()))
        except (TargetError, UsageError):
            if not back or not front.works():
                raise

    def _check_routed(self, routing: Routing) -> None:
        """Users are sent to nobody who is not there; one that was just started again is waited for.

        Raises:
            TargetError: A version does not run, or stable does not answer.
        """
        wanted = self._processes().wanted()
        for one in (routing.stable, routing.candidate):
            if one is not None and layout.process(one.digest) not in wanted:
                raise TargetError(
                    f"{one} does not run, so no request can be sent to it.",
                    hint="Start it first.",
                )
        # For a candidate that does not answer stable does; for stable nobody does.
        until = time.monotonic() + READY
        while not servers.ready(self.place.folder / self.place.socket(routing.stable.digest)):
            if time.monotonic() > until:
                raise TargetError(f"{routing.stable} does not answer, so users are not sent to it.")
            time.sleep(0.02)

    def stop(self, version: VersionId) -> None:
        """See `Target.stop`."""
        processes, name = self._processes(), layout.process(version.digest)
        with self.guard().kept():
            with self._changing():
                self._check_stopped(version)
                if name in processes.wanted():
                    self._settle()
                    processes.unwant(name)
            processes.gone(name)

    def _check_stopped(self, version: VersionId) -> None:
        routing = routes.read(self.place)
        if routing is None or layout.process(version.digest) not in self._processes().wanted():
            return
        if version.same(routing.stable) or (routing.percent and version.same(routing.candidate)):
            raise TargetError(
                f"{version} answers users, so it is not stopped.",
                hint="Route them elsewhere first.",
            )

    def _settle(self) -> None:
        """Wait for requests that were sent somewhere just before a shift."""
        with contextlib.suppress(FileNotFoundError):
            age = time.time() - self.place.current.lstat().st_mtime
            if 0 <= age < self.settled:
                time.sleep(self.settled - age)

    def promote(self, version: VersionId, last_good: VersionId | None) -> None:
        """See `Target.promote`."""
        with self._changing():
            found = Promoted(stable=version, last_good=last_good)
            write_whole(self.place.state, found.model_dump_json().encode() + b"\n")
            self._prune(version)

    def _prune(self, *more: VersionId) -> None:
        promoted, routing = self._promoted(), routes.read(self.place)
        used = [promoted.stable, promoted.last_good, *more, *self._running()]
        if routing is not None:
            used += [routing.stable, routing.candidate]
        needed = {one.digest for one in used if one is not None}
        good = {one.digest for one in history.promotions(self.events())}
        bundles.prune(self.place, self._known().keep, needed, good)

    def append(self, event: Event) -> None:
        """See `Target.append`."""
        with self._changing():
            journal.append(self.place.journal, event)

    def up(self) -> None:
        """Have all run again that should, as after a reboot."""
        with self.guard().locked():
            processes, routing = self._processes(), routes.read(self.place)
            processes.up()
            if routing is not None and NAME in processes.wanted():
                timeout = self._known().start_timeout
                servers.wait(self.place, processes, routing.stable, timeout, lambda: None)
                Nginx(self.place, processes).up()

    def down(self) -> None:
        """End everything until `up`.

        Raises:
            BusyError: A rollout is under way.
        """
        with self._changing():
            self._processes().down()

    def _processes(self) -> Processes:
        if self.processes is None:
            self.processes = owned.processes(self.place)
        return self.processes

    def _known(self) -> HostSettings:
        """The owner's settings."""
        if self.settings is None:
            self.settings = owned.settings(self.place)
        return self.settings


def local(folder: Path, settings: HostSettings | None = None, *, owner: str | None = None) -> Agent:
    """The agent of a folder of this machine."""
    found = folder.expanduser()
    path = Path(os.path.realpath(found))
    known = settings
    if settings is not None and os.sep not in settings.assay:
        known = settings.model_copy(update={"assay": owned.program(settings.assay)})
    return replace(Agent(Layout(path)), settings=known, owner=owner)

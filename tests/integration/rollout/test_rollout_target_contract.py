"""What every target must do, whatever it is: each test runs on all of them."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from assay.configrollout import CommandSpec, EnvironmentSpec, HostSpec
from assay.rollout import machine
from assay.rollout.conduct import Clock, Conduct
from assay.rollout.host.agent import local
from assay.rollout.host.settings import Trusted
from assay.rollout.journal import Event
from assay.rollout.plan import plan
from assay.rollout.targets import command
from assay.rollout.targets.base import (
    BusyError,
    FencedError,
    MissingVersionError,
    PlaceError,
    Routing,
    State,
    Target,
    VersionId,
)
from assay.rollout.targets.host import HostTarget, SshTarget
from assay.rollout.targets.sshsession import Session

from tests import rollout_hosts, serving_bundles
from tests.rollout_hosts import ASSAY, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.serving_bundles import Made

PROGRAM = (sys.executable, "-I", "-S", str(Path(__file__).parents[2] / "rollout_scripts.py"))
SCRIPTS = CommandSpec(
    kind="command",
    start=PROGRAM,
    weight=PROGRAM,
    status=PROGRAM,
    stop=PROGRAM,
    observe=PROGRAM,
    timeout=10,
)
KINDS = [
    "command",
    pytest.param("host", marks=pytest.mark.needs("nginx")),
    pytest.param("ssh", marks=[pytest.mark.needs("nginx"), pytest.mark.needs("sshd")]),
]


@dataclass
class Place:
    """A target that was used before, in order."""

    another: Callable[[], Target]
    """One more caller's way to it."""
    bundles: dict[VersionId, Path]
    at_first: tuple[State, list[Event]]
    """What it said before anything was deployed there."""

    @property
    def versions(self) -> list[VersionId]:
        return list(self.bundles)

    def acquired(self, owner: str = "ann") -> Target:
        target = self.another()
        target.acquire(owner, 60, force=True)
        return target

    def stable(self) -> Target:
        """With the first version for everybody, and nothing else running."""
        target, first = self.acquired(), self.versions[0]
        state = target.state()
        for version, bundle in self.bundles.items():
            if version not in state.placed:
                target.place(bundle, version)
        if first not in state.running:
            target.start(first)
        if state.routing != Routing(stable=first):
            target.route(Routing(stable=first))
        target.promote(first, None)
        for one in state.running:
            if one != first:
                target.stop(one)
        return target


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[VersionId, Made]:
    folder = tmp_path_factory.mktemp("bundles")
    found: dict[VersionId, Made] = {}
    for name in ("v1.0.0", "v2.0.0"):
        one = serving_bundles.made(folder / name, name)
        found[VersionId(name="peak-hour", version=name, digest=one.digest)] = one
    return found


@pytest.fixture(scope="module", params=KINDS)
def place(
    request: pytest.FixtureRequest,
    made: dict[VersionId, Made],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp(request.param)
    key = next(iter(made.values())).key.read_text()
    bundles = {version: one.folder for version, one in made.items()}
    with contextlib.ExitStack() as stack:
        another = WAYS[request.param](folder, key, stack)
        target = another()
        yield Place(another, bundles, (target.state(), target.events()))


def _command(folder: Path, _: str, stack: contextlib.ExitStack) -> Callable[[], Target]:
    def another() -> Target:
        target = command.made(SCRIPTS, folder, "production", {})
        stack.callback(target.close)
        return target

    return another


def _host(folder: Path, key: str, stack: contextlib.ExitStack) -> Callable[[], Target]:
    known = settings(trusted=Trusted(key=key))
    stack.callback(rollout_hosts.ended, folder / "place")

    def another() -> Target:
        agent = local(folder / "place", known)
        agent.settled = 0.05
        return HostTarget(agent)

    return another


def _ssh(folder: Path, key: str, stack: contextlib.ExitStack) -> Callable[[], Target]:
    server = stack.enter_context(rollout_hosts.sshd(folder))
    patch = stack.enter_context(pytest.MonkeyPatch.context())
    patch.setenv("ASSAY_SSH_CONFIG", str(server.config))
    known = settings(trusted=Trusted(key=key))
    stack.callback(rollout_hosts.ended, folder / "place")
    spec = HostSpec(folder=str(folder / "place"), ssh=server.user, port=server.port)
    session = Session(spec.ssh or "", spec.port, ASSAY)
    stack.callback(session.close)  # one connection for all: it is not what is looked at here

    def another() -> Target:
        return SshTarget(session, spec.folder, known)

    return another


WAYS = {"command": _command, "host": _host, "ssh": _ssh}


def test_it_is_a_target_and_empty_at_first(place: Place) -> None:
    assert isinstance(place.another(), Target)
    assert place.at_first == (State(), [])


def test_a_bundle_is_placed_once_and_verified(place: Place, tmp_path: Path) -> None:
    target, (first, _) = place.acquired(), place.versions
    bundle = place.bundles[first]
    target.place(bundle, first)
    target.place(bundle, first)
    assert [one for one in target.state().placed if one == first] == [first]
    other = first.model_copy(update={"digest": "f" * 64})
    with pytest.raises(PlaceError, match=r"peak-hour@v1\.0\.0"):
        target.place(bundle, other)
    assert other not in target.state().placed


def test_the_manifest_of_what_was_placed_is_known_to_everybody(place: Place) -> None:
    target, (first, _) = place.acquired(), place.versions
    target.place(place.bundles[first], first)
    expected = (place.bundles[first] / "manifest.json").read_text()
    assert place.another().manifest(first) == expected
    nowhere = VersionId(name="peak-hour", version="v9.0.0", digest="9" * 64)
    assert place.another().manifest(nowhere) is None


def test_a_version_that_is_not_there_is_not_started(place: Place) -> None:
    nowhere = VersionId(name="peak-hour", version="v9.0.0", digest="9" * 64)
    with pytest.raises(MissingVersionError, match=r"peak-hour@v9\.0\.0"):
        place.acquired().start(nowhere)


def test_a_started_version_runs_without_traffic(place: Place) -> None:
    target, (first, second) = place.stable(), place.versions
    target.start(second)
    target.start(second)
    state = target.state()
    assert set(state.running) == {first, second}
    assert state.routing == Routing(stable=first)
    seen = target.observe().of(second)
    assert seen is not None
    assert (seen.alive, seen.restarts) == (True, 0)
    assert seen.snapshot is not None
    assert (seen.snapshot.requests, seen.snapshot.digest) == (0, second.digest)
    again = target.observe().of(second)
    assert again is not None
    assert again.snapshot is not None
    assert again.snapshot.process == seen.snapshot.process


def test_traffic_is_as_it_was_routed_last(place: Place) -> None:
    target, (first, second) = place.stable(), place.versions
    target.start(second)
    for routing in (
        Routing(stable=first, candidate=second, percent=0, shadow=True),
        Routing(stable=first, candidate=second, percent=100),
        Routing(stable=first, candidate=second, percent=100),
        Routing(stable=first),
    ):
        target.route(routing)
        assert target.state().routing == routing


def test_a_stopped_version_is_gone(place: Place) -> None:
    target, (first, second) = place.stable(), place.versions
    target.start(second)
    target.stop(second)
    target.stop(second)
    assert target.state().running == (first,)
    assert target.observe().of(second) is None


def test_the_pointer_is_what_was_promoted(place: Place) -> None:
    target, (first, second) = place.stable(), place.versions
    target.start(second)
    target.route(Routing(stable=second))
    target.promote(second, first)
    target.promote(second, first)
    state = place.another().state()
    assert (state.stable, state.last_good) == (second, first)


def test_the_journal_is_kept_in_order_and_not_doubled(place: Place) -> None:
    target = place.acquired()
    before = target.events()
    began = Event(kind="begin", rollout="r-1", time=1.5, what="it begins: ü \u2028 \x1b", facts={})
    ended = Event(kind="end", rollout="r-1", time=2.5, facts={"a": [1, None, "x"]})
    target.append(began)
    target.append(began)
    assert target.state().rollout == "r-1"
    target.append(ended)
    assert place.another().events() == [*before, began, ended]
    assert target.state().rollout is None


def test_one_at_a_time(place: Place) -> None:
    ann, bob = place.acquired("ann"), place.another()
    with pytest.raises(BusyError, match="ann"):
        bob.acquire("bob", 60)
    ann.acquire("ann", 60)
    assert bob.state().owner == "ann"
    bob.release("bob")
    assert bob.state().owner == "ann"
    ann.release("ann")
    assert bob.state().owner is None
    bob.acquire("bob", 60)
    bob.release("bob")


def test_who_lost_its_lease_changes_nothing(place: Place) -> None:
    ann = place.stable()
    first, second = place.versions
    ann.start(second)
    bob = place.acquired("bob")
    before, events = bob.state(), bob.events()
    for change in (
        lambda: ann.place(place.bundles[second], second),
        lambda: ann.start(second),
        lambda: ann.route(Routing(stable=second)),
        lambda: ann.stop(second),
        lambda: ann.promote(second, first),
        lambda: ann.append(Event(kind="note", rollout="r", time=1.0)),
    ):
        with pytest.raises(FencedError):
            change()
    assert (bob.state(), bob.events()) == (before, events)
    assert ann.observe().of(first) is not None
    ann.release("ann")
    assert bob.state().owner == "bob"


def test_whole_rollouts(place: Place) -> None:
    """Forward, back, and forward again, with everything that the machine asks for."""
    target = place.stable()
    target.release("ann")
    first, second = place.versions
    steps = plan(
        EnvironmentSpec(
            target=SCRIPTS, steps=("shadow", 50, 100), interval=0.05, bake=0, analysis=False
        )
    )
    conduct = Conduct(target, "bob", clock=Clock(sleep=lambda _: None))
    outcome = machine.roll(conduct, place.bundles[second], second, steps)
    assert (outcome.ending, outcome.stable) == ("promoted", second)
    assert machine.rollback(Conduct(target, "eve")).stable == first
    state = target.state()
    assert (state.routing, state.running) == (Routing(stable=first), (first,))
    assert (state.owner, state.rollout) == (None, None)
    assert machine.resume(Conduct(target, "eve")).ending == "nothing to do"

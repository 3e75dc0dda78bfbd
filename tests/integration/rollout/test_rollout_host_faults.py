"""What goes wrong on a host, with the stable version answering users all the time."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from assay.rollout import journal
from assay.rollout.host import bundles, files, lease, proc, wanted
from assay.rollout.host.agent import local
from assay.rollout.host.files import StateError
from assay.rollout.host.lease import Clock
from assay.rollout.host.watchdog import OWNER, back
from assay.rollout.journal import Event
from assay.rollout.targets.base import (
    BusyError,
    FencedError,
    MissingVersionError,
    PlaceError,
    Routing,
    StartError,
    TargetError,
)

from tests import rollout_hosts
from tests.rollout_hosts import hosting, until, version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.rollout_hosts import Host

pytestmark = pytest.mark.needs("nginx")
STABLE = version("v1.0.0")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with hosting(tmp_path_factory.mktemp("faults") / "host", drain=0.3) as made:
        made.stable()
        yield made


@pytest.fixture
def host(shared: Host) -> Iterator[Host]:
    """Behind each test, stable must have gone on, as one process."""
    with rollout_hosts.going_on(shared, STABLE):
        yield shared


# --- a candidate --------------------------------------------------------------------------------


def test_crash_at_the_start(host: Host) -> None:
    one = host.placed("v2.0.0+crash")

    with pytest.raises(StartError) as caught:
        host.target.start(one)

    assert caught.value.exit_code == 3
    assert "bikes@v2.0.0+crash does not get up: it ended with exit code 7" in caught.value.message
    assert "the model cannot be loaded" in caught.value.message
    assert host.target.state().running == (STABLE,)


def test_never_ready(host: Host) -> None:
    agent = host.target.agent
    usual = agent.settings
    assert usual is not None
    one = host.placed("v2.0.0+never")
    agent.settings = usual.model_copy(update={"start_timeout": 0.3})

    with pytest.raises(StartError, match=r"it was not ready within 0\.3 s"):
        host.target.start(one)

    agent.settings = usual
    assert host.target.state().running == (STABLE,)


def test_a_server_that_is_no_program(host: Host) -> None:
    agent = host.target.agent
    usual = agent.settings
    assert usual is not None
    one = host.placed("v2.0.0")
    agent.settings = usual.model_copy(update={"serve": ("/no/such/program",)})

    with pytest.raises(StartError, match=r"it cannot be started: .*No such file"):
        host.target.start(one)

    agent.settings = usual


@pytest.mark.parametrize("percent", [5, 100])
def test_crash_with_traffic(host: Host, percent: int) -> None:
    one = host.started("v2.0.0")
    host.target.route(Routing(stable=STABLE, candidate=one, percent=percent))
    os.kill(host.pid(one), signal.SIGKILL)

    assert {host.ask().status for _ in range(20)} == {200}
    until(lambda: (seen := host.target.observe().of(one)) and seen.restarts == 1 and seen.alive)


def test_a_candidate_that_dies_again_and_again_is_seen(host: Host) -> None:
    one = host.started("v2.0.0+die")
    host.target.route(Routing(stable=STABLE, candidate=one, percent=100))

    assert host.ask().version == "v1.0.0"
    until(lambda: (seen := host.target.observe().of(one)) and seen.restarts and seen.snapshot)
    host.ask()
    until(lambda: (seen := host.target.observe().of(one)) and not seen.alive)

    seen = host.target.observe().of(one)
    assert seen is not None
    assert seen.snapshot is None
    assert "was killed by SIGKILL" in seen.problem


def test_memory_that_grows(host: Host) -> None:
    agent = host.target.agent
    usual = agent.settings
    assert usual is not None
    agent.settings = usual.model_copy(update={"memory": 80_000_000})
    one = host.started("v2.0.0+leak")
    agent.settings = usual
    host.target.route(Routing(stable=STABLE, candidate=one, percent=100))

    for _ in range(8):
        assert host.ask().status == 200
    until(lambda: (seen := host.target.observe().of(one)) and seen.restarts == 1)

    status = host.target.agent._processes().status(f"server-{one.digest[:12]}")
    assert "MB, and may have 80: killed" in status.why


def test_a_server_that_does_not_end(host: Host) -> None:
    one = host.started("v2.0.0+deaf")
    found = proc.found(host.pid(one))
    assert found is not None

    host.target.stop(one)

    assert not found.alive


def test_what_answers_users_is_not_stopped(host: Host) -> None:
    one = host.started("v2.0.0")
    host.target.route(Routing(stable=STABLE, candidate=one, percent=5))

    for each in (STABLE, one):
        with pytest.raises(TargetError, match="answers users, so it is not stopped"):
            host.target.stop(each)


def test_nobody_is_sent_to_what_does_not_run(host: Host) -> None:
    one = host.placed("v2.0.0")

    with pytest.raises(TargetError, match=r"bikes@v2\.0\.0 does not run"):
        host.target.route(Routing(stable=STABLE, candidate=one, percent=5))
    with pytest.raises(MissingVersionError) as caught:
        host.target.start(version("v9.0.0"))
    assert caught.value.exit_code == 2


# --- bundles ------------------------------------------------------------------------------------


def test_no_room_for_a_bundle(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(host.target.agent, "receive", full)

    with pytest.raises(PlaceError, match="No space left on device") as caught:
        host.placed("v3.0.0")

    assert "Make room" in (caught.value.hint or "")
    assert version("v3.0.0") not in host.target.state().placed
    assert not (host.folder / "versions" / version("v3.0.0").digest[:12]).exists()


def test_old_bundles_go_and_needed_ones_stay(host: Host) -> None:
    target = host.target
    running = host.started("v2.0.0")
    good = host.placed("v2.1.0")
    target.promote(STABLE, good)

    names = [f"v3.{number}.0" for number in range(5)]
    for name in names:
        host.placed(name)

    left = {one.version for one in target.state().placed}
    assert left == {"v1.0.0", running.version, good.version, *names[-3:]}
    target.promote(STABLE, None)


def test_placing_twice_keeps_the_first(host: Host) -> None:
    one = host.placed("v2.0.0")
    path = bundles.folder(host.target.agent.place, one) / "manifest.json"
    path.write_text("as it was")

    host.placed("v2.0.0")

    assert path.read_text() == "as it was"
    assert host.target.state().placed[0] == one


# --- who may change something -------------------------------------------------------------------


def test_two_rollouts_at_once(host: Host) -> None:
    other = local(host.folder)

    with pytest.raises(BusyError) as caught:
        other.acquire("other", 60)

    assert caught.value.exit_code == 3
    assert caught.value.message.startswith(f"test is changing {host.folder}, and may for ")
    with pytest.raises(BusyError):
        other.stop(STABLE)


def test_who_lost_its_lease_changes_nothing(host: Host) -> None:
    other = local(host.folder)
    other.acquire("other", 60, force=True)

    for change in (
        lambda: host.target.route(Routing(stable=STABLE)),
        lambda: host.target.start(STABLE),
        lambda: host.target.promote(STABLE, None),
        lambda: host.target.append(Event(kind="note", rollout="1", time=0)),
        lambda: host.placed("v2.0.0"),
    ):
        with pytest.raises(FencedError, match="The lease of test was taken by other"):
            change()
    host.target.release("test")  # is nobody's error, and not theirs
    assert host.target.state().owner == "other"
    other.release("other")


def test_a_rollback_does_not_wait_for_a_start(host: Host) -> None:
    """It takes the lease from a rollout whose candidate does not get up, which then lets go."""
    one = host.placed("v2.0.0+never")
    caught: list[FencedError] = []

    def start() -> None:
        try:
            host.target.start(one)
        except FencedError as error:
            caught.append(error)

    deployer = threading.Thread(target=start)
    deployer.start()
    until(lambda: one in host.target.state().running)
    other = local(host.folder)

    other.acquire("other", 60, force=True)
    other.route(Routing(stable=STABLE))
    other.stop(one)

    deployer.join()
    assert [error.message for error in caught] == ["The lease of test was taken by other."]
    assert host.target.state().running == (STABLE,)
    other.release("other")


def test_a_long_start_keeps_the_lease(host: Host) -> None:
    one = host.placed("v2.0.0+slow")
    host.target.acquire("test", 0.3)

    host.target.start(one)

    held = lease.read(host.target.agent.place.lease)
    assert held is not None
    assert held.owner == "test"


def test_a_clock_that_is_set(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wall clocks jump; the lease does not look at them."""
    monkeypatch.setattr("time.time", lambda: 9e12)

    with pytest.raises(BusyError):
        local(host.folder).acquire("other", 60)


def test_a_lease_runs_out_and_another_boot_ends_it(host: Host) -> None:
    agent = host.target.agent
    usual = agent.clock
    now = usual.now()
    for clock in (
        Clock(now=lambda: now + 61, boot=usual.boot),
        Clock(now=lambda: now, boot=lambda: "another"),
    ):
        other = local(host.folder)
        other.clock = clock
        other.acquire("other", 60)
        other.release("other")
        host.target.acquire("test", 60)


def test_a_deployer_that_is_killed(host: Host) -> None:
    """The watchdog finishes the way back."""
    one = host.placed("v2.0.0")
    script = f"""
        import os, signal, sys
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parents[3])!r})
        from assay.rollout.host.agent import local
        from assay.rollout.journal import Event
        from assay.rollout.targets.base import Routing
        from tests.rollout_hosts import version
        agent = local(Path({str(host.folder)!r}))
        one, two = version("v1.0.0"), version("v2.0.0")
        agent.acquire("deployer", 0.8, force=True)
        facts = {{"verb": "deploy", "version": two.model_dump()}}
        agent.append(Event(kind="begin", rollout="r1", time=1.0, facts=facts))
        agent.start(two)
        agent.route(Routing(stable=one, candidate=two, percent=50))
        os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert host.target.state().rollout == "r1"

    until(lambda: host.target.state().rollout is None)

    state = host.target.state()
    assert state.routing == Routing(stable=STABLE)
    assert one not in state.running
    end = host.target.events()[-1]
    assert (end.kind, end.facts) == ("end", {"ending": "resumed", "by": OWNER})
    until(lambda: host.target.state().owner is None)
    with pytest.raises(FencedError):
        host.target.route(Routing(stable=STABLE))


def test_a_way_back_that_does_not_succeed_is_tried_again(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the disk is full: until then the lease is the watchdog's."""
    other = local(host.folder)
    other.acquire("deployer", 60, force=True)
    other.append(Event(kind="begin", rollout="r2", time=1.0))
    now = other.clock.now() + 61
    other = local(host.folder)
    other.clock = Clock(now=lambda: now, boot=other.clock.boot)

    def full(routing: Routing) -> None:
        raise TargetError("No space left on device.")

    monkeypatch.setattr(other, "route", full)
    with pytest.raises(TargetError, match="No space left"):
        back(other)

    assert lease.read(other.place.lease) == lease.Lease(OWNER, 10.0, now + 10, other.clock.boot())
    other.append(Event(kind="end", rollout="r2", time=1.0))
    other.release(OWNER)


def test_the_watchdog_leaves_a_living_rollout_alone(host: Host) -> None:
    assert back(local(host.folder)) == "nothing to do"
    assert host.target.state().owner == "test"


# --- the supervisor and the files ---------------------------------------------------------------


def test_a_supervisor_of_another_version_is_replaced(host: Host) -> None:
    path = host.target.agent.place.supervisor
    pid, server = rollout_hosts.supervisor(host.folder), host.pid(STABLE)
    assert pid is not None
    host.target.agent.up()
    assert rollout_hosts.supervisor(host.folder) == pid
    files.write_json(path, {**(files.read_json(path) or {}), "assay": "0.0.1"})

    host.target.agent.up()

    assert rollout_hosts.supervisor(host.folder) not in (None, pid)
    assert host.pid(STABLE) == server


def test_the_supervisor_is_killed(host: Host) -> None:
    """What it started lives on, and the next one takes it over."""
    one = host.started("v2.0.0")
    before = {each.digest: host.pid(each) for each in (STABLE, one)}
    pid = rollout_hosts.supervisor(host.folder)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    rollout_hosts.until(lambda: rollout_hosts.supervisor(host.folder) is None)
    assert host.ask().version == "v1.0.0"

    host.target.observe()

    assert rollout_hosts.supervisor(host.folder) not in (None, pid)
    assert {each.digest: host.pid(each) for each in (STABLE, one)} == before
    host.target.stop(one)
    found = proc.found(before[one.digest])
    assert found is None or not found.alive


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("state.json", '{"stable": 1}'),
        ("state.json", ""),
        ("wanted.json", "[]"),
        ("wanted.json", '{"nginx": {"argv": "x", "more": 1}}'),
        ("lease.json", '{"owner": 1}'),
        ("lease.json", '{"owner": "a", "ttl": "1", "until": 0, "boot": ""}'),
        ("current/routing.json", "{}"),
    ],
)
def test_state_that_cannot_be_read(host: Host, name: str, content: str) -> None:
    path = host.folder / name
    good = path.read_bytes()
    path.write_text(content)

    with pytest.raises(StateError) as caught:
        host.target.state()
    assert host.ask().version == "v1.0.0"

    path.write_bytes(good)
    assert caught.value.exit_code == 3
    assert f"{path.name} is damaged" in caught.value.message
    assert "Put a copy of the file back" in (caught.value.hint or "")


def test_down_and_up_as_after_a_reboot(tmp_path: Path) -> None:
    with hosting(tmp_path / "host") as host:
        one = host.stable()
        host.target.append(Event(kind="begin", rollout="r1", time=0))
        host.target.append(Event(kind="end", rollout="r1", time=0))
        host.target.release("test")
        rollout_hosts.ended(host.folder)
        with pytest.raises(ConnectionRefusedError):
            host.ask()
        for path in (host.folder / "run").glob("*.status"):
            text = path.read_text()  # as they are after a power cut
            path.write_text(text.replace('"boot": "', '"boot": "another').replace("null", "1"))

        command = [rollout_hosts.ASSAY, "host", "up", "--folder", str(host.folder)]
        subprocess.run(command, check=True)

        assert host.ask().version == "v1.0.0"
        assert wanted.status(host.target.agent.place, "nginx") is not None
        assert journal.unfinished(host.target.events()) is None
        assert host.target.state().stable == one


def test_a_folder_that_is_removed_ends_what_ran_in_it(tmp_path: Path) -> None:
    with hosting(tmp_path / "host") as host:
        one = host.stable()
        known = [proc.found(host.pid(one)), proc.found(rollout_hosts.supervisor(host.folder) or 0)]

        shutil.rmtree(host.folder)

        until(lambda: not any(each and each.alive for each in known))


def test_the_command_on_no_folder(tmp_path: Path) -> None:
    command = [rollout_hosts.ASSAY, "host", "state", "--folder", str(tmp_path)]

    done = subprocess.run(command, check=False, capture_output=True, text=True)

    assert done.returncode == 2
    assert "is no folder that versions were deployed to" in done.stderr + done.stdout

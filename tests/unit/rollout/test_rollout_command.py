"""The target `command`: what a user's programs may do wrong, and what they are given."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from assay.configrollout import CommandSpec
from assay.errors import UsageError
from assay.rollout.host.files import StateError
from assay.rollout.journal import Event, JournalError
from assay.rollout.targets.base import PlaceError, Routing, StartError, VersionId
from assay.rollout.targets.command import CommandTarget
from assay.rollout.targets.programs import ProgramFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPT = Path(__file__).parents[2] / "rollout_scripts.py"
PROGRAM = (sys.executable, "-I", "-S", str(SCRIPT))
V1 = VersionId(name="bike", version="v1.0.0", digest="1" * 64)
SECRET = "hunter2-hunter2"


def _received(source: Path, parts: Path, version: VersionId, trusted: Any) -> Path:
    if source.name == "damaged":
        raise PlaceError("its digest is another one.")
    folder = parts / "bundle"
    folder.mkdir()
    (folder / "manifest.json").write_text("{}")
    return folder


MADE: list[CommandTarget] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while MADE:
        MADE.pop().close()


def _target(root: Path, faults: dict[str, str] | None = None, **spec: Any) -> CommandTarget:
    (root / "world.json").write_text(json.dumps({"faults": faults or {}}))
    calls = dict.fromkeys(("start", "weight", "status", "stop", "observe"), PROGRAM)
    made = CommandSpec(kind="command", **{**calls, "timeout": 10, **spec})
    environ = {
        "DEPLOY_TOKEN": SECRET,
        "GITHUB_TOKEN": "ghs_x",
        "ASSAY_SIGNING_KEY": "k",
        "HOME": "/",
    }
    target = CommandTarget(made, "production", root, environ, _received)
    MADE.append(target)
    target.acquire("ann", 60)
    return target


def _placed(target: CommandTarget) -> None:
    target.place(target.root / "bundle", V1)


FAULTS = {
    "fail": "ended with exit code 7. It said: no such cluster; the token is ***",
    "rubbish": r"printed what is no JSON object: 'done!\x1b[2J'.",
    "list": "printed what is no JSON object: '[1, 2]'.",
    "killed": "ended with SIGKILL.",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_program_that_fails_is_told_of(tmp_path: Path, fault: str) -> None:
    target = _target(tmp_path, {"weight": fault}, secrets=("DEPLOY_TOKEN",))
    with pytest.raises(ProgramFailedError) as caught:
        target.route(Routing(stable=V1))
    assert caught.value.message == f"`{sys.executable}` for `weight` {FAULTS[fault]}"
    assert caught.value.exit_code == 3


def test_a_program_that_hangs_is_ended(tmp_path: Path) -> None:
    target = _target(tmp_path, {"weight": "hang"}, timeout=0.3)
    with pytest.raises(ProgramFailedError, match=r"did not end within 0\.3 s and was ended"):
        target.route(Routing(stable=V1))
    assert target.hold.lease is not None


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    target = _target(tmp_path, weight=("./nowhere",))
    with pytest.raises(ProgramFailedError) as caught:
        target.route(Routing(stable=V1))
    assert caught.value.message == (
        "The program `./nowhere` for `weight` cannot be started: No such file or directory."
    )


def test_an_answer_that_is_not_as_the_contract_says(tmp_path: Path) -> None:
    target = _target(tmp_path, {"status": "unknown"})
    with pytest.raises(ProgramFailedError) as caught:
        target.state()
    assert "for `status` is not as the contract says: `color`:" in caught.value.message


def test_a_version_that_does_not_start(tmp_path: Path) -> None:
    target = _target(tmp_path, {"start": "fail"})
    _placed(target)
    with pytest.raises(StartError, match="no such cluster"):
        target.start(V1)


def test_no_token_is_given_but_those_that_are_named(tmp_path: Path) -> None:
    target = _target(tmp_path, {"stop": "environment"}, secrets=("GITHUB_TOKEN", "MISSING"))
    with pytest.raises(ProgramFailedError) as caught:
        target.stop(V1)
    names = json.loads(caught.value.message.partition("It said: ")[2])
    assert {"GITHUB_TOKEN", "DEPLOY_TOKEN", "HOME", "PATH"} <= set(names)
    assert "ASSAY_SIGNING_KEY" not in names


def test_no_shell_reads_the_command(tmp_path: Path) -> None:
    text = "/bin/echo '{}' ; touch here $HOME"
    target = _target(tmp_path, weight=text)
    with pytest.raises(ProgramFailedError, match=r"no JSON object: '\{\} ; touch here"):
        target.route(Routing(stable=V1))
    assert not (tmp_path / "here").exists()


def test_a_damaged_bundle_leaves_nothing(tmp_path: Path) -> None:
    target = _target(tmp_path)
    with pytest.raises(PlaceError, match=r"bike@v1\.0\.0 was not taken: its digest is another one"):
        target.place(tmp_path / "damaged", V1)
    assert list((target.folder / "bundles").iterdir()) == []
    assert target.state().placed == ()


def test_who_was_killed_is_not_waited_for(tmp_path: Path) -> None:
    """The kernel knows that its process is gone; its lease has a minute to go."""
    target = _target(tmp_path)
    assert target.hold.alive is not None
    target.hold.alive.close()
    target.hold.alive = None
    other = CommandTarget(target.spec, "production", tmp_path, {}, _received)
    MADE.append(other)
    other.acquire("bob", 60)
    assert other.state().owner == "bob"


def test_on_another_machine_the_programs_say_who_is_stable(tmp_path: Path) -> None:
    """Its folder is empty: without them the next rollout would be taken for the first one."""
    target = _target(tmp_path)
    routing = Routing(stable=V1).model_dump()
    (tmp_path / "world.json").write_text(json.dumps({"routing": routing}))
    assert target.state().stable == V1


def test_while_a_rollout_is_under_way_our_own_pointer_counts(tmp_path: Path) -> None:
    target = _target(tmp_path)
    target.promote(V1, None)
    other = V1.model_copy(update={"digest": "2" * 64})
    routing = Routing(stable=other).model_dump()
    (tmp_path / "world.json").write_text(json.dumps({"routing": routing}))
    assert target.state().stable == other
    target.append(Event(kind="begin", rollout="r", time=0.0))
    assert target.state().stable == V1


def test_the_environment_is_one_folder(tmp_path: Path) -> None:
    spec = _target(tmp_path).spec
    assert CommandTarget(spec, "eu/prod", tmp_path, {}).folder.name == "eu=prod"


def test_state_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    target = _target(tmp_path)
    (target.folder / "state.json").write_text('{"stable": 1}')
    with pytest.raises(StateError, match="is damaged"):
        target.state()


def test_a_journal_of_a_newer_assay_is_an_error(tmp_path: Path) -> None:
    target = _target(tmp_path)
    (target.folder / "journal.jsonl").write_text('{"format": 2}\n')
    with pytest.raises(JournalError, match="has the format 2"):
        target.state()


def test_ctrl_c_lets_what_moves_traffic_end_first(tmp_path: Path) -> None:
    target = _target(tmp_path, {"weight": "slow"})
    with pytest.raises(KeyboardInterrupt), _alarm(0.15):
        target.route(Routing(stable=V1))
    world = json.loads((tmp_path / "world.json").read_text())
    assert world["routing"]["stable"]["digest"] == V1.digest


def test_ctrl_c_ends_what_moves_none(tmp_path: Path) -> None:
    target = _target(tmp_path, {"status": "hang"})
    with pytest.raises(KeyboardInterrupt), _alarm(0.15):
        target.state()


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """A Ctrl-C after a while."""

    def hear(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, hear)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_what_is_no_digest_becomes_no_path(tmp_path: Path) -> None:
    target = _target(tmp_path)
    other = V1.model_copy(update={"digest": "../../../../"})
    for call in (lambda: target.place(tmp_path / "bundle", other), lambda: target.start(other)):
        with pytest.raises(UsageError, match="is no digest of a bundle"):
            call()

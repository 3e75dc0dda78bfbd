"""A real process that deploys is killed (SIGKILL) at every call to the user's programs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from assay.configrollout import CommandSpec, EnvironmentSpec
from assay.rollout import machine
from assay.rollout.conduct import Clock, Conduct
from assay.rollout.plan import plan
from assay.rollout.targets.base import Routing, VersionId
from assay.rollout.targets.command import CommandTarget

PROGRAM = (sys.executable, "-I", "-S", str(Path(__file__).parents[2] / "rollout_scripts.py"))
CALLS = ("start", "weight", "status", "stop", "observe")
SPEC = CommandSpec(kind="command", timeout=10, **dict.fromkeys(CALLS, PROGRAM))  # type: ignore[arg-type]
PLAN = plan(EnvironmentSpec(target=SPEC, steps=(100,), interval=0.01, bake=0, analysis=False))
V1, V2 = (VersionId(name="bike", version=f"v{n}.0.0", digest=f"{n}" * 64) for n in (1, 2))
QUICK = Clock(sleep=lambda _: None)


def _received(source: Path, parts: Path, version: VersionId, _: Any) -> Path:
    folder = parts / "bundle"
    folder.mkdir()
    (folder / "manifest.json").write_text("{}")
    return folder


def _target(root: Path) -> CommandTarget:
    return CommandTarget(SPEC, "production", root, {}, _received)


def _deploy(root: Path, version: VersionId) -> str:
    conduct = Conduct(_target(root), f"deploy of {version}", clock=QUICK)
    return machine.roll(conduct, root / "bundle", version, PLAN).ending


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the first version deployed, and nothing counted yet."""
    root = tmp_path_factory.mktemp("first")
    assert _deploy(root, V1) == "promoted"
    _change(root, calls=[])
    return root


@pytest.fixture(scope="module")
def calls(first: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What a deployment of the second version asks of the programs."""
    root = shutil.copytree(first, tmp_path_factory.mktemp("calls") / "a")
    assert _deploy(root, V2) == "promoted"
    found: list[str] = _world(root)["calls"]
    return found


def _world(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "world.json").read_text())
    return found


def _change(root: Path, **facts: Any) -> None:
    (root / "world.json").write_text(json.dumps({**_world(root), **facts}))


def _killed(root: Path, at: int, *, late: bool = False) -> bool:
    """Deploy in a process of its own; whether it was killed."""
    _change(root, kill_at=at, late=late)
    child = os.fork()
    if child == 0:
        try:
            _deploy(root, V2)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    _change(root, kill_at=None)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def _check(root: Path) -> VersionId:
    """One version for everybody; which one."""
    state = _target(root).state()
    assert state.stable is not None
    assert state.routing == Routing(stable=state.stable)
    assert state.running == (state.stable,)
    assert (state.rollout, state.owner) == (None, None)
    return state.stable


def test_killed_at_every_call_that_moves_traffic(
    first: Path, calls: list[str], tmp_path: Path
) -> None:
    """After the call's effect, and before that of those that users notice.

    Every call of a simulated target, also those that change nothing: test_rollout_kills.py.
    """
    changes = [n for n, call in enumerate(calls, 1) if call in {"weight", "stop"}]
    before = [-n for n in changes if calls[n - 1] == "weight"]
    found: dict[int, VersionId] = {}
    for at in (*changes, *before):
        root = shutil.copytree(first, tmp_path / str(at))
        assert _killed(root, at)
        assert machine.resume(Conduct(_target(root), "resume", clock=QUICK)).ending == "resumed"
        found[at] = _check(root)
    assert (found[changes[0]], found[changes[-1]]) == (V1, V2)
    assert len(found) == 5


def test_what_it_began_ends_before_anybody_goes_back(
    first: Path, calls: list[str], tmp_path: Path
) -> None:
    """The program that moves traffic outlives us; its late effect must not win."""
    root = shutil.copytree(first, tmp_path / "a")
    assert _killed(root, 1 + calls.index("weight"), late=True)
    assert machine.resume(Conduct(_target(root), "resume", clock=QUICK)).ending == "resumed"
    assert _check(root) == V1
    assert _world(root)["calls"].count("weight") == 2


def test_the_command_line_finishes_it(first: Path, calls: list[str], tmp_path: Path) -> None:
    root = shutil.copytree(first, tmp_path / "a")
    assert _killed(root, 1 + calls.index("weight"))
    program = json.dumps(PROGRAM)
    spec = ", ".join(f"{call}: {program}" for call in CALLS)
    (root / "assay.yaml").write_text(
        f"environments:\n  production:\n    target: {{kind: command, {spec}}}\n"
    )
    subprocess.run(["git", "init", "-q", "."], cwd=root, check=True)
    assay = Path(sys.executable).with_name("assay")
    done = subprocess.run(
        [assay, "rollout", "resume", "--env", "production"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "left unfinished: bike@v1.0.0 answers all requests" in done.stdout
    assert _check(root) == V1

"""A supervisor that is killed when it has started a process, and not yet noted which it is."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest
from assay.rollout.host import wanted
from assay.rollout.host.layout import Layout
from assay.rollout.host.supervisor import Supervisor
from assay.rollout.host.wanted import Spec

if TYPE_CHECKING:
    from pathlib import Path

SPEC = Spec(
    argv=("sh", "-c", "echo begun >>began; read -r line; echo $? >>stdin; exec sleep 60"),
    log="log/x.log",
    socket="run/x.sock",
)


class Killed(BaseException):
    """SIGKILL."""


def _place(folder: Path) -> Layout:
    place = Layout(folder)
    place.make()
    wanted.add(place, "x", SPEC)
    return place


def test_what_it_started_never_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = _place(tmp_path)
    first, second = Supervisor(place), Supervisor(place)
    with monkeypatch.context() as patch:
        patch.setattr(wanted, "note", _killed)
        with pytest.raises(Killed):
            first.tick()
    left = first.children["x"].popen
    assert left is not None
    assert left.stdin is not None
    left.stdin.close()  # as the kernel does for the dead

    assert left.wait(timeout=10) > 0
    assert not (tmp_path / "began").exists()

    second.tick()
    _until_there(tmp_path / "stdin")
    assert (tmp_path / "began").read_text() == "begun\n"
    assert (tmp_path / "stdin").read_text() == "1\n"  # it reads nothing of ours
    second.end_all()


def test_it_is_the_process_that_was_noted(tmp_path: Path) -> None:
    place = _place(tmp_path)
    supervisor = Supervisor(place)
    supervisor.tick()
    _until_there(tmp_path / "stdin")
    noted, popen = wanted.status(place, "x"), supervisor.children["x"].popen
    assert noted is not None
    assert popen is not None
    assert noted.pid == popen.pid
    popen.send_signal(signal.SIGKILL)
    assert popen.wait(timeout=10) == -signal.SIGKILL
    wanted.remove(place, "x")
    supervisor.end_all()


def test_a_program_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    place = _place(tmp_path)
    wanted.write(place, {"x": Spec(argv=("./nowhere",), log="log/x.log", socket="run/x.sock")})
    supervisor = Supervisor(place)
    supervisor.tick()
    found = wanted.status(place, "x")
    assert found is not None
    assert (found.pid, found.restarts) == (None, 1)
    assert found.why == "cannot be started: [Errno 2] No such file or directory: './nowhere'"


def _killed(*_: object) -> None:
    raise Killed


def _until_there(path: Path) -> None:
    until = time.monotonic() + 10
    while not path.exists() or not path.read_text():
        assert time.monotonic() < until
        time.sleep(0.01)

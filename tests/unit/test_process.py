"""Running programs: what they get, what they print, how they end."""

from __future__ import annotations

import functools
import os
import re
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from assay import process
from assay.errors import ProgramError

if TYPE_CHECKING:
    from collections.abc import Callable

ENV = dict(os.environ)


def _stream(code: str, cwd: Path, *, shell: bool = False) -> tuple[process.Completed, list[str]]:
    lines: list[str] = []
    argv = ["sh", "-c", code] if shell else [sys.executable, "-c", code]
    return process.stream(argv, cwd=cwd, env=ENV, on_line=lines.append), lines


@pytest.mark.parametrize(
    "name",
    [
        "GITHUB_TOKEN",
        "GH_TOKEN",
        "ASSAY_TOKEN",
        "CI_JOB_TOKEN",
        "ACTIONS_RUNTIME_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        "ACTIONS_CACHE_URL",
        "GITHUB_OUTPUT",
        "GITHUB_ENV",
        "GITHUB_PATH",
        "GITHUB_STATE",
    ],
)
def test_what_user_code_must_not_reach(name: str) -> None:
    found = process.user_environment({name: "secret", "AWS_SECRET_ACCESS_KEY": "for training"})
    assert name not in found
    assert found["AWS_SECRET_ACCESS_KEY"] == "for training"


def test_what_an_input_passes_is_hidden_under_its_own_name_too() -> None:
    root = Path(__file__).parents[2]
    found = set()
    for path in (root / "action.yml", *root.glob("actions/*/action.yml")):
        for name, given in re.findall(r"(\w+): \$\{\{ inputs\.([\w-]+) \}\}", path.read_text()):
            if name in process.FORGE_SECRETS:
                found.add(f"INPUT_{given.upper()}")
    assert found >= {"INPUT_GITHUB-TOKEN", "INPUT_SIGNING-KEY", "INPUT_SIGNING-PASSWORD"}
    assert found <= process.FORGE_SECRETS
    assert {name.replace("-", "_") for name in found} <= process.FORGE_SECRETS


@pytest.mark.skipif(sys.platform != "linux", reason="prctl(2) is of Linux")
@pytest.mark.parametrize("way", ["capture", "start"])
def test_what_we_start_cannot_read_our_environment(tmp_path: Path, way: str) -> None:
    """The kernel's own word, since root may read it all the same."""
    dumpable = "import ctypes; print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    call = {
        "capture": "print(process.capture(argv, cwd=here, env={}).stdout.decode().strip())",
        "start": "process.follow(process.start(argv, cwd=here, env={}, stdin=-3), print)",
    }
    code = f"""
import pathlib, sys
from assay import process
here, argv = pathlib.Path(sys.argv[1]), [sys.executable, "-c", {dumpable!r}]
{call[way]}
{dumpable}
"""
    done = process.capture([sys.executable, "-c", code, str(tmp_path)], cwd=tmp_path, env=ENV)
    # Theirs, as any program has it; and ours.
    assert done.stdout.split() == [b"1", b"0"], done.stderr


def test_python_is_the_projects() -> None:
    found = process.user_environment({"PATH": "/usr/bin"})
    assert found["PATH"].split(os.pathsep) == [str(Path(sys.executable).parent), "/usr/bin"]
    assert found["PYTHONUNBUFFERED"] == "1"
    assert process.user_environment({"PYTHONUNBUFFERED": ""})["PYTHONUNBUFFERED"] == ""


def test_lines_come_as_they_are_printed(tmp_path: Path) -> None:
    code = "import time; print('one', flush=True); time.sleep(0.3); print('two')"
    times: list[float] = []
    argv = [sys.executable, "-c", code]
    process.stream(argv, cwd=tmp_path, env=ENV, on_line=lambda _: times.append(time.monotonic()))
    assert times[1] - times[0] > 0.2


def test_both_outputs_and_any_bytes(tmp_path: Path) -> None:
    done, lines = _stream("printf 'a\\377b\\r\\n'; echo c >&2", tmp_path, shell=True)
    assert lines == ["a\N{REPLACEMENT CHARACTER}b", "c"]
    assert done.tail == "a\N{REPLACEMENT CHARACTER}b\nc"


def test_only_the_last_lines_are_kept(tmp_path: Path) -> None:
    done, lines = _stream("for i in range(100): print(i)", tmp_path)
    assert len(lines) == 100
    assert done.tail.splitlines() == [str(i) for i in range(60, 100)]


@pytest.mark.parametrize(
    ("code", "ending"),
    [
        ("exit 0", "ended with exit code 0"),
        ("exit 3", "ended with exit code 3"),
        ("kill -KILL $$", "was killed by SIGKILL"),
        ("kill -SEGV $$", "was killed by SIGSEGV"),
    ],
)
def test_endings(tmp_path: Path, code: str, ending: str) -> None:
    assert _stream(code, tmp_path, shell=True)[0].ending == ending


def test_an_unknown_signal_has_a_number() -> None:
    assert process.Completed(code=-99, tail="", seconds=0).ending == "was killed by signal 99"


def test_nothing_waits_for_input(tmp_path: Path) -> None:
    done, lines = _stream("import sys; print(repr(sys.stdin.read()))", tmp_path)
    assert (done.code, lines) == (0, ["''"])


@pytest.mark.parametrize("run", [process.capture, functools.partial(process.stream, on_line=print)])
def test_a_program_that_is_not_there(tmp_path: Path, run: Callable[..., object]) -> None:
    with pytest.raises(ProgramError, match="`no-such-program` cannot be started") as caught:
        run(["no-such-program"], cwd=tmp_path, env=ENV)
    assert caught.value.exit_code == 3
    assert "PATH" in (caught.value.hint or "")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match=r"folder .*nowhere cannot be entered"):
        process.capture(["true"], cwd=tmp_path / "nowhere", env=ENV)


def test_arguments_are_never_a_shells(tmp_path: Path) -> None:
    hostile = "$(touch pwned); `touch pwned` \"'"
    argv = [sys.executable, "-c", "import sys; print(sys.argv[1])", hostile]
    assert process.capture(argv, cwd=tmp_path, env=ENV).stdout.decode().strip() == hostile
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_ends_the_whole_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while DVC runs a training: the training must not go on by itself."""
    pids: list[int] = []

    def interrupt(line: str) -> None:
        pids.append(int(line))
        raise KeyboardInterrupt

    # The child is the training, and ignores what a terminal sends.
    code = "(trap '' INT; exec sleep 60) & echo $!; wait"
    monkeypatch.setattr(process, "GRACE_SECONDS", 0.2)
    with pytest.raises(KeyboardInterrupt):
        process.stream(["sh", "-c", code], cwd=tmp_path, env=ENV, on_line=interrupt)
    _assert_ends(pids[0])


def test_what_a_stage_leaves_running_does_not_hold_us_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "GRACE_SECONDS", 0.2)
    done, lines = _stream("sleep 60 & echo $!", tmp_path, shell=True)
    assert done.code == 0
    _assert_ends(int(lines[0]))


@pytest.mark.skipif(not shutil.which("setsid"), reason="needs setsid")
def test_nor_does_what_left_the_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "GRACE_SECONDS", 0.2)
    # It keeps the output open for longer than the whole run of tests may take.
    code = "setsid sleep 3600 & echo $!"
    done, lines = _stream(code, tmp_path, shell=True)
    assert (done.code, len(lines)) == (0, 1)
    os.kill(int(lines[0]), signal.SIGKILL)


def _assert_ends(pid: int) -> None:
    for _ in range(100):
        try:
            os.kill(pid, 0)
            with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123 (a zombie has ended)
                if stat.read().rpartition(")")[2].split()[0] == "Z":
                    return
        except (ProcessLookupError, FileNotFoundError):
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("the child goes on")


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "CI_JOB_TOKEN", "CI_REPOSITORY_URL", "GH_TOKEN"])
def test_tokens_of_every_forge_stay_with_us(name: str) -> None:
    assert name not in process.user_environment({name: "https://ci:s3cret@host/x", "PATH": ""})

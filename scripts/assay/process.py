"""Running other programs: argument lists only, output streamed, forge tokens kept out of reach."""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from assay.errors import ProgramError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import TextIO

# The project's code must not be able to write to the forge, or to sign what it made itself. Cloud
# credentials stay: training may need them, and the workflow's author put them there.
FORGE_SECRETS = frozenset(
    {
        "ACTIONS_CACHE_URL",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        "ACTIONS_RESULTS_URL",
        "ACTIONS_RUNTIME_TOKEN",
        "ACTIONS_RUNTIME_URL",
        "ASSAY_SIGNING_KEY",
        "ASSAY_SIGNING_PASSWORD",
        "ASSAY_TOKEN",
        # GitLab's job token, under each of the names that it has, and as part of a URL.
        "CI_DEPENDENCY_PROXY_PASSWORD",
        "CI_JOB_JWT",
        "CI_JOB_JWT_V1",
        "CI_JOB_JWT_V2",
        "CI_JOB_TOKEN",
        "CI_REGISTRY_PASSWORD",
        "CI_REPOSITORY_URL",
        "GH_ENTERPRISE_TOKEN",
        "GH_TOKEN",
        "GITHUB_ENTERPRISE_TOKEN",
        "GITHUB_TOKEN",
        # As runners spell them that pass inputs to the steps of an action.
        "INPUT_GITHUB-TOKEN",
        "INPUT_GITHUB_TOKEN",
        "INPUT_SIGNING-KEY",
        "INPUT_SIGNING-PASSWORD",
        "INPUT_SIGNING_KEY",
        "INPUT_SIGNING_PASSWORD",
        "INPUT_TOKEN",
    }
)
# Files through which a step talks to the runner: user code that writes there would set outputs,
# environment and path of later steps.
RUNNER_FILES = frozenset({"GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STATE"})

TAIL_LINES = 40
# What a program is given to end by itself after an interruption, and what it may leave behind
# running (`server &` in a stage) is given before it is ended.
GRACE_SECONDS = 5.0
_POLL_SECONDS = 0.1
_PR_SET_DUMPABLE = 4
"""Of prctl(2)."""


@dataclass(frozen=True)
class Completed:
    """How a program ended."""

    code: int
    """Exit code; the negative number of the signal that killed it."""
    tail: str
    """The last lines that it printed, standard output and error together."""
    seconds: float

    @property
    def ending(self) -> str:
        """The ending in words."""
        if self.code >= 0:
            return f"ended with exit code {self.code}"
        try:
            name = signal.Signals(-self.code).name
        except ValueError:
            name = f"signal {-self.code}"
        return f"was killed by {name}"


def user_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for the user's own code: ours, without what it must not reach.

    The folder of the running interpreter comes first on `PATH`, so that `python` in a `dvc.yaml`
    command is the project environment's.
    """
    hidden = FORGE_SECRETS | RUNNER_FILES
    env = {name: value for name, value in environ.items() if name not in hidden}
    scripts = str(Path(sys.executable).parent)
    env["PATH"] = os.pathsep.join([scripts, environ.get("PATH", os.defpath)])
    env.setdefault("PYTHONUNBUFFERED", "1")  # progress is seen when it happens
    env["DVC_NO_ANALYTICS"] = "true"
    return env


@contextlib.contextmanager
def without_secrets() -> Iterator[None]:
    """This process without what the user's own code must not reach, while that runs in it."""
    hidden = (FORGE_SECRETS | RUNNER_FILES).intersection(os.environ)
    taken = {name: os.environ.pop(name) for name in hidden}
    try:
        yield
    finally:
        os.environ.update(taken)


@functools.cache
def close_to_children() -> None:
    """Keep the programs that we start from reading our environment and memory, on Linux.

    Under the same user /proc shows both, and our environment has what theirs has not. Whoever may
    trace any process (root with that capability, as `sudo` gives it) reads them all the same.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(ImportError, OSError, AttributeError):
        ctypes = importlib.import_module("ctypes")
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def stream(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    on_line: Callable[[str], None],
) -> Completed:
    """Run a program and hand over each line that it prints, as it prints it.

    Raises:
        ProgramError: The program cannot be started.
    """
    return follow(start(argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL), on_line)


def start(
    argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], stdin: int
) -> subprocess.Popen[str]:
    """Start a program for `follow`.

    The program and all that it starts form a process group, so that an interruption ends the
    training as well and not only the DVC that runs it.

    Raises:
        ProgramError: The program cannot be started.
    """
    close_to_children()
    try:
        return subprocess.Popen(
            argv,
            cwd=cwd,
            env=dict(env),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            **_OWN_GROUP,
        )
    except OSError as error:
        raise _cannot_start(argv, error) from error


def follow(process: subprocess.Popen[str], on_line: Callable[[str], None]) -> Completed:
    """Read what a started program prints until it ends."""
    begun = time.monotonic()
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    assert process.stdout is not None  # noqa: S101 (for the type checker: we asked for a pipe)
    lines: SimpleQueue[str | None] = SimpleQueue()
    reader = threading.Thread(target=_read, args=(process.stdout, lines), daemon=True)
    reader.start()
    try:
        for text in _until_the_end(process, lines):
            tail.append(text)
            on_line(text)
    except BaseException:
        _interrupt(process)
        raise
    finally:
        code = process.wait()
        reader.join(GRACE_SECONDS)
    return Completed(code=code, tail="\n".join(tail), seconds=time.monotonic() - begun)


def _read(output: TextIO, lines: SimpleQueue[str | None]) -> None:
    with output:
        for line in output:
            lines.put(line.rstrip("\r\n"))
    lines.put(None)


def _until_the_end(process: subprocess.Popen[str], lines: SimpleQueue[str | None]) -> Iterator[str]:
    """The lines of a program, until its output ends or it has been gone for a while.

    What it left running may hold its output open, and we would read for ever: that is ended
    first, as far as it is still in the program's group, and then not listened to any more.
    """
    gone_since: float | None = None
    while True:
        try:
            text = lines.get(timeout=_POLL_SECONDS)
        except Empty:
            if process.poll() is None:
                continue
            gone_since = gone_since or time.monotonic()
            waited = time.monotonic() - gone_since
            if waited > GRACE_SECONDS:
                _signal_group(process, getattr(signal, "SIGKILL", signal.SIGTERM))
            if waited > 2 * GRACE_SECONDS:
                return
            continue
        if text is None:
            return
        yield text


_OWN_GROUP: dict[str, Any] = {"process_group": 0} if os.name == "posix" else {}


def _interrupt(process: subprocess.Popen[str]) -> None:
    """Ask a program and its children to end, as Ctrl-C does; then make them."""
    _signal_group(process, signal.SIGINT)
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
    finally:  # whoever interrupts once more does not want to wait
        _signal_group(process, getattr(signal, "SIGKILL", signal.SIGTERM))


def _signal_group(process: subprocess.Popen[str], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.name == "posix":
            os.killpg(process.pid, number)
        else:
            process.kill()


def capture(
    argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end and return what it printed, as bytes.

    Args:
        argv: The program and its arguments.
        cwd: The folder that it runs in.
        env: Its environment.
        stdin: All that it reads.

    Raises:
        ProgramError: The program cannot be started.
    """
    close_to_children()
    try:
        return subprocess.run(
            argv, cwd=cwd, env=dict(env), input=stdin, capture_output=True, check=False
        )
    except OSError as error:
        raise _cannot_start(argv, error) from error


def _cannot_start(argv: Sequence[str], error: OSError) -> ProgramError:
    if error.filename is not None and str(error.filename) != argv[0]:
        return ProgramError(f"The folder {error.filename} cannot be entered: {error.strerror}.")
    return ProgramError(
        f"The program `{argv[0]}` cannot be started: {error.strerror}.",
        hint=f"Install `{argv[0]}` and make sure that it is on PATH.",
    )

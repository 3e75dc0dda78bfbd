"""Running other programs: argument lists only, output streamed, forge tokens kept out of reach."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import ProgramError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# Code from a pull request must not be able to write to the forge or to sign in its name. Cloud
# credentials stay: training may need them, and the workflow's author put them there.
FORGE_SECRETS = frozenset(
    {
        "ACTIONS_CACHE_URL",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        "ACTIONS_RESULTS_URL",
        "ACTIONS_RUNTIME_TOKEN",
        "ACTIONS_RUNTIME_URL",
        "ASSAY_TOKEN",
        "CI_JOB_TOKEN",
        "GH_TOKEN",
        "GITHUB_TOKEN",
        "INPUT_GITHUB_TOKEN",
        "INPUT_TOKEN",
    }
)
# Files through which a step talks to the runner: user code that writes there would set outputs,
# environment and path of later steps.
RUNNER_FILES = frozenset({"GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STATE"})

TAIL_LINES = 40


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
    start = time.monotonic()
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    try:
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise _cannot_start(argv, error) from error
    assert process.stdout is not None  # noqa: S101 (for the type checker: we asked for a pipe)
    try:
        for line in process.stdout:
            text = line.rstrip("\r\n")
            tail.append(text)
            on_line(text)
    except BaseException:
        process.kill()
        raise
    finally:
        process.stdout.close()
        code = process.wait()
    return Completed(code=code, tail="\n".join(tail), seconds=time.monotonic() - start)


def capture(
    argv: Sequence[str], *, cwd: Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end and return what it printed, as bytes.

    Raises:
        ProgramError: The program cannot be started.
    """
    try:
        return subprocess.run(
            argv, cwd=cwd, env=dict(env), stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except OSError as error:
        raise _cannot_start(argv, error) from error


def _cannot_start(argv: Sequence[str], error: OSError) -> ProgramError:
    return ProgramError(
        f"The program `{argv[0]}` cannot be started: {error.strerror}.",
        hint=f"Install `{argv[0]}` and make sure that it is on PATH.",
    )

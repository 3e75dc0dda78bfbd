"""DVC, started before it is needed, so that its imports cost no time of ours.

Half of a short `dvc pull` is Python importing DVC, on one core. A process on standby does that
while we import pydantic, or while the user's tests run, and then waits for its arguments.
Needs the standard library alone: it is started before anything else is imported.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from assay import process

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# `dvc.cli:main` is what DVC's own console script calls. The other imports only save time, and may
# fail. Without arguments, because we ended, there is nothing to do.
_PROGRAM = """
import json, os, sys
from dvc.cli import main
try:
    import dvc.cli.parser, dvc.repo, dvc.stage, dvc.output
except ImportError:
    pass
line = sys.stdin.readline()
if not line:
    sys.exit()
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
folder, errors, sys.argv[1:] = json.loads(line)
os.chdir(folder)
if errors:
    os.dup2(os.open(errors, os.O_WRONLY), 2)
sys.exit(main(sys.argv[1:]))
"""


class Standby:
    """At most one waiting DVC process; when it is taken, the next one gets ready.

    Args:
        environ: Environment for DVC, before the forge's secrets are taken out.
        times: How often DVC will be needed.
    """

    def __init__(self, environ: Mapping[str, str], *, times: int) -> None:
        self._environ = environ
        self._times = times
        self._waiting: subprocess.Popen[str] | None = None

    def get_ready(self) -> None:
        """Start a process, unless DVC is not installed in this interpreter."""
        if self._times == 0 or importlib.util.find_spec("dvc") is None:
            return
        self._times -= 1
        self._waiting = process.start(
            [sys.executable, "-P", "-c", _PROGRAM],
            cwd=Path.cwd(),
            env=process.user_environment(self._environ),
            stdin=subprocess.PIPE,
        )

    def take(
        self, folder: Path, args: Sequence[str], *, errors: Path | None = None
    ) -> subprocess.Popen[str] | None:
        """The waiting process, now running `dvc ARGS` in `folder`; `None` where there is none.

        Args:
            folder: Where to run it.
            args: Its arguments.
            errors: An existing file for its standard error, which otherwise joins its output.
        """
        waiting, self._waiting = self._waiting, None
        if waiting is None or waiting.stdin is None:
            return None
        try:
            message = [str(folder), None if errors is None else str(errors), args]
            waiting.stdin.write(json.dumps(message) + "\n")
            waiting.stdin.close()
            waiting.stdin = None  # else `communicate` would flush it
        except OSError:  # it died while waiting: whoever asked starts DVC the usual way
            _end(waiting)
            return None
        self.get_ready()
        return waiting

    def dismiss(self) -> None:
        """End the process that waits, if there is one."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.kill()
            _end(waiting)


def _end(waiting: subprocess.Popen[str]) -> None:
    """Close what connects us to a process that is dead or dying."""
    with contextlib.suppress(OSError):
        if waiting.stdin is not None:
            waiting.stdin.close()
    waiting.stdin = None
    waiting.communicate()

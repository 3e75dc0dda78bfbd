"""DVC, started before it is needed, so that its imports cost no time of ours.

Half of a short `dvc pull` is Python importing DVC, on one core. A process on standby does that
while we import pydantic, or while the user's tests run, and then waits for its arguments.
Needs the standard library alone: it is started before anything else is imported.
"""

from __future__ import annotations

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
folder, sys.argv[1:] = json.loads(line)
os.chdir(folder)
sys.exit(main(sys.argv[1:]))
"""


class Standby:
    """At most one waiting DVC process.

    Args:
        environ: Environment for DVC, before the forge's secrets are taken out.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._waiting: subprocess.Popen[str] | None = None

    def get_ready(self) -> None:
        """Start a process, unless one waits already or DVC is not installed in this interpreter."""
        if self._waiting is not None or importlib.util.find_spec("dvc") is None:
            return
        self._waiting = process.start(
            [sys.executable, "-P", "-c", _PROGRAM],
            cwd=Path.cwd(),
            env=process.user_environment(self._environ),
            stdin=subprocess.PIPE,
        )

    def take(self, folder: Path, args: Sequence[str]) -> subprocess.Popen[str] | None:
        """The waiting process, now running `dvc ARGS` in `folder`; `None` where there is none."""
        waiting, self._waiting = self._waiting, None
        if waiting is None or waiting.stdin is None:
            return None
        try:
            waiting.stdin.write(json.dumps([str(folder), args]) + "\n")
            waiting.stdin.close()
        except OSError:  # it died while waiting: whoever asked starts DVC the usual way
            waiting.wait()
            return None
        return waiting

    def dismiss(self) -> None:
        """End the process that waits, if there is one."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.kill()
            waiting.communicate()

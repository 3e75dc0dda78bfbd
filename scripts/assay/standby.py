"""Programs started before they are needed, so that their imports cost no time of ours.

Half of a short `dvc pull` is Python importing DVC, and most of a small file's validation is Python
importing Pandera, on one core. A process on standby does that while we import pydantic, or while
the user's tests run, and then waits for its arguments.
Needs the standard library alone: it is started before anything else is imported.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay import process

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Without arguments, because we ended, there is nothing to do.
_ORDERS = """
line = sys.stdin.readline()
if not line:
    sys.exit()
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
folder, errors, sys.argv[1:] = json.loads(line)
os.chdir(folder)
if errors:
    os.dup2(os.open(errors, os.O_WRONLY), 2)
"""


@dataclass(frozen=True)
class Program:
    """What can be on standby."""

    package: str
    """What it is useless without."""
    code: str
    """Imports what it needs, takes its orders, and is the program from then on."""


# `dvc.cli:main` is what DVC's own console script calls. The other imports only save time, and may
# fail.
DVC = Program(
    "dvc",
    f"""
import json, os, sys
from dvc.cli import main
try:
    import dvc.cli.parser, dvc.repo, dvc.stage, dvc.output
except ImportError:
    pass
{_ORDERS}
sys.exit(main(sys.argv[1:]))
""",
)
CONTRACT = Program(
    "pandera",
    f"""
import json, os, sys
from assay.contract import __main__ as contract
contract.warm_up()
{_ORDERS}
contract.run(sys.argv[1:])
""",
)


class Standby:
    """At most one waiting process; when it is taken, the next one gets ready.

    Args:
        environ: Environment for it, before the forge's secrets are taken out.
        times: How often it will be needed.
        program: What waits.
    """

    def __init__(self, environ: Mapping[str, str], *, times: int, program: Program = DVC) -> None:
        self._environ = environ
        self._program = program
        self._times = times
        self._waiting: subprocess.Popen[str] | None = None

    def get_ready(self) -> None:
        """Start a process, unless its package is not installed in this interpreter."""
        if self._times == 0 or importlib.util.find_spec(self._program.package) is None:
            return
        self._times -= 1
        self._waiting = process.start(
            [sys.executable, "-P", "-c", self._program.code],
            cwd=Path.cwd(),
            env=process.user_environment(self._environ),
            stdin=subprocess.PIPE,
        )

    def take(
        self,
        folder: Path,
        args: Sequence[str],
        *,
        errors: Path | None = None,
        program: Program = DVC,
    ) -> subprocess.Popen[str] | None:
        """The waiting process, now at work in `folder`; `None` where there is none.

        Args:
            folder: Where to run it.
            args: Its arguments.
            errors: An existing file for its standard error, which otherwise joins its output.
            program: What is wanted; another one goes on waiting.
        """
        if program is not self._program:
            return None
        waiting, self._waiting = self._waiting, None
        if waiting is None or waiting.stdin is None:
            return None
        try:
            message = [str(folder), None if errors is None else str(errors), args]
            waiting.stdin.write(json.dumps(message) + "\n")
            waiting.stdin.close()
            waiting.stdin = None  # else `communicate` would flush it
        except OSError:  # it died while waiting: whoever asked starts the program the usual way
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

"""Who keeps processes running: our supervisor, or systemd (`systemd.py`)."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from assay.rollout.host import environment, proc, supervisor, wanted
from assay.rollout.host.wanted import Spec, Status
from assay.rollout.targets.base import TargetError

if TYPE_CHECKING:
    from assay.rollout.host.layout import Layout

COMMAND = (sys.executable, "-P", "-m", "assay.rollout.host.supervisor")
_END = 100.0
"""Seconds until a process must have ended; its own time to drain is shorter."""
_UP = 10.0
"""Seconds until a supervisor must have begun."""


class Processes(Protocol):
    """What the agent needs of them."""

    def want(self, name: str, spec: Spec) -> None:
        """Have a process run from now on."""

    def unwant(self, name: str) -> None:
        """Have it ended."""

    def gone(self, name: str) -> None:
        """Wait until one that is not wanted has ended."""

    def wanted(self) -> dict[str, Spec]:
        """All that should run."""

    def status(self, name: str) -> Status:
        """How one does."""

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to one that runs."""

    def up(self) -> None:
        """See that all run that should, as after a reboot."""

    def look(self) -> None:
        """See that who keeps them is there, which nobody else would notice."""

    def down(self) -> None:
        """End them all, until `up`; what should run stays written."""


@dataclass(frozen=True)
class Supervised:
    """By the supervisor of the folder, which is started where it does not run."""

    place: Layout

    def want(self, name: str, spec: Spec) -> None:
        """See `Processes`."""
        wanted.add(self.place, name, spec)
        self.up()

    def unwant(self, name: str) -> None:
        """See `Processes`."""
        wanted.remove(self.place, name)
        self.up()

    def gone(self, name: str) -> None:
        """See `Processes`."""
        until = time.monotonic() + _END
        while wanted.status(self.place, name) is not None:
            if time.monotonic() > until:
                raise TargetError(f"{name} does not end.", hint=f"See {self._log()}.")
            time.sleep(0.02)

    def wanted(self) -> dict[str, Spec]:
        """See `Processes`."""
        return wanted.read(self.place)

    def status(self, name: str) -> Status:
        """See `Processes`."""
        found = wanted.status(self.place, name) or Status()
        if found.pid is None or not proc.Process(found.pid, found.born).alive:
            return Status(restarts=found.restarts, why=found.why)
        return found

    def signal(self, name: str, number: signal.Signals) -> None:
        """See `Processes`."""
        pid = self.status(name).pid
        if pid is not None:
            os.kill(pid, number)

    def up(self) -> None:
        """Wake the supervisor up, or start one."""
        if (found := supervisor.running(self.place)) is not None:
            process, ours = found
            with contextlib.suppress(ProcessLookupError):
                # One of another version is replaced; what it started lives on.
                os.kill(process.pid, signal.SIGHUP if ours else signal.SIGKILL)
                if ours:
                    return
            while process.alive:
                time.sleep(0.01)
        with (self.place.folder / "log" / "supervisor.log").open("ab") as log:
            done = subprocess.run(  # it detaches itself
                [*COMMAND, str(self.place.folder)],
                cwd=self.place.folder,
                env=environment.ours(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
            )
        if done.returncode != 0:
            raise TargetError("The supervisor does not start.", hint=f"See {self._log()}.")
        until = time.monotonic() + _UP
        while supervisor.running(self.place) is None:
            if time.monotonic() > until:
                raise TargetError("The supervisor does not start.", hint=f"See {self._log()}.")
            time.sleep(0.01)

    def look(self) -> None:
        """See `Processes`."""
        if supervisor.running(self.place) is None:
            self.up()

    def down(self) -> None:
        """See `Processes`."""
        if (found := supervisor.running(self.place)) is not None:
            process, _ = found
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGTERM)
            while process.alive:
                time.sleep(0.02)

    def _log(self) -> str:
        return str(self.place.folder / "log" / "supervisor.log")

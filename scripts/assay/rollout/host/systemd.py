"""systemd as the keeper of processes: the system's, or that of a user whose services linger."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from assay.rollout.host import environment, proc, units, wanted
from assay.rollout.host.files import write_whole
from assay.rollout.host.processes import COMMAND
from assay.rollout.host.wanted import Spec, Status
from assay.rollout.targets.base import TargetError

if TYPE_CHECKING:
    import signal

    from assay.rollout.host.layout import Layout

Kind = Literal["supervisor", "systemd", "systemd-user"]
WATCH = "watch"
"""The unit of the watchdog, which also cuts logs."""
_BOOTED = Path("/run/systemd/system")
"""It exists where systemd runs the machine: sd_booted(3)."""
_LINGER = Path("/var/lib/systemd/linger")
_SECONDS = 60.0
_END = 100.0
_SHOWN = "MainPID,NRestarts,Result,ExecMainStatus,ActiveState"


def usual() -> Kind:
    """Who keeps processes on this machine, where nobody says it.

    A user's services end with their last session, unless they linger: then our supervisor does it.
    """
    if not _BOOTED.is_dir() or shutil.which("systemctl") is None:
        return "supervisor"
    if os.geteuid() == 0:
        return "systemd"
    lingers = (_LINGER / pwd.getpwuid(os.geteuid()).pw_name).exists()
    runs = (_runtime() / "systemd" / "private").exists()
    return "systemd-user" if lingers and runs else "supervisor"


def _runtime() -> Path:
    return Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}")


@dataclass(frozen=True)
class Systemd:
    """One unit a process. What should run is in `wanted.json` here, too."""

    place: Layout
    user: bool

    def want(self, name: str, spec: Spec) -> None:
        """See `Processes`."""
        wanted.add(self.place, name, spec)
        self.up()

    def unwant(self, name: str) -> None:
        """See `Processes`."""
        wanted.remove(self.place, name)
        if (self._folder() / self._unit(name)).exists():
            self._run("disable", self._unit(name))
            self._run("stop", "--no-block", self._unit(name))

    def gone(self, name: str) -> None:
        """See `Processes`."""
        path = self._folder() / self._unit(name)
        if path.exists():
            self._run("stop", path.name, seconds=_END)  # until then its unit is needed
            path.unlink()
            self._run("daemon-reload")
            with contextlib.suppress(TargetError):  # it did not fail
                self._run("reset-failed", path.name)

    def wanted(self) -> dict[str, Spec]:
        """See `Processes`."""
        return wanted.read(self.place)

    def status(self, name: str) -> Status:
        """See `Processes`."""
        said = self._run("show", f"--property={_SHOWN}", self._unit(name))
        found = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
        process = proc.found(int(found.get("MainPID", "0")))
        restarts = int(found.get("NRestarts", "0"))
        result = found.get("Result", "success")
        why = "" if result == "success" else f"ended: {result} ({found.get('ExecMainStatus')})"
        if process is None:
            return Status(restarts=restarts, why=why)
        return Status(process.pid, process.born, restarts=restarts, why=why)

    def signal(self, name: str, number: signal.Signals) -> None:
        """See `Processes`."""
        self._run("kill", "--kill-who=main", f"--signal={number.name}", self._unit(name))

    def up(self) -> None:
        """See `Processes`."""
        specs = {**wanted.read(self.place), WATCH: self._watch()}
        changed = [name for name, spec in specs.items() if self._written(name, spec)]
        if changed:
            self._run("daemon-reload")
        for name in specs:
            if self._run("show", "--property=ActiveState", self._unit(name)).strip() not in (
                "ActiveState=active",
                "ActiveState=activating",
            ):
                self._run("enable", "--now", self._unit(name))

    def _watch(self) -> Spec:
        argv = (*COMMAND, "--watch", str(self.place.folder))
        return Spec(argv=argv, log="log/supervisor.log", socket="")

    def _written(self, name: str, spec: Spec) -> bool:
        """Whether the unit was not so before."""
        program = shutil.which(spec.argv[0])
        if program is None:
            raise TargetError(f"{name} cannot be started: there is no program {spec.argv[0]}.")
        text = units.service(
            self.place.folder,
            name,
            spec,
            environment.ours(),
            root=not self.user,
            program=program,
        ).encode()
        path = self._folder() / self._unit(name)
        if path.exists() and path.read_bytes() == text:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text, mode=0o600)
        return True

    def _unit(self, name: str) -> str:
        return f"{units.prefix(self.place.folder)}-{name}.service"

    def _folder(self) -> Path:
        if not self.user:
            return Path("/etc/systemd/system")
        configured = os.environ.get("XDG_CONFIG_HOME")
        return (Path(configured) if configured else Path.home() / ".config") / "systemd" / "user"

    def _run(self, *words: str, seconds: float = _SECONDS) -> str:
        command = ["systemctl", *(("--user",) if self.user else ()), "--no-pager", *words]
        try:
            done = subprocess.run(
                command,
                env={**os.environ, "XDG_RUNTIME_DIR": str(_runtime()), "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=seconds,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise TargetError(f"`{' '.join(command)}` gave no answer: {error}") from error
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()
            raise TargetError(
                f"`{' '.join(command)}` did not succeed: {said[-300:]}",
                hint="`journalctl` tells more, with `--user` for a user's services.",
            )
        return done.stdout.decode(errors="replace")

    def look(self) -> None:
        """See `Processes`; systemd is there."""

    def down(self) -> None:
        """See `Processes`."""
        for name in (*wanted.read(self.place), WATCH):
            if (self._folder() / self._unit(name)).exists():
                self._run("disable", "--now", self._unit(name))

"""The daemon of a folder: keeps the processes running that `wanted.json` names.

    python -m assay.rollout.host.supervisor [--watch] FOLDER

It starts again what ends by itself, ends what is not wanted any more, or has too much memory, cuts
logs that grow, and is the watchdog: where the lease of a rollout runs out, it has the agent go back
to stable. It needs the standard library alone, so it is small. When it is killed, the processes
live on, and the next one takes them over.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from assay import __version__
from assay.errors import AssayError
from assay.rollout.host import environment, lease, logs, proc, wanted
from assay.rollout.host.bell import Bell
from assay.rollout.host.files import read_json, write_json
from assay.rollout.host.layout import Layout
from assay.rollout.host.wanted import Spec, Status

if TYPE_CHECKING:
    from collections.abc import Callable

TICK = 0.25
"""Seconds between two looks; a signal wakes it up at once."""
PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds before a process is started again that ended once, twice, ..."""
STEADY = 60.0
"""Seconds after which a process that still runs counts as one that never ended."""
_NOTED = ("sh", "-c", 'read -r line && exec "$@" </dev/null', "sh")
"""Waits for a line, or for the end of whoever would write it, and then is the program."""
_PATIENCE = 1.0
"""Seconds that a second supervisor waits for the lock."""


@dataclass
class Child:
    """A process under care."""

    status: Status
    began: float = 0.0
    """When it was started, by the monotonic clock."""
    ended: float | None = None
    """When it was found to have ended."""
    asked: float | None = None
    """When it was asked to end."""
    popen: subprocess.Popen[bytes] | None = None
    """`None` of one that an earlier supervisor started."""
    failures: int = 0
    """In a row, for the pause."""
    reason: str = ""
    """Why it is being killed."""

    @property
    def process(self) -> proc.Process | None:
        """The one that runs."""
        return proc.Process(self.status.pid, self.status.born) if self.status.pid else None


@dataclass
class Supervisor:
    """The state of the daemon."""

    place: Layout
    children: dict[str, Child] = field(default_factory=dict)
    watching: subprocess.Popen[bytes] | None = None
    """The agent that goes back to stable."""
    watched: float = 0.0
    keeps: bool = True
    """Whether processes are its own to keep."""
    specs: dict[str, Spec] = field(default_factory=dict)
    """As they were read last: they say how to end what is not wanted any more."""
    now: Callable[[], float] = time.monotonic
    clock: lease.Clock = field(default_factory=lease.Clock)

    def tick(self) -> None:
        """One look at everything. Whatever cannot be read changes nothing."""
        if self.keeps:
            self._keep_all()
        self._watch()
        logs.cut(self.place.folder / "log")

    def _keep_all(self) -> None:
        try:
            fresh = wanted.read(self.place)
        except AssayError as error:
            say(str(error))
            return
        self.specs |= fresh
        for name in fresh.keys() | self.children.keys() | self._noted():
            child = self.children.get(name) or self._taken_over(name)
            self.children[name] = child
            self._collect(name, child)
            if name in fresh:
                self._keep(name, child, fresh[name])
            elif self._ended(name, child):
                del self.children[name]

    def _noted(self) -> set[str]:
        """Processes of which there is a status, perhaps by an earlier supervisor."""
        return {path.stem for path in (self.place.folder / "run").glob("*.status")}

    def _taken_over(self, name: str) -> Child:
        try:
            known = wanted.status(self.place, name)
        except AssayError as error:
            say(str(error))
            known = None
        child = Child(known or Status(), began=self.now())
        if known is not None and known.boot != self.clock.boot():
            child.status = replace(known, pid=None)
        return child

    def _collect(self, name: str, child: Child) -> None:
        """Notice that a process has ended."""
        process = child.process
        if process is None or process.alive:
            return
        code = child.popen.wait() if child.popen is not None else None
        # A server's own children, as nginx's workers, must not hold what the next one needs. Where
        # the number is another process's by now, the group is too.
        if proc.found(process.pid) is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        why = child.reason or _ending(code)
        child.popen, child.ended, child.reason = None, self.now(), ""
        by_itself = child.asked is None
        if by_itself:
            steady = self.now() - child.began >= STEADY
            child.failures = 1 if steady else child.failures + 1
            say(f"{name} {why}")
        restarts = child.status.restarts + by_itself
        child.status = replace(child.status, pid=None, restarts=restarts, why=why)
        wanted.note(self.place, name, child.status)

    def _keep(self, name: str, child: Child, spec: Spec) -> None:
        """See that a wanted process runs."""
        if child.process is not None and child.asked is not None:
            self._end(child, spec)  # wanted again while it ends
            return
        if child.process is not None:
            if spec.memory is not None and child.process.memory > spec.memory:
                used = child.process.memory // 1_000_000
                child.reason = f"had {used} MB, and may have {spec.memory // 1_000_000}: killed"
                os.kill(child.process.pid, signal.SIGKILL)
            return
        child.asked = None
        pause = PAUSES[min(max(child.failures - 1, 0), len(PAUSES) - 1)]
        if child.ended is None or self.now() - child.ended >= pause:
            self._start(name, child, spec)

    def _start(self, name: str, child: Child, spec: Spec) -> None:
        child.began, child.ended = self.now(), None
        try:
            (self.place.folder / spec.socket).unlink(missing_ok=True)
            with (self.place.folder / spec.log).open("ab") as log:
                child.popen = self._popen(spec, log)
        except (OSError, AssayError) as error:
            child.failures += 1
            child.ended = self.now()
            why = f"cannot be started: {error}"
            child.status = replace(
                child.status, pid=None, restarts=child.status.restarts + 1, why=why
            )
            say(f"{name} {why}")
        else:
            process = proc.found(child.popen.pid)
            born = process.born if process else 0
            boot = self.clock.boot()
            child.status = replace(child.status, pid=child.popen.pid, born=born, boot=boot)
        wanted.note(self.place, name, child.status)
        if child.popen is not None and child.popen.stdin is not None:
            with child.popen.stdin as go, contextlib.suppress(BrokenPipeError):
                go.write(b"\n")
                go.flush()

    def _popen(self, spec: Spec, log: IO[bytes]) -> subprocess.Popen[bytes]:
        """A process that begins when it was noted: nobody would find one of a killed supervisor."""
        own = environment.of_file(self.place.environment)
        env = {**environment.ours(), **spec.env, **own}
        if shutil.which(spec.argv[0], path=env.get("PATH")) is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), spec.argv[0])
        return subprocess.Popen(
            (*_NOTED, *spec.argv),
            cwd=self.place.folder,
            env=env,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def _ended(self, name: str, child: Child) -> bool:
        """Whether an unwanted process is gone; until then it is asked, then killed."""
        if child.process is not None:
            self._end(child, self.specs.get(name, Spec((), "", "")))
            return False
        wanted.forget(self.place, name)
        return True

    def _end(self, child: Child, spec: Spec) -> None:
        process = child.process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            if child.asked is None:
                child.asked = self.now()
                os.kill(process.pid, signal.Signals[spec.signal])
            elif self.now() - child.asked > spec.drain:
                child.reason = f"did not end within {spec.drain:g} s: killed"
                os.killpg(process.pid, signal.SIGKILL)

    def _watch(self) -> None:
        """Have the agent go back to stable where the lease of a rollout has run out."""
        if self.watching is not None:
            if self.watching.poll() is None:
                return
            self.watching = None
        try:
            held = lease.read(self.place.lease)
        except AssayError as error:
            say(str(error))
            return
        if held is None or not held.expired(self.clock) or self.now() < self.watched:
            return
        self.watched = self.now() + 2
        say(f"the lease of {held.owner} has run out: back to stable")
        command = [sys.executable, "-P", "-m", "assay.rollout.host.watchdog"]
        self.watching = subprocess.Popen(
            [*command, str(self.place.folder)],
            cwd=self.place.folder,
            env=environment.ours(),
            stdin=subprocess.DEVNULL,
        )

    def end_all(self) -> None:
        """End all processes; for the end of the host's service."""
        while self.children:
            for name, child in list(self.children.items()):
                self._collect(name, child)
                if self._ended(name, child):
                    del self.children[name]
            time.sleep(0.05)


def _ending(code: int | None) -> str:
    """How a process ended, in words."""
    if code is None:
        return "has ended"
    if code >= 0:
        return f"ended with exit code {code}"
    with contextlib.suppress(ValueError):
        return f"was killed by {signal.Signals(-code).name}"
    return f"was killed by signal {-code}"


def say(text: str) -> None:
    """A line for `log/supervisor.log`."""
    print(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), text, flush=True)


def locked(place: Layout) -> IO[bytes] | None:
    """The lock of the folder's one supervisor, held until it is closed; `None` where one runs."""
    file = (place.folder / "run" / "supervisor.lock").open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def running(place: Layout) -> tuple[proc.Process, bool] | None:
    """(the folder's supervisor, whether it is of this version of Assay), if one runs."""
    found = read_json(place.supervisor) or {}
    if not {"pid", "born"} <= found.keys():
        return None
    process = proc.Process(found["pid"], found["born"])
    return (process, found.get("assay") == __version__) if process.alive else None


def main(folder: Path, *, watch: bool = False) -> int:
    """Run until a signal says so.

    Args:
        folder: Of the host.
        watch: Only watch over leases and logs, in the foreground: systemd keeps the processes.
    """
    place = Layout(folder)
    if not watch and os.fork():  # from here on nobody's child
        return 0
    if not watch:
        os.setsid()
    until = time.monotonic() + _PATIENCE
    # Whoever looks whether one runs holds the lock for a moment.
    while (lock := locked(place)) is None:
        if time.monotonic() > until:
            return 0
        time.sleep(0.01)
    with lock:
        _serve(place, watch=watch)
    return 0


def _serve(place: Layout, *, watch: bool) -> None:
    ours = proc.found(os.getpid())
    write_json(place.supervisor, {**(vars(ours) if ours else {}), "assay": __version__})
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536), hard))
    daemon = Supervisor(place, keeps=not watch)
    bell = Bell()
    while not bell.ended and place.folder.is_dir():
        try:
            daemon.tick()
        except (OSError, AssayError) as error:
            say(f"{error}")  # as a full disk: what runs goes on, and we try again
        bell.wait(TICK)
    daemon.end_all()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[-1]), watch="--watch" in sys.argv[1:-1]))

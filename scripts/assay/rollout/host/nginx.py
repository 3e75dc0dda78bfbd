"""The host's own nginx: its configuration put into use without a dropped request."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.errors import ProgramError, UsageError
from assay.rollout.host import nginxconf, proc, scrape
from assay.rollout.host.files import write_whole
from assay.rollout.host.wanted import Spec
from assay.rollout.targets.base import TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from assay.rollout.host.layout import Layout
    from assay.rollout.host.proc import Process
    from assay.rollout.host.processes import Processes
    from assay.rollout.host.settings import HostSettings

NAME = "nginx"
LOG = "log/nginx-error.log"
_UP = 10.0
"""Seconds until nginx must work by a configuration."""
FREED = 2.0
"""Seconds in which old workers of ours may still have a port."""
_TRIES = 2
_DRAIN = 3.0
"""Seconds that connections are given to bring one more request, before a reload closes them."""
_LOG = 20_000
"""Bytes of the log that are looked at for why nginx does not start."""
_LEAVING = "shutting down"
"""In the title of a worker that accepts nothing any more, but finishes what it has."""
_SBIN = ("/usr/sbin", "/usr/local/sbin", "/usr/local/nginx/sbin", "/opt/homebrew/bin")


def program() -> str:
    """The path of nginx, which is in a folder that is not on everybody's PATH.

    Raises:
        ProgramError: There is none.
    """
    import shutil

    places = os.pathsep.join([os.environ.get("PATH", os.defpath), *_SBIN])
    found = shutil.which("nginx", path=places)
    if found is None:
        raise ProgramError(
            "There is no nginx on the host.", hint="Install it: `sudo apt install nginx`."
        )
    return found


def command(*more: str, config: str = "nginx/nginx.conf") -> tuple[str, ...]:
    """To be run in the folder, for the paths of its configuration begin there."""
    # The error log is named here too: before it reads the configuration, nginx would open the one
    # that it was built with, which may be root's.
    return (program(), "-p", "./", "-e", LOG, "-c", config, *more)


@dataclass(frozen=True)
class Nginx:
    """nginx of one folder."""

    place: Layout
    processes: Processes

    def check(self, settings: HostSettings) -> None:
        """Whether nginx could run by these settings; nothing changes.

        Raises:
            TargetError: It refuses them, or the port is taken.
        """
        self._check_port(settings.listen)
        self._test(nginxconf.render(settings, root=os.geteuid() == 0))

    def apply(self, settings: HostSettings) -> None:
        """Have nginx run by these settings; nothing where it does.

        Raises:
            TargetError: nginx refuses them, or the port is taken; then it goes on as before.
        """
        text = nginxconf.render(settings, root=os.geteuid() == 0)
        old = self._text()
        if old == text and self._works_by(text):
            return
        running = self._runs()
        if not running or (old and self._works_by(old) and f"listen {settings.listen};" not in old):
            self._check_port(settings.listen)
        self._test(text)
        write_whole(self.place.nginx, text.encode())
        try:
            self._bring(text)
        except TargetError:
            if running and old is not None:
                write_whole(self.place.nginx, old.encode())
                self.processes.signal(NAME, signal.SIGHUP)
            raise

    def works(self) -> bool:
        """Whether nginx answers users, by whatever configuration."""
        text = self._text()
        return text is not None and self._works_by(text)

    def up(self) -> None:
        """Have nginx run as it last did."""
        text = self._text()
        if text is not None and not self._works_by(text):
            self._bring(text)

    def _bring(self, text: str) -> None:
        """Have nginx work by its file, whether it runs or not."""
        said = self._log_size()
        if self._runs():
            self._reload(text, said)
        else:
            self._start(text, said)

    def _runs(self) -> bool:
        """Whether nginx is there, by whatever configuration.

        It need not be that of the file: a deployer may have been killed before the reload. And on a
        host under load it may take longer to answer than one waits.
        """
        return NAME in self.processes.wanted() and self.processes.status(NAME).pid is not None

    def _text(self) -> str | None:
        try:
            return self.place.nginx.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def _test(self, text: str) -> None:
        """Ask nginx, while the old configuration stays where it is."""
        fresh = self.place.nginx.with_suffix(".conf.new")
        write_whole(fresh, text.encode())
        try:
            done = subprocess.run(
                command("-t", config="nginx/nginx.conf.new"),
                cwd=self.place.folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=30,
            )
        except subprocess.TimeoutExpired as error:
            raise TargetError("`nginx -t` does not answer.") from error
        finally:
            fresh.unlink(missing_ok=True)
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()
            raise TargetError(
                f"nginx refuses its configuration: {_emerg(said)}",
                hint="Change `listen` or the setting that it names. Users are answered as before.",
            )

    def _start(self, text: str, said: int) -> None:
        spec = Spec(argv=command(), log=LOG, socket=nginxconf.CONTROL, signal="SIGQUIT")
        self.processes.want(NAME, spec)
        self._wait_for(text, said)

    def _reload(self, text: str, said: int) -> None:
        """Have nginx read its configuration again.

        It closes connections on which it waits for a request; a client that sends one at that
        moment loses it (nginx 1.22: 3 of 17,000 requests at each reload). So first every connection
        is closed behind an answer, of which clients are told, until none waits.
        """
        with self._drained():
            workers = self._workers()
            self.processes.signal(NAME, signal.SIGHUP)
            self._wait_for(text, said)
            self._wait_for_end(workers)

    def _workers(self) -> list[Process]:
        """Those that accept connections."""
        master = self.processes.status(NAME).pid
        return [one for one in proc.children(master) if _accepts(one)] if master else []

    def _wait_for_end(self, workers: list[Process]) -> None:
        """Wait until all have heard of the reload.

        The first new worker answers a tenth of a second earlier, or seconds on a host under load:
        https://github.com/nginx/nginx/blob/release-1.22.1/src/os/unix/ngx_process_cycle.c
        """
        until = time.monotonic() + _UP
        while any(map(_accepts, workers)) and time.monotonic() < until:
            time.sleep(0.02)

    @contextlib.contextmanager
    def _drained(self) -> Iterator[None]:
        self.place.draining.touch(mode=0o600)
        try:
            until = time.monotonic() + _DRAIN
            time.sleep(0.3)
            while self._waiting() > 0 and time.monotonic() < until:
                time.sleep(0.1)
            yield
        finally:
            self.place.draining.unlink(missing_ok=True)

    def _waiting(self) -> int:
        """Connections on which nginx waits for a request."""
        try:
            said = scrape.ask(self._control, nginxconf.STATUS).body.decode()
            return int(said.rpartition("Waiting:")[2])
        except (OSError, ValueError):
            return 0

    def _wait_for(self, text: str, said: int) -> None:
        """Wait until nginx works by a configuration.

        Args:
            text: The configuration.
            said: Bytes of its log when it was not asked yet: what stands there is of earlier.
        """
        until = time.monotonic() + _UP
        before = self.processes.status(NAME).restarts
        while not self._works_by(text):
            found = self.processes.status(NAME)
            ended = found.restarts - before
            if time.monotonic() > until or ended > _TRIES:
                end = found.why if ended or found.pid is None else ""
                why = _emerg(self._log_since(said)) or end or f"no answer in {_UP:g} s"
                raise TargetError(
                    f"nginx does not start: {why}",
                    hint=f"See {self.place.folder / LOG}.",
                )
            time.sleep(0.02)

    def _works_by(self, text: str) -> bool:
        try:
            found = scrape.ask(self._control, nginxconf.GENERATION)
        except OSError:
            return False
        return found.body.decode(errors="replace") == nginxconf.generation(text)

    @property
    def _control(self) -> Path:
        return self.place.folder / nginxconf.CONTROL

    def _log_size(self) -> int:
        with contextlib.suppress(OSError):
            return (self.place.folder / LOG).stat().st_size
        return 0

    def _log_since(self, start: int) -> str:
        if self._log_size() < start:  # it was cut meanwhile
            start = 0
        with contextlib.suppress(OSError), (self.place.folder / LOG).open("rb") as log:
            log.seek(start)
            return log.read(_LOG).decode(errors="replace")
        return ""

    def _check_port(self, listen: str) -> None:
        """Whether nginx could listen there. `nginx -t` lets a port pass that somebody has."""
        host, _, port = listen.rpartition(":")
        host = {"*": "0.0.0.0"}.get(host, host.strip("[]"))  # noqa: S104 (what the owner asks for)
        try:
            found = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
        except socket.gaierror:
            raise UsageError(f"`listen` names the host {host!r}, which is not known.") from None
        family, kind, number, _, address = found[0]
        until = time.monotonic() + FREED
        while (problem := _cannot_listen(family, kind, number, address)) is not None:
            if problem.errno != errno.EADDRINUSE or time.monotonic() > until:
                raise TargetError(
                    f"nginx cannot listen on {listen}: {problem.strerror}.",
                    hint="`ss -ltnp` shows who has a port; choose another one, as `listen`. Ports "
                    "below 1024 need root.",
                ) from problem
            time.sleep(0.05)


def _cannot_listen(family: int, kind: int, number: int, address: Any) -> OSError | None:
    with socket.socket(family, kind, number) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(address)
            trial.listen(1)
        except OSError as error:
            return error
    return None


def _accepts(worker: Process) -> bool:
    """Whether a worker may still be given new connections."""
    return worker.alive and _LEAVING not in worker.title


def _emerg(said: str) -> str:
    """The line of nginx's that says why; behind it come others, as that it tries again."""
    lines = [line for line in said.splitlines() if "[emerg]" in line]
    return lines[0].partition("[emerg] ")[2] if lines else said[-300:]

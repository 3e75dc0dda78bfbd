"""Hosts for tests: a folder with the real nginx and supervisor, and stand-ins as servers."""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.rollout.host import proc
from assay.rollout.host import supervisor as supervisors
from assay.rollout.host.agent import local
from assay.rollout.host.layout import Layout
from assay.rollout.host.settings import HostSettings
from assay.rollout.targets.base import Routing, VersionId
from assay.rollout.targets.host import HostTarget

from tests import programs
from tests.replies import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from assay.rollout.host.settings import Trusted

STANDIN = (
    sys.executable,
    "-IS",  # it needs nothing that is installed
    str(Path(__file__).with_name("rollout_standin.py")),
    "{socket}",
    "{version}",
    "{digest}",
)
ASSAY = str(Path(sys.executable).with_name("assay"))
PATIENCE = 20.0


def free_port() -> int:
    """A port that nobody listens on.

    It stays free until it is used: none of those that the system gives to connections and to other
    tests, which begin at 32768 (`ip_local_port_range` of ip(7)).
    """
    while True:
        port = 15_000 + secrets.randbelow(17_000)
        with contextlib.suppress(OSError):
            socket.create_server(("127.0.0.1", port)).close()
            return port


def settings(**given: Any) -> HostSettings:
    """Stand-ins behind a free port."""
    usual = {
        "listen": f"127.0.0.1:{free_port()}",
        "assay": ASSAY,
        "serve": STANDIN,
        "canary_timeout": 0.3,
        "start_timeout": 10,
        "keeper": "supervisor",
        "drain": 2,
    }
    return HostSettings.model_validate({**usual, **given})


def version(name: str) -> VersionId:
    """`v1.0.0`, or `v1.0.0+hang` (see `rollout_standin.MODES`)."""
    return VersionId(name="bikes", version=name, digest=hashlib.sha256(name.encode()).hexdigest())


def received(source: Path, parts: Path, one: VersionId, trusted: Trusted) -> Path:
    """In the place of `bundles.received`: any file is a bundle."""
    del trusted
    folder = parts / f"bundle-{one.digest[:8]}"
    folder.mkdir()
    (folder / "manifest.json").write_bytes(source.read_bytes())
    return folder


class Answer(Reply):
    """What a user got."""

    @property
    def version(self) -> str:
        """Of the stand-in that answered."""
        return str(self.json["version"])


@dataclass
class Host:
    """A host under test."""

    target: HostTarget

    @property
    def folder(self) -> Path:
        return self.target.agent.place.folder

    @property
    def port(self) -> int:
        known = self.target.agent.settings
        assert known is not None
        return int(known.listen.rpartition(":")[2])

    def placed(self, name: str) -> VersionId:
        """A version whose bundle is there."""
        one = version(name)
        source = self.folder.parent / "source"
        source.write_text(name)
        self.target.place(source, one)
        return one

    def started(self, name: str) -> VersionId:
        """A version that runs."""
        one = self.placed(name)
        self.target.start(one)
        return one

    def stable(self, name: str = "v1.0.0") -> VersionId:
        """A version that answers everybody."""
        one = self.started(name)
        self.target.route(Routing(stable=one))
        self.target.promote(one, None)
        return one

    def ask(self, path: str = "/predict", body: bytes = b"{}", **headers: str) -> Answer:
        """One request through nginx."""
        return ask(self.port, path, body, **headers)

    def pid(self, one: VersionId) -> int:
        """Of a version's server."""
        found = self.target.agent._processes().status(f"server-{one.digest[:12]}").pid
        assert found is not None
        return found


def ask(port: int, path: str = "/predict", body: bytes = b"{}", **headers: str) -> Answer:
    """A POST to this machine."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("POST", path, body=body, headers=named)
        found = connection.getresponse()
        fields = {name.lower(): value for name, value in found.getheaders()}
        return Answer(found.status, fields, found.read())


@contextlib.contextmanager
def hosting(folder: Path, *, owner: str | None = "test", **given: Any) -> Iterator[Host]:
    """A host whose processes are gone afterwards."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    agent = local(folder, settings(**given))
    agent.receive, agent.settled = received, 0.1
    host = Host(HostTarget(agent))
    try:
        if owner is not None:
            host.target.acquire(owner, 60)
        yield host
    finally:
        ended(folder)


@contextlib.contextmanager
def restored(host: Host, stable: VersionId) -> Iterator[None]:
    """Behind what is done to a host all is as before, also where it failed: stable alone."""
    agent, target = host.target.agent, host.target
    usual = agent.settings
    try:
        yield
    finally:
        agent.settings = usual
        target.acquire("test", 60, force=True)
        target.route(Routing(stable=stable))
        for one in target.state().running:
            if not one.same(stable):
                target.stop(one)


@contextlib.contextmanager
def going_on(host: Host, stable: VersionId) -> Iterator[None]:
    """The same; and until then stable must have gone on, as one process."""
    pid = host.pid(stable)
    with restored(host, stable):
        yield
        assert host.ask().status == 200
        assert host.pid(stable) == pid


def supervisor(folder: Path) -> int | None:
    """The process of a folder's supervisor."""
    found = supervisors.running(Layout(Path(os.path.realpath(folder))))
    return found[0].pid if found is not None else None


def ended(folder: Path) -> None:
    """End the supervisor of a folder, and with it all that it started."""
    pid = supervisor(folder)
    found = proc.found(pid) if pid is not None else None
    if found is not None:
        os.kill(found.pid, signal.SIGTERM)
        until(lambda: not found.alive)


def unshared() -> list[str]:
    """A command that runs another one with mounts of its own; none where that is not allowed."""
    program = programs.find("unshare")
    assert program is not None
    command = [program, "--mount", "--propagation", "private"]
    allowed = subprocess.run([*command, "true"], check=False, capture_output=True).returncode == 0
    return command if allowed else []


def told(command: list[str], home: Path, story: str, script: str) -> Any:
    """What a story of Python says, which a shell script runs in a home of its own.

    Args:
        command: `unshared()`.
        home: Of both.
        story: Writes `said.json`; `{root}` is this repository.
        script: Runs `story.py`.
    """
    root = str(Path(__file__).parents[1])
    (home / "story.py").write_text(textwrap.dedent(story.format(root=root)))
    (home / "script.sh").write_text(script)
    done = subprocess.run(
        [*command, "sh", str(home / "script.sh")],
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((home / "said.json").read_text())


def until(true: Callable[[], object], *, patience: float = PATIENCE) -> None:
    """Wait until something is so."""
    end = time.monotonic() + patience
    while not true():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.02)


@dataclass(frozen=True)
class Sshd:
    """An OpenSSH server that lets in one key."""

    port: int
    config: Path
    """For the client."""
    process: subprocess.Popen[bytes]

    @property
    def user(self) -> str:
        return f"{getpass.getuser()}@127.0.0.1"

    def cut(self) -> None:
        """End all connections, as when a cable is pulled."""
        for path in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                parent = path.read_text().rpartition(")")[2].split()[1]
                if int(parent) == self.process.pid:
                    os.kill(int(path.parent.name), signal.SIGKILL)


@contextlib.contextmanager
def sshd(folder: Path) -> Iterator[Sshd]:
    """A server on a free port, with its files in a folder."""
    program = programs.find("sshd")
    assert program is not None
    for name in ("host", "user"):
        keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(keygen, check=True)
    port = free_port()
    (folder / "server").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\n"
        f"AuthorizedKeysFile {folder}/user.pub\nPidFile {folder}/pid\nStrictModes no\nUsePAM no\n"
        "PasswordAuthentication no\nPermitRootLogin prohibit-password\n"
    )
    config = folder / "client"
    config.write_text(
        f"Host *\nIdentityFile {folder}/user\nIdentitiesOnly yes\nStrictHostKeyChecking no\n"
        f"UserKnownHostsFile {folder}/known\nLogLevel ERROR\n"
    )
    if os.geteuid() == 0:  # root's server separates privileges, in this folder
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    command = [program, "-D", "-e", "-f", str(folder / "server")]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    found = Sshd(port, config, server)
    try:
        until(lambda: _answers(port, server))
        yield found
    finally:
        found.cut()
        server.terminate()
        server.wait()


def _answers(port: int, server: subprocess.Popen[bytes]) -> bool:
    assert server.poll() is None, "sshd ended"
    with contextlib.suppress(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port)).close()
        return True
    return False

"""The target `host` on another machine: real OpenSSH, and connections that drop."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from assay.configrollout import HostSpec
from assay.rollout.host.agent import local
from assay.rollout.host.settings import Trusted
from assay.rollout.journal import Event
from assay.rollout.targets import host as hosts
from assay.rollout.targets.base import (
    BusyError,
    FencedError,
    MissingVersionError,
    PlaceError,
    Routing,
    TargetError,
    UnreachableError,
    VersionId,
)
from assay.rollout.targets.host import SshTarget
from assay.rollout.targets.sshsession import Session

from tests import rollout_hosts, serving_bundles
from tests.rollout_hosts import ASSAY, Sshd, settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.serving_bundles import Made

# A client that opens no connection: the agent runs here, as behind one.
LOCAL = """#!{python}
import os, sys
{before}
os.execv({assay!r}, [{assay!r}, "host", "session"])
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return serving_bundles.made(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with rollout_hosts.sshd(tmp_path_factory.mktemp("sshd")) as made:
        yield made


@pytest.fixture
def over(server: Sshd, monkeypatch: pytest.MonkeyPatch) -> Sshd:
    monkeypatch.setenv("ASSAY_SSH_CONFIG", str(server.config))
    return server


def of(one: Made, version: str = "v1.0.0") -> VersionId:
    return VersionId(name="peak-hour", version=version, digest=one.digest)


def client(folder: Path, before: str = "") -> str:
    """A program in the place of ssh."""
    path = folder / "ssh"
    path.write_text(LOCAL.format(python=sys.executable, assay=ASSAY, before=before))
    path.chmod(0o755)
    return str(path)


def here(folder: Path, before: str = "", **given: object) -> SshTarget:
    """A target whose agent runs here."""
    session = Session("host", assay=ASSAY, program=client(folder, before), pauses=(0.0, 0.0))
    return SshTarget(session, str(folder / "host"), settings(**given))


@pytest.mark.needs("sshd")
@pytest.mark.needs("nginx")
def test_a_connection_that_drops_in_the_middle(over: Sshd, tmp_path: Path, bundle: Made) -> None:
    """The agent carries through what it has begun; asked again, it says how that ended."""
    trusted = Trusted(key=bundle.key.read_text())
    spec = HostSpec(kind="host", folder=str(tmp_path / "host"), ssh=over.user, port=over.port)
    target = hosts.made(spec, tmp_path, trusted)
    assert isinstance(target, SshTarget)
    known = settings(trusted=trusted)
    target.session.assay, target.settings = ASSAY, known
    slow = of(bundle, "v1.0.0+slow")
    try:
        target.acquire("test", 60)
        target.place(bundle.archive, slow)
        first = target.session._client
        cable = threading.Timer(0.3, over.cut)
        cable.start()
        target.start(slow)
        cable.join()

        assert target.session._client is not first
        target.route(Routing(stable=slow))
        target.promote(slow, None)
        port = int(known.listen.rpartition(":")[2])
        assert rollout_hosts.ask(port).version == "v1.0.0+slow"
        (seen,) = target.observe().seen
        assert (seen.version, seen.alive, seen.restarts) == (slow, True, 0)
        event = Event(kind="note", rollout="r1", time=0, what="ü")
        over.cut()
        target.append(event)
        assert target.events() == [event]
        assert target.state().running == (slow,)
    finally:
        target.close()
        rollout_hosts.ended(tmp_path / "host")


@pytest.mark.needs("sshd")
def test_a_key_that_is_not_let_in(over: Sshd, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(
        f"Host *\nIdentityFile {tmp_path}/none\nIdentitiesOnly yes\nStrictHostKeyChecking no\n"
        f"UserKnownHostsFile {tmp_path}/known\n"
    )
    target = SshTarget(Session(over.user, over.port, ASSAY), str(tmp_path), None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASSAY_SSH_CONFIG", str(tmp_path / "config"))

        with pytest.raises(UnreachableError, match="Permission denied") as caught:
            target.state()

    assert caught.value.exit_code == 3
    assert f"ssh -o BatchMode=yes -p {over.port}" in (caught.value.hint or "")


@pytest.mark.needs("sshd")
def test_a_host_without_assay(over: Sshd, tmp_path: Path) -> None:
    target = SshTarget(Session(over.user, over.port, "no-such-assay"), str(tmp_path), None)

    with pytest.raises(TargetError, match="has no program `no-such-assay`") as caught:
        target.state()

    assert "`target.assay` in assay.yaml" in (caught.value.hint or "")


def test_nobody_there() -> None:
    session = Session("127.0.0.1", rollout_hosts.free_port(), pauses=(0.0,))

    with pytest.raises(UnreachableError, match=r"gives no answer over SSH: .*refused"):
        SshTarget(session, "/srv/none", None).state()


def test_no_client() -> None:
    with pytest.raises(TargetError, match="`/no/ssh` cannot be run"):
        SshTarget(Session("host", program="/no/ssh"), "/srv/none", None).state()


def test_what_the_arguments_are() -> None:
    command = Session("deploy@ml1", 2222, "/opt/my assay/bin/assay").command()

    assert command[-3:] == ["--", "deploy@ml1", "'/opt/my assay/bin/assay' host session"]
    assert command[:4] == ["ssh", "-T", "-p", "2222"]
    assert "BatchMode=yes" in command


def test_a_shell_that_prints_something(tmp_path: Path) -> None:
    target = here(tmp_path, "print('Welcome!', flush=True); sys.stdin.readline(); sys.exit()")

    with pytest.raises(TargetError, match="answers what is not understood: b'Welcome!") as caught:
        target.state()
    target.close()

    assert "profile of its shell" in (caught.value.hint or "")


def test_errors_are_what_they_are_on_the_host(tmp_path: Path, bundle: Made) -> None:
    first, second = here(tmp_path), here(tmp_path)
    try:
        first.acquire("first", 60)
        with pytest.raises(BusyError, match="first is changing"):
            second.acquire("second", 60)
        with pytest.raises(MissingVersionError) as caught:
            first.start(of(bundle))
        assert caught.value.exit_code == 2
        second.acquire("second", 60, force=True)
        with pytest.raises(FencedError, match="The lease of first was taken by second"):
            first.promote(of(bundle), None)
        assert second.state().stable is None
    finally:
        first.close()
        second.close()
        rollout_hosts.ended(tmp_path / "host")


def test_bundles_that_are_refused(tmp_path: Path, bundle: Made) -> None:
    """By the host: whatever was sent, nothing of it stays."""
    other = serving_bundles.made(tmp_path / "other", "v2.0.0")
    key = subprocess.run(
        ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        capture_output=True,
        check=True,
    ).stdout
    public = subprocess.run(
        ["openssl", "pkey", "-pubout"], input=key, capture_output=True, check=True
    ).stdout.decode()
    damaged = tmp_path / "damaged.tar.zst"
    data = bytearray(bundle.archive.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    trusted = Trusted(key=bundle.key.read_text())
    cases = (
        (trusted, other.archive, "its digest is"),
        (trusted, damaged, "is damaged, or is no bundle"),
        (Trusted(key=public), bundle.archive, "was not taken: signature: "),
    )
    target = here(tmp_path)
    try:
        for by, archive, why in cases:
            target.settings = settings(trusted=by)
            target.acquire("test", 60)
            with pytest.raises(PlaceError, match="was not taken: ") as caught:
                target.place(archive, of(bundle))
            assert why in caught.value.message
            assert "Nothing of it was used" in (caught.value.hint or "")
        assert target.state().placed == ()
        assert [*(tmp_path / "host" / "versions").iterdir()] == []
        assert not [*(tmp_path / "host" / "tmp").glob("*.zst")]
        target.settings = settings(trusted=trusted)
        target.place(bundle.folder, of(bundle))
        assert target.state().placed == (of(bundle),)
        target.place(tmp_path / "not sent", of(bundle, "v1.0.1"))
        assert [one.version for one in target.state().placed] == ["v1.0.1"]
    finally:
        target.close()
        rollout_hosts.ended(tmp_path / "host")


def test_a_disk_without_room(tmp_path: Path) -> None:
    """No file of more than 4 kB can be written, as where a disk or a quota is full."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))"
    big = tmp_path / "big.tar.zst"
    big.write_bytes(bytes(3_000_000))
    target = here(tmp_path, limit)
    one = VersionId(name="bikes", version="v1.0.0", digest="a" * 64)
    try:
        target.acquire("test", 60)
        with pytest.raises(PlaceError, match="The bundle was not taken: File too large"):
            target.place(big, one)
        # The connection still is in step: all that was sent has been read.
        assert target.state().owner == "test"
        assert [*(tmp_path / "host" / "tmp").iterdir()] == []
    finally:
        target.close()
        rollout_hosts.ended(tmp_path / "host")


def test_a_connection_that_drops_while_a_bundle_is_sent(tmp_path: Path, bundle: Made) -> None:
    flag = str(tmp_path / "dropped")
    drop = f"os.path.exists({flag!r}) or (open({flag!r}, 'w'), os.read(0, 500), os._exit(255))"
    trusted = Trusted(key=bundle.key.read_text())
    target = here(tmp_path, trusted=trusted)
    dropping = here(tmp_path, drop, trusted=trusted)
    try:
        dropping.acquire("test", 60)
        (tmp_path / "dropped").unlink()
        dropping.close()
        dropping.place(bundle.archive, of(bundle))

        assert (tmp_path / "dropped").exists()
        assert target.state().placed == (of(bundle),)
        assert [*(tmp_path / "host" / "tmp").glob("*.zst")] == []
    finally:
        target.close()
        dropping.close()
        rollout_hosts.ended(tmp_path / "host")


def test_the_agent_ends_with_its_connection(tmp_path: Path) -> None:
    target = here(tmp_path)
    target.state()
    found = target.session._client
    assert found is not None

    # Ctrl-C is for the deployer alone.
    assert os.getsid(found.popen.pid) == found.popen.pid
    found.to.close()

    assert found.popen.wait(timeout=rollout_hosts.PATIENCE) == 0
    target.close()
    assert not local(tmp_path / "host").place.folder.exists()

"""The key and the known hosts of a job, as OpenSSH's client reads them."""

from __future__ import annotations

import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from assay.errors import UsageError
from assay.rollout import sshaccess
from assay.rollout.targets.sshsession import CONFIG, Session

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\r\nc2VjcmV0\r\n-----END OPENSSH PRIVATE KEY-----"
HOSTS = "[ml1]:2222 ssh-ed25519 AAAAC3Nz\nml2 ssh-ed25519 AAAAC3Nz"


def files(environ: dict[str, str]) -> dict[str, Path]:
    folder = Path(environ[CONFIG]).parent
    return {path.name: path for path in folder.iterdir()}


def test_they_are_files_as_long_as_it_lasts() -> None:
    environ = {"ASSAY_SSH_KEY": KEY, "ASSAY_KNOWN_HOSTS": HOSTS, "PATH": "/bin"}
    with sshaccess.given(environ):
        assert set(environ) == {"PATH", CONFIG}
        found = files(environ)
        assert found["key"].read_bytes() == KEY.replace("\r\n", "\n").encode() + b"\n"
        assert found["known_hosts"].read_text() == f"{HOSTS}\n"
        for path in found.values():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(found["key"].parent.stat().st_mode) == 0o700
        assert "c2VjcmV0" not in found["config"].read_text()
    assert environ == {"PATH": "/bin"}
    assert not found["key"].parent.exists()


def test_they_are_gone_after_an_error() -> None:
    environ = {"ASSAY_SSH_KEY": KEY, "ASSAY_KNOWN_HOSTS": HOSTS, CONFIG: "/own"}
    seen = []

    def broken() -> None:
        with sshaccess.given(environ):
            seen.append(files(environ)["key"])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    assert not seen[0].exists()
    assert environ == {CONFIG: "/own"}


@pytest.mark.parametrize("environ", [{}, {"ASSAY_SSH_KEY": " ", "ASSAY_KNOWN_HOSTS": ""}])
def test_without_them_the_users_own_settings_hold(environ: dict[str, str]) -> None:
    with sshaccess.given(environ):
        assert CONFIG not in environ


def test_known_hosts_alone_go_with_the_users_own_keys() -> None:
    environ = {"ASSAY_KNOWN_HOSTS": HOSTS}
    with sshaccess.given(environ):
        assert set(files(environ)) == {"config", "known_hosts"}


def test_a_key_for_whoever_answers_is_refused() -> None:
    environ = {"ASSAY_SSH_KEY": KEY}
    told = pytest.raises(UsageError, match="nothing says which hosts it is for")
    with told as caught, sshaccess.given(environ):
        pass
    assert "ssh-keyscan" in str(caught.value.hint)
    assert "c2VjcmV0" not in f"{caught.value.message}{caught.value.hint}"
    assert environ == {}


@pytest.mark.skipif(shutil.which("ssh") is None, reason="OpenSSH's client is missing")
def test_the_client_understands_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = tmp_path / "a b %h"
    odd.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(odd))
    environ = {"ASSAY_SSH_KEY": KEY, "ASSAY_KNOWN_HOSTS": HOSTS}
    with sshaccess.given(environ):
        found = files(environ)
        monkeypatch.setenv(CONFIG, environ[CONFIG])
        client, *options = Session("deploy@ml1", 2222).command()
        done = subprocess.run(
            [client, "-G", *options], capture_output=True, text=True, check=True
        ).stdout
        said = dict(line.partition(" ")[::2] for line in done.splitlines())
    assert said["identityfile"].replace("%%", "%") == str(found["key"])
    assert said["userknownhostsfile"].replace("%%", "%") == str(found["known_hosts"])
    assert (said["identitiesonly"], said["batchmode"]) == ("yes", "yes")
    assert said["stricthostkeychecking"] in {"yes", "true"}


def test_nobody_else_is_believed_to_be_the_target() -> None:
    environ = {"ASSAY_SSH_KEY": KEY, "ASSAY_KNOWN_HOSTS": HOSTS}
    with sshaccess.given(environ):
        text = files(environ)["config"].read_text()
    # The machine's own list would be believed, too.
    assert "GlobalKnownHostsFile /dev/null" in text
    assert "StrictHostKeyChecking yes" in text

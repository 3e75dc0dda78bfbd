"""checkout from S3 (moto's server) and over SSH (OpenSSH's)."""

from __future__ import annotations

import contextlib
import getpass
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from assay.errors import RemoteError
from assay.section import Status
from assay.stages import checkout

from tests import programs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.repos import Project

BUCKET = "models"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "a-secret-key-0123456789"}
# Without these, botocore looks for a cloud's metadata service, and tries again and again.
QUICK = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_MAX_ATTEMPTS": "1",
    "AWS_DEFAULT_REGION": "us-east-1",
}


# --- S3 -----------------------------------------------------------------------------------------


@pytest.fixture
def on_s3(cloned: Project, s3: str) -> Project:
    """The clone, whose remote is a bucket that holds what its directory held."""
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=s3,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    client.create_bucket(Bucket=BUCKET)
    for old in client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        client.delete_object(Bucket=BUCKET, Key=old["Key"])
    for path in cloned.remote.rglob("*"):
        if path.is_file():
            key = f"bikes/{path.relative_to(cloned.remote).as_posix()}"
            client.upload_file(str(path), BUCKET, key)
    _configure(cloned, s3)
    return cloned


def _configure(project: Project, endpoint: str) -> None:
    lines = ["[core]", "remote = cloud", "['remote \"cloud\"']"]
    lines += [f"url = s3://{BUCKET}/bikes", f"endpointurl = {endpoint}"]
    project.write({".dvc/config": "\n".join([*lines, ""])})


def _key(project: Project, path: str) -> str:
    return str(project.object_of(path, where=Path("bikes")))


def _client(endpoint: str):  # type: ignore[no-untyped-def]
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )


def _refused(project: Project, environ: dict[str, str]) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        checkout.run(project.context(environ={**QUICK, **environ}))
    error = caught.value
    assert error.exit_code == 3
    assert f"the remote `cloud` (s3://{BUCKET}/bikes)" in error.message
    assert KEYS["AWS_SECRET_ACCESS_KEY"] not in f"{error.message}{error.hint}"
    assert not (project.root / "data/raw.csv").exists()
    return error


def test_s3(on_s3: Project) -> None:
    environ = {**QUICK, **KEYS}

    section = checkout.run(on_s3.context(base="main", environ=environ))

    assert section.status is Status.PASS
    assert section.url == f"s3://{BUCKET}/bikes"
    assert [(t.revision, t.files) for t in section.transfers] == [("head", 6), ("base", 1)]
    again = checkout.run(on_s3.context(base="main", environ=environ))
    assert [t.files for t in again.transfers] == [0]


def test_s3_without_credentials(on_s3: Project) -> None:
    error = _refused(on_s3, {})

    assert "there are no credentials for it" in error.message
    assert "environment variables" in (error.hint or "")


def test_s3_with_an_unknown_key(on_s3: Project, s3: str) -> None:
    import requests

    requests.post(f"{s3}/moto-api/reset-auth", data="0", timeout=5)
    try:
        error = _refused(on_s3, KEYS)
    finally:
        requests.post(f"{s3}/moto-api/reset-auth", data="inf", timeout=5)

    print(error.message, error.hint)


def test_s3_that_cannot_be_reached(cloned: Project) -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    _configure(cloned, f"http://127.0.0.1:{port}")

    error = _refused(cloned, KEYS)

    assert "it cannot be reached" in error.message


def test_s3_without_the_object(on_s3: Project, s3: str) -> None:
    _client(s3).delete_object(Bucket=BUCKET, Key=_key(on_s3, "data/raw.csv"))

    error = _refused(on_s3, KEYS)

    assert error.message.startswith("data/raw.csv")
    assert "not in the remote" in error.message


def test_s3_with_a_damaged_object(on_s3: Project, s3: str) -> None:
    """DVC takes a cloud's word for what an object holds."""
    key = _key(on_s3, "data/raw.csv")
    _client(s3).put_object(Bucket=BUCKET, Key=key, Body=b"id,y,season\n")

    error = _refused(on_s3, KEYS)

    assert "data/raw.csv" in error.message
    assert "damaged" in error.message
    assert not on_s3.object_of("data/raw.csv").exists()
    assert (on_s3.root / "data/photos/a.jpg").exists()


def test_s3_with_a_damaged_object_where_somebody_works(on_s3: Project, s3: str) -> None:
    key = _key(on_s3, "data/raw.csv")
    _client(s3).put_object(Bucket=BUCKET, Key=key, Body=b"id,y,season\n")
    on_s3.write({"data/raw.csv": "mine"})

    section = checkout.run(on_s3.context(environ={**QUICK, **KEYS}))

    assert section.status is Status.WARN
    assert (on_s3.root / "data/raw.csv").read_text() == "mine"
    assert not on_s3.object_of("data/raw.csv").exists()


# --- SSH ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """An OpenSSH server that lets in one key, and where that key is."""
    program = programs.find("sshd")
    assert program is not None
    folder = tmp_path_factory.mktemp("sshd")
    for name in ("host", "user"):
        keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(keygen, check=True)
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    settings = {
        "Port": port,
        "ListenAddress": "127.0.0.1",
        "HostKey": folder / "host",
        "AuthorizedKeysFile": folder / "user.pub",
        "PidFile": folder / "pid",
        "StrictModes": "no",  # the folder of the test is not a home
        "UsePAM": "no",
        "PasswordAuthentication": "no",
        "PermitRootLogin": "prohibit-password",
        "Subsystem": "sftp internal-sftp",
    }
    config = folder / "config"
    config.write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
    if os.geteuid() == 0:  # root's server separates privileges, in this folder
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    server = subprocess.Popen([program, "-D", "-e", "-f", str(config)], stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, server)
        yield port, folder / "user"
    finally:
        server.terminate()
        server.wait()


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(100):
        assert server.poll() is None, "sshd ended"
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        time.sleep(0.05)
    raise AssertionError("sshd does not answer")


def _over_ssh(project: Project, port: int, options: str) -> None:
    url = f"ssh://{getpass.getuser()}@127.0.0.1:{port}{project.remote}"
    config = f"[core]\nremote = host\n['remote \"host\"']\nurl = {url}\n{options}\n"
    project.write({".dvc/config": config})


@pytest.mark.needs("sshd")
def test_ssh(cloned: Project, sshd: tuple[int, Path]) -> None:
    port, key = sshd
    _over_ssh(cloned, port, f"keyfile = {key}")

    section = checkout.run(cloned.context(base="main"))

    assert section.status is Status.PASS
    assert section.url == f"ssh://127.0.0.1:{port}{cloned.remote}"
    assert [(t.revision, t.files) for t in section.transfers] == [("head", 6), ("base", 1)]


@pytest.mark.needs("sshd")
def test_ssh_with_a_key_that_is_not_let_in(cloned: Project, sshd: tuple[int, Path]) -> None:
    port, _ = sshd
    other = cloned.root.parent / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other)], check=True)
    _over_ssh(cloned, port, f"keyfile = {other}")

    with pytest.raises(RemoteError) as caught:
        checkout.run(cloned.context())

    assert caught.value.exit_code == 3
    assert "the remote `host`" in caught.value.message
    assert "access was denied" in caught.value.message
    assert cloned.objects() == []


@pytest.mark.needs("sshd")
def test_ssh_without_a_server(cloned: Project) -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    _over_ssh(cloned, port, "password = hunter2")

    with pytest.raises(RemoteError) as caught:
        checkout.run(cloned.context())

    assert "it cannot be reached" in caught.value.message
    assert "hunter2" not in caught.value.message

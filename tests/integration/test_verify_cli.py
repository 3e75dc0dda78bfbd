"""`assay sign` and `assay verify`: what they read, print and leave, and how they end."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import typer
from assay import clibundle, extras
from assay.errors import AssayError, UsageError
from assay.packaging import archive
from assay.packaging.manifest import GateResult
from cryptography.hazmat.primitives.serialization import Encoding
from typer.testing import CliRunner

from tests.unit.packaging.vouched import (
    KEY,
    MIDDLE,
    MIDDLE_KEY,
    ROOT,
    ROOT_KEY,
    certificate,
    leaf,
    made,
    private_pem,
    public_pem,
)

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

app = typer.Typer()
app.command("sign")(clibundle.sign)
app.command("verify")(clibundle.verify)
YEARS = (-10, 10_000)


class Project:
    """A folder where a bundle was packaged."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.environ = root, monkeypatch
        self.bundles = root / ".assay" / "bundles"
        self.bundle = made(self.bundles)
        archive.pack(self.bundle, self.bundles / "bundle.tar.zst")
        monkeypatch.chdir(root)

    def __call__(self, *args: object) -> Result:
        return CliRunner().invoke(app, [str(arg) for arg in args])

    def refused(self, *args: object) -> AssayError:
        error = self(*args).exception
        assert isinstance(error, AssayError)
        return error

    def file(self, name: str, content: bytes) -> str:
        (self.root / name).write_bytes(content)
        return name


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    for name in ("GITHUB_ACTIONS", "GITHUB_OUTPUT", "GITHUB_EVENT_PATH"):
        monkeypatch.delenv(name, raising=False)
    return Project(tmp_path, monkeypatch)


def test_from_a_new_key_to_a_bundle_that_is_accepted_elsewhere(
    project: Project, tmp_path: Path
) -> None:
    shown = project("sign", "--new-key", "keys")
    assert shown.exit_code == 0
    assert "gh secret set ASSAY_SIGNING_KEY" in shown.stdout
    assert "PRIVATE" not in shown.stdout
    shown = project("sign", "--key", "keys/assay.key")
    assert shown.exit_code == 0, shown.output
    signed = re.fullmatch(
        rf"Signed by (the key [0-9a-f]{{16}}): \S+\n"
        rf"commit  {project.bundle.manifest.source.commit}\n"
        rf"archive \S+: [\d.,]+ kB\ndigest  {project.bundle.digest}\n",
        shown.stdout,
    )
    assert signed
    elsewhere = tmp_path / "elsewhere.tar.zst"
    (project.bundles / "bundle.tar.zst").rename(elsewhere)
    for path in (elsewhere, project.bundle.folder):
        shown = project("verify", path, "--key", "keys/assay.pub")
        assert shown.exit_code == 0, shown.output
        assert shown.stdout.endswith(f"\nAccepted: signed by {signed[1]}.\n")
    facts = json.loads(project("verify", elsewhere, "--key", "keys/assay.pub", "--json").stdout)
    assert facts["accepted"] is True
    assert facts["digest"] == project.bundle.digest == facts["files"]["manifest.json"]


def test_as_a_step_of_a_workflow(project: Project, tmp_path: Path) -> None:
    for name, value in {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": "acme/bikes",
        "GITHUB_REF": "refs/tags/v1",
        "GITHUB_RUN_ID": "7",
        "GITHUB_WORKFLOW_REF": "acme/bikes/.github/workflows/r.yml@refs/tags/v1",
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "ASSAY_BUNDLE": str(project.bundle.folder),
        "ASSAY_WORKING_DIRECTORY": "project",
        "ASSAY_SIGNING_KEY": private_pem(KEY, b"hunter2").decode(),
        "ASSAY_SIGNING_PASSWORD": "hunter2",
        "ASSAY_CERTIFICATE": "",
        "ASSAY_KEYLESS": "false",
    }.items():
        project.environ.setenv(name, value)
    (tmp_path / "project").mkdir()
    shown = project("sign")
    assert shown.exit_code == 0, shown.output
    assert "hunter2" not in shown.output
    outputs = (tmp_path / "output").read_text()
    left = tmp_path / "project" / ".assay" / "bundles" / "bundle.tar.zst"
    assert str(left) in outputs
    assert project.bundle.digest in outputs
    project.environ.setenv("ASSAY_BUNDLE", str(left))
    assert project("verify", "--key", project.file("k", public_pem(KEY))).exit_code == 0
    folder = left.parent / project.bundle.folder.name
    statement = json.loads((folder / "attestations" / "provenance.json").read_text())
    details = statement["predicate"]["runDetails"]
    assert details["builder"]["id"].endswith("/acme/bikes/.github/workflows/r.yml@refs/tags/v1")
    # No file that is left has the key or its password.
    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        assert b"hunter2" not in path.read_bytes()
        assert b"PRIVATE" not in path.read_bytes()


def test_on_a_laptop_the_remote_is_attested_without_its_password(project: Project) -> None:
    url = "https://me:secret@github.com/acme/bikes.git"
    for args in (["init", "-q"], ["remote", "add", "origin", url]):
        subprocess.run(["git", *args], check=True, cwd=project.root)
    assert project("sign", project.bundle.folder).exit_code == 0
    text = (project.bundle.folder / "attestations" / "provenance.json").read_text()
    assert "git+https://github.com/acme/bikes.git" in text
    assert "secret" not in text


def test_without_a_key_nobody_vouches(project: Project) -> None:
    shown = project("sign")
    assert shown.exit_code == 0
    assert "nobody vouches for it" in shown.stdout
    key = project.file("k", public_pem(KEY))
    shown = project("verify", "--key", key)
    assert shown.exit_code == 1
    assert "REFUSED" in shown.stdout
    shown = project("verify", "--unsigned")
    assert shown.exit_code == 0
    assert "UNSIGNED" in shown.stdout
    assert "Accepted" not in shown.stdout


@pytest.mark.parametrize(
    ("verdict", "result", "said"),
    [
        ("fail", "failed", "its verdict is `fail`, and these gates did not pass: `f1`."),
        ("no gate", "passed", "its verdict is `no gate`."),
        ("pass", "failed", "its verdict is `pass`, and these gates did not pass: `f1`."),
        ("pass", "inconclusive", "its verdict is `pass`, and these gates did not pass: `f1`."),
    ],
)
def test_nobody_vouches_for_what_did_not_pass(
    project: Project, verdict: str, result: Any, said: str
) -> None:
    gates = (GateResult(name="f1", result=result, message="f1"),)
    failed = made(project.root / "other", verdict=verdict, gates=gates)
    for key in (["--key", project.file("key", private_pem(KEY))], []):
        error = project.refused("sign", failed.folder, *key)
        assert error.exit_code == 1
        assert error.message == f"{failed.folder.name} is not signed: {said}"
        assert "package the commit that passes" in (error.hint or "")
    assert not (failed.folder / "model.sig").exists()
    assert not (project.bundles / failed.folder.name).exists()


def test_what_a_maintainer_accepted_is_signed(project: Project) -> None:
    gates = (GateResult(name="f1", result="failed", message="f1"),)
    accepted = made(project.root / "other", verdict="warn", gates=gates)
    shown = project("sign", accepted.folder, "--key", project.file("key", private_pem(KEY)))
    assert shown.exit_code == 0, shown.output


def test_by_certificate(project: Project) -> None:
    project.file("key", private_pem(KEY))
    middle = certificate(
        "Middle",
        MIDDLE_KEY.public_key(),
        issuer="Root",
        issuer_key=ROOT_KEY,
        authority=True,
        days=YEARS,
    )
    chain = b"".join(one.public_bytes(Encoding.PEM) for one in (leaf(days=YEARS), middle))
    root = certificate(
        "Root",
        ROOT_KEY.public_key(),
        issuer="Root",
        issuer_key=ROOT_KEY,
        authority=True,
        days=YEARS,
    )
    project.file("root", root.public_bytes(Encoding.PEM))
    project.environ.setenv("ASSAY_CERTIFICATE", chain.decode())
    shown = project("sign", "--key", "key")
    assert shown.exit_code == 0
    assert "Signed by CN=Releases: " in shown.stdout
    at = ("--at", "2026-12-24")
    shown = project("verify", "--certificate", "root", *at)
    assert shown.exit_code == 0, shown.output
    assert "signed by CN=Releases" in shown.stdout
    shown = project("verify", "--certificate", "root", "--at", "2060-01-01")
    assert shown.exit_code == 1
    assert "expired on" in shown.stdout


def test_a_changed_bundle_ends_with_1(project: Project) -> None:
    project("sign", "--key", project.file("key", private_pem(KEY)))
    key = project.file("k", public_pem(KEY))
    path = project.bundles / "bundle.tar.zst"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    for args in ([], ["--json"]):
        shown = project("verify", path, "--key", key, *args)
        assert shown.exit_code == 1
    assert json.loads(shown.stdout)["accepted"] is False


@pytest.mark.parametrize(
    ("args", "said", "hint"),
    [
        (["verify"], "Nothing says whose signature counts", "--unsigned"),
        (["verify", "--key", "pub", "--unsigned"], "--key and --unsigned exclude", "Give one"),
        (["verify", "--key", "none"], "none, which should be a public key, cannot be read", ""),
        (["verify", "--key", "key"], "key is a private key", "Give nobody"),
        (["verify", "--certificate", "pub"], "pub holds no certificate", ""),
        (["verify", "--key", "pub", "--at", "2026-01-01"], "`--at` goes with `--certificate`", ""),
        (["verify", "--key", "pub", "--issuer", "x"], "`--issuer` goes with `--identity`", ""),
        (["verify", "--certificate", "root", "--at", "soon"], "`--at` is 'soon'", "A day"),
        (["verify", "none", "--key", "pub"], "There is no none", "its folder or .tar.zst"),
        (["sign", "none", "--key", "key"], "There is no none", "its folder or .tar.zst"),
        (["sign", "--key", "none"], "none, which should be a private key, cannot", ""),
        (["sign", "--key", "pub"], "pub is public", ""),
        (["sign", "--key", "key", "--keyless"], "signing without a key is asked for", "Leave"),
        (["sign", "--keyless"], "works in a workflow on GitHub", "--key FILE"),
        (["sign", "--certificate", "root"], "A certificate is given, and no key", "--key FILE"),
        (["sign", "--key", "key", "--certificate", "root"], "is not the key's", "stands first"),
        (["sign", "--new-key", "full"], "full has a key already", "another folder"),
    ],
)
def test_bad_usage_ends_with_2(project: Project, args: list[str], said: str, hint: str) -> None:
    project.file("key", private_pem(KEY))
    project.file("pub", public_pem(KEY))
    project.file("root", ROOT.public_bytes(Encoding.PEM))
    project("sign", "--new-key", "full")
    before = sorted(project.bundles.rglob("*"))
    error = project.refused(*args)
    assert error.exit_code == 2
    assert isinstance(error, UsageError)
    assert said in error.message
    assert hint in (error.hint or "")
    assert sorted(project.bundles.rglob("*")) == before


def test_no_bundle_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ASSAY_BUNDLE", raising=False)
    for args in (["sign"], ["verify", "--unsigned"]):
        error = CliRunner().invoke(app, args).exception
        assert isinstance(error, UsageError)
        assert error.hint == "Run `assay package` first."


def test_where_the_libraries_are_not_installed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "OpenSSL" else 1)
    error: Any = project.refused("verify", "--unsigned")
    assert error.message == "Signatures need OpenSSL, not installed here."
    assert re.search(r"`\S+ -m pip install 'assay\[release\] @ \S+'`", error.hint)


def test_how_a_signature_with_a_key_is_checked_is_said(project: Project) -> None:
    project("sign", "--key", project.file("key", private_pem(KEY)))
    shown = project("verify", "--identity", "https://github.com/acme/bikes/r.yml@refs/tags/v1")
    assert shown.exit_code == 1
    said = " ".join(shown.stdout.split())
    assert "The bundle is signed with a key, and not by a workflow. Check it with `--key" in said
    shown = project("verify", "--unsigned", "--json")
    assert shown.exit_code == 0
    assert json.loads(shown.stdout)["accepted"] is False


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
def test_a_private_key_that_others_may_read(project: Project) -> None:
    key = project.file("key", private_pem(KEY))
    for mode, warned in ((0o644, True), (0o640, True), (0o600, False)):
        (project.root / key).chmod(mode)
        shown = project("sign", "--key", key)
        assert shown.exit_code == 0
        said = " ".join(shown.output.split())
        assert ("may read the private key key. Run `chmod 600 key`" in said) == warned


def test_a_chain_in_the_wrong_order_is_not_signed_with(project: Project) -> None:
    chain = b"".join(one.public_bytes(Encoding.PEM) for one in (MIDDLE, leaf()))
    args = ("--key", project.file("key", private_pem(KEY)))
    error = project.refused("sign", *args, "--certificate", project.file("chain", chain))
    assert error.message == "The first certificate, of CN=Middle, is not the key's."

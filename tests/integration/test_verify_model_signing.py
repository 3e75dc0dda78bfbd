"""OpenSSF's own `model_signing` takes our signatures, and we take its."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from assay.packaging import envelope, signing, verify
from assay.packaging.signing import CertificateTrust, KeySigner, KeyTrust
from click.testing import CliRunner
from cryptography.hazmat.primitives.serialization import Encoding

from tests.unit.packaging.vouched import (
    KEY,
    MIDDLE,
    NOW,
    OTHER_KEY,
    ROOT,
    leaf,
    private_pem,
    public_pem,
    signed,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from assay.packaging.bundle import Bundle

TRUST = KeyTrust(KEY.public_key())
ROOTS = CertificateTrust((ROOT,), NOW)


@pytest.fixture(scope="module")
def model_signing() -> Callable[..., int]:
    """The exit code of the command line of the installed `model-signing`."""
    from model_signing._cli import main

    runner = CliRunner()
    return lambda *args: runner.invoke(main, [str(arg) for arg in args]).exit_code


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Keys and certificates as files."""
    (tmp_path / "key").write_bytes(private_pem(KEY))
    (tmp_path / "pub").write_bytes(public_pem(KEY))
    (tmp_path / "other").write_bytes(public_pem(OTHER_KEY))
    for name, one in {"leaf": leaf(), "middle": MIDDLE, "root": ROOT}.items():
        (tmp_path / name).write_bytes(one.public_bytes(Encoding.PEM))
    return tmp_path


def _refused(made: Bundle, trust: signing.Trust) -> bool:
    return not verify.verify(made.folder, trust).accepted


def test_it_takes_ours(model_signing: Callable[..., int], folder: Path) -> None:
    made = signed(folder / "bundles")
    signature = ("--signature", made.folder / "model.sig")

    def accepted(key: str) -> bool:
        args = ("verify", "key", made.folder, *signature, "--public_key", folder / key)
        return model_signing(*args) == 0

    assert accepted("pub")
    assert not accepted("other")
    (made.folder / "README.md").write_bytes(b"other")
    assert not accepted("pub")


def test_it_takes_ours_by_certificate(model_signing: Callable[..., int], folder: Path) -> None:
    made = signed(folder / "bundles", KeySigner(KEY, (leaf(), MIDDLE)))
    signature = ("--signature", made.folder / "model.sig")
    root = ("--certificate_chain", folder / "root")
    assert model_signing("verify", "certificate", made.folder, *signature, *root) == 0
    (made.folder / "attestations" / "provenance.json").write_bytes(b"{}")
    assert model_signing("verify", "certificate", made.folder, *signature, *root) != 0


def test_we_take_its(model_signing: Callable[..., int], folder: Path) -> None:
    made = signed(folder / "bundles")
    target = made.folder / "model.sig"
    target.unlink()
    args = ("sign", "key", made.folder, "--signature", target, "--private_key", folder / "key")
    assert model_signing(*args) == 0
    assert not _refused(made, TRUST)
    (made.folder / "README.md").write_bytes(b"other")
    assert _refused(made, TRUST)


def test_we_take_its_by_certificate(model_signing: Callable[..., int], folder: Path) -> None:
    made = signed(folder / "bundles")
    target = made.folder / "model.sig"
    target.unlink()
    options = {
        "--signature": target,
        "--private_key": folder / "key",
        "--signing_certificate": folder / "leaf",
        "--certificate_chain": folder / "middle",
    }
    given = (one for option in options.items() for one in option)
    assert model_signing("sign", "certificate", made.folder, *given) == 0
    assert not _refused(made, ROOTS)


def test_it_ignores_what_we_refuse(model_signing: Callable[..., int], folder: Path) -> None:
    # Its command line signs no file of git's by default: one can be added afterwards.
    made = signed(folder / "bundles")
    target = made.folder / "model.sig"
    target.unlink()
    args = (made.folder, "--signature", target)
    assert model_signing("sign", "key", *args, "--private_key", folder / "key") == 0
    (made.folder / ".gitattributes").write_bytes(b"x")
    assert model_signing("verify", "key", *args, "--public_key", folder / "pub") == 0
    assert _refused(made, TRUST)


def test_it_takes_an_expired_certificate_and_we_do_not(
    model_signing: Callable[..., int], folder: Path
) -> None:
    made = signed(folder / "bundles", KeySigner(KEY, (leaf(days=(-10, -1)), MIDDLE)))
    args = (made.folder, "--signature", made.folder / "model.sig")
    root = ("--certificate_chain", folder / "root")
    assert model_signing("verify", "certificate", *args, *root) == 0
    assert _refused(made, ROOTS)


def test_a_certificate_that_sigstore_does_not_know_is_no_workflow(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sigstore's library is asked with the roots that come with it; nothing is downloaded."""
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    made = signed(folder / "bundles")
    found = envelope.parsed((made.folder / "model.sig").read_bytes())
    raw = envelope.base64_of(leaf().public_bytes(Encoding.DER))
    found["verificationMaterial"] = {"certificate": {"rawBytes": raw}, "tlogEntries": []}
    (made.folder / "model.sig").write_bytes(envelope.text_of(found))
    workflow = "https://github.com/acme/bikes/.github/workflows/release.yml@refs/tags/v1"
    verdict = verify.verify(made.folder, signing.KeylessTrust(workflow))
    (refused,) = [check for check in verdict.checks if check.result == "refused"]
    assert refused.name == "signature"
    assert refused.detail.startswith(f"model.sig is not by {workflow}, or is not signed without")

"""Signatures: by whom they are, and that nothing in them can change."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from assay.errors import AssayError, UsageError
from assay.packaging import certificates, keys, signing
from assay.packaging.certificates import CertificateError
from assay.packaging.envelope import SignatureError, text_of
from assay.packaging.signing import CertificateTrust, KeySigner, KeyTrust, sign, verify
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from tests.unit.packaging.vouched import (
    KEY,
    MIDDLE,
    MIDDLE_KEY,
    NOW,
    OTHER_KEY,
    ROOT,
    ROOT_KEY,
    certificate,
    leaf,
    private_pem,
    public_pem,
)

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography import x509

DIGESTS = {"model.onnx": "ab" * 32, "manifest.json": "01" * 32, "plots/ü.svg": "ef" * 32}
TRUST = KeyTrust(KEY.public_key())
CHAIN = (leaf(), MIDDLE)
ROOTS = CertificateTrust((ROOT,), NOW)
BY_KEY = sign("peak-hour-0123456789ab", DIGESTS, KeySigner(KEY))
BY_CERTIFICATE = sign("peak-hour-0123456789ab", DIGESTS, KeySigner(KEY, CHAIN))


def test_by_key() -> None:
    found = verify(BY_KEY, TRUST)
    assert found.digests == DIGESTS
    assert found.by == f"the key {keys.fingerprint(KEY.public_key())[:16]}"


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_by_a_key_of_every_curve(curve: ec.EllipticCurve) -> None:
    key = ec.derive_private_key(11, curve)
    assert verify(sign("x", DIGESTS, KeySigner(key)), KeyTrust(key.public_key())).digests == DIGESTS


def test_by_another_key() -> None:
    with pytest.raises(SignatureError, match="not by the one that is trusted") as caught:
        verify(BY_KEY, KeyTrust(OTHER_KEY.public_key()))
    assert "do not use it" in str(caught.value.hint)


def test_by_a_key_that_calls_itself_another() -> None:
    envelope = json.loads(sign("x", DIGESTS, KeySigner(OTHER_KEY)))
    hint = keys.fingerprint(KEY.public_key())
    envelope["verificationMaterial"]["publicKey"]["hint"] = hint
    with pytest.raises(SignatureError, match="does not fit what is signed"):
        verify(text_of(envelope), TRUST)


@settings(max_examples=150)
@given(st.sampled_from([(BY_KEY, TRUST), (BY_CERTIFICATE, ROOTS)]), st.data())
def test_no_byte_of_a_signature_can_change(
    one: tuple[bytes, KeyTrust | CertificateTrust], data: st.DataObject
) -> None:
    content, trust = one
    at = data.draw(st.integers(0, len(content) - 1))
    other = data.draw(st.integers(1, 255)) ^ content[at]
    with pytest.raises((SignatureError, CertificateError)):
        verify(content[:at] + bytes([other]) + content[at + 1 :], trust)


@pytest.mark.parametrize("end", [b"\n", b" ", b"\0", b"{}", BY_KEY])
def test_nothing_can_follow_or_precede_a_signature(end: bytes) -> None:
    for content in (BY_KEY + end, end + BY_KEY, BY_KEY[:-1]):
        with pytest.raises(SignatureError, match="is damaged, or is no signature"):
            verify(content, TRUST)


def _with(change: dict[str, Any]) -> bytes:
    return text_of({**json.loads(BY_KEY), **change})


@pytest.mark.parametrize(
    "content",
    [
        _with({"unsigned": 1}),
        _with({"mediaType": "application/json"}),
        _with({"dsseEnvelope": {}}),
        _with({"dsseEnvelope": []}),
        _with({"dsseEnvelope": {"payload": "é", "signatures": [{"sig": "é"}]}}),
        _with({"verificationMaterial": []}),
        b'{"mediaType":1}',
        b"{}",
    ],
)
def test_files_of_another_form(content: bytes) -> None:
    for trust in (TRUST, ROOTS):
        with pytest.raises(SignatureError):
            verify(content, trust)


@pytest.mark.parametrize("content", [b"", b"[]", b"1", b"\xff\xfe", b"[" * 100_000, b"null"])
def test_no_signature_at_all(content: bytes) -> None:
    with pytest.raises(SignatureError, match="is damaged, or is no signature"):
        verify(content, TRUST)


@pytest.mark.parametrize(
    "change",
    [
        {"predicateType": "https://model_signing/Digests/v0.1"},
        {"_type": "https://in-toto.io/Statement/v0.1"},
        {"subject": []},
        {"subject": [{"name": "x", "digest": {"sha256": "0" * 64}}]},
        {"predicate": {}},
        {"predicate": {"serialization": {"method": "shards"}, "resources": []}},
    ],
)
def test_a_trusted_signature_over_something_else(
    change: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    statement = json.loads(base64.b64decode(json.loads(BY_KEY)["dsseEnvelope"]["payload"]))
    payload = json.dumps({**statement, **change}).encode()
    monkeypatch.setattr(signing.envelope, "payload_of", lambda *_: payload)
    with pytest.raises(SignatureError, match="is not the list of a model's files"):
        verify(sign("x", DIGESTS, KeySigner(KEY)), TRUST)


def test_a_file_that_is_signed_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    statement = json.loads(base64.b64decode(json.loads(BY_KEY)["dsseEnvelope"]["payload"]))
    listed = statement["predicate"]["resources"]
    listed[1]["name"] = listed[0]["name"]
    monkeypatch.setattr(signing.envelope, "payload_of", lambda *_: json.dumps(statement).encode())
    with pytest.raises(SignatureError, match="is not the list of a model's files"):
        verify(sign("x", DIGESTS, KeySigner(KEY)), TRUST)


# Certificates


def test_by_certificate() -> None:
    assert verify(BY_CERTIFICATE, ROOTS) == signing.Signed("CN=Releases", DIGESTS)


def _signed(*chain: x509.Certificate) -> bytes:
    return sign("x", DIGESTS, KeySigner(KEY, chain))


def test_a_root_may_be_in_the_signature_and_those_between_in_the_roots() -> None:
    assert verify(_signed(*CHAIN, ROOT), ROOTS).by == "CN=Releases"
    assert verify(_signed(leaf()), CertificateTrust((ROOT, MIDDLE), NOW)).by == "CN=Releases"
    own = certificate("Own", KEY.public_key(), issuer="Own", issuer_key=KEY)
    assert verify(_signed(own), CertificateTrust((own,), NOW)).by == "CN=Own"


EXPIRED = leaf(days=(-10, -1))
FUTURE = leaf(days=(1, 10))
SHORT = certificate(
    "Middle",
    MIDDLE_KEY.public_key(),
    issuer="Root",
    issuer_key=ROOT_KEY,
    authority=True,
    days=(-9, -2),
)
STRANGER = certificate(
    "Root", OTHER_KEY.public_key(), issuer="Root", issuer_key=OTHER_KEY, authority=True
)
NO_AUTHORITY = certificate("Middle", MIDDLE_KEY.public_key(), issuer="Root", issuer_key=ROOT_KEY)
SERVER = leaf(purpose=ExtendedKeyUsageOID.SERVER_AUTH)
NOT_TO_SIGN = leaf(usage=False)


@pytest.mark.parametrize(
    ("chain", "roots", "said", "hint"),
    [
        ((EXPIRED, MIDDLE), ROOT, r"of CN=Releases expired on 2026-11-22", "--at"),
        ((leaf(), SHORT), ROOT, "of CN=Middle expired on 2026-11-21", "--at"),
        ((FUTURE, MIDDLE), ROOT, "not valid before 2026-11-24 12:00 UTC", "clock"),
        (CHAIN, STRANGER, "OpenSSL|No trusted root", ""),
        ((leaf(),), ROOT, "No trusted root vouches for the certificate of CN=Releases", "between"),
        ((leaf(), NO_AUTHORITY), ROOT, "refused by OpenSSL", ""),
        ((*CHAIN, STRANGER), ROOT, "do not lead from the signer", "Sign again"),
        ((leaf(), MIDDLE, MIDDLE), ROOT, "do not lead from the signer", "Sign again"),
        ((SERVER, MIDDLE), ROOT, "is not for signing code", "codeSigning"),
        ((NOT_TO_SIGN, MIDDLE), ROOT, "is not for signing code", "digitalSignature"),
    ],
)
def test_certificates_that_vouch_for_nobody(
    chain: tuple[x509.Certificate, ...], roots: x509.Certificate, said: str, hint: str
) -> None:
    with pytest.raises(CertificateError, match=said) as caught:
        verify(_signed(*chain), CertificateTrust((roots,), NOW))
    assert hint in str(caught.value.hint)


def test_an_expired_certificate_counts_for_who_knows_when_it_was_signed() -> None:
    signed = _signed(EXPIRED, MIDDLE)
    at = NOW - timedelta(days=3)
    assert verify(signed, CertificateTrust((ROOT,), at)).by == "CN=Releases"


def test_a_certificate_of_somebody_else_with_our_signature() -> None:
    envelope = json.loads(BY_CERTIFICATE)
    other = certificate("Eve", OTHER_KEY.public_key(), issuer="Middle", issuer_key=MIDDLE_KEY)
    evil = json.loads(sign("x", DIGESTS, KeySigner(OTHER_KEY, (other, MIDDLE))))
    envelope["verificationMaterial"] = evil["verificationMaterial"]
    with pytest.raises(SignatureError, match="does not fit what is signed"):
        verify(text_of(envelope), ROOTS)


def test_the_wrong_way_to_check_is_named() -> None:
    with pytest.raises(SignatureError, match="not signed with a bare key") as caught:
        verify(BY_CERTIFICATE, TRUST)
    assert "--certificate" in str(caught.value.hint)
    with pytest.raises(SignatureError, match="not signed by certificate") as caught:
        verify(BY_KEY, ROOTS)
    assert "--key" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("chain", "said"),
    [
        ((MIDDLE,), "of CN=Middle, is not the key's"),
        ((leaf(), ROOT), "of CN=Releases was not issued by CN=Root"),
        ((EXPIRED, MIDDLE), "expired on 2026-11-22"),
        ((FUTURE, MIDDLE), "not valid before"),
        ((SERVER, MIDDLE), "is not for signing code"),
    ],
)
def test_nobody_signs_with_a_certificate_that_would_be_refused(
    chain: tuple[x509.Certificate, ...], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        certificates.check_own(chain, KEY.public_key(), at=NOW)
    certificates.check_own((*CHAIN, ROOT), KEY.public_key(), at=NOW)


# Keys


def test_keys_are_made_for_their_owner_alone(tmp_path: Path) -> None:
    private, public = keys.new_pair(tmp_path / "keys", None)
    assert private.stat().st_mode & 0o777 == 0o600
    key = keys.private(private.read_bytes(), None, shown="x")
    trusted = keys.public(public.read_bytes(), shown="x")
    assert verify(sign("x", DIGESTS, KeySigner(key)), KeyTrust(trusted)).digests == DIGESTS
    with pytest.raises(UsageError, match="has a key already") as caught:
        keys.new_pair(tmp_path / "keys", None)
    assert caught.value.exit_code == 2
    assert private.is_file()


def test_half_a_pair_is_not_left(tmp_path: Path) -> None:
    (tmp_path / keys.PUBLIC).write_text("of somebody")
    with pytest.raises(UsageError):
        keys.new_pair(tmp_path, None)
    assert [path.name for path in tmp_path.iterdir()] == [keys.PUBLIC]


def test_a_password_opens_a_key(tmp_path: Path) -> None:
    password = SecretStr("correct horse")
    private, _ = keys.new_pair(tmp_path, password)
    pem = private.read_bytes()
    assert keys.private(pem, password, shown="x").curve.name == "secp256r1"
    for wrong, said in ((None, "is encrypted, and no"), (SecretStr("battery"), "does not open")):
        with pytest.raises(UsageError, match=said) as caught:
            keys.private(pem, wrong, shown="ASSAY_SIGNING_KEY")
        assert "battery" not in caught.value.message + str(caught.value.hint)
    with pytest.raises(UsageError, match="is not encrypted, but a password is given"):
        keys.private(private_pem(KEY), password, shown="x")


def _edwards() -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519

    key = ed25519.Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


PEM = private_pem(KEY)


@pytest.mark.parametrize(
    ("pem", "said"),
    [
        (b"", "is no private key in PEM"),
        (PEM[:60], "is no private key in PEM"),
        (b"hunter2", "is no private key in PEM"),
        (public_pem(KEY), "is public"),
        (_edwards(), "no key of an elliptic curve"),
        (private_pem(ec.derive_private_key(5, ec.SECP256K1())), "curve secp256k1; allowed are"),
    ],
)
def test_what_cannot_sign(pem: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        keys.private(pem, None, shown="ASSAY_SIGNING_KEY")
    shown = caught.value.message + str(caught.value.hint)
    assert "ASSAY_SIGNING_KEY" in shown
    # Neither the message nor what a traceback would show of its cause has any of the key.
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    assert not any(line in shown for line in pem.decode().splitlines()[1:-1] if line)
    assert "hunter2" not in shown


@pytest.mark.parametrize(
    ("pem", "said"),
    [
        (PEM, "is a private key"),
        (b"", "is no public key in PEM"),
        (public_pem(KEY)[:80], "is no public key in PEM"),
        (public_pem(ec.derive_private_key(5, ec.SECP256K1())), "curve secp256k1"),
    ],
)
def test_what_cannot_check(pem: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        keys.public(pem, shown="k.pub")


def test_files_that_are_no_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        keys.read(tmp_path / "none", what="a public key")
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        keys.read(tmp_path, what="a public key")
    monkeypatch.setattr(keys, "LARGEST", 3)
    (tmp_path / "large").write_bytes(b"1234")
    with pytest.raises(UsageError, match="larger than a public key can be"):
        keys.read(tmp_path / "large", what="a public key")
    with pytest.raises(UsageError, match="holds no certificate"):
        certificates.read(b"", shown="roots.pem")


def test_no_secret_is_in_a_repr() -> None:
    password = keys.password({"ASSAY_SIGNING_PASSWORD": "hunter2"})
    assert "hunter2" not in repr(password)
    number = str(KEY.private_numbers().private_value)
    assert "PRIVATE" not in repr(KeySigner(KEY))
    assert number == "7"  # what the next line looks for
    assert "value=7" not in repr(KeySigner(KEY))


# Without a key


@pytest.mark.parametrize(
    ("environ", "said", "hint"),
    [
        ({}, "and this is none", "--key FILE"),
        ({"GITHUB_ACTIONS": "true"}, "and this one may not", "id-token: write"),
        ({"GITHUB_ACTIONS": "true", "ACTIONS_ID_TOKEN_REQUEST_URL": "x"}, "may not", "id-token"),
    ],
)
def test_only_a_workflow_that_may_say_who_it_is_signs_without_a_key(
    environ: dict[str, str], said: str, hint: str
) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        signing.may_sign_keyless(environ)
    assert hint in str(caught.value.hint)
    assert isinstance(caught.value, AssayError)


def test_a_workflow_that_may() -> None:
    signing.may_sign_keyless(
        {"ACTIONS_ID_TOKEN_REQUEST_URL": "x", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "y"}
    )

"""Signatures without a key: what Sigstore's library is asked, and what becomes of its answers.

Its services cannot be reached from a test; what it says stands in for them.
"""

from __future__ import annotations

import contextlib
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from assay.errors import OutsideError
from assay.packaging import signing
from assay.packaging.envelope import PAYLOAD_TYPE, SignatureError, framed
from assay.packaging.signing import KeylessSigner, KeylessTrust

if TYPE_CHECKING:
    from collections.abc import Iterator

DIGESTS = {"model.onnx": "ab" * 32}
WORKFLOW = "https://github.com/acme/bikes/.github/workflows/release.yml@refs/tags/v1"
TOKEN = "header.secret.signature"


@pytest.fixture
def sigstore(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What was asked of Sigstore, and what it answers."""
    from sigstore import models, oidc, sign, verify

    seen = SimpleNamespace(statements=[], policies=[], offline=[], error=None)

    class Signing:
        def sign_dsse(self, statement: Any) -> Any:
            if seen.error is not None:
                raise seen.error
            seen.statements.append(statement)
            return SimpleNamespace(to_json=lambda: '{"dsseEnvelope": {}, "é": 1}')

    class Context:
        @contextlib.contextmanager
        def signer(self, token: Any) -> Iterator[Signing]:
            assert token == TOKEN
            yield Signing()

    class Verifier:
        def verify_dsse(self, bundle: Any, policy: Any) -> tuple[str, bytes]:
            seen.policies.append(policy)
            if seen.error is not None:
                raise seen.error
            return seen.answer

    def production(*, offline: bool) -> Verifier:
        seen.offline.append(offline)
        return Verifier()

    monkeypatch.setattr(oidc, "detect_credential", lambda: TOKEN)
    monkeypatch.setattr(oidc, "IdentityToken", str)
    monkeypatch.setattr(models.ClientTrustConfig, "production", lambda: None)
    monkeypatch.setattr(sign.SigningContext, "from_trust_config", lambda _: Context())
    monkeypatch.setattr(verify.Verifier, "production", production)
    monkeypatch.setattr(models.Bundle, "from_json", json.loads)
    return seen


def test_the_list_of_files_is_signed(sigstore: SimpleNamespace) -> None:
    content = signing.sign("peak-hour", DIGESTS, KeylessSigner())
    assert json.loads(content) == {"dsseEnvelope": {}, "é": 1}
    (statement,) = sigstore.statements
    # As the library frames what it signs, so do we.
    payload = statement._contents
    assert statement._pae() == framed(payload)
    sigstore.answer = (PAYLOAD_TYPE, payload)
    found = signing.verify(content, KeylessTrust(WORKFLOW))
    assert found == signing.Signed(WORKFLOW, DIGESTS)
    assert sigstore.offline == [True]
    (policy,) = sigstore.policies
    assert (policy._identity, policy._issuer._value) == (WORKFLOW, signing.GITHUB)


@pytest.mark.parametrize("kind", [PAYLOAD_TYPE, "application/json"])
def test_a_workflow_that_signed_something_else(sigstore: SimpleNamespace, kind: str) -> None:
    content = signing.sign("peak-hour", DIGESTS, KeylessSigner())
    sigstore.answer = (kind, b"{}")
    with pytest.raises(SignatureError):
        signing.verify(content, KeylessTrust(WORKFLOW))


def test_what_sigstore_refuses(sigstore: SimpleNamespace) -> None:
    from sigstore.errors import VerificationError

    content = signing.sign("peak-hour", DIGESTS, KeylessSigner())
    sigstore.error = VerificationError("Certificate's SANs do not match\n" + WORKFLOW)
    with pytest.raises(SignatureError, match=r"SANs do not match https://") as caught:
        signing.verify(content, KeylessTrust(WORKFLOW))
    assert "at its revision" in str(caught.value.hint)
    sigstore.error = PermissionError(13, "Permission denied")
    with pytest.raises(OutsideError, match="roots of trust cannot be unpacked: Permission denied"):
        signing.verify(content, KeylessTrust(WORKFLOW))


def test_sigstore_fails(sigstore: SimpleNamespace) -> None:
    sigstore.error = RuntimeError(f"refused: {TOKEN}")
    with pytest.raises(OutsideError, match=r"did not sign the bundle: RuntimeError\.$") as caught:
        signing.sign("peak-hour", DIGESTS, KeylessSigner())
    assert TOKEN not in caught.value.message + str(caught.value.hint)
    assert caught.value.exit_code == 3

"""`model.sig`: one signature over every file of a bundle, by key, by certificate, or by workflow.

`model_signing verify` of OpenSSF checks ours, and we check what `model_signing sign` made. Its
library is not used, because it starts five times as slowly, hashes every file again, takes keys
from files only, and takes expired certificates. Keyless signatures are made and checked by
Sigstore's library.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from assay.errors import OutsideError, UsageError
from assay.packaging import envelope, keys
from assay.packaging.envelope import FILE, SignatureError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from cryptography import x509

GITHUB = "https://token.actions.githubusercontent.com"
"""Who says which workflow of GitHub signs without a key."""
_PERMISSION = "Give the job `permissions: id-token: write`; or sign with a key."


@dataclass(frozen=True)
class KeySigner:
    """Signs with a key."""

    key: ec.EllipticCurvePrivateKey
    chain: tuple[x509.Certificate, ...] = ()
    """The key's certificate and those above it, where people verify by certificate."""


@dataclass(frozen=True)
class KeylessSigner:
    """Signs as the workflow that this is, with a certificate of Sigstore that holds minutes."""


@dataclass(frozen=True)
class KeyTrust:
    """Signatures with this key count."""

    key: ec.EllipticCurvePublicKey


@dataclass(frozen=True)
class CertificateTrust:
    """Signatures by whom these certificates vouch for count."""

    roots: tuple[x509.Certificate, ...]
    at: datetime
    """When certificates have to be valid."""


@dataclass(frozen=True)
class KeylessTrust:
    """Signatures of one workflow count."""

    identity: str
    """`https://github.com/owner/name/.github/workflows/release.yml@refs/tags/...`."""
    issuer: str = GITHUB


Signer = KeySigner | KeylessSigner
Trust = KeyTrust | CertificateTrust | KeylessTrust


@dataclass(frozen=True)
class Signed:
    """What a sound signature says."""

    by: str
    digests: dict[str, str]
    """SHA-256 of every file, by path."""


def shown(signer: Signer) -> str:
    """Who signs, as those who verify it read it."""
    if isinstance(signer, KeylessSigner):
        return "this workflow"
    if signer.chain:
        from assay.packaging import certificates

        return certificates.name(signer.chain[0])
    return _bare(keys.fingerprint(signer.key.public_key()))


def _bare(fingerprint: str) -> str:
    return f"the key {fingerprint[:16]}"


def sign(name: str, digests: Mapping[str, str], signer: Signer) -> bytes:
    """The content of `model.sig`.

    Args:
        name: What the bundle is called.
        digests: SHA-256 of every file but the signature, by path.
        signer: Who signs.

    Raises:
        UsageError: There is nobody to sign as, without a key.
        OutsideError: Sigstore cannot be reached, or refuses.
    """
    payload = envelope.payload_of(name, digests)
    if isinstance(signer, KeylessSigner):
        return _keyless(payload)
    key = signer.key
    signature = key.sign(envelope.framed(payload), ec.ECDSA(keys.HASHES[key.curve.name]))
    if signer.chain:
        material = envelope.of_certificates(
            [one.public_bytes(Encoding.DER) for one in signer.chain]
        )
    else:
        material = envelope.of_key(keys.fingerprint(key.public_key()))
    return envelope.text_of(envelope.wrapped(material, payload, signature))


def verify(content: bytes, trust: Trust) -> Signed:
    """Check who made a signature.

    Args:
        content: Of `model.sig`.
        trust: Whose signatures count.

    Raises:
        SignatureError: It is not theirs, or is no signature of a bundle.
        CertificateError: Nobody who is trusted vouches for the signer.
    """
    found = envelope.parsed(content)
    if isinstance(trust, KeylessTrust):
        _check_keyless(found)
        by, payload = trust.identity, _checked_by_sigstore(content, trust)
    else:
        by, payload = _checked(found, trust)
    return Signed(by, envelope.digests_of(payload))


def _check_keyless(found: dict[str, Any]) -> None:
    """What Sigstore says of any other signature names a certificate that nobody asked for."""
    material = found.get("verificationMaterial")
    ways = {
        "publicKey": ("a key", "--key FILE"),
        "x509CertificateChain": ("a key and its certificate", "--certificate ROOTS"),
    }
    for name, (what, how) in ways.items():
        if isinstance(material, dict) and name in material:
            raise SignatureError(
                f"The bundle is signed with {what}, and not by a workflow.",
                hint=f"Check it with `{how}`.",
            )


def _checked(found: dict[str, Any], trust: KeyTrust | CertificateTrust) -> tuple[str, bytes]:
    """(who signed, what) of a signature with a key."""
    try:
        payload = envelope.bytes_of(found["dsseEnvelope"]["payload"])
        signature = envelope.bytes_of(found["dsseEnvelope"]["signatures"][0]["sig"])
        material = found["verificationMaterial"]
        chain = [
            envelope.bytes_of(one["rawBytes"])
            for one in material.get("x509CertificateChain", {}).get("certificates", ())
        ]
        hint = material.get("publicKey", {}).get("hint")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise envelope.other_form() from error
    if isinstance(trust, KeyTrust):
        key, expected = trust.key, keys.fingerprint(trust.key)
        if hint != expected:
            raise _other_key(hint, expected, chain, material)
        by, own = _bare(expected), envelope.of_key(expected)
    else:
        if not chain:
            raise SignatureError(
                "The bundle is not signed by certificate.",
                hint="Check it with the signer's public key: `--key FILE`."
                if hint
                else "Name the workflow that signed it: `--identity`.",
            )
        from assay.packaging import certificates  # slow to import, and not needed for keys

        by, key = certificates.trusted_key(chain, trust.roots, at=trust.at)
        own = envelope.of_certificates(chain)
    # What is not signed (the names of fields, who signs) is what we would have written.
    if found != envelope.wrapped(own, payload, signature):
        raise envelope.other_form()
    try:
        key.verify(signature, envelope.framed(payload), ec.ECDSA(keys.HASHES[key.curve.name]))
    except InvalidSignature:
        raise SignatureError(
            f"{FILE} is not by {by}: the signature does not fit what is signed.",
            hint="It was changed after it was signed. Get the bundle anew.",
        ) from None
    return by, payload


def _other_key(
    hint: object, expected: str, chain: list[bytes], material: dict[str, Any]
) -> SignatureError:
    if chain or "certificate" in material:
        how = "`--certificate ROOTS`" if chain else "`--identity WORKFLOW`"
        return SignatureError(
            "The bundle is not signed with a bare key.", hint=f"Check it with {how}."
        )
    named = f"the key {hint[:16]}" if isinstance(hint, str) and hint.isalnum() else "no key"
    return SignatureError(
        f"The signature is by {named}, and not by the one that is trusted, {expected[:16]}.",
        hint="Get the key of who releases the model from them, and not from beside the bundle. If "
        "it is the right key, somebody else signed the bundle: do not use it.",
    )


def may_sign_keyless(environ: Mapping[str, str]) -> None:
    """Check that GitHub tells others who this workflow is.

    Raises:
        UsageError: It does not.
    """
    asked = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    if not all(environ.get(name) for name in asked):
        on_github = environ.get("GITHUB_ACTIONS") == "true"
        raise UsageError(
            "Signing without a key works in a workflow on GitHub that may say who it is, "
            + ("and this one may not." if on_github else "and this is none."),
            hint=_PERMISSION if on_github else "Sign with a key: `--key FILE`.",
        )


def _keyless(payload: bytes) -> bytes:
    from sigstore import dsse, oidc
    from sigstore.models import ClientTrustConfig
    from sigstore.sign import SigningContext

    try:
        token = oidc.detect_credential()
        context = SigningContext.from_trust_config(ClientTrustConfig.production())
        with context.signer(oidc.IdentityToken(token or "")) as signer:
            bundle = signer.sign_dsse(dsse.Statement(payload))
    except Exception as error:  # its services, its client and the network, each with their own
        raise OutsideError(
            f"Sigstore did not sign the bundle: {type(error).__name__}.",
            hint="Try again; https://status.sigstore.dev says how its services are. " + _PERMISSION,
        ) from error
    return envelope.text_of(json.loads(bundle.to_json()))


def _checked_by_sigstore(content: bytes, trust: KeylessTrust) -> bytes:
    """What was signed. The roots of trust are those that come with Sigstore's library."""
    import logging

    from sigstore.models import Bundle
    from sigstore.verify import Verifier, policy

    logging.getLogger("sigstore").setLevel(logging.ERROR)  # that it is offline is no warning
    identity = policy.Identity(identity=trust.identity, issuer=trust.issuer)
    try:
        verifier = Verifier.production(offline=True)
        kind, payload = verifier.verify_dsse(Bundle.from_json(content), identity)
    except OSError as error:
        raise OutsideError(
            f"Sigstore's roots of trust cannot be unpacked: {error.strerror}.",
            hint="It keeps them below XDG_DATA_HOME, which has to be writable.",
        ) from error
    except Exception as error:  # forged bytes make it raise of all kinds
        raise SignatureError(
            f"{FILE} is not by {trust.identity}, or is not signed without a key: "
            f"{' '.join(str(error).split())[:300]}.".replace("..", "."),
            hint="`--identity` is the workflow that signed, at its revision, in full.",
        ) from error
    if kind != envelope.PAYLOAD_TYPE:
        raise envelope.other_form()
    return payload

"""Certificates of signers: whose they are, who vouches for them, and whether they hold now.

A signature by certificate carries no proof of when it was made. So a certificate counts as long as
it is valid, and not longer; OpenSSF's own tool takes an expired one.
"""

from __future__ import annotations

import itertools
import warnings
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from assay.errors import DataError, UsageError
from assay.packaging import keys

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

_EXPIRED, _NOT_YET = 10, 9  # OpenSSL's X509_V_ERR_*
_NO_ISSUER = (2, 18, 19, 20, 21)


class CertificateError(DataError):
    """A certificate does not vouch for what it should."""


def read(pem: bytes, *, shown: str) -> tuple[x509.Certificate, ...]:
    """Certificates of a PEM text, in its order.

    Raises:
        UsageError: There are none.
    """
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except ValueError:
        raise UsageError(
            f"{shown} holds no certificate in PEM: text that begins with `-----BEGIN CERTIFICATE`."
        ) from None


def check_own(
    chain: Sequence[x509.Certificate], key: ec.EllipticCurvePublicKey, *, at: datetime
) -> None:
    """Check before signing that a chain is of the key, in order, and holds.

    Raises:
        UsageError: It is not.
    """
    if chain[0].public_key() != key:
        raise UsageError(
            f"The first certificate, of {name(chain[0])}, is not the key's.",
            hint="The signer's own certificate stands first, then who issued each.",
        )
    for one, issuer in itertools.pairwise(chain):
        try:
            one.verify_directly_issued_by(issuer)
        except Exception:  # noqa: BLE001 (InvalidSignature, ValueError and TypeError: not issued by it)
            raise UsageError(
                f"The certificate of {name(one)} was not issued by {name(issuer)}, which follows.",
                hint="Each certificate is followed by the one that issued it.",
            ) from None
    try:
        _check_time(chain[0], at)
        check_purpose(chain[0])
    except CertificateError as error:
        raise UsageError(error.message, hint=error.hint) from None


def trusted_key(
    chain: Sequence[bytes], roots: Sequence[x509.Certificate], *, at: datetime
) -> tuple[str, ec.EllipticCurvePublicKey]:
    """Check a signature's certificates.

    Args:
        chain: In DER: the signer's, then those between it and a root.
        roots: Who is trusted.
        at: The time at which they have to be valid.

    Returns:
        Who signed, and the key.

    Raises:
        CertificateError: Nobody who is trusted vouches for the signer, at that time, for signing.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of certificates that no standard allows
            certificates = [x509.load_der_x509_certificate(one) for one in chain]
            key = certificates[0].public_key()
            path = _path_to_root(certificates, roots, at)
    except CertificateError:
        raise
    except Exception as error:  # forged bytes make both libraries raise of all kinds
        raise CertificateError("The signature holds no readable certificate.") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in keys.HASHES:
        raise CertificateError(
            f"The key of {name(certificates[0])} is of no curve that bundles are signed with."
        )
    # What no path needs is held to nothing: it would be a part of the signature that can change.
    if [one.public_bytes(Encoding.DER) for one in path[: len(chain)]] != list(chain):
        raise CertificateError(
            "The signature holds certificates that do not lead from the signer to a trusted root.",
            hint="Sign again, with the signer's certificate and then who issued each.",
        )
    check_purpose(certificates[0])
    return name(certificates[0]), key


def _path_to_root(
    certificates: Sequence[x509.Certificate], roots: Sequence[x509.Certificate], at: datetime
) -> list[x509.Certificate]:
    from OpenSSL import crypto

    store = crypto.X509Store()
    for root in roots:
        store.add_cert(crypto.X509.from_cryptography(root))
    store.set_time(at)
    first, *others = (crypto.X509.from_cryptography(one) for one in certificates)
    try:
        path = crypto.X509StoreContext(store, first, others).get_verified_chain()
    except crypto.X509StoreContextError as error:
        raise _refused(error, at) from error
    return [one.to_cryptography() for one in path]


def _refused(error: Exception, at: datetime) -> CertificateError:
    code, *_ = getattr(error, "errors", [0])
    certificate = getattr(error, "certificate", None)
    whose = name(certificate.to_cryptography()) if certificate is not None else "the signer"
    if code in (_EXPIRED, _NOT_YET):
        found = certificate.to_cryptography() if certificate is not None else None
        return _not_valid(found, whose, at, expired=code == _EXPIRED)
    if code in _NO_ISSUER:
        return CertificateError(
            f"No trusted root vouches for the certificate of {whose}.",
            hint="Check that `--certificate` holds the root of who signs your releases, and that "
            "whoever signs passes the certificates between.",
        )
    reason = str(error).removesuffix(".")
    return CertificateError(f"The certificate of {whose} is refused by OpenSSL: {reason}.")


def _check_time(certificate: x509.Certificate, at: datetime) -> None:
    if at > certificate.not_valid_after_utc or at < certificate.not_valid_before_utc:
        expired = at > certificate.not_valid_after_utc
        raise _not_valid(certificate, name(certificate), at, expired=expired)


def _not_valid(
    found: x509.Certificate | None, whose: str, at: datetime, *, expired: bool
) -> CertificateError:
    if expired:
        until = f" on {found.not_valid_after_utc:%Y-%m-%d}" if found is not None else ""
        return CertificateError(
            f"The certificate of {whose} expired{until}.",
            hint="Nothing proves that the signature is older. Sign the bundle again with a new "
            "certificate; or, if you know otherwise when it was signed, say so: `--at 2026-01-31`.",
        )
    since = f" before {found.not_valid_before_utc:%Y-%m-%d %H:%M} UTC" if found else " yet"
    return CertificateError(
        f"The certificate of {whose} is not valid{since}; the time is {at:%Y-%m-%d %H:%M} UTC.",
        hint="Check the clock of this machine.",
    )


def check_purpose(certificate: x509.Certificate) -> None:
    """Check that a certificate is one to sign code with.

    Raises:
        CertificateError: It is for something else, as for a web server.
    """
    try:
        given = {type(one.value): one.value for one in certificate.extensions}
    except ValueError:  # what cannot be read allows nothing
        given = {}
    usage, extended = given.get(x509.KeyUsage), given.get(x509.ExtendedKeyUsage)
    allowed = {ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    wrong = (
        (usage is None and extended is None)
        or (isinstance(usage, x509.KeyUsage) and not usage.digital_signature)
        or (isinstance(extended, x509.ExtendedKeyUsage) and not allowed & set(extended))
    )
    if wrong:
        raise CertificateError(
            f"The certificate of {name(certificate)} is not for signing code.",
            hint="It needs the key usage `digitalSignature`, and where it has an extended one, "
            "`codeSigning`.",
        )


def name(certificate: x509.Certificate) -> str:
    """Whose a certificate is, as one line."""
    return certificate.subject.rfc4514_string() or "nobody"

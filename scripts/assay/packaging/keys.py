"""Keys to sign bundles with: of elliptic curves, in PEM, as OpenSSF model signing takes them."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr

from assay.errors import UsageError
from assay.notwritten import not_written

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HASHES: dict[str, hashes.HashAlgorithm] = {
    "secp256r1": hashes.SHA256(),
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}
"""What is hashed with, by curve."""
PRIVATE, PUBLIC = "assay.key", "assay.pub"
LARGEST = 1_000_000
"""Bytes of a file with keys or certificates."""
_MAKE = "`assay sign --new-key FOLDER` makes a pair of keys."


def read(path: Path, *, what: str) -> bytes:
    """A file with keys or certificates.

    Raises:
        UsageError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(
            f"{path}, which should be {what}, cannot be read: {error.strerror}."
        ) from None
    if len(content) > LARGEST:
        raise UsageError(f"{path} is larger than {what} can be.")
    return content


def given(path: Path | None, environ: Mapping[str, str], name: str, *, what: str) -> bytes:
    """What a file has, or else a variable of the environment; nothing where there is neither.

    Raises:
        UsageError: The file cannot be read.
    """
    return read(path, what=what) if path is not None else environ.get(name, "").strip().encode()


def password(environ: Mapping[str, str]) -> SecretStr | None:
    """The password of the key."""
    found = environ.get("ASSAY_SIGNING_PASSWORD")
    return SecretStr(found) if found else None


def private(pem: bytes, password: SecretStr | None, *, shown: str) -> ec.EllipticCurvePrivateKey:
    """A private key. No message has any of it.

    Args:
        pem: The key, encrypted or not.
        password: Of an encrypted one.
        shown: What messages call it.

    Raises:
        UsageError: It is none, of another kind, or the password is not its own.
    """
    secret = password.get_secret_value().encode() if password else None
    try:
        key = serialization.load_pem_private_key(pem, secret)
    except TypeError:  # says whether a password is missing, or one too many
        raise UsageError(
            f"{shown} {'is not encrypted, but' if password else 'is encrypted, and no'} "
            f"{'a password is given' if password else 'password is given'}.",
            hint="Its password is read from ASSAY_SIGNING_PASSWORD.",
        ) from None
    except (ValueError, UnsupportedAlgorithm):  # what was read is not for a log
        if password is not None and b"ENCRYPTED" in pem:
            raise UsageError(
                f"The password in ASSAY_SIGNING_PASSWORD does not open {shown}."
            ) from None
        if b"BEGIN PUBLIC KEY" in pem or b"BEGIN CERTIFICATE" in pem:
            raise UsageError(
                f"{shown} is public; bundles are signed with the private key of the pair."
            ) from None
        raise UsageError(
            f"{shown} is no private key in PEM: text that begins with `-----BEGIN PRIVATE KEY`.",
            hint=f"Give all lines of it. {_MAKE}",
        ) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise _other_kind(shown)
    _check_curve(key.curve, shown)
    return key


def public(pem: bytes, *, shown: str) -> ec.EllipticCurvePublicKey:
    """A public key.

    Raises:
        UsageError: It is none, or of another kind.
    """
    if b"PRIVATE KEY" in pem:
        raise UsageError(
            f"{shown} is a private key; a signature is checked with the public key of the pair.",
            hint="Give nobody the private key.",
        )
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise UsageError(
            f"{shown} is no public key in PEM: text that begins with `-----BEGIN PUBLIC KEY`.",
            hint="A certificate is given as `--certificate`.",
        ) from None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise _other_kind(shown)
    _check_curve(key.curve, shown)
    return key


def is_open(path: Path) -> bool:
    """Whether anybody but its owner may read a file; on Windows its mode does not tell."""
    return os.name == "posix" and bool(path.stat().st_mode & 0o077)


def fingerprint(key: ec.EllipticCurvePublicKey) -> str:
    """The SHA-256 of a public key's PEM, which is how signatures name their key."""
    return hashlib.sha256(public_pem(key)).hexdigest()


def public_pem(key: ec.EllipticCurvePublicKey) -> bytes:
    """A public key as its file has it."""
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def new_pair(folder: Path, password: SecretStr | None) -> tuple[Path, Path]:
    """Make a private key that only its owner can read, and the public key that goes with it.

    Args:
        folder: Where they go.
        password: To encrypt the private key with.

    Raises:
        UsageError: There are keys already.
        OutsideError: They cannot be written; then there is neither.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    secret = password.get_secret_value().encode() if password else None
    encryption = (
        serialization.BestAvailableEncryption(secret) if secret else serialization.NoEncryption()
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
    made: list[Path] = []
    contents = {PRIVATE: (pem, 0o600), PUBLIC: (public_pem(key.public_key()), 0o644)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, (content, mode) in contents.items():
            path = folder / name
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            made.append(path)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
    except OSError as error:
        for path in made:
            path.unlink(missing_ok=True)
        if isinstance(error, FileExistsError):
            raise UsageError(
                f"{folder} has a key already, or is a file; no key is ever replaced.",
                hint="Name another folder.",
            ) from None
        raise not_written(folder, error) from error
    return made[0], made[1]


def _check_curve(curve: ec.EllipticCurve, shown: str) -> None:
    if curve.name not in HASHES:
        raise UsageError(
            f"{shown} is of the curve {curve.name}; allowed are {', '.join(HASHES)}.", hint=_MAKE
        )


def _other_kind(shown: str) -> UsageError:
    return UsageError(
        f"{shown} is no key of an elliptic curve, which is what bundles are signed with.",
        hint=_MAKE,
    )

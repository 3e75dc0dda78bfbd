"""The form of `model.sig`: what is signed of a bundle, and the envelope that it is signed in.

An in-toto statement with the SHA-256 of every file, in a DSSE envelope, in a Sigstore bundle, as
OpenSSF model signing 1 writes them (https://github.com/sigstore/model-transparency).
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from assay.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = "model.sig"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
_MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
STATEMENT = "https://in-toto.io/Statement/v1"
_PREDICATE = "https://model_signing/signature/v1.0"


class SignatureError(DataError):
    """A signature is not by whom it should be, or is none."""


def payload_of(name: str, digests: Mapping[str, str]) -> bytes:
    """The statement that is signed."""
    paths = sorted(digests, key=lambda path: PurePosixPath(path).parts)
    statement = {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": _whole([digests[p] for p in paths])}}],
        "predicateType": _PREDICATE,
        "predicate": {
            "serialization": {
                "method": "files",
                "hash_type": "sha256",
                "allow_symlinks": False,
                "ignore_paths": [FILE],
            },
            "resources": [
                {"name": path, "algorithm": "sha256", "digest": digests[path]} for path in paths
            ],
        },
    }
    return json.dumps(statement, indent=1).encode()


def _whole(digests: list[str]) -> str:
    """The digest of all files: of their digests, in order."""
    return hashlib.sha256(b"".join(bytes.fromhex(one) for one in digests)).hexdigest()


def digests_of(payload: bytes) -> dict[str, str]:
    """SHA-256 of every file, by path, as a signed statement has it."""
    try:
        statement = json.loads(payload)
        resources = statement["predicate"]["resources"]
        listed = [(one["name"], one["digest"]) for one in resources]
        sound = (
            statement["_type"] == STATEMENT
            and statement["predicateType"] == _PREDICATE
            and statement["predicate"]["serialization"]["method"] == "files"
            and all(one["algorithm"] == "sha256" for one in resources)
            and [one["digest"]["sha256"] for one in statement["subject"]]
            == [_whole([digest for _, digest in listed])]
        )
        digests = dict(listed)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        sound, digests = False, {}
    if not sound or len(digests) != len(listed):
        raise SignatureError(
            f"What {FILE} signs is not the list of a model's files.",
            hint="It has to be signed file by file with SHA-256, as `assay sign` does.",
        )
    return digests


def claimed(content: bytes) -> dict[str, str]:
    """What a signature says that it signs, whoever made it.

    Raises:
        SignatureError: It is no signature of a bundle.
    """
    found = parsed(content)
    try:
        payload = bytes_of(found["dsseEnvelope"]["payload"])
    except (ValueError, KeyError, TypeError) as error:
        raise other_form() from error
    return digests_of(payload)


def framed(payload: bytes) -> bytes:
    """What is signed: the envelope's pre-authentication encoding (DSSE, protocol v1)."""
    return b"DSSEv1 %d %s %d %s" % (
        len(PAYLOAD_TYPE),
        PAYLOAD_TYPE.encode(),
        len(payload),
        payload,
    )


def of_key(fingerprint: str) -> dict[str, Any]:
    """Who signed with a bare key: the SHA-256 of the public key."""
    return {"publicKey": {"hint": fingerprint}, "tlogEntries": []}


def of_certificates(chain: list[bytes]) -> dict[str, Any]:
    """Who signed by certificate: in DER, the signer's and those above it."""
    listed = [{"rawBytes": base64_of(one)} for one in chain]
    return {"x509CertificateChain": {"certificates": listed}, "tlogEntries": []}


def wrapped(material: dict[str, Any], payload: bytes, signature: bytes) -> dict[str, Any]:
    """Everything that `model.sig` holds, as JSON objects."""
    return {
        "mediaType": _MEDIA_TYPE,
        "verificationMaterial": material,
        "dsseEnvelope": {
            "payload": base64_of(payload),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": base64_of(signature), "keyid": ""}],
        },
    }


def text_of(wrapped: dict[str, Any]) -> bytes:
    """The content of `model.sig`."""
    return json.dumps(wrapped, separators=(",", ":"), ensure_ascii=False).encode()


def parsed(content: bytes) -> dict[str, Any]:
    """A signature file, without anything in it that could change and mean the same."""
    try:
        found = json.loads(content)
        if isinstance(found, dict) and text_of(found) == content:
            return found
    except (ValueError, RecursionError):
        pass
    raise SignatureError(
        f"{FILE} is damaged, or is no signature.",
        hint="Get the bundle anew; or sign it again with `assay sign`.",
    )


def other_form() -> SignatureError:
    """The error of a signature that is written in another way."""
    return SignatureError(
        f"{FILE} is not in the form of OpenSSF model signing 1.",
        hint="Sign the bundle again with `assay sign`.",
    )


def base64_of(content: bytes) -> str:
    """In base 64."""
    return base64.b64encode(content).decode()


def bytes_of(text: str) -> bytes:
    """From base 64.

    Raises:
        ValueError: It is none.
    """
    return base64.b64decode(text, validate=True)

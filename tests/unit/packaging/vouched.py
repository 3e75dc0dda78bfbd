"""Bundles with a real model in them, keys, and certificates, for tests of who vouches for what."""

from __future__ import annotations

import functools
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from assay.packaging import bundle, vouching
from assay.packaging.attest import Run
from assay.packaging.signing import KeySigner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.unit.packaging.bundles import manifest

if TYPE_CHECKING:
    from pathlib import Path

    from assay.packaging.signing import Signer
    from cryptography.hazmat.primitives.asymmetric.types import (
        CertificateIssuerPrivateKeyTypes,
        CertificateIssuerPublicKeyTypes,
    )

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
KEY = ec.derive_private_key(7, ec.SECP256R1())
OTHER_KEY = ec.derive_private_key(8, ec.SECP256R1())
RUN = Run(
    builder="https://github.com/acme/bikes/.github/workflows/release.yml@refs/tags/peak-hour@v1",
    finished=NOW,
    repository="https://github.com/acme/bikes",
    ref="refs/tags/peak-hour@v1.2.3",
    workflow=".github/workflows/release.yml",
    invocation="https://github.com/acme/bikes/actions/runs/1/attempts/1",
)


@functools.cache
def onnx_model(domain: str = "", *, external: bool = False) -> bytes:
    """A model with the inputs and outputs of `bundles.SIGNATURE`."""
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Identity", ["hour"], ["label"], domain=domain),
        helper.make_node("Cast", ["temperature"], ["probabilities"], to=TensorProto.DOUBLE),
    ]
    inputs = [
        helper.make_tensor_value_info(name, kind, [None, 1])
        for name, kind in (
            ("hour", TensorProto.INT64),
            ("temperature", TensorProto.DOUBLE),
            ("season", TensorProto.STRING),
        )
    ]
    outputs = [
        helper.make_tensor_value_info("label", TensorProto.INT64, [None, 1]),
        helper.make_tensor_value_info("probabilities", TensorProto.DOUBLE, [None, 1]),
    ]
    weights = helper.make_tensor("weights", TensorProto.FLOAT, [3], [1.0, 2.0, 3.0])
    if external:
        weights.data_location = TensorProto.EXTERNAL
        weights.external_data.add(key="location", value="../../etc/passwd")
    graph = helper.make_graph(nodes, "graph", inputs, outputs, [weights])
    opsets = [helper.make_opsetid("", 21), *([helper.make_opsetid(domain, 1)] if domain else [])]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    return bytes(model.SerializeToString())


def made(
    parent: Path,
    files: dict[str, bytes] | None = None,
    *,
    content: bytes | None = None,
    **update: Any,
) -> bundle.Bundle:
    """A bundle as `assay package` makes it.

    Args:
        parent: Where it goes.
        files: Further ones, or other content.
        content: Its model.
        update: Of the manifest.
    """
    facts = manifest(**update)
    content = onnx_model() if content is None else content
    component = {
        "name": facts.name,
        "version": facts.source.commit,
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()}],
    }
    whole = {
        facts.model: content,
        "parity.json": b"{}\n",
        "README.md": f"# {facts.name}\n`{facts.source.commit}`\n".encode(),
        "bom.cdx.json": json.dumps({"metadata": {"component": component}}).encode(),
        **(files or {}),
    }
    return bundle.write(parent, facts, whole)


def signed(parent: Path, signer: Signer | None = None, **given: Any) -> bundle.Bundle:
    """A bundle that is signed, by `KEY` unless told otherwise."""
    one = made(parent, **given)
    vouching.add(one, signer or KeySigner(KEY), RUN)
    return one


def private_pem(key: ec.EllipticCurvePrivateKey, password: bytes | None = None) -> bytes:
    encryption = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )


def public_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def certificate(
    name: str,
    key: CertificateIssuerPublicKeyTypes,
    *,
    issuer: str,
    issuer_key: CertificateIssuerPrivateKeyTypes,
    days: tuple[int, int] = (-10, 10),
    authority: bool = False,
    usage: bool = True,
    purpose: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.CODE_SIGNING,
) -> x509.Certificate:
    """A certificate.

    Args:
        name: Of whom.
        key: Theirs.
        issuer: Who says so.
        issuer_key: With which key.
        days: From and until when, counted from `NOW`.
        authority: Whether it may issue others.
        usage: Whether it may sign.
        purpose: What else it is for.
    """
    builder = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(issuer))
        .public_key(key)
        .serial_number(1000 + len(name))
        .not_valid_before(NOW + timedelta(days=days[0]))
        .not_valid_after(NOW + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=usage and not authority,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=not usage,
                key_cert_sign=authority,
                crl_sign=authority,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    if purpose is not None and not authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


ROOT_KEY, MIDDLE_KEY = (ec.derive_private_key(n, ec.SECP384R1()) for n in (21, 22))
ROOT = certificate(
    "Root", ROOT_KEY.public_key(), issuer="Root", issuer_key=ROOT_KEY, authority=True
)
MIDDLE = certificate(
    "Middle", MIDDLE_KEY.public_key(), issuer="Root", issuer_key=ROOT_KEY, authority=True
)


def leaf(**given: Any) -> x509.Certificate:
    """The certificate of `KEY`, by `Middle`."""
    return certificate(
        "Releases", KEY.public_key(), issuer="Middle", issuer_key=MIDDLE_KEY, **given
    )

"""How a bundle is verified by whoever gets it: the arguments of `assay verify`."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from assay.packaging import envelope

if TYPE_CHECKING:
    from pathlib import Path


def verify(folder: Path) -> tuple[str, ...]:
    """The arguments that say who is to have signed a bundle, by its signature.

    What the signature says of itself is where to look, and proves nothing: that is for `verify`.

    Raises:
        SignatureError: It is none.
    """
    path = folder / envelope.FILE
    if not path.is_file():
        return ("--unsigned",)
    match envelope.parsed(path.read_bytes()).get("verificationMaterial"):
        case {"certificate": {"rawBytes": str(raw)}}:
            return ("--identity", _workflow(raw))
        case {"x509CertificateChain": _}:
            return ("--certificate", "ROOTS.pem")
    return ("--key", "KEY.pub")


def _workflow(raw: str) -> str:
    """The workflow that a certificate of Sigstore names."""
    from cryptography import x509

    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode(raw))
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found = names.get_values_for_type(x509.UniformResourceIdentifier)
    except (ValueError, x509.ExtensionNotFound):
        found = []
    return found[0] if found else "WORKFLOW"

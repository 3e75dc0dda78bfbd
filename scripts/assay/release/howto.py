"""How a bundle gets a signature, and how it is verified by whoever gets the bundle."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from assay.errors import UsageError
from assay.packaging import envelope

if TYPE_CHECKING:
    from pathlib import Path


PACKAGES = ("cryptography", "zstandard")
"""Who reads a release needs them."""


def is_signed(folder: Path) -> bool:
    """Whether a bundle has a signature, by whomever."""
    return (folder / envelope.FILE).is_file()


def no_key() -> UsageError:
    """For a workflow that would release what nobody vouches for."""
    from assay.packaging.keys import PRIVATE

    return UsageError(
        "Nothing is released: there is no key to sign with, so nobody would vouch for the bundle.",
        hint="Make a key: `assay sign --new-key keys`. Then `gh secret set ASSAY_SIGNING_KEY < "
        f"keys/{PRIVATE}`, with `--env NAME` where the job names an environment. Or sign as the "
        "workflow: `keyless: true`. Only `unsigned: true` releases a bundle that nobody signed; "
        "`attest` is no signature in it.",
    )


def verify(folder: Path) -> tuple[str, ...]:
    """The arguments that say who is to have signed a bundle, by its signature.

    What the signature says of itself is where to look, and proves nothing: that is for `verify`.

    Raises:
        SignatureError: It is none.
    """
    if not is_signed(folder):
        return ("--unsigned",)
    match envelope.parsed((folder / envelope.FILE).read_bytes()).get("verificationMaterial"):
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

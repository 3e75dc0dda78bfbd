"""`assay sign` and `assay verify`: who vouches for a bundle. Parses, calls, prints."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.clioptions import (
    HERE,
    BundlePath,
    Identity,
    Issuer,
    Root,
    Roots,
    SignerKey,
    console_of_host,
)

if TYPE_CHECKING:
    from assay.packaging.attest import Run
    from assay.packaging.signing import KeySigner, Signer, Trust

_PACKAGES = ("cryptography", "OpenSSL", "zstandard")


def sign(
    bundle: BundlePath = None,
    *,
    root: Root = HERE,
    key: Annotated[
        Path | None,
        typer.Option(help="The private key, a file. Else ASSAY_SIGNING_KEY has its text."),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(help="Its certificate and those above it. Else ASSAY_CERTIFICATE."),
    ] = None,
    keyless: Annotated[
        bool, typer.Option("--keyless", envvar="ASSAY_KEYLESS", help="As this workflow of GitHub.")
    ] = False,
    new_key: Annotated[
        Path | None, typer.Option(help="Make a pair of keys in this folder, and end.")
    ] = None,
) -> None:
    """Vouch for a bundle: attestations and a signature. A password is in ASSAY_SIGNING_PASSWORD."""
    from assay import extras
    from assay.packaging import keys, signing, vouching
    from assay.packaging.bundle import FOLDER
    from assay.report import outputs
    from assay.report.wording import size
    from assay.section import Reason
    from assay.workspace import Workspace

    extras.require(_PACKAGES, extra="release", what="Signatures need")
    if new_key is not None:
        _new_pair(new_key)
        return
    signer = _signer(key, certificate, keyless=keyless)
    into = Workspace(root.resolve(), os.environ).state / FOLDER
    made = vouching.vouch(found(bundle, root), into=into, signer=signer, run=_run(root))
    console = console_of_host()
    if key is not None and keys.is_open(key):
        console.annotate(
            Reason(
                severity="warning",
                message=f"Other users of this machine may read the private key {key}.",
                hint=f"Run `chmod 600 {key}`.",
            )
        )
    if signer is None:
        console.annotate(
            Reason(
                severity="warning",
                message="The bundle is not signed: nobody vouches for it.",
                hint="Give a key, as the secret ASSAY_SIGNING_KEY; `assay sign --new-key FOLDER` "
                "makes one.",
            )
        )
    how = "Attested" if signer is None else f"Signed by {signing.shown(signer)}"
    console.line(f"{how}: {made.bundle.folder}")
    console.line(f"commit  {made.bundle.manifest.source.commit}")
    console.line(f"archive {made.archive}: {size(made.archive.stat().st_size)}")
    console.line(f"digest  {made.bundle.digest}")
    if path := os.environ.get("GITHUB_OUTPUT"):
        facts = {"archive": str(made.archive), "digest": made.bundle.digest}
        outputs.write(Path(path), facts)


def verify(
    bundle: BundlePath = None,
    *,
    root: Root = HERE,
    key: SignerKey = None,
    certificate: Roots = None,
    at: Annotated[
        str | None, typer.Option(help="When certificates had to be valid: 2026-01-31. Default: now")
    ] = None,
    identity: Identity = None,
    issuer: Issuer = None,
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="Only check that it is whole, by whomever.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Check offline what a bundle is, and who vouches for it."""
    from assay import extras
    from assay.packaging import verify as verifying

    extras.require(_PACKAGES, extra="release", what="Signatures need")
    trust = trust_of(key, certificate, identity, at=at, issuer=issuer, unsigned=unsigned)
    verdict = verifying.verify(found(bundle, root), trust)
    if as_json:
        typer.echo(json.dumps(verdict.facts(), indent=1))
    else:
        console_of_host().line(verifying.text(verdict))
    raise typer.Exit(0 if verdict.whole else 1)


def found(bundle: Path | None, root: Path) -> Path:
    """The bundle that is meant."""
    if bundle is not None and bundle.exists():
        return bundle
    from assay.errors import UsageError
    from assay.packaging.archive import NAME
    from assay.packaging.bundle import FOLDER
    from assay.workspace import STATE

    path = root / STATE / FOLDER / NAME if bundle is None else bundle
    if not path.exists():
        raise UsageError(
            f"There is no {path}.",
            hint="Run `assay package` first."
            if bundle is None
            else "Name a bundle: its folder or .tar.zst.",
        )
    return path


def _new_pair(folder: Path) -> None:
    from assay.packaging import keys

    private, public = keys.new_pair(folder, keys.password(os.environ))
    typer.echo(
        f"{private}  signs. Keep it out of the repository: make its text the secret\n"
        "  ASSAY_SIGNING_KEY, as with `gh secret set ASSAY_SIGNING_KEY < FILE`.\n"
        f"{public}  checks. Give it to whoever uses your models, and not beside a bundle.\n"
        f"  They run: assay verify BUNDLE --key {public.name}"
    )


def _signer(key: Path | None, certificate: Path | None, *, keyless: bool) -> Signer | None:
    """Who signs; `None` where nothing is given."""
    from assay.errors import UsageError
    from assay.packaging import signing

    given = key is not None or bool(os.environ.get("ASSAY_SIGNING_KEY", "").strip())
    if not given:
        if certificate is not None or os.environ.get("ASSAY_CERTIFICATE", "").strip():
            raise UsageError(
                "A certificate is given, and no key to sign with.",
                hint="Give the private key, as `--key FILE` or in ASSAY_SIGNING_KEY.",
            )
        if keyless:
            signing.may_sign_keyless(os.environ)
            return signing.KeylessSigner()
        return None
    if keyless:
        raise UsageError(
            "A key is given, and signing without a key is asked for.", hint="Leave one away."
        )
    return _key_signer(key, certificate)


def _key_signer(key: Path | None, certificate: Path | None) -> KeySigner:
    from assay.packaging import certificates, keys, signing

    pem = keys.given(key, os.environ, "ASSAY_SIGNING_KEY", what="a private key")
    shown = str(key) if key is not None else "ASSAY_SIGNING_KEY"
    private = keys.private(pem, keys.password(os.environ), shown=shown)
    text = keys.given(certificate, os.environ, "ASSAY_CERTIFICATE", what="a certificate")
    if not text:
        return signing.KeySigner(private)
    shown = str(certificate) if certificate is not None else "ASSAY_CERTIFICATE"
    chain = certificates.read(text, shown=shown)
    certificates.check_own(chain, private.public_key(), at=datetime.now(UTC))
    return signing.KeySigner(private, chain)


def trust_of(
    key: Path | None,
    certificate: Path | None,
    identity: str | None,
    *,
    at: str | None,
    issuer: str | None,
    unsigned: bool,
) -> Trust | None:
    """Whose signature counts; `None` where nobody's has to."""
    from assay.errors import UsageError

    ways = {"--key": key, "--certificate": certificate, "--identity": identity}
    given = [name for name, value in ways.items() if value is not None]
    if unsigned:
        given.append("--unsigned")
    if len(given) != 1:
        raise UsageError(
            f"{' and '.join(given)} exclude each other."
            if given
            else "Nothing says whose signature counts, so nobody could vouch for the bundle.",
            hint="Give one of --key FILE, --certificate ROOTS and --identity WORKFLOW, as whoever "
            "releases the model told you; or --unsigned, which only checks that it is whole.",
        )
    for name, value, needs in (
        ("--at", at, "--certificate"),
        ("--issuer", issuer, "--identity"),
    ):
        if value is not None and needs not in given:
            raise UsageError(f"`{name}` goes with `{needs}`.")
    if unsigned:
        return None
    from assay.packaging import keys, signing

    if key is not None:
        return signing.KeyTrust(keys.public(keys.read(key, what="a public key"), shown=str(key)))
    if certificate is not None:
        from assay.packaging import certificates

        text = keys.read(certificate, what="root certificates")
        return signing.CertificateTrust(certificates.read(text, shown=str(certificate)), _time(at))
    return signing.KeylessTrust(identity or "", issuer or signing.GITHUB)


def _time(at: str | None) -> datetime:
    from assay.errors import UsageError

    if at is None:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(at)
    except ValueError:
        raise UsageError(f"`--at` is {at!r}.", hint="A day, as 2026-01-31.") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _run(root: Path) -> Run:
    from assay import ci, prepare
    from assay.errors import AssayError
    from assay.packaging import attest
    from assay.workspace.git import Git

    context = ci.detect(os.environ, prepare.event_payload(os.environ))
    remote = None
    if context.repository is None:
        try:
            remote = Git(root.resolve(), os.environ).text("remote", "get-url", "origin")
        except AssayError:  # without git, it is not known
            remote = None
    return attest.run_of(context, os.environ, now=datetime.now(UTC), remote=remote)

"""Vouching for a bundle: attestations and a signature are added to it, and it is packed anew."""

from __future__ import annotations

import functools
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay.console import printable
from assay.notwritten import not_written
from assay.packaging import archive, attest, bundle
from assay.packaging.envelope import FILE as SIGNATURE
from assay.packaging.manifest import ATTESTATIONS, PASSED, PROVENANCE, TEST_RESULTS
from assay.report.wording import listed
from assay.workspace import write_atomically

if TYPE_CHECKING:
    from assay.packaging.attest import Run
    from assay.packaging.signing import Signer


class NotPassedError(bundle.BundleError):
    """The check of a bundle's commit said no, so nobody vouches for it."""

    exit_code = 1


@dataclass(frozen=True)
class Vouched:
    """A bundle that somebody vouches for."""

    bundle: bundle.Bundle
    archive: Path


def vouch(path: Path, *, into: Path, signer: Signer | None, run: Run) -> Vouched:
    """Attest and sign a bundle, and leave it as a folder and as an archive.

    Args:
        path: Its folder or archive, which is only read.
        into: Where folder and archive go; a bundle that is there already is replaced.
        signer: `None` to attest only.
        run: This run.

    Raises:
        BundleError: It is not as it was packaged, so nobody can vouch for it.
        NotPassedError: Its gates did not pass.
        UsageError: The signer is none.
        OutsideError: It cannot be written, or Sigstore fails.
    """
    try:
        into.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=into, prefix=".assay-") as scratch:
            made = _taken(path, Path(scratch))
            _check_passed(made)
            add(made, signer, run)
            packed = archive.pack(made, into / archive.NAME)
            target = into / made.folder.name
            shutil.rmtree(target, ignore_errors=True)
            made.folder.rename(target)
    except OSError as error:
        raise not_written(into, error) from error
    return Vouched(bundle.Bundle(target, made.manifest, made.digest), packed)


def _taken(path: Path, scratch: Path) -> bundle.Bundle:
    if not path.is_dir():
        return archive.unpack(path, scratch)
    bundle.read(path)  # a folder of something else is not copied
    return bundle.read(shutil.copytree(path, scratch / path.resolve().name, symlinks=True))


def _check_passed(made: bundle.Bundle) -> None:
    """Whoever verifies a signature takes the model for good: there is none of one that failed."""
    manifest = made.manifest
    if manifest.verdict in PASSED and not (manifest.verdict == "pass" and manifest.denied):
        return
    denied = [f"`{printable(name)}`" for name in manifest.denied]
    failed = f", and these gates did not pass: {listed(denied)}" if denied else ""
    name, verdict = made.folder.name, printable(manifest.verdict)
    raise NotPassedError(
        f"{name} is not signed: its verdict is `{verdict}`{failed}.",
        hint="Mend what the report of its check names, and package the commit that passes.",
    )


def add(made: bundle.Bundle, signer: Signer | None, run: Run) -> None:
    """Attest and sign a bundle in its folder; each of its bytes is read once.

    Raises:
        BundleError: It is not as it was packaged.
        UsageError: The signer is none.
        OutsideError: It cannot be written, or Sigstore fails.
    """
    folder = made.folder
    digest = functools.cache(bundle.sha256)
    if damage := list(bundle.damage(made, digest=digest)):
        raise bundle.BundleError(
            f"{folder.name} is not as it was packaged, and is not signed: {damage[0]}",
            hint="Run `assay package` again.",
        )
    shutil.rmtree(folder / ATTESTATIONS, ignore_errors=True)
    (folder / SIGNATURE).unlink(missing_ok=True)
    write_atomically(folder / PROVENANCE, attest.text(attest.provenance(made, run)))
    write_atomically(folder / TEST_RESULTS, attest.text(attest.test_results(made)))
    if signer is None:
        return
    from assay.packaging import signing

    digests = {name: digest(path) for name, path in bundle.files_of(folder).items()}
    write_atomically(folder / SIGNATURE, signing.sign(folder.name, digests, signer))

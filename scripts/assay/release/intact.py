"""Whether a release that is out still has what was released.

What packaging makes is the same each time, so it has to be equal, byte for byte. What vouches for
it each run makes anew: the attestations, the signature, the archive with both, and the sums. There
the archive has to be a sound bundle with the same manifest, and the signature and the sums have to
be those of what is there. By whom the signature is, is not asked: a release needs no public key.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import ForgeError
from assay.packaging.bundle import BundleError, sha256
from assay.packaging.envelope import FILE as SIGNATURE
from assay.release import released
from assay.release.publishing import SUMS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assay.forge.releases import Release, Releases, Upload
    from assay.packaging.bundle import Bundle

_LONGEST_SUMS = 10_000
"""Bytes."""


def check(
    releases: Releases, release: Release, files: tuple[Upload, ...], bundle: Bundle, scratch: Path
) -> None:
    """See to it that a release has what this run would publish.

    Args:
        releases: The connection.
        release: The one that is out.
        files: What this run would upload, as `files_of` gives it.
        bundle: The same, unpacked.
        scratch: A folder for what is downloaded.

    Raises:
        ForgeError: A file of it was changed, added or removed since it was released.
        OutsideError: The disk is full.
    """
    ours = {file.name: file.digest for file in files}
    there = {asset.name: releases.digest(asset) for asset in release.assets}
    for name in sorted(ours.keys() - there.keys()):
        raise _changed(release, name, "is not there any more")
    # This run may not have been given the key.
    for name in sorted(there.keys() - ours.keys() - {SIGNATURE}):
        raise _changed(release, name, "was not released with it")
    if there == ours:
        return
    archive = files[0].name
    for name in sorted(ours.keys() - {archive, SIGNATURE, SUMS}):
        if there[name] != ours[name]:
            raise _changed(release, name, "is another file than the one released")
    signature = _packed_signature(releases, release, archive, bundle, scratch)
    if there.get(SIGNATURE) != signature:
        raise _changed(release, SIGNATURE, f"is not that of {archive}")
    if _sums(releases, release) != {n: digest for n, digest in there.items() if n != SUMS}:
        raise _changed(release, SUMS, "is not about the files that are there")


def _packed_signature(
    releases: Releases, release: Release, name: str, bundle: Bundle, scratch: Path
) -> str | None:
    """The SHA-256 of the signature in an archive that holds the same bundle as ours."""
    (asset,) = (one for one in release.assets if one.name == name)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        path = Path(folder, "released.part")
        releases.save(asset, path)
        try:
            found = released.sound(path, Path(folder))
        except BundleError as error:
            raise _changed(release, name, "is no sound bundle") from error
        if found.digest != bundle.digest:
            raise _changed(release, name, "is another bundle than the one released")
        signature = found.folder / SIGNATURE
        return sha256(signature) if signature.is_file() else None


def _sums(releases: Releases, release: Release) -> Mapping[str, str]:
    """SHA-256 by name, as the release's own file has them."""
    (asset,) = (one for one in release.assets if one.name == SUMS)
    text = releases.read(asset, _LONGEST_SUMS).decode(errors="replace")
    lines = (line.partition("  ") for line in text.removesuffix("\n").split("\n"))
    return {name: digest for digest, _, name in lines}


def _changed(release: Release, name: str, how: str) -> ForgeError:
    return ForgeError(
        f"{name} of the release {release.tag} {how}: {release.url}",
        hint="Somebody with write access changed the release. Find out who; then delete it, and "
        "run this again. Immutable releases (in the repository's settings) prevent it.",
    )

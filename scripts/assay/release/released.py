"""The bundle of a version: given, or fetched from its GitHub Release."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.console import printable
from assay.errors import RepositoryError, UsageError
from assay.packaging import archive, bundle, verify
from assay.packaging.bundle import BundleError
from assay.release import gto, tagging
from assay.release.tagname import parse

if TYPE_CHECKING:
    from pathlib import Path

    from assay.context import Context
    from assay.packaging.bundle import Bundle


def bundle_of(
    context: Context, tag: str, *, given: Path | None, scratch: Path, commit: str = ""
) -> Bundle:
    """The bundle of a version, whole and of the tag's commit.

    Args:
        context: A clone with the tag.
        tag: `name@v1.2.3`.
        given: The bundle, a folder or a `.tar.zst`; fetched without it.
        scratch: An empty folder.
        commit: Of the tag, where that is known already.

    Raises:
        UsageError: That is no version, or nothing is released as it.
        BundleError: It is not what it says it is, or of another commit.
    """
    commit = commit or _commit(context, tag)
    path = _fetched(context, tag, scratch) if given is None else given
    if not path.exists():
        raise UsageError(f"There is no bundle at {path}.")
    found = sound(path, scratch)
    if found.manifest.source.commit != commit:
        raise BundleError(
            f"The bundle is of commit {found.manifest.source.commit[:12]}, and {tag} of "
            f"{commit[:12]}.",
            hint="Name the bundle that was released as this version.",
        )
    return found


def sound(path: Path, scratch: Path, *, hint: str | None = None) -> Bundle:
    """A bundle in a folder, which is all that its manifest says.

    Args:
        path: Its folder, or its `.tar.zst`.
        scratch: Where that is unpacked.
        hint: What to do about one that is not sound.

    Raises:
        BundleError: It is not what it says it is.
        OutsideError: It cannot be unpacked, as on a full disk.
    """
    found = bundle.read(path) if path.is_dir() else archive.unpack(path, scratch)
    for check in verify.verify(found.folder, trust=None).checks:
        if check.result == "refused":
            raise BundleError(f"The bundle is not what it says it is: {check.detail}", hint=hint)
    return found


def _commit(context: Context, tag: str) -> str:
    said = parse(tag)
    if said is None or said.action != "register" or said.version is None:
        raise UsageError(
            f"`{printable(tag)}` is no version.", hint="Name one as `assay history` does: m@v1.2.3."
        )
    found = gto.read(context.workspace.git).artifact(said.artifact).find(said.version)
    if found is None:
        raise RepositoryError(
            f"There is no version {printable(tag)} in this clone.",
            hint="`assay history` lists them; `git fetch --tags origin` brings those of others.",
        )
    return found.commit


def _fetched(context: Context, tag: str, scratch: Path) -> Path:
    with tagging.asking(context) as ask:
        if ask is None:
            raise UsageError(
                "The release cannot be asked for: there is no token, or origin is not GitHub.",
                hint="Download the bundle and name it: `--bundle FILE`; or set GITHUB_TOKEN.",
            )
        release = ask.releases.published(tag)
        files = [] if release is None else list(release.assets)
        asset = next((one for one in files if one.name.endswith(archive.SUFFIX)), None)
        if asset is None:
            raise UsageError(f"Nothing with a bundle is released as {printable(tag)}.")
        path = scratch / "released.part"
        ask.releases.save(asset, path)
    return path

"""The version that answers users now, and its bundle: in an environment, or the newest release."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from assay.console import printable
from assay.errors import AssayError, UsageError
from assay.release import gto, released, tagging
from assay.section import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from assay.context import Context
    from assay.packaging.bundle import Bundle
    from assay.release.gto import Artifact, Registry, Version
    from assay.release.lookup import Lookup


class Deployed(NamedTuple):
    """A bundle, and what its version is called."""

    bundle: Bundle
    version: str
    """`v1.2.3`; the start of the digest where no version is of its commit."""


def of(context: Context, environment: str | None, *, given: Path | None, scratch: Path) -> Deployed:
    """The bundle of the version that is watched.

    Args:
        context: A clone with the tags.
        environment: Where it is deployed; `None`: it is the newest release.
        given: The bundle, a folder or a `.tar.zst`; fetched without it.
        scratch: An empty folder.

    Raises:
        UsageError: Nothing is deployed there, or nothing was ever released.
        BundleError: A bundle is not what it says it is.
        OutsideError: GitHub cannot be reached.
    """
    if given is not None:
        if not given.exists():
            raise UsageError(f"There is no bundle at {printable(str(given))}.")
        found = released.sound(given, scratch)
        return Deployed(found, _called(context, found))
    version = _chosen(_registry(context), environment)
    found = released.bundle_of(
        context, version.tag, given=None, scratch=scratch, commit=version.commit
    )
    return Deployed(found, version.version)


def _called(context: Context, found: Bundle) -> str:
    """What tags call the commit of a bundle."""
    manifest = found.manifest
    try:
        known = gto.read(context.workspace.git).artifact(manifest.name).at(manifest.source.commit)
    except AssayError:  # not in a repository: nothing calls it anything
        known = None
    return found.digest[:12] if known is None else known.version


def _registry(context: Context) -> Registry:
    """What the tags say, as GitHub has them; without a token, as this clone has."""
    with tagging.asking(context) as ask:
        return _read(context, ask)


def _read(context: Context, ask: Lookup | None) -> Registry:
    git = context.workspace.git
    if ask is not None:
        return ask.registry(git)
    found = gto.read(git)
    context.console.annotate(
        Reason(
            message="The tags are those of this clone, which may be old: there is no token.",
            severity="note",
        )
    )
    return found


def _chosen(registry: Registry, environment: str | None) -> Version:
    """The version of the one artifact that is there."""
    found = list(_versions(registry, environment))
    if len(found) == 1:
        return found[0][1]
    hint = "Name the bundle of the one that is to be watched: `--bundle FILE`."
    if found:
        names = ", ".join(sorted(f"{one.name}@{version.version}" for one, version in found))
        where = f"in `{printable(environment)}`" if environment else "released"
        raise UsageError(f"Several models are {where}: {printable(names)}.", hint=hint)
    if environment is not None:
        raise UsageError(
            f"No version is deployed in `{printable(environment)}`: no tag says so.", hint=hint
        )
    raise UsageError("No version was ever released, so there is none to watch.", hint=hint)


def _versions(registry: Registry, environment: str | None) -> Iterator[tuple[Artifact, Version]]:
    for artifact in registry.artifacts.values():
        version = artifact.latest if environment is None else artifact.stages.get(environment)
        if version is not None and not artifact.deprecated:
            yield artifact, version

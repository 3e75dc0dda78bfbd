"""Whether a version may be deployed to an environment, before anything is touched. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.ci import SHA
from assay.console import printable
from assay.errors import ConfigError, UsageError
from assay.release import semver, versions
from assay.release.tagname import TagName, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assay.configrollout import EnvironmentSpec
    from assay.packaging.manifest import Manifest
    from assay.release.gto import Artifact, Registry, Version
    from assay.release.semver import SemVer
    from assay.rollout.targets.base import VersionId

_WRITE = "Name a version as `assay history` does: `bikes@v1.2.3`."


class NotAdmittedError(UsageError):
    """A version may not go where it should."""


def environment(environments: Mapping[str, EnvironmentSpec], name: str) -> EnvironmentSpec:
    """The environment of a name.

    Raises:
        ConfigError: `assay.yaml` has none of that name.
    """
    if name in environments:
        return environments[name]
    known = ", ".join(f"`{one}`" for one in environments)
    if known:
        raise ConfigError(
            f"There is no environment `{printable(name)}` in assay.yaml.",
            hint=f"There: {known}.",
        )
    raise ConfigError(
        "assay.yaml names no environments, so there is nowhere to deploy to.",
        hint="Add one: `environments: {production: {target: {kind: host, folder: /srv/assay}}}`; "
        "docs/deploy.md has the rest.",
    )


def version(registry: Registry, asked: str, *, stage: str, ref: str) -> tuple[Artifact, Version]:
    """The version that is meant, and its artifact.

    Args:
        registry: What the tags say.
        asked: What a person wrote: `bikes@v1.2.3`, a whole commit, or nothing.
        stage: The environment.
        ref: What started the workflow: `refs/tags/bikes@v1.2.3`, or the tag of a stage.

    Raises:
        UsageError: That is no version, or nobody registered it.
    """
    text = asked or _tag(ref)
    if not text:
        raise UsageError("Nothing says which version to deploy.", hint=_WRITE)
    if SHA.fullmatch(text):
        return _at(registry, text)
    said = parse(text)
    if said is not None and said.action == "assign":
        return _assigned(registry, text, said, stage)
    if said is None or said.action != "register" or said.version is None:
        raise UsageError(f"`{printable(text)}` is no version.", hint=_WRITE)
    artifact = registry.artifact(said.artifact)
    found = artifact.find(said.version)
    if found is None or not found.registered:
        state = "is not registered" if found is None else "was deregistered"
        raise UsageError(
            f"{printable(said.artifact)} {said.version} {state}: there is no such tag.",
            hint=_there(artifact) or "`git fetch --tags origin` brings the tags of others.",
        )
    return artifact, found


def _tag(ref: str) -> str:
    return ref.removeprefix("refs/tags/") if ref.startswith("refs/tags/") else ""


def _at(registry: Registry, commit: str) -> tuple[Artifact, Version]:
    """The one version on a commit."""
    every = ((one, one.at(commit)) for one in registry.artifacts.values())
    found = [(artifact, version) for artifact, version in every if version is not None]
    if len(found) == 1:
        return found[0]
    names = ", ".join(f"{one.name}@{version.version}" for one, version in found) or "no version"
    raise UsageError(f"There is {names} at commit {commit[:12]}.", hint=_WRITE)


def _assigned(registry: Registry, tag: str, said: TagName, stage: str) -> tuple[Artifact, Version]:
    """The version that the tag of a stage is on."""
    if said.stage != stage:
        raise UsageError(
            f"The tag `{printable(tag)}` is of the stage `{said.stage}`, and the environment is "
            f"`{printable(stage)}`.",
            hint="A stage is deployed to the environment of its name.",
        )
    artifact = registry.artifact(said.artifact)
    commit = next((one.commit for one in artifact.tags if one.ref == tag), "")
    found = artifact.at(commit)
    if found is None:
        raise UsageError(
            f"The tag `{printable(tag)}` is on no registered version.",
            hint=f"Assign the stage to one: `gto assign {said.artifact} --version v1.2.3 --stage "
            f"{stage}`.",
        )
    return artifact, found


def _there(artifact: Artifact) -> str:
    names = [one.version for one in artifact.versions if one.registered]
    more = f", and {len(names) - 5} older ones" if len(names) > 5 else ""
    return f"There: {', '.join(names[:5])}{more}." if names else ""


@dataclass(frozen=True)
class Facts:
    """What the decision rests on."""

    environment: str
    after: str | None
    """The environment that the version must be in first."""
    artifact: Artifact
    wanted: Version
    new: Manifest
    deployed: VersionId | None
    """What answers users there now."""
    old: Manifest | None
    """Of that; `None` where it cannot be had."""


def admit(facts: Facts) -> tuple[str, ...]:
    """Let a version in, with notes on what could not be looked at.

    Raises:
        NotAdmittedError: It may not go there; the message says why.
    """
    _check_stage(facts)
    if facts.deployed is None:
        return ()
    if facts.deployed.name != facts.artifact.name:
        raise NotAdmittedError(
            f"`{facts.environment}` serves {facts.deployed}, which is another model than "
            f"{facts.artifact.name}: whoever asks it would get other answers.",
            hint="Give each model an environment of its own in assay.yaml.",
        )
    return _check_signature(facts, facts.deployed)


def _check_stage(facts: Facts) -> None:
    if facts.after is None:
        return
    there = facts.artifact.stages.get(facts.after)
    if there is not None and there.version == facts.wanted.version:
        return
    name = facts.artifact.name
    holds = f"holds {there.version}" if there else "holds no version of it"
    raise NotAdmittedError(
        f"{name} {facts.wanted.version} is not in `{facts.after}`, which comes before "
        f"`{facts.environment}`: that stage {holds}.",
        hint=f"Deploy it there first: `assay deploy {name}@{facts.wanted.version} --to "
        f"{facts.after}`.",
    )


def _check_signature(facts: Facts, deployed: VersionId) -> tuple[str, ...]:
    """Whoever calls what is deployed must be able to call the new version, unless it says not."""
    if _says_so(semver.find(deployed.version), semver.parse(facts.wanted.version)):
        return ()
    if facts.old is None:
        unknown = (
            f"Whether {facts.artifact.name} {facts.wanted.version} takes what {deployed.version} "
            "does is not known here: the manifest of what is deployed is not at hand."
        )
        return (unknown,)
    broken = [one for one in versions.changes(facts.old, facts.new) if one.part == "major"]
    if not broken:
        return ()
    why = " ".join(change.message for change in broken[:5])
    raise NotAdmittedError(
        f"Who calls {deployed} cannot call {facts.wanted.version}: {why}",
        hint="Release it as the next major version (`assay release --version major`), which says "
        f"so; to go back to an older version: `assay rollback --env {facts.environment}`.",
    )


def _says_so(old: SemVer | None, new: SemVer) -> bool:
    """Whether a version says by its number that callers may have to change.

    Below 1.0.0 the minor part does: https://semver.org/spec/v2.0.0.html, section 4.
    """
    if old is None:
        return False
    return new.major > old.major or (new.major == old.major == 0 and new.minor > old.minor)

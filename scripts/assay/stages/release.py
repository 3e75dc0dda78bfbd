"""release: a commit as a version of its model, published whole or not at all."""

from __future__ import annotations

import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay import connection, extras
from assay.console import printable
from assay.errors import ForgeError, UsageError
from assay.packaging import archive, bundle
from assay.release import decision, howto, intact, lookup, notes, released, tagging, versions
from assay.release.howto import PACKAGES
from assay.release.publishing import Plan, Publishing, files_of
from assay.release.section import ReleasedFile, ReleaseSection, refused
from assay.release.tagname import TagName, parse
from assay.section import Reason, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from assay.context import Context
    from assay.forge.releases import Release, Upload
    from assay.forge.transport import Api
    from assay.packaging.bundle import Bundle
    from assay.packaging.manifest import Manifest
    from assay.release.decision import Decision
    from assay.release.gto import Artifact, Registry
    from assay.release.versions import Next

_AGAIN = "Nothing is released. Package and sign the model again."


@dataclass(frozen=True)
class Wish:
    """What a person asked for."""

    name: str = ""
    """The artifact; empty: the one that there is."""
    version: str = ""
    """`v1.2.3`, `major`, `minor` or `patch`; empty: what changed decides."""
    bundle: str = ""
    """The signed bundle, as a folder or a `.tar.zst`; empty: where `sign` leaves it."""
    dry_run: bool = False
    unsigned: bool = False
    """Whether a bundle may be released that nobody signed."""


@dataclass(frozen=True)
class _Material:
    """What is to be released."""

    bundle: Bundle
    archive: Path
    scratch: Path
    """An empty folder."""
    commit: str
    """The one that is checked out."""


@dataclass(frozen=True)
class _Chosen:
    """As which version."""

    registry: Registry
    artifact: Artifact
    next: Next
    old: Manifest | None
    """Of the version before, where there is a release of it."""

    @property
    def tag(self) -> str:
        """As it is, where it is there already: GTO may have written a counter."""
        own = self.artifact.find(self.next.version)
        return own.tag if own else str(TagName(self.artifact.name, "register", self.next.version))


def run(context: Context, wish: Wish | None = None) -> ReleaseSection:
    """Publish a version in a workflow; on a laptop, push the tag that starts the workflow.

    Raises:
        UsageError: There is no bundle, or what is asked for cannot be.
        ForgeError: GitHub refuses, or cannot be reached.
        OutsideError: The disk is full.
    """
    wish = wish or Wish()
    if context.ci.host != "github":
        return tagging.run(context, wish.name, asked=wish.version, dry_run=wish.dry_run)
    with tempfile.TemporaryDirectory(prefix="assay-release-") as scratch:
        material = _read(context, wish, Path(scratch))
        with _api(context, material.bundle.manifest.name) as api:
            return _released(context, api, wish, material)


def _released(context: Context, api: Api, wish: Wish, material: _Material) -> ReleaseSection:
    repository, line = context.ci.repository or "", context.console.line
    forge = lookup.Lookup(api, repository, sleep=time.sleep)
    chosen = _choose(context, forge, wish, material)
    out = forge.released(chosen.registry, chosen.artifact.name, chosen.next.version)
    decided = _decide(context, forge, material, chosen, out)
    section = _section(material, chosen, wish)
    if not decided.allowed:
        return section.model_copy(update=refused(decided))
    files = files_of(material.bundle, material.archive, material.scratch, chosen.next.version)
    if decided.done:
        for release in out:
            intact.check(forge.releases, release, files, material.bundle, material.scratch)
        line(f"{out[0].tag} is released already, with the same content: {out[0].url}")
        return section.model_copy(update={"url": out[0].url, "repeated": True})
    if not (wish.unsigned or howto.is_signed(material.bundle.folder)):
        raise howto.no_key()
    plan = _plan(context, material, chosen, files)
    section = section.model_copy(update={"files": _files(plan)})
    _show(context, plan, chosen, wish)
    if wish.dry_run:
        line("Dry run: nothing was tagged or published.")
        return section
    publishing = Publishing(
        api,
        repository,
        tagger=_tagger(context.environ),
        sleep=time.sleep,
        now=time.time,
        told=line,
    )
    made = publishing.publish(plan)
    line(f"released: {made.url}", style="green")
    return section.model_copy(update={"url": made.url, "repeated": made.repeated})


def _read(context: Context, wish: Wish, scratch: Path) -> _Material:
    """The bundle, sound, in a folder and as one file."""
    extras.require(PACKAGES, extra="release", what="Releases need")
    path = Path(wish.bundle or context.workspace.state / bundle.FOLDER / archive.NAME)
    if not path.exists():
        raise UsageError(
            f"There is no bundle at {path}.", hint="Run `assay package` and `assay sign` first."
        )
    found = released.sound(path, scratch, hint=_AGAIN)
    packed = archive.pack(found, scratch / archive.NAME) if path.is_dir() else path
    if wish.name and wish.name != found.manifest.name:
        raise UsageError(
            f"The bundle is of `{found.manifest.name}`, not of `{printable(wish.name)}`.",
            hint="Package the model that is to be released; `package.name` names it.",
        )
    return _Material(found, packed, scratch, context.workspace.git.head())


@contextmanager
def _api(context: Context, name: str) -> Iterator[Api]:
    try:
        forge = connection.connect(context.ci, context.environ)
    except ForgeError as error:
        raise ForgeError(
            "There is no token to release with.",
            hint="Pass `github-token: ${{ github.token }}` to the action; its job needs "
            "`permissions: contents: write, actions: read`.",
        ) from error
    with forge.api(f"the release of {name}") as api:
        yield api


def _choose(context: Context, forge: lookup.Lookup, wish: Wish, material: _Material) -> _Chosen:
    """The version: that of the tag that started us, of the commit, or the next one."""
    manifest = material.bundle.manifest
    registry = forge.registry(context.workspace.git)
    artifact = registry.artifact(manifest.name)
    pushed = _pushed(context.environ, manifest.name)
    if pushed and wish.version not in {"", pushed}:
        raise UsageError(
            f"The tag says {pushed}, and `version` says {printable(wish.version)}.",
            hint="A tag is the version: leave `version` out where a tag starts the workflow.",
        )
    tag = context.environ.get("GITHUB_REF", "").removeprefix("refs/tags/")
    if pushed and tag not in registry.taken:
        raise UsageError(
            f"The tag `{tag}`, which started this, is not there any more.",
            hint="Somebody deleted it since: ask why, and push it again if it is to be released.",
        )
    # A run that made the tag and then broke is gone on with.
    own = artifact.at(material.commit)
    version = pushed or (own.version if own and _may_be(wish.version, own.version) else "")
    below = lookup.before(artifact, version) if version else artifact.latest
    old = forge.manifest(below.tag) if below else None
    if version:
        changed = versions.changes(old, manifest) if old else ()
        why = (f"`{version}` is the tag.", *(change.message for change in changed))
        chosen = versions.Next(version, None, below.version if below else None, why)
    else:
        chosen = versions.next_version(artifact, manifest, old, asked=wish.version)
    return _Chosen(registry, artifact, chosen, old)


def _may_be(asked: str, version: str) -> bool:
    return asked in {"", "major", "minor", "patch", version}


def _pushed(environ: Mapping[str, str], name: str) -> str:
    """The version of the tag that started the workflow; empty where none did.

    Raises:
        UsageError: The tag is no version of this artifact.
    """
    ref = environ.get("GITHUB_REF", "")
    if not ref.startswith("refs/tags/"):
        return ""
    tag = ref.removeprefix("refs/tags/")
    said = parse(tag)
    if said is None or said.action != "register" or said.version is None:
        raise UsageError(
            f"The tag `{tag}` is no version: those are tags as `{name}@v1.2.3`.",
            hint='Let the workflow start `on: push: tags: ["**@v*"]`, and write tags so.',
        )
    if said.artifact != name:
        raise UsageError(
            f"The tag `{tag}` is of `{said.artifact}`, and the bundle of `{name}`.",
            hint="Start a workflow for each model, with its own `working-directory`; the name is "
            "that under `artifacts` in dvc.yaml, or `package.name` in assay.yaml.",
        )
    return said.version


def _decide(
    context: Context,
    forge: lookup.Lookup,
    material: _Material,
    chosen: _Chosen,
    out: tuple[Release, ...],
) -> Decision:
    manifest = material.bundle.manifest
    checked_by = context.config.release.checked_by
    asked = forge.commit(material.commit, checked_by=checked_by)
    return decision.decide(
        decision.Facts(
            name=manifest.name,
            version=chosen.next.version,
            commit=material.commit,
            registry=chosen.registry,
            default_branch=asked.default_branch,
            on_default_branch=asked.on_default_branch,
            checked_by=checked_by,
            runs=asked.runs,
            bundle=decision.Bundle(
                manifest.source.commit,
                manifest.verdict,
                material.bundle.digest,
                manifest.denied,
            ),
            published=tuple(map(forge.published, out)),
        )
    )


def _plan(
    context: Context, material: _Material, chosen: _Chosen, files: tuple[Upload, ...]
) -> Plan:
    name, version = chosen.artifact.name, chosen.next.version
    told = (f"{name} {version}", *chosen.next.reasons, f"Bundle: sha256:{material.bundle.digest}")
    subject = notes.Subject(
        tag=chosen.tag,
        manifest=material.bundle.manifest,
        archive=files[0].name,
        next=chosen.next,
        old=chosen.old,
        words=_words(context),
        verify=howto.verify(material.bundle.folder),
        directions={
            metric: spec.direction
            for metric, spec in context.config.metrics.items()
            if spec.direction is not None
        },
    )
    return Plan(
        tag=chosen.tag,
        commit=material.commit,
        artifact=chosen.artifact,
        version=version,
        message="\n\n".join(told),
        notes=notes.markdown(subject),
        files=files,
    )


def _words(context: Context) -> str:
    """What a person says of this version, where assay.yaml names a file for it."""
    path = context.config.release.notes
    if path is None:
        return ""
    content = context.workspace.read(path)
    if content is None:
        raise UsageError(
            f"There are no notes at {path}, or it is no text file of the project.",
            hint="Commit the file that `release.notes` names, or leave that away.",
            key=("release", "notes"),
        )
    return content.decode(errors="replace")


def _tagger(environ: Mapping[str, str]) -> tuple[str, str]:
    """Who started the workflow, with the address that GitHub gives everybody."""
    actor = environ.get("GITHUB_ACTOR") or "github-actions[bot]"
    number = environ.get("GITHUB_ACTOR_ID") or "41898282"
    return actor, f"{number}+{actor}@users.noreply.github.com"


def _section(material: _Material, chosen: _Chosen, wish: Wish) -> ReleaseSection:
    # The action signs what a dry run lets pass.
    unsigned = not wish.dry_run and not howto.is_signed(material.bundle.folder)
    warning = Reason(
        message="The bundle is not signed, so nobody vouches for it.",
        severity="warning",
        hint="Give the action `signing-key`, or `keyless: true`, and leave `unsigned` out.",
    )
    return ReleaseSection(
        status=Status.WARN if unsigned else Status.PASS,
        reasons=(warning,) if unsigned else (),
        name=chosen.artifact.name,
        version=chosen.next.version,
        tag=chosen.tag,
        why=chosen.next.reasons,
        previous=chosen.next.previous,
        digest=material.bundle.digest,
    )


def _files(plan: Plan) -> tuple[ReleasedFile, ...]:
    return tuple(
        ReleasedFile(name=file.name, bytes=file.size, sha256=file.digest) for file in plan.files
    )


def _show(context: Context, plan: Plan, chosen: _Chosen, wish: Wish) -> None:
    """What is about to happen."""
    line = context.console.line
    after = f", after {chosen.next.previous}" if chosen.next.previous else ""
    line(f"{plan.tag}, at commit {plan.commit[:12]}{after}")
    for reason in chosen.next.reasons:
        line(f"  {reason}")
    for file in plan.files:
        line(f"  {file.size:>13,}  {file.digest[:12]}  {file.name}")
    if wish.dry_run:
        line()
        line(plan.notes)

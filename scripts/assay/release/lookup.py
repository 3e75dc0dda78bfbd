"""What a release rests on, asked of GitHub: nothing here is believed from files or variables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from assay.forge import tags
from assay.forge.releases import Releases
from assay.packaging.bundle import LARGEST_MANIFEST
from assay.packaging.manifest import FILE, Manifest
from assay.release import gto, semver
from assay.release.decision import Published
from assay.release.gto import Note, Registry, Tag
from assay.release.tagname import TagName, parse, registers

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.forge.releases import Release
    from assay.forge.tags import Ref, Run
    from assay.forge.transport import Api
    from assay.release.gto import Artifact, Version
    from assay.workspace.git import Git


@dataclass(frozen=True)
class Asked:
    """What GitHub says of a commit."""

    default_branch: str
    on_default_branch: bool
    runs: tuple[Run, ...]


class Lookup:
    """Questions about one repository.

    Args:
        api: The connection; its token needs `contents: read` and `actions: read`.
        repository: `owner/name`.
        sleep: Waits between two tries.
    """

    def __init__(self, api: Api, repository: str, *, sleep: Callable[[float], None]) -> None:
        self._api, self._repository = api, repository
        self.releases = Releases(api, repository, sleep=sleep)

    def commit(self, sha: str, *, checked_by: str) -> Asked:
        """Whether a commit is on the default branch, and which runs of a workflow checked it."""
        branch = tags.default_branch(self._api, self._repository)
        return Asked(
            default_branch=branch,
            runs=tags.runs(self._api, self._repository, checked_by, sha),
            on_default_branch=tags.contains(self._api, self._repository, branch, sha),
        )

    def registry(self, git: Git) -> Registry:
        """What the tags say, as GitHub has them now.

        A clone may be older, and actions/checkout makes the tag that started a workflow a
        lightweight one in its clone (https://github.com/actions/checkout/issues/290). Tags that
        the clone has as GitHub has them are read there, the others are asked for.
        """
        there = [r for r in tags.refs(self._api, self._repository) if parse(r.name) is not None]
        here = _names(git)
        same = {ref.name for ref in there if here.get(ref.name) == ref.sha}
        local = gto.read(git)
        known = [tag for one in local.artifacts.values() for tag in one.tags if tag.ref in same]
        notes = [note for note in local.notes if note.tag in same]
        for ref in there:
            if ref.name not in same:
                found = self._asked_for(ref)
                if isinstance(found, Note):
                    notes.append(found)
                else:
                    known.append(found)
        read = gto.registry(known)
        taken = frozenset(ref.name for ref in there)
        return Registry(read.artifacts, tuple(dict.fromkeys((*notes, *read.notes))), taken)

    def _asked_for(self, ref: Ref) -> Tag | Note:
        name = parse(ref.name)
        said = tags.annotation(self._api, self._repository, ref.sha) if ref.annotated else None
        if name is None or said is None or said.name != ref.name:
            return Note(
                ref.name,
                f"`{ref.name}` is a lightweight tag, or does not point to a commit: it does not "
                "count.",
                f"Delete it (`git push origin ':refs/tags/{ref.name}'`), and push an annotated "
                f"one: `git tag -a '{ref.name}' COMMIT`.",
            )
        message = " ".join(said.message.partition("\n\n")[0].split())
        return Tag(ref.name, name, said.commit, said.time, message)

    def released(self, registry: Registry, name: str, version: str) -> tuple[Release, ...]:
        """What is released as a version, under every tag of it.

        Also where the tag itself was deleted since.
        """
        plain = str(TagName(name, "register", version))
        same = {plain, *(tag for tag in registry.taken if registers(tag, name, version))}
        found = map(self.releases.published, sorted(same))
        return tuple(release for release in found if release is not None)

    def published(self, release: Release) -> Published:
        """A release, as the decision wants it."""
        asset = release.asset(FILE)
        return Published(release.tag, None if asset is None else self.releases.digest(asset))

    def manifest(self, tag: str) -> Manifest | None:
        """The manifest of the release of a tag; `None` without one that we can read."""
        release = self.releases.published(tag)
        asset = None if release is None else release.asset(FILE)
        if asset is None:
            return None
        try:
            return Manifest.model_validate_json(self.releases.read(asset, LARGEST_MANIFEST))
        except ValidationError:
            return None  # of a newer Assay: what changed is then not known, which is said


def _names(git: Git) -> dict[str, str]:
    """The tags of a clone: name to what it points to."""
    listed = git.text("for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/tags/")
    lines = (line.partition(" ") for line in (listed or "").split("\n"))
    return {name: sha for sha, _, name in lines}


def before(artifact: Artifact, version: str) -> Version | None:
    """The greatest version below another one."""
    limit = semver.parse(version)
    return next(
        (v for v in artifact.versions if v.registered and semver.parse(v.version) < limit), None
    )

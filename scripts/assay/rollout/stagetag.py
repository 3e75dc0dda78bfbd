"""Which version is in a stage, as GTO's tags say it; a rollback assigns the older version anew.

An environment is a stage of the same name. Only what differs is written: where the tags say already
who is there, as after somebody assigned the stage by hand, there is nothing to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from assay.errors import RepositoryError
from assay.forge import tags
from assay.release import gto, tagging

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.forge.transport import Api
    from assay.release.gto import Registry
    from assay.release.lookup import Lookup
    from assay.release.tagname import Action, TagName
    from assay.workspace.git import Git

TRIES = 3
"""How often a name is looked for that nobody else took meanwhile."""


class Tags(Protocol):
    """Where tags are."""

    def registry(self) -> Registry:
        """What they say now."""

    def make(self, name: TagName, *, commit: str, message: str, after: int) -> bool:
        """Make one; whether it is ours, for of several that try at once one gets the name."""


@dataclass(frozen=True)
class AtGitHub:
    """The tags that the repository has at GitHub; no clone has to be pushed."""

    api: Api
    repository: str
    lookup: Lookup
    git: Git
    tagger: tuple[str, str]
    """Name and mail address."""
    sleep: Callable[[float], None]
    now: Callable[[], float]

    def registry(self) -> Registry:
        """See `Tags`."""
        return self.lookup.registry(self.git)

    def make(self, name: TagName, *, commit: str, message: str, after: int) -> bool:
        """See `Tags`."""
        return tags.create(
            self.api,
            self.repository,
            str(name),
            commit=commit,
            message=message,
            time=gto.moment(after, self.now()),
            tagger=self.tagger,
            sleep=self.sleep,
        )


@dataclass(frozen=True)
class InClone:
    """The tags of this clone, pushed where it has an origin; for a laptop without a token."""

    git: Git
    now: Callable[[], float]

    def registry(self) -> Registry:
        """See `Tags`."""
        if has_origin(self.git):
            tagging.fetch(self.git)
        return gto.read(self.git)

    def make(self, name: TagName, *, commit: str, message: str, after: int) -> bool:
        """See `Tags`."""
        gto.tag(self.git, name, commit=commit, message=message, after=after, now=self.now())
        if not has_origin(self.git):
            return True
        try:
            tagging.push(self.git, str(name), made=True)
        except RepositoryError:
            return False
        return True


def has_origin(git: Git) -> bool:
    """Whether somebody else can know of this clone's tags."""
    return git.text("remote", "get-url", "origin") is not None


def record(
    there: Tags, name: str, stage: str, version: str | None, *, message: str
) -> TagName | None:
    """Say which version of an artifact is in a stage; the tag, or `None` where it was said.

    Args:
        there: Where tags are.
        name: The artifact.
        stage: The environment.
        version: Who is there; `None`: nobody any more.
        message: Of the tag.

    Raises:
        RepositoryError: The version is not registered, or others assign the stage all the time.
        OutsideError: The tag cannot be made.
    """
    for _ in range(TRIES):
        registry = there.registry()
        artifact = registry.artifact(name)
        held = artifact.stages.get(stage)
        if (held.version if held else None) == version:
            return None
        found = held if version is None else artifact.find(version)
        if found is None:
            raise RepositoryError(
                f"{name} {version} is not registered, so no tag can say that it is in `{stage}`.",
                hint="`git fetch --tags origin` brings the tags of others.",
            )
        action: Action = "assign" if version else "unassign"
        tag = registry.name(name, action, stage=stage)
        if there.make(tag, commit=found.commit, message=message, after=artifact.newest):
            return tag
    raise RepositoryError(
        f"The stage `{stage}` of {name} is assigned by others again and again.",
        hint="Look at `assay history`, and assign it: `gto assign`.",
    )

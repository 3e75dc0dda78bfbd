"""Tags of git as GTO 1.10 writes and reads them: which versions an artifact has, and which stages.

A stage is assigned to the version that is registered on the same commit. What was done last counts,
by the tagger's time, which git keeps in whole seconds. Within one second GTO takes the older
version; here the counter `#N` decides, and a note tells of it. The tags that we write are never
within one second, so that both agree.

Source: gto/tag.py and gto/base.py of GTO 1.10.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from assay.console import printable
from assay.errors import ProgramError, RepositoryError
from assay.release import semver
from assay.release.tagname import Action, TagName, checked, parse

if TYPE_CHECKING:
    from assay.workspace.git import Git


@dataclass(frozen=True)
class Tag:
    """An annotated tag of GTO's grammar."""

    ref: str
    name: TagName
    commit: str
    time: int
    """Of the tagger: seconds since 1970."""
    message: str = ""
    """The first paragraph, as one line."""

    @property
    def order(self) -> tuple[int, int, str]:
        """What comes later is greater."""
        return self.time, self.name.counter or 0, self.ref


@dataclass(frozen=True)
class Note:
    """A tag that does not say what somebody may think that it says."""

    tag: str
    message: str
    hint: str


@dataclass(frozen=True)
class Version:
    """A version of an artifact at a commit."""

    version: str
    """`v1.2.3`; the commit itself, where a stage was assigned to a commit without a version."""
    commit: str
    tag: str
    """The tag that registered it last; for a commit without a version, that assigned the stage."""
    time: int
    """Of that tag."""
    registered: bool
    """Whether it was registered and not deregistered since."""
    stages: tuple[str, ...] = ()
    """The stages that it is in."""


@dataclass(frozen=True)
class Artifact:
    """What the tags say of one artifact."""

    name: str
    versions: tuple[Version, ...] = ()
    """The greatest first; also deregistered ones. Commits without a version come last."""
    stages: dict[str, Version] = field(default_factory=dict)
    """The version in each stage."""
    deprecated: bool = False
    tags: tuple[Tag, ...] = ()
    """In the order of GTO's state: the last is the newest."""

    @property
    def newest(self) -> int:
        """When the newest of its tags was made, in seconds since 1970; 0 without any."""
        return max((tag.time for tag in self.tags), default=0)

    @property
    def latest(self) -> Version | None:
        """The greatest version that is registered."""
        return next((version for version in self.versions if version.registered), None)

    def find(self, version: str) -> Version | None:
        """A version by its name, the registered one where it was moved to another commit."""
        same = [one for one in self.versions if one.version == version]
        return next((one for one in same if one.registered), same[0] if same else None)

    def at(self, commit: str) -> Version | None:
        """The registered version on a commit."""
        return next((v for v in self.versions if v.commit == commit and v.registered), None)


@dataclass(frozen=True)
class Registry:
    """All artifacts that the tags of a repository tell of."""

    artifacts: dict[str, Artifact]
    notes: tuple[Note, ...] = ()
    taken: frozenset[str] = frozenset()
    """All tags of GTO's grammar, also those that do not count."""

    def artifact(self, name: str) -> Artifact:
        """An artifact; without versions where no tag tells of it."""
        return self.artifacts.get(name) or Artifact(name)

    def name(
        self, artifact: str, action: Action, *, version: str | None = None, stage: str | None = None
    ) -> TagName:
        """The name of a new tag, with a counter where GTO needs one to tell it from earlier ones.

        Raises:
            UsageError: What it would be made of is outside of GTO's grammar.
        """
        plain = checked(TagName(artifact, action, version, stage))
        if stage is None and str(plain) not in self.taken:
            return plain
        # GTO counts an artifact's tags over all stages and versions, lightweight ones too.
        same = (found for tag in self.taken if (found := parse(tag)) and found.artifact == artifact)
        counter = max((found.counter or 0 for found in same), default=0) + 1
        return TagName(artifact, action, version, stage, counter)


_FORMAT = "%00".join(
    f"%({field})"
    for field in (
        "refname:lstrip=2",
        "objecttype",
        "tag",
        "*objecttype",
        "*objectname",
        "taggerdate:unix",
        "contents:subject",
    )
)


def read(git: Git) -> Registry:
    """What the tags of a repository say.

    Raises:
        RepositoryError: There is no repository.
        ProgramError: git cannot list them.
    """
    done = git.run("for-each-ref", f"--format={_FORMAT}", "refs/tags/")
    if done.returncode != 0:
        git.prefix()  # says better what is wrong with the folder
        said = printable(done.stderr.decode(errors="replace").strip())
        raise ProgramError(f"`git for-each-ref` failed: {said}.")
    tags: list[Tag] = []
    notes: list[Note] = []
    taken: set[str] = set()
    for line in done.stdout.decode(errors="replace").split("\n")[:-1]:
        ref, kind, inner, target, commit, time, message = line.split("\0")
        if (name := parse(ref)) is None:
            continue
        taken.add(ref)
        if (why := _does_not_count(ref, kind, inner, target, time)) is not None:
            notes.append(why)
        else:
            tags.append(Tag(ref, name, commit, int(time), message))
    found = registry(tags)
    return Registry(found.artifacts, (*notes, *found.notes), frozenset(taken))


def _does_not_count(ref: str, kind: str, inner: str, target: str, time: str) -> Note | None:
    if kind != "tag":
        return Note(
            ref,
            f"`{ref}` is a lightweight tag: it has no time and no author, and does not count.",
            f"Delete it (`git tag -d '{ref}'`), and make an annotated one: "
            f"`git tag -a '{ref}' COMMIT`.",
        )
    if inner != ref:
        # GTO goes by the name in the tag, so this one would say two things at once.
        return Note(
            ref,
            f"`{ref}` points to the tag `{printable(inner)}`, and does not count.",
            f"Make a tag of its own: `git tag -a '{ref}' COMMIT`.",
        )
    if target != "commit" or not time:
        return Note(ref, f"`{ref}` does not point to a commit, and does not count.", "Delete it.")
    return None


def registry(tags: list[Tag]) -> Registry:
    """What annotated tags say together."""
    by_artifact: dict[str, list[Tag]] = {}
    for tag in sorted(tags, key=lambda tag: tag.order):
        by_artifact.setdefault(tag.name.artifact, []).append(tag)
    notes: list[Note] = []
    artifacts = {name: _artifact(name, own, notes) for name, own in by_artifact.items()}
    return Registry(artifacts, tuple(notes), frozenset(tag.ref for tag in tags))


@dataclass
class _Entry:
    """A version at a commit, while tags are read one after the other."""

    version: str
    tag: Tag
    registered: bool = False
    assigned: dict[str, Tag] = field(default_factory=dict)
    """The last assignment of each stage that was not taken back."""


def _artifact(name: str, tags: list[Tag], notes: list[Note]) -> Artifact:
    entries: dict[tuple[str, str], _Entry] = {}
    for tag in tags:
        if tag.name.version is not None:
            entry = entries.setdefault(
                (tag.name.version, tag.commit), _Entry(tag.name.version, tag)
            )
            entry.registered = tag.name.action == "register"
            entry.tag = tag if entry.registered else entry.tag
    # As GTO: a commit's version is looked up among all, also those registered later.
    for tag in tags:
        if (stage := tag.name.stage) is not None:
            entry = _on_commit(entries, tag, notes)
            if tag.name.action == "assign":
                entry.assigned[stage] = tag
            else:
                entry.assigned.pop(stage, None)
    _tell_ties(tags, notes)
    return _made(name, tuple(tags), list(entries.values()))


def _on_commit(entries: dict[tuple[str, str], _Entry], tag: Tag, notes: list[Note]) -> _Entry:
    on_commit = [entry for (_, commit), entry in entries.items() if commit == tag.commit]
    if not on_commit:
        return entries.setdefault((tag.commit, tag.commit), _Entry(tag.commit, tag))
    if len(on_commit) > 1:
        versions = ", ".join(sorted(entry.version for entry in on_commit))
        notes.append(
            Note(
                tag.ref,
                f"`{tag.ref}` is on a commit with several versions ({versions}): the one that was "
                "registered last is taken. `gto show` ends in an error (gto#377).",
                "Give each version a commit of its own, and delete the tags of the others.",
            )
        )
    return max(on_commit, key=lambda entry: (entry.registered, entry.tag.order))


def _tell_ties(tags: list[Tag], notes: list[Note]) -> None:
    """Assignments of a stage within one second, which GTO does not take in the order of `#N`."""
    assigned: dict[tuple[str | None, int], Tag] = {}
    for tag in tags:
        if tag.name.stage is None:
            continue
        before = assigned.get((tag.name.stage, tag.time))
        if before is not None and before.commit != tag.commit:
            notes.append(
                Note(
                    tag.ref,
                    f"`{before.ref}` and `{tag.ref}` were made within one second: the greater "
                    "number is taken for the later one. `gto show` may say otherwise.",
                    f"Assign the stage `{tag.name.stage}` once more.",
                )
            )
        assigned[tag.name.stage, tag.time] = tag


def _made(name: str, tags: tuple[Tag, ...], entries: list[_Entry]) -> Artifact:
    holders: dict[str, _Entry] = {}
    for entry in entries:
        # A stage of a version that was taken back is nobody's.
        if not entry.registered and entry.version != entry.tag.commit:
            continue
        for stage, tag in entry.assigned.items():
            before = holders.get(stage)
            if before is None or tag.order > before.assigned[stage].order:
                holders[stage] = entry
    made = {id(entry): _version(entry, holders) for entry in sorted(entries, key=_newest_last)}
    deprecations = [tag.time for tag in tags if tag.name.action == "deprecate"]
    others = [tag.time for tag in tags if tag.name.action not in ("deprecate", "create")]
    return Artifact(
        name=name,
        versions=tuple(reversed(made.values())),
        stages={stage: made[id(entry)] for stage, entry in sorted(holders.items())},
        deprecated=bool(deprecations) and max(deprecations) > max(others, default=-1),
        tags=tags,
    )


def _newest_last(entry: _Entry) -> tuple[object, ...]:
    found = semver.find(entry.version)
    return found is not None, found.precedence if found else (), entry.tag.order


def _version(entry: _Entry, holders: dict[str, _Entry]) -> Version:
    return Version(
        version=entry.version,
        commit=entry.tag.commit,
        tag=entry.tag.ref,
        time=entry.tag.time,
        registered=entry.registered,
        stages=tuple(sorted(stage for stage, holder in holders.items() if holder is entry)),
    )


def moment(after: int, now: float) -> int:
    """When a new tag is said to be made: now, but later than the newest tag of its artifact.

    GTO orders tags by this time alone. A clock that is behind somebody else's must not put a new
    tag before an older one.
    """
    return max(int(now), after + 1)


def tag(git: Git, name: TagName, *, commit: str, message: str, after: int, now: float) -> Tag:
    """Make an annotated tag in this clone, at a `moment` after `Artifact.newest`.

    Raises:
        UsageError: The name is outside of GTO's grammar.
        RepositoryError: git refuses it: it exists, or git does not know who you are.
    """
    ref, time = str(checked(name)), moment(after, now)
    dated = replace(git, environ={**git.environ, "GIT_COMMITTER_DATE": f"@{time} +0000"})
    done = dated.run("tag", "--annotate", "--cleanup=whitespace", "-m", message, ref, commit)
    if done.returncode != 0:
        raise _refused(ref, done.stderr.decode(errors="replace"))
    return Tag(ref, name, commit, time, message)


def _refused(ref: str, said: str) -> RepositoryError:
    if "already exists" in said:
        return RepositoryError(
            f"The tag `{ref}` exists already.",
            hint="`git fetch --tags` shows what others made; a version is never made twice.",
        )
    if "tell me who you are" in said:
        return RepositoryError(
            f"The tag `{ref}` cannot be made: git does not know who you are.",
            hint="Set `git config user.name` and `git config user.email`; a tag names its author.",
        )
    lines = [line for line in said.splitlines() if line.startswith(("fatal:", "error:"))]
    return RepositoryError(
        f"`git tag` refused `{ref}`: {printable(lines[0] if lines else said.strip())}.",
        hint="The name of a tag cannot be a folder of other tags; choose another one.",
    )

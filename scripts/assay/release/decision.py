"""Whether a commit may become a version: a pure function of what was looked up.

Nothing here is taken from a commit status or a check run, which anybody with a token may write.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.console import printable
from assay.packaging.manifest import PASSED
from assay.release import semver
from assay.release.tagname import TagName, parse, registers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.forge.tags import Run
    from assay.release.gto import Artifact, Registry

EVENTS = ("push", "workflow_dispatch", "schedule")
"""Runs that check the commit itself. One of a pull request checks what it would be merged to."""
QUEUE = "gh-readonly-queue"
"""Branches of a merge queue are below it. What such a one was checked at, the branch is moved to.
https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/managing-a-merge-queue"""
NO_GATE = "no gate"
"""The verdict where nothing was judged, which is no pass."""


@dataclass(frozen=True)
class Bundle:
    """What is about to be released; `None` in `Facts` where only a tag is made."""

    commit: str
    verdict: str
    digest: str
    denied: tuple[str, ...] = ()
    """Gates that failed, or could not tell. Those that only warn, or that somebody accepted, make
    the verdict `warn`: with `pass` there is none."""


@dataclass(frozen=True)
class Published:
    """A release that the forge has under a tag of the version."""

    tag: str
    digest: str | None
    """Of its bundle; `None` where it has none."""


@dataclass(frozen=True)
class Facts:
    """All that the decision rests on."""

    name: str
    version: str
    commit: str
    registry: Registry
    """The tags as the remote has them."""
    default_branch: str
    on_default_branch: bool
    """Whether the commit is an ancestor of it, or its head."""
    checked_by: str
    runs: tuple[Run, ...] | None
    """Of `checked_by`, in this repository, for the commit. `None` where nobody could ask, as on a
    laptop without a token; the workflow asks again."""
    branch: str | None = None
    """The one that is checked out, on a laptop."""
    bundle: Bundle | None = None
    published: tuple[Published, ...] = ()
    """Under every tag of the version: GTO tells several apart by a counter."""

    @property
    def tag(self) -> str:
        """The tag of the version, without a counter."""
        return str(TagName(self.name, "register", self.version))

    @property
    def artifact(self) -> Artifact:
        """What the tags say of the artifact."""
        return self.registry.artifact(self.name)


@dataclass(frozen=True)
class Refusal:
    """One reason why not."""

    message: str
    hint: str
    exit_code: int = 2
    """1 where a check of the commit said no, 2 where something has to be put right."""


@dataclass(frozen=True)
class Decision:
    """Whether to go on."""

    refusals: tuple[Refusal, ...] = ()
    done: bool = False
    """Whether the very same release is out already: there is nothing to do."""

    @property
    def allowed(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.refusals

    @property
    def exit_code(self) -> int:
        """0; 1 where nothing but checks speaks against it; 2 where something is to be put right."""
        return max((refusal.exit_code for refusal in self.refusals), default=0)


def decide(facts: Facts) -> Decision:
    """May this commit be released as this version?"""
    if semver.find(facts.version) is None or parse(facts.tag) is None:
        message = f"`{printable(facts.tag)}` is no tag that GTO reads as a version."
        return Decision((Refusal(message, "Write it as `name@v1.2.3`."),))
    # What is out already was decided then: later versions and later checks do not take it back.
    if facts.published:
        found = (*_of_tag(facts), *_of_published(facts))
        return Decision(found, done=not found)
    rules = (_of_tag, _of_versions, _of_branch, _of_runs, _of_bundle)
    return Decision(tuple(refusal for rule in rules for refusal in rule(facts)))


def _of_published(facts: Facts) -> Iterator[Refusal]:
    for published in facts.published:
        if facts.bundle is None or published.digest != facts.bundle.digest:
            other = f"the bundle {published.digest}" if published.digest else "no bundle"
            yield Refusal(
                f"`{published.tag}` is released already, with other content: {other}.",
                "What is published does not change: release the next version.",
            )


def _of_tag(facts: Facts) -> Iterator[Refusal]:
    for note in facts.registry.notes:
        if registers(note.tag, facts.name, facts.version):
            yield Refusal(note.message, note.hint)
    # Of all registrations: a newer one, `v1.2.3#2`, does not take back what a version was.
    same = (one for one in facts.artifact.versions if one.version == facts.version)
    other = next((one for one in same if one.commit != facts.commit), None)
    if other is not None:
        yield Refusal(
            f"`{other.tag}` is the version of commit {other.commit[:12]}, not of "
            f"{facts.commit[:12]}.",
            "A version never moves: take the next one.",
        )


def _of_versions(facts: Facts) -> Iterator[Refusal]:
    artifact, own = facts.artifact, facts.artifact.find(facts.version)
    taken_back = (tag.name for tag in artifact.tags if tag.name.action == "deregister")
    if any(name.version == facts.version for name in taken_back):
        yield Refusal(
            f"{facts.version} was deregistered, and people may still know it as what it was.",
            "Take the next version.",
        )
    others = [
        v for v in artifact.versions if v.commit == facts.commit and v.version != facts.version
    ]
    for other in others:
        if other.version == other.commit:
            continue
        yield Refusal(
            f"Commit {facts.commit[:12]} is {other.version} of {facts.name} already, and GTO ends "
            "in an error where a commit has two versions (gto#377).",
            "Release from a commit of its own; `git commit --allow-empty` makes one.",
        )
    wanted = semver.parse(facts.version)
    before = own.time if own is not None else None
    greater = [
        v.version
        for v in artifact.versions
        if v.registered
        and wanted < semver.parse(v.version)
        # A version that was tagged in its turn is not late because its release is.
        and (before is None or v.time < before)
    ]
    if greater:
        yield Refusal(
            f"{facts.version} is below {greater[0]}, which exists.", "Take a greater version."
        )


def _of_branch(facts: Facts) -> Iterator[Refusal]:
    if not facts.on_default_branch:
        branch = printable(facts.default_branch)
        if facts.branch == facts.default_branch:
            yield Refusal(
                f"Commit {facts.commit[:12]} is not pushed to the default branch `{branch}` yet.",
                f"Push it first: `git push origin {shlex.quote(branch)}`.",
            )
            return
        yield Refusal(
            f"Commit {facts.commit[:12]} is not on the default branch `{branch}`.",
            f"Merge it into `{branch}`, and tag what is there.",
        )


def _of_runs(facts: Facts) -> Iterator[Refusal]:
    if facts.runs is None:
        return
    workflow = printable(facts.checked_by)
    start = (
        f"Start it there: `gh workflow run {shlex.quote(workflow)} --ref "
        f"{shlex.quote(printable(facts.default_branch))}`, "
        f"or let it run on every push to `{printable(facts.default_branch)}`."
    )
    counted = [run for run in facts.runs if _counts(run, facts.default_branch)]
    if not counted:
        why = ", only for a pull request or on another branch, which counts for nothing"
        yield Refusal(
            f"`{workflow}` never ran on `{printable(facts.default_branch)}` for commit "
            f"{facts.commit[:12]}{why if facts.runs else ''}.",
            start,
            exit_code=1,
        )
        return
    ended = [run for run in counted if run.conclusion is not None]
    if not ended:
        yield Refusal(
            f"`{workflow}` is still running for commit {facts.commit[:12]}.",
            "Release once it has passed.",
            exit_code=1,
        )
        return
    last = max(ended, key=lambda run: run.number)
    if last.conclusion != "success":
        shown = f": {printable(last.url)}" if last.url else ""
        yield Refusal(
            f"`{workflow}` did not pass for commit {facts.commit[:12]}, it ended in "
            f"`{printable(last.conclusion or '')}`{shown}.",
            "Mend what it found, and release the commit that passes.",
            exit_code=1,
        )


def _counts(run: Run, branch: str) -> bool:
    """Whether a run checked the commit as the default branch's.

    That the branch has the commit is not enough. What a merge brought along was never its head, and
    ran on another branch with whatever workflow and gates that had.
    """
    if run.event == "merge_group":
        return (run.branch or "").startswith(f"{QUEUE}/{branch}/")
    return run.event in EVENTS and run.branch == branch


def _of_bundle(facts: Facts) -> Iterator[Refusal]:
    bundle = facts.bundle
    if bundle is None:
        return
    if bundle.commit != facts.commit:
        yield Refusal(
            f"The bundle is of commit {bundle.commit[:12]}, not of {facts.commit[:12]}.",
            "Package the commit that is tagged.",
        )
    if bundle.verdict == NO_GATE:
        yield Refusal(
            "Nothing was judged: assay.yaml has no gate that could say no.",
            "Give a metric a rule in assay.yaml, such as `min`.",
            exit_code=1,
        )
    elif bundle.verdict == "pass" and bundle.denied:
        yield Refusal(
            f"The bundle contradicts itself: its verdict is `pass`, and its gate "
            f"`{printable(bundle.denied[0])}` did not pass.",
            "Package the commit anew: `assay package` writes no such bundle.",
            exit_code=1,
        )
    elif bundle.verdict not in PASSED:
        yield Refusal(
            f"The gates did not pass for what was packaged: the verdict is "
            f"`{printable(bundle.verdict)}`.",
            "Mend what the report names, and package the commit that passes.",
            exit_code=1,
        )

"""Tag, draft, files, release: the one place that changes anything at GitHub.

In this order, for each step can break. A tag alone is no release, and a run that finds it goes on.
A draft is seen by nobody who may not write, and has files until it is whole; each is checked by its
digest. Publishing is one request. GitHub gives a tag to one of several that ask at once, and a
release to one of several drafts, so only one run wins, and each run writes to a draft of its own.
Immutable releases, of which nothing can change once they are published, need no other order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.errors import ForgeError, UsageError
from assay.forge import tags
from assay.forge.refusal import LookAgainError, MissingError, RejectedError
from assay.forge.releases import LARGEST, LONGEST_BODY, Draft, Releases, Upload
from assay.notwritten import not_written
from assay.packaging.archive import SUFFIX
from assay.packaging.bundle import sha256
from assay.packaging.envelope import FILE as SIGNATURE
from assay.packaging.manifest import FILE
from assay.packaging.modelfile import BOM, CARD
from assay.release import gto, semver
from assay.release.tagname import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from assay.forge.transport import Api
    from assay.packaging.bundle import Bundle
    from assay.release.gto import Artifact

SUMS = "SHA256SUMS"
_CUT = "\n\n(The rest is left out: it is longer than GitHub takes.)"


@dataclass(frozen=True)
class Plan:
    """A release, decided and put together; nothing of it has happened."""

    tag: str
    commit: str
    artifact: Artifact
    """What the tags said when it was decided."""
    version: str
    message: str
    """Of the tag."""
    notes: str
    files: tuple[Upload, ...]
    """The last one is `SUMS`, of the others."""

    @property
    def mark(self) -> str:
        """What tells our draft from those of other runs: it is about the same bytes."""
        return f"<!-- assay:release {self.files[-1].digest} -->"

    @property
    def prerelease(self) -> bool:
        """Whether the version promises nothing."""
        return not semver.parse(self.version).is_stable


@dataclass(frozen=True)
class Published:
    """What came of a plan."""

    url: str
    repeated: bool
    """Whether another run was faster with the same content."""


class Publishing:
    """The steps of one release.

    Args:
        api: The connection.
        repository: `owner/name`.
        tagger: Name and mail address of who starts the release.
        sleep: Waits between two tries.
        now: Seconds since 1970.
        told: Called with what happens, as lines.
    """

    def __init__(
        self,
        api: Api,
        repository: str,
        *,
        tagger: tuple[str, str],
        sleep: Callable[[float], None],
        now: Callable[[], float],
        told: Callable[[str], None],
    ) -> None:
        self._api, self._repository, self._tagger = api, repository, tagger
        self._sleep, self._now, self._told = sleep, now, told
        self._releases = Releases(api, repository, sleep=sleep)

    def publish(self, plan: Plan) -> Published:
        """Make the tag where there is none, and the release.

        Raises:
            UsageError: Another run was faster with other content.
            ForgeError: GitHub refuses, or cannot be reached. What there is then is at most the tag
                and a draft, with which the next run goes on.
        """
        self._tag(plan)
        wanted = Draft(
            tag=plan.tag,
            commit=plan.commit,
            title=plan.tag.replace("@", " "),
            body=f"{_cut(plan.notes.strip(), LONGEST_BODY - len(plan.mark) - 2)}\n\n{plan.mark}",
            mark=plan.mark,
            prerelease=plan.prerelease,
        )
        try:
            draft = self._releases.draft(wanted)
            self._releases.fill(
                draft, list(plan.files), told=lambda name: self._told(f"uploading {name}")
            )
            out = self._releases.publish(draft, latest=self._is_latest(plan))
        except (LookAgainError, MissingError, RejectedError) as error:
            return self._faster(plan, error)
        for other in self._releases.drafts(plan.tag):
            self._releases.delete(other)
        return Published(out.url, repeated=False)

    def _tag(self, plan: Plan) -> None:
        if plan.artifact.find(plan.version) is not None:
            return  # it started the workflow, or an earlier run made it
        try:
            ours = tags.create(
                self._api,
                self._repository,
                plan.tag,
                commit=plan.commit,
                message=plan.message,
                time=gto.moment(plan.artifact.newest, self._now()),
                tagger=self._tagger,
                sleep=self._sleep,
            )
        except RejectedError as error:
            raise protected(plan.tag, error) from error
        if ours:
            self._told(f"tagged {plan.commit[:12]} as {plan.tag}")
            return
        self._won(plan)

    def _won(self, plan: Plan) -> None:
        """Another run made the tag since we looked: who, and of the same commit?"""
        ref = tags.ref(self._api, self._repository, plan.tag)
        about = tags.annotation(self._api, self._repository, ref.sha) if ref else None
        if about is not None and about.commit == plan.commit:
            return
        who = f"{about.tagger}, for commit {about.commit[:12]}" if about else "somebody else"
        raise UsageError(
            f"`{plan.tag}` was taken at the same moment, by {who}. Nothing of this run is "
            "published.",
            hint="Run this again: it takes the next version.",
        )

    def _is_latest(self, plan: Plan) -> bool:
        """Whether the repository shows this release as its latest.

        The greatest version of an artifact is. Of several artifacts it is the one released last.
        A repository that releases something else too, as its code, keeps that.
        """
        greatest = plan.artifact.latest
        if plan.prerelease or (
            greatest is not None and semver.parse(plan.version) < semver.parse(greatest.version)
        ):
            return False
        now = self._releases.latest()
        return now is None or parse(now.tag) is not None

    def _faster(self, plan: Plan, error: ForgeError) -> Published:
        """Our draft is gone or cannot be published: was another run faster?"""
        out = self._releases.published(plan.tag)
        if out is None:
            if isinstance(error, RejectedError):
                raise protected(plan.tag, error) from error
            raise error
        for own in self._releases.drafts(plan.tag):
            if plan.mark in own.body:
                self._releases.delete(own)
        asset = out.asset(FILE)
        ours = next(file.digest for file in plan.files if file.name == FILE)
        if asset is None or self._releases.digest(asset) != ours:
            raise UsageError(
                f"`{plan.tag}` was released by another run meanwhile, with other content: "
                f"{out.url}",
                hint="What is published does not change: release the next version.",
            )
        return Published(out.url, repeated=True)


def protected(tag: str, error: ForgeError) -> ForgeError:
    """A rule of the repository keeps a tag from being made."""
    return ForgeError(
        f"GitHub does not let this token make the tag or the release `{tag}`: {error.message}",
        hint="A ruleset for tags, or an immutable release that had the tag, forbids it. Let the "
        "ruleset be bypassed by GitHub Actions, or push the tag as somebody who may.",
    )


def files_of(bundle: Bundle, archive: Path, scratch: Path, version: str) -> tuple[Upload, ...]:
    """What is uploaded: the bundle as one file, what people look at alone, and the sums.

    Args:
        bundle: The signed bundle, in its folder.
        archive: The same as `.tar.zst`.
        scratch: Where the sums are written.
        version: Of the release.

    Raises:
        UsageError: A file is larger than GitHub takes.
        OutsideError: The sums cannot be written, as on a full disk.
    """
    manifest = bundle.manifest
    label = bundle.folder.name.rpartition("-")[0]
    chosen: Mapping[str, tuple[Path, str]] = {
        f"{label}-{version}{SUFFIX}": (archive, "application/zstd"),
        FILE: (bundle.folder / FILE, "application/json"),
        manifest.model: (bundle.folder / manifest.model, "application/octet-stream"),
        SIGNATURE: (bundle.folder / SIGNATURE, "application/json"),
        BOM: (bundle.folder / BOM, "application/vnd.cyclonedx+json"),
        CARD: (bundle.folder / CARD, "text/markdown"),
    }
    found = [_upload(name, *one) for name, one in chosen.items() if one[0].is_file()]
    lines = "".join(f"{file.digest}  {file.name}\n" for file in found)
    sums = scratch / SUMS
    try:
        sums.write_text(lines, encoding="utf-8", newline="\n")
    except OSError as error:
        raise not_written(sums, error) from error
    return (*found, _upload(SUMS, sums, "text/plain"))


def _upload(name: str, path: Path, media: str) -> Upload:
    size = path.stat().st_size
    if size > LARGEST:
        raise UsageError(
            f"{name} has {size:,} bytes, and a file of a release has at most {LARGEST:,}.",
            hint="GitHub takes no larger ones. Make the model smaller, as by `quantize`.",
        )
    return Upload(name, path, size, sha256(path), media)


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    whole_lines = text[: limit - len(_CUT)].rpartition("\n")[0]
    return f"{whole_lines}{_CUT}"

"""GitHub's releases and their files: requests, each done so often that it has happened once.

https://docs.github.com/en/rest/releases
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from assay.errors import ForgeError
from assay.forge.refusal import WRONG_API, LookAgainError, MissingError, RejectedError
from assay.forge.transport import repeated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Literal

    from assay.forge.transport import Api

PERMISSION = "contents: write"
LARGEST = (1 << 31) - 1
"""Bytes of a file.
https://docs.github.com/en/repositories/releasing-projects-on-github/about-releases"""
LONGEST_BODY = 125_000
"""Characters of a release's text."""
BYTES = "application/octet-stream"
"""Asks for a file itself, and is what we say of every file that has no type of its own."""
TRIES = 3
"""How often a file is sent that does not arrive as it was."""


@dataclass(frozen=True)
class Asset:
    """A file of a release."""

    id: int
    name: str
    size: int
    """Bytes."""
    state: str
    """`uploaded`; anything else is what an upload left that failed."""
    digest: str | None
    """SHA-256 in hexadecimal; `None` where the server does not say, as older ones."""


@dataclass(frozen=True)
class Release:
    """A release, or the draft of one."""

    id: int
    tag: str
    body: str
    draft: bool
    prerelease: bool
    url: str
    """Of its page."""
    uploads: str
    """Where its files are sent."""
    assets: tuple[Asset, ...]

    def asset(self, name: str) -> Asset | None:
        """A file by its name."""
        return next((one for one in self.assets if one.name == name), None)


@dataclass(frozen=True)
class Upload:
    """A file to be sent."""

    name: str
    path: Path
    size: int
    digest: str
    """SHA-256, in hexadecimal."""
    media: str = BYTES


@dataclass(frozen=True)
class Draft:
    """What a release says, before it has files."""

    tag: str
    commit: str
    title: str
    body: str
    """Ends in `mark`."""
    mark: str
    """What tells this draft from those that other runs made for the same tag."""
    prerelease: bool


class Releases:
    """The releases of one repository.

    Args:
        api: The connection; its token needs `contents: write`.
        repository: `owner/name`.
        sleep: Waits before it looks again whether a request, whose answer got lost, happened.
    """

    def __init__(self, api: Api, repository: str, *, sleep: Callable[[float], None]) -> None:
        self._api = api
        self._root = f"/repos/{repository}/releases"
        self._sleep = sleep

    def published(self, tag: str) -> Release | None:
        """The release of a tag; drafts have none yet."""
        try:
            return _release(self._api.request("GET", f"{self._root}/tags/{quote(tag, safe='')}"))
        except MissingError:
            return None

    def latest(self) -> Release | None:
        """The one that GitHub calls the latest of the repository."""
        try:
            return _release(self._api.request("GET", f"{self._root}/latest"))
        except MissingError:
            return None

    def drafts(self, tag: str) -> list[Release]:
        """All drafts for a tag, the oldest first: there may be several."""
        every = map(_release, self._api.pages(self._root))
        return sorted(
            (one for one in every if one.draft and one.tag == tag), key=lambda one: one.id
        )

    def draft(self, wanted: Draft) -> Release:
        """The draft with this mark: one that an earlier try left, else a new one.

        Where two runs make one at once, both go on with the older.
        """

        def once() -> Release:
            if (found := self._marked(wanted)) is not None:
                return found
            made = _release(self._api.request("POST", self._root, _document(wanted)))
            # A list may lag behind what was just made.
            return self._marked(wanted) or made

        return repeated(once, sleep=self._sleep)

    def _marked(self, wanted: Draft) -> Release | None:
        every = self.drafts(wanted.tag)
        return next((one for one in every if wanted.mark in one.body), None)

    def fill(self, release: Release, files: list[Upload], *, told: Callable[[str], None]) -> None:
        """See to it that a draft has exactly these files; what is there already stays.

        Args:
            release: The draft.
            files: What it is to have.
            told: Called with the name of every file before it is sent.

        Raises:
            ForgeError: GitHub refuses, or cannot be reached, or a file does not arrive as it is.
        """
        there = {one.name: one for one in self._assets(release)}
        for name in there.keys() - {file.name for file in files}:
            self._remove(there[name])
        for file in files:
            for attempt in range(TRIES):
                found = there.get(file.name)
                if found is not None and self._is(found, file):
                    break
                if found is not None:
                    self._remove(found)
                if attempt == 0:
                    told(file.name)
                there[file.name] = self._send(release, file)
            else:
                if not self._is(there[file.name], file):
                    raise ForgeError(
                        f"{file.name} was sent {TRIES} times, and each time GitHub had another "
                        "file than ours; nothing is published",
                        hint="Something on the way changes files, or the disk does: "
                        "run this again, on another runner if it stays.",
                    )

    def _send(self, release: Release, file: Upload) -> Asset:
        """Send a file that is not there. After a failure, what there is is looked at first."""
        url = f"{release.uploads.partition('{')[0]}?name={quote(file.name, safe='')}"

        def once() -> Asset:
            try:
                return _asset(self._api.upload(url, file.path, file.media))
            except (LookAgainError, RejectedError):
                # Empty or in part, or whole without an answer; or somebody else sends the same.
                found = next((a for a in self._assets(release) if a.name == file.name), None)
                if found is None:
                    raise
                if self._is(found, file):
                    return found
                self._remove(found)
                raise LookAgainError(
                    f"{file.name} did not arrive whole", hint="Run this again."
                ) from None

        return repeated(once, sleep=self._sleep)

    def _is(self, asset: Asset, file: Upload) -> bool:
        if asset.state != "uploaded" or asset.size != file.size:
            return False
        return self.digest(asset) == file.digest

    def digest(self, asset: Asset) -> str:
        """The SHA-256 of a file, in hexadecimal; by reading it where GitHub does not say."""
        if asset.digest is not None:
            return asset.digest
        return self._api.sha256(self._path(asset), asset.size, accept=BYTES)

    def read(self, asset: Asset, limit: int) -> bytes:
        """A file of at most `limit` bytes."""
        return self._api.download(self._path(asset), limit, accept=BYTES)

    def save(self, asset: Asset, target: Path) -> None:
        """Write a file to disk, of whatever size."""
        self._api.save(self._path(asset), asset.size, target, accept=BYTES)

    def publish(self, release: Release, *, latest: bool) -> Release:
        """Make a draft a release, for good.

        Raises:
            RejectedError: Another release of the same tag was faster, or a rule forbids it.
        """
        make_latest: Literal["true", "false"] = "true" if latest else "false"
        fields = {"draft": False, "make_latest": make_latest}
        return _release(self._api.request("PATCH", f"{self._root}/{release.id}", fields))

    def delete(self, release: Release) -> None:
        """Remove a draft; it may be gone."""
        try:
            self._api.request("DELETE", f"{self._root}/{release.id}")
        except MissingError:
            return

    def _assets(self, release: Release) -> Iterator[Asset]:
        return map(_asset, self._api.pages(f"{self._root}/{release.id}/assets"))

    def _remove(self, asset: Asset) -> None:
        try:
            self._api.request("DELETE", self._path(asset))
        except MissingError:
            return

    def _path(self, asset: Asset) -> str:
        return f"{self._root}/assets/{asset.id}"


def _document(wanted: Draft) -> dict[str, object]:
    return {
        "tag_name": wanted.tag,
        "target_commitish": wanted.commit,
        "name": wanted.title,
        "body": wanted.body,
        "draft": True,
        "prerelease": wanted.prerelease,
    }


def _release(data: object) -> Release:
    match data:
        case {
            "id": int(number),
            "tag_name": str(tag),
            "draft": bool(draft),
            "prerelease": bool(prerelease),
            "html_url": str(url),
            "upload_url": str(uploads),
            "assets": list(assets),
            **rest,
        }:
            return Release(
                id=number,
                tag=tag,
                body=str(rest.get("body") or ""),
                draft=draft,
                prerelease=prerelease,
                url=url,
                uploads=uploads,
                assets=tuple(map(_asset, assets)),
            )
    raise ForgeError("GitHub sent no release", hint=WRONG_API)


def _asset(data: object) -> Asset:
    match data:
        case {
            "id": int(number),
            "name": str(name),
            "size": int(size),
            "state": str(state),
            **rest,
        }:
            algorithm, _, digest = str(rest.get("digest") or "").partition(":")
            return Asset(number, name, size, state, digest if algorithm == "sha256" else None)
    raise ForgeError("GitHub sent no file of a release", hint=WRONG_API)

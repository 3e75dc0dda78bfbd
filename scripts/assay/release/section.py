"""The section of *release*: which version a commit became, and where it is published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.section import Fact, Reason, Section, Status

if TYPE_CHECKING:
    from assay.release.decision import Decision


class ReleasedFile(Fact):
    """A file of a release."""

    name: str
    bytes: int
    sha256: str


class ReleaseSection(Section):
    """What was released; without a `url`, what would be, or why it is not."""

    name: str | None = None
    """The artifact, as GTO names it."""
    version: str | None = None
    tag: str | None = None
    why: tuple[str, ...] = ()
    """Why it is this version, as sentences."""
    previous: str | None = None
    """The version before it."""
    url: str | None = None
    """Of the page of the release."""
    digest: str | None = None
    """The address of the bundle."""
    files: tuple[ReleasedFile, ...] = ()
    repeated: bool = False
    """Whether the very same release was out already."""


def refused(decided: Decision) -> dict[str, object]:
    """The fields of a section that say why a commit may not be released."""
    code = decided.exit_code
    return {
        "status": Status.FAIL if code == 1 else Status.ERROR,
        "exit_code": code,
        "reasons": tuple(Reason(message=r.message, hint=r.hint) for r in decided.refusals),
    }

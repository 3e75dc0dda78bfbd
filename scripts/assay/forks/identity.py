"""Whose record it is: everything that says so is written over with what GitHub says."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.ci import DEFAULT_KEY, SHA, CiContext
from assay.config import FILE
from assay.errors import UsageError
from assay.forks import UntrustedError, quoted
from assay.record import Revision

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.forks.source import Pull, UntrustedRun
    from assay.record import RunRecord


@dataclass(frozen=True, kw_only=True)
class Given:
    """What the trusted workflow says of the report, by its inputs."""

    key: str = DEFAULT_KEY
    title: str = ""
    project: str = "."
    """The project folder in the repository."""
    config: str = FILE
    """The configuration file in the project."""

    @property
    def prefix(self) -> str:
        """The project folder with a `/` at its end; empty for the root.

        Raises:
            UsageError: It leads out of the repository.
        """
        folder = _inside(self.project or ".", "working-directory")
        return "" if folder == "." else f"{folder}/"

    @property
    def rules(self) -> str:
        """The path of the configuration file in the repository.

        Raises:
            UsageError: It leads out of the repository.
        """
        return _inside(f"{self.prefix}{self.config or FILE}", "config")


@dataclass(frozen=True)
class Identity:
    """What a report is of and about, on the word of GitHub and of the trusted workflow alone."""

    ci: CiContext
    given: Given


def _inside(path: str, name: str) -> str:
    normal = posixpath.normpath(path)
    if posixpath.isabs(normal) or normal.split("/", 1)[0] == "..":
        raise UsageError(f"`{name}` is {path!r}, which is not inside of the repository.")
    return normal


def ci_of(here: CiContext, run: UntrustedRun, pull: Pull) -> CiContext:
    """What the context of the untrusted run must have been.

    Args:
        here: Where this trusted run takes place: of the same repository.
        run: The untrusted one.
        pull: Its pull request.
    """
    return CiContext(
        host="github",
        event=run.event,
        repository=here.repository,
        pull_request=pull.number,
        from_fork=run.from_fork,
        base_ref=pull.base_ref,
        base_sha=pull.base_sha,
        head_ref=run.head_branch,
        head_sha=run.head_sha,
        server_url=here.server_url,
        api_url=here.api_url,
        run_url=run.url,
        workflow=run.workflow,
    )


def certain(record: RunRecord, run: UntrustedRun, trusted: Identity) -> RunRecord:
    """The record with every word on its identity replaced."""
    ci, given = trusted.ci, trusted.given
    base = record.base
    sound = base is not None and SHA.fullmatch(base.sha)
    return record.model_copy(
        update={
            "created": run.started,
            "ci": ci,
            "project": given.prefix,
            "head": Revision(sha=run.head_sha, branch=run.head_branch),
            "base": Revision(sha=base.sha, branch=ci.base_ref) if base and sound else None,
            "overrides": (),
            "comment_key": given.key,
            "title": given.title,
            "provenance": None,
        }
    )


def check_commit(record: RunRecord, run: UntrustedRun) -> None:
    """Refuse a record of another commit: not one number in it is about this one.

    Raises:
        UntrustedError: It is.
    """
    if record.commit != run.head_sha:
        said = quoted((record.commit or "none")[:12])
        raise UntrustedError(
            f"The record is of another commit: it says {said}, and the run was of "
            f"`{run.head_sha[:12]}`. Nothing in it is shown.",
            hint="Was the record committed, or restored from a cache?",
        )


def differences(record: RunRecord, trusted: Identity) -> Iterator[str]:
    """Where a record says other things of itself than GitHub does."""
    ci, given = trusted.ci, trusted.given
    told, base = record.ci, record.base
    for what, claimed, true in (
        ("the pull request", told.pull_request, ci.pull_request),
        ("the repository", told.repository, ci.repository),
        ("the branch", told.head_ref, ci.head_ref),
        ("the base branch", told.base_ref, ci.base_ref),
        ("the base commit", _short(told.base_sha), _short(ci.base_sha)),
        ("the folder of the project", record.project, given.prefix),
    ):
        if claimed != true:
            named = "is not named" if claimed in (None, "") else f"is {quoted(claimed)}"
            yield f"In the record {what} {named}; it is {quoted(true or 'the root')}."
    if ci.from_fork and not told.from_fork:
        yield "The record says that it is not from a fork, and it is."
    if record.comment_key not in (given.key, DEFAULT_KEY):
        yield f"The record was made for the report {quoted(record.comment_key)}, not for this one."
    if record.provenance is not None:
        yield "The record vouches for itself; that is left out."
    if base is not None and not SHA.fullmatch(base.sha):
        yield f"The record names {quoted(base.sha)} as base, which is no commit."


def _short(sha: str | None) -> str | None:
    return sha and sha[:12]

"""Which commit head is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.console import printable
from assay.errors import RemoteError, RepositoryError

if TYPE_CHECKING:
    from assay.ci import CiContext
    from assay.workspace.git import Git


def find(git: Git, ci: CiContext, *, named: str | None, head: str, dirty: bool) -> str | None:
    """The commit where head left the branch that it will be merged into.

    In order: the revision that the user named; the base of the pull request, or the commit before
    the push; the default branch. On the default branch itself it is the parent commit, or head
    where the work tree has changes.

    Returns:
        A commit, or `None` on a first commit and in a repository without a default branch.

    Raises:
        RepositoryError: The revision is unknown, or has no history in common with head.
        RemoteError: History is missing in a shallow clone and cannot be fetched.
    """
    if named:
        base = _resolve(git, named)
    elif ci.base_sha is not None and (ci.event != "push" or _is_here(git, ci.base_sha)):
        base = _resolve(git, ci.base_sha)
    elif ci.base_ref is not None:
        base = _resolve(git, ci.base_ref)
    else:
        default = git.default_branch() or git.remote_default_branch()
        if default is None:
            return None
        base = _resolve(git, default)
    fork_point = git.merge_base(head, base)
    if fork_point is None:
        raise RepositoryError(
            f"Head and base ({base[:10]}) have no common history, so there is nothing to compare.",
            hint="Name a related revision with `--base`, or the `base` input of the action.",
        )
    if fork_point == head and not named:
        return head if dirty else git.parent(head)
    return fork_point


def _is_here(git: Git, before: str) -> bool:
    """Whether the commit before a push can be had; after a forced push it may be gone."""
    try:
        _resolve(git, before)
    except RepositoryError:
        return False
    return True


def _resolve(git: Git, revision: str) -> str:
    """The commit of a revision, fetched from origin where this clone does not have it."""
    # Of a branch the remote's state counts: a local `main` may be weeks old. Only of a branch:
    # `HEAD~1` is also a name below `origin/`, and would be another commit there.
    if (
        revision != "HEAD"
        and git.has_remote_branch(revision)
        and (found := git.resolve(f"refs/remotes/origin/{revision}"))
    ):
        return found
    if found := git.resolve(revision):
        return found
    shown = printable(revision)
    unknown = RepositoryError(
        f"The base revision `{shown}` is unknown in this clone.",
        hint="Fetch it first (`fetch-depth: 0` for actions/checkout), or check its spelling.",
    )
    # A colon would make it a refspec, which writes to a local branch.
    if (
        revision.startswith("-")
        or ":" in revision
        or git.text("remote", "get-url", "origin") is None
    ):
        raise unknown
    try:
        git.fetch("origin", f"+{revision}")
    except RemoteError as error:
        raise unknown from error
    found = git.resolve("FETCH_HEAD")
    if found is None:
        raise unknown
    return found

"""A version from a laptop: the tag is made and pushed here, and starts the workflow that releases.

The workflow looks everything up again, so what cannot be asked here, without a token, is left to
it.
"""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from assay import connection
from assay.ci import CiContext
from assay.console import printable
from assay.errors import ForgeError, RemoteError, RepositoryError
from assay.packaging import bundle, source
from assay.release import decision, gto, lookup, versions
from assay.release.section import ReleaseSection, refused
from assay.section import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.context import Context
    from assay.packaging.manifest import Manifest
    from assay.release.gto import Registry
    from assay.release.lookup import Asked, Lookup
    from assay.release.tagname import TagName
    from assay.release.versions import Next
    from assay.workspace.git import Git

_ADDRESS = re.compile(r"github\.com[:/]([\w-]+/[\w.-]+?)(?:\.git)?/?$", re.ASCII)


def run(context: Context, name: str, *, asked: str, dry_run: bool) -> ReleaseSection:
    """Decide the version of the commit that is checked out, and push its tag.

    Args:
        context: The project.
        name: The artifact; empty: the project's own.
        asked: `v1.2.3`, `major`, `minor`, `patch`, or nothing.
        dry_run: Whether to say what would be done, and do nothing.

    Raises:
        UsageError: What is asked for cannot be.
        RemoteError: origin cannot be reached.
    """
    git = context.workspace.git
    name = name or _own_name(context)
    if git.is_dirty():
        raise RepositoryError(
            "Tracked files differ from the commit, and the release would not have them.",
            hint="Commit and push them first, or put them away: `git stash`.",
        )
    _fetch(git)
    registry = gto.read(git)
    artifact, commit = registry.artifact(name), git.head()
    here = artifact.at(commit)
    own = here if here is not None and asked in {"", here.version} else None
    with asking(context) as ask:
        if own is not None:
            below = lookup.before(artifact, own.version)
            why = (f"`{own.version}` is the tag that it has.",)
            chosen = versions.Next(own.version, None, below.version if below else None, why)
        else:
            old = ask.manifest(artifact.latest.tag) if ask and artifact.latest else None
            chosen = versions.next_version(artifact, _packaged(context, commit), old, asked=asked)
        known = ask.commit(commit, checked_by=context.config.release.checked_by) if ask else None
    tag = own.tag if own is not None else str(_named(registry, name, chosen))
    decided = decision.decide(_facts(context, registry, name, chosen, known))
    section = ReleaseSection(
        status=Status.PASS,
        name=name,
        version=chosen.version,
        tag=tag,
        why=chosen.reasons,
        previous=chosen.previous,
    )
    _show(context, section, commit, known)
    if not decided.allowed:
        return section.model_copy(update=refused(decided))
    if dry_run:
        context.console.line("Dry run: nothing was tagged.")
        return section
    if own is None:
        _make(git, registry, chosen, name=name, commit=commit)
    _push(git, tag, made=own is None)
    context.console.line(f"pushed {tag}: the workflow does the rest", style="green")
    return section


def _own_name(context: Context) -> str:
    workspace = context.workspace
    files = workspace.head_files()
    model = source.model_file(context.config, files)
    return source.artifact_name(context.config, files, model, folder=workspace.root.name)


def _fetch(git: Git) -> None:
    done = git.run("fetch", "--quiet", "--tags", "origin")
    if done.returncode != 0:
        raise RemoteError(
            f"`git fetch --tags origin` failed: {_said(done.stderr)}.",
            hint="The tags there are the versions that exist. Where a tag here differs from that "
            "of origin, delete it here: `git tag -d TAG`.",
        )


def _said(stderr: bytes) -> str:
    lines = stderr.decode(errors="replace").strip().splitlines() or ["no reason was given"]
    chosen = [line for line in lines if re.match(r"fatal:|error:| ! \[", line)]
    return printable((chosen or lines)[0]).strip().rstrip(".")


def _packaged(context: Context, commit: str) -> Manifest | None:
    """The manifest of this very commit, where it was packaged here."""
    manifests = (one.manifest for one in bundle.at_hand(context.workspace.state))
    return next((one for one in manifests if one.source.commit == commit), None)


@contextmanager
def asking(context: Context) -> Iterator[Lookup | None]:
    """GitHub to ask; `None` without a token, or where origin is somewhere else."""
    environ = context.environ
    repository = environ.get("GITHUB_REPOSITORY") or _repository(context.workspace.git)
    url = environ.get("GITHUB_API_URL") or CiContext().api_url
    ci = context.ci.model_copy(update={"repository": repository, "api_url": url})
    try:
        forge = connection.connect(ci, environ) if repository else None
    except ForgeError:
        forge = None
    if forge is None or repository is None:
        yield None
        return
    with forge.api("the release") as api:
        yield lookup.Lookup(api, repository, sleep=time.sleep)


def _repository(git: Git) -> str | None:
    """`owner/name` of origin, where that is GitHub."""
    found = _ADDRESS.search(git.text("remote", "get-url", "origin") or "")
    return found[1] if found else None


def _facts(
    context: Context, registry: Registry, name: str, chosen: Next, known: Asked | None
) -> decision.Facts:
    git = context.workspace.git
    commit = git.head()
    branch = known.default_branch if known else (git.default_branch() or "origin/main")
    here = git.run("merge-base", "--is-ancestor", commit, branch).returncode == 0
    return decision.Facts(
        name=name,
        version=chosen.version,
        commit=commit,
        registry=registry,
        default_branch=branch.removeprefix("origin/"),
        on_default_branch=known.on_default_branch if known else here,
        checked_by=context.config.release.checked_by,
        runs=known.runs if known else None,
    )


def _show(context: Context, section: ReleaseSection, commit: str, known: Asked | None) -> None:
    line = context.console.line
    line(f"{section.tag}, at commit {commit[:12]}, after {section.previous or 'no version'}")
    for reason in section.why:
        line(f"  {reason}")
    if known is None:
        line("  Without GITHUB_TOKEN, only the workflow asks whether this commit was checked.")


def _named(registry: Registry, name: str, chosen: Next) -> TagName:
    return registry.name(name, "register", version=chosen.version)


def _make(git: Git, registry: Registry, chosen: Next, *, name: str, commit: str) -> None:
    gto.tag(
        git,
        _named(registry, name, chosen),
        commit=commit,
        message="\n\n".join([f"{name} {chosen.version}", *chosen.reasons]),
        after=registry.artifact(name).newest,
        now=time.time(),
    )


def _push(git: Git, tag: str, *, made: bool) -> None:
    """Push a tag. Where that fails, one that was made just now is taken back."""
    done = git.run("push", "--quiet", "origin", f"refs/tags/{tag}")
    if done.returncode == 0:
        return
    if made:
        git.run("tag", "--delete", tag)
    if b"already exists" in done.stderr:
        raise RepositoryError(
            f"`{tag}` was pushed by somebody else at the same moment.",
            hint="Run this again: it takes the next version. `git fetch --tags` shows theirs.",
        )
    raise RemoteError(
        f"`git push` of the tag `{tag}` failed: {_said(done.stderr)}.",
        hint="Nothing is released. You need to be allowed to push tags; a ruleset of the "
        "repository may keep them from being made.",
    )

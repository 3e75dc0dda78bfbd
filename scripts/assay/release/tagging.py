"""A version from a laptop: the tag is made and pushed here, and starts the workflow that releases.

The workflow looks everything up again, so what cannot be asked here, without a token, is left to
it.
"""

from __future__ import annotations

import re
import shlex
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from assay import connection
from assay.ci import CiContext
from assay.console import printable
from assay.errors import ForgeError, RemoteError, RepositoryError, UsageError
from assay.packaging import bundle, source
from assay.release import decision, gto, lookup, starting, versions
from assay.release.section import ReleaseSection, refused
from assay.section import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.context import Context
    from assay.forge.github import GitHubForge
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
    name = _name(context, name)
    if git.is_dirty():
        raise RepositoryError(
            "Tracked files differ from the commit, and the release would not have them.",
            hint="Commit and push them first, or put them away: `git stash`.",
        )
    fetch(git)
    registry = gto.read(git)
    artifact, commit = registry.artifact(name), git.head()
    here = artifact.at(commit)
    own = here if here is not None and asked in {"", here.version} else None
    packaged = _packaged(context, commit)
    with asking(context) as ask:
        if own is not None:
            below = lookup.before(artifact, own.version)
            why = ("The commit has this tag already.",)
            chosen = versions.Next(own.version, None, below.version if below else None, why)
        else:
            old = ask.manifest(artifact.latest.tag) if ask and artifact.latest else None
            chosen = versions.next_version(artifact, packaged, old, asked=asked)
        known = ask.commit(commit, checked_by=context.config.release.checked_by) if ask else None
    tag = own.tag if own is not None else str(_named(registry, name, chosen))
    decided = decision.decide(_facts(context, registry, name, chosen, known))
    started = starting.workflows(git, commit, tag)
    section = ReleaseSection(
        status=Status.PASS if started else Status.WARN,
        reasons=() if started else (starting.none(tag),),
        name=name,
        version=chosen.version,
        tag=tag,
        why=chosen.reasons,
        previous=chosen.previous,
    )
    if not decided.allowed:
        return section.model_copy(update=refused(decided))
    _show(context, section, commit)
    for line in _not_asked(known, packaged):
        context.console.line(f"  {line}")
    if dry_run:
        context.console.line("Dry run: nothing was tagged.")
        return section
    if own is None:
        _make(git, registry, chosen, name=name, commit=commit)
    new = push(git, tag, made=own is None)
    for line in _afterwards(context, tag, started, new=new):
        context.console.line(line, style="green")
    return section


def _name(context: Context, asked: str) -> str:
    """The artifact: the one that is asked for, else the project's own."""
    workspace = context.workspace
    files = workspace.head_files()
    declared = {one.name for one in files.artifacts}
    if asked in declared:
        return asked
    model = source.model_file(context.config, files)
    own = source.artifact_name(context.config, files, model, folder=workspace.root.name)
    if asked in {"", own}:
        return own
    there = ", ".join(f"`{printable(name)}`" for name in sorted({*declared, own}))
    raise UsageError(
        f"The project has no artifact `{printable(asked)}`: it has {there}.",
        hint="Name one of those, or leave the name out. `artifacts` in dvc.yaml and `package.name` "
        "in assay.yaml name them.",
    )


def fetch(git: Git) -> None:
    """The tags of origin: the versions that exist, and the stages that they are in.

    Raises:
        RepositoryError: There is no origin, or a tag here is another than there.
        RemoteError: It cannot be reached.
    """
    if git.text("remote", "get-url", "origin") is None:
        raise RepositoryError(
            "There is no remote `origin`, whose tags are the versions that exist.",
            hint="Name the repository on GitHub: `git remote add origin ADDRESS`.",
        )
    done = git.run("fetch", "--tags", "origin")
    if done.returncode == 0:
        return
    differs = re.search(rb"! \[rejected\] +(\S+) .*would clobber existing tag", done.stderr)
    if differs is not None:
        tag = printable(differs[1].decode(errors="replace"))
        raise RepositoryError(
            f"The tag `{tag}` here is another than that of origin.",
            hint=f"That of origin counts. Delete the one here: `git tag -d {shlex.quote(tag)}`.",
        )
    raise RemoteError(
        f"`git fetch --tags origin` failed: {_said(done.stderr)}.",
        hint="The tags there are the versions that exist. Look at the address (`git remote -v`), "
        "the network and your access, and run this again.",
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
    forge, repository = forge_of(context)
    if forge is None:
        yield None
        return
    with forge.api("the release") as api:
        yield lookup.Lookup(api, repository, sleep=time.sleep)


def forge_of(context: Context) -> tuple[GitHubForge | None, str]:
    """GitHub, and the name of the repository there; `None` as for `asking`."""
    repository, url = _forge(context)
    ci = context.ci.model_copy(update={"repository": repository, "api_url": url})
    try:
        return (connection.connect(ci, context.environ) if repository else None), repository or ""
    except ForgeError:
        return None, repository or ""


def _forge(context: Context) -> tuple[str | None, str]:
    """The repository at GitHub, and where its API is."""
    environ = context.environ
    repository = environ.get("GITHUB_REPOSITORY") or _repository(context.workspace.git)
    return repository, environ.get("GITHUB_API_URL") or CiContext().api_url


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
        branch=git.branch(),
        checked_by=context.config.release.checked_by,
        runs=known.runs if known else None,
    )


def _show(context: Context, section: ReleaseSection, commit: str) -> None:
    line = context.console.line
    after = f", after {section.previous}" if section.previous else ""
    line(f"{section.tag}, at commit {commit[:12]}{after}")
    for reason in section.why:
        line(f"  {reason}")


def _not_asked(known: Asked | None, packaged: Manifest | None) -> Iterator[str]:
    if known is None:
        yield "Without GITHUB_TOKEN, only the workflow asks whether this commit was checked."
    if packaged is None:
        yield "It is not packaged here: only the workflow finds out whether it can be."


def _afterwards(
    context: Context, tag: str, started: tuple[str, ...], *, new: bool
) -> Iterator[str]:
    """What goes on at GitHub, and where to watch it."""
    repository, _ = _forge(context)
    page = f"{context.ci.server_url}/{repository}/actions" if repository else ""
    if new:
        yield f"pushed {tag}"
        yield from (f"starts {path}" for path in started)
    else:
        yield f"{tag} was pushed before, so nothing is started"
        yield from (f"run again where it broke: {path}" for path in started)
    if page and started:
        yield f"watch  {page}"


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


def push(git: Git, tag: str, *, made: bool) -> bool:
    """Push a tag, and say whether origin did not have it.

    Where that fails, one that was made just now is taken back.

    Raises:
        RepositoryError: Somebody pushed another one of that name.
        RemoteError: It cannot be pushed.
    """
    done = git.run("push", "--porcelain", "origin", f"refs/tags/{tag}")
    if done.returncode == 0:
        return b"[up to date]" not in done.stdout
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

"""The user's git repository: revisions and the files in them. Never changes the work tree."""

from __future__ import annotations

import functools
import os
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from assay import process
from assay.console import printable
from assay.errors import ProgramError, RemoteError, RepositoryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from subprocess import CompletedProcess

DEEPEN_STEPS = (50, 500, 5000)
_MOST_REMEMBERED = 1_000_000
"""Bytes of an answer."""


@dataclass(frozen=True)
class Git:
    """A git repository, seen from a project folder inside it.

    Args:
        project: The folder that the user calls their project; the root or below it.
        environ: Environment for git.
    """

    project: Path
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)

    def run(self, *args: str, stdin: bytes = b"") -> CompletedProcess[bytes]:
        """Run `git` in the project folder.

        Without the forge's secrets: git runs programs that `.git/config` names (`core.fsmonitor`
        in every `git status`), and training or tests may have written there.
        """
        env = {
            **{k: v for k, v in self.environ.items() if k not in process.FORGE_SECRETS},
            "GIT_TERMINAL_PROMPT": "0",  # fail, never wait for a password
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_NO_REPLACE_OBJECTS": "1",  # a commit is what it is for everybody
            "LC_ALL": "C",  # we read its messages
        }
        return process.capture(["git", *args], cwd=self.project, env=env, stdin=stdin)

    def text(self, *args: str) -> str | None:
        """What `git` printed, stripped; `None` where it failed."""
        done = self.run(*args)
        return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else None

    def prefix(self) -> str:
        """The project folder relative to the root of the repository: `""` or `"a/b/"`.

        Raises:
            RepositoryError: The folder is not in a git work tree.
        """
        return self._prefix

    @functools.cached_property
    def _prefix(self) -> str:
        done = self.run("rev-parse", "--show-prefix")
        if done.returncode == 0:
            return done.stdout.decode(errors="surrogateescape").rstrip("\n")
        message = done.stderr.decode(errors="replace")
        if "dubious ownership" in message:
            raise RepositoryError(
                f"git does not trust {printable(str(self.project))}: it belongs to another user.",
                hint="Run `git config --global --add safe.directory FOLDER` with that folder.",
            )
        raise RepositoryError(
            f"{printable(str(self.project))} is not in a git repository.",
            hint="Run Assay where `git status` works; in a workflow, after actions/checkout.",
        )

    def resolve(self, revision: str) -> str | None:
        """The commit that `revision` names, or `None`."""
        return self.text(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
        )

    def head(self) -> str:
        """The commit that is checked out.

        Raises:
            RepositoryError: There is no commit yet.
        """
        if (sha := self.resolve("HEAD")) is None:
            raise RepositoryError(
                "The git repository has no commit yet.", hint="Commit your files first."
            )
        return sha

    def branch(self) -> str | None:
        """The branch that is checked out; `None` on a detached head."""
        return self.text("symbolic-ref", "--quiet", "--short", "HEAD")

    def is_dirty(self) -> bool:
        """Whether tracked files differ from the commit."""
        return bool(self.text("status", "--porcelain", "--untracked-files=no"))

    def default_branch(self) -> str | None:
        """The remote's default branch as a revision (`origin/main`), or a local one."""
        origin, local = "refs/remotes/origin/", "refs/heads/"
        candidates = [f"{at}{name}" for at in (origin, local) for name in ("main", "master")]
        listing = self.text(
            "for-each-ref", "--format=%(refname) %(symref)", f"{origin}HEAD", *candidates
        )
        found = dict(line.partition(" ")[::2] for line in (listing or "").split("\n"))
        named = found.get(f"{origin}HEAD")
        first = named or next((name for name in candidates if name in found), None)
        return None if first is None else first.removeprefix("refs/remotes/").removeprefix(local)

    def remote_default_branch(self) -> str | None:
        """The default branch as origin names it; a clone of a single branch does not know it."""
        answer = self.text("ls-remote", "--symref", "origin", "HEAD") or ""
        found = re.match(r"ref: refs/heads/(\S+)\tHEAD", answer)
        return found[1] if found else None

    def is_shallow(self) -> bool:
        """Whether history was cut off when cloning."""
        return self.text("rev-parse", "--is-shallow-repository") == "true"

    def has_remote_branch(self, name: str) -> bool:
        """Whether this clone knows the branch `name` of origin."""
        return (
            self.run("show-ref", "--verify", "--quiet", f"refs/remotes/origin/{name}").returncode
            == 0
        )

    def parent(self, sha: str) -> str | None:
        """The first parent of a commit, fetched where a shallow clone ends before it.

        Raises:
            RemoteError: It cannot be fetched.
        """
        found = self.resolve(f"{sha}^")
        if found is None and self.is_shallow():
            self.fetch("--deepen=1", "origin")
            found = self.resolve(f"{sha}^")
        return found

    def fetch(self, *args: str) -> None:
        """Fetch from `origin`.

        Raises:
            RemoteError: git could not.
        """
        done = self.run("fetch", "--quiet", "--no-tags", *args)
        if done.returncode != 0:
            lines = done.stderr.decode(errors="replace").strip().split("\n")
            # The last lines are advice ("Please make sure you have the correct access rights").
            fatal = [line for line in lines if line.startswith("fatal:")]
            said = printable((fatal or lines)[0]).removeprefix("fatal: ").rstrip(".")
            raise RemoteError(
                f"`git fetch` from origin failed: {said}.",
                hint="Give actions/checkout `fetch-depth: 0`, or leave it its credentials.",
            )

    def merge_base(self, head: str, base: str) -> str | None:
        """The best common ancestor of two commits, fetching more history of a shallow clone.

        Raises:
            RemoteError: More history is needed and cannot be fetched.
        """
        for step in (*DEEPEN_STEPS, None):
            if found := self.text("merge-base", "--end-of-options", head, base):
                return found
            if not self.is_shallow():
                return None
            self.fetch(*(("--unshallow",) if step is None else (f"--deepen={step}",)), "origin")
        return self.text("merge-base", "--end-of-options", head, base)

    def read(self, sha: str, path: str) -> bytes | None:
        """The content of a file of the project at a commit, or `None` where there is none."""
        done = self._asked("cat-file", "blob", f"{sha}:{self.prefix()}{path}")
        return done.stdout if done.returncode == 0 else None

    def files(self, sha: str) -> tuple[str, ...]:
        """The project's files at a commit, relative to the project folder."""
        done = self._asked("ls-tree", "-r", "-z", "--name-only", "--end-of-options", sha)
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()
            raise ProgramError(f"`git ls-tree` failed: {printable(said)}.")
        return _split(done.stdout)

    def _asked(self, *args: str) -> CompletedProcess[bytes]:
        """What git says of a commit. Stages ask for the same, and a commit never changes."""
        done = self._answers.get(args) or self.run(*args)
        if done.returncode == 0 and len(done.stdout) <= _MOST_REMEMBERED:
            self._answers[args] = done
        return done

    @functools.cached_property
    def _answers(self) -> dict[tuple[str, ...], CompletedProcess[bytes]]:
        return {}

    def is_tracked(self, path: str) -> bool:
        """Whether git has this file or link of the project; a folder is none."""
        listed = self.run("--literal-pathspecs", "ls-files", "-z", "--cached", "--", path)
        return path in _split(listed.stdout)

    def untracked(self, pattern: str) -> tuple[str, ...]:
        """The project's files like `*.py` that git neither has nor ignores."""
        return _split(
            self.run("ls-files", "-z", "--others", "--exclude-standard", "--", pattern).stdout
        )

    def working_files(self) -> tuple[str, ...]:
        """The project's files in the work tree: tracked ones and new ones that are not ignored."""
        done = self.run("ls-files", "-z", "--cached", "--others", "--exclude-standard")
        return tuple(path for path in _split(done.stdout) if (self.project / path).is_file())


def _split(listing: bytes) -> tuple[str, ...]:
    return tuple(dict.fromkeys(listing.decode(errors="surrogateescape").split("\0")[:-1]))


@dataclass(frozen=True)
class GitTree:
    """The project's files at one commit."""

    git: Git
    sha: str

    def read(self, path: str) -> bytes | None:
        """The content of a file, or `None`."""
        return self.git.read(self.sha, path)

    def files(self) -> tuple[str, ...]:
        """All files, relative to the project folder."""
        return self.git.files(self.sha)


@dataclass(frozen=True)
class WorkTree:
    """The project's files as they lie on disk."""

    git: Git

    def read(self, path: str) -> bytes | None:
        """The content of a file, or `None`."""
        try:
            return (self.git.project / path).read_bytes()
        except OSError:
            return None

    def files(self) -> tuple[str, ...]:
        """All files that git knows or does not ignore, relative to the project folder."""
        return self.git.working_files()


def named(files: Sequence[str], *, name: str = "", suffix: str = "") -> Iterator[str]:
    """The paths whose last part is `name`, or ends in `suffix`."""
    for path in files:
        last = PurePosixPath(path).name
        if (name and last == name) or (suffix and last.endswith(suffix) and last != suffix):
            yield path

"""The branch of a retraining: what is on it at origin, and a commit of ours, never over a person's.

All of it is done in a bare repository of its own that borrows the objects of the clone. So nothing
of the clone changes, neither its branch nor its index, and the token meets no configuration or hook
that a training could have written.
"""

from __future__ import annotations

import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from assay.console import printable
from assay.errors import RemoteError, RepositoryError, UsageError
from assay.retrain import origin
from assay.workspace.dvccli import without_credentials
from assay.workspace.git import Git

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from pydantic import SecretStr

    from assay.context import Context

TRAILER = "Assay-Retrain"
NAME = "github-actions[bot]"
EMAIL = "41898282+github-actions[bot]@users.noreply.github.com"
"""As GitHub shows what workflows commit; the trailer says which of those are ours."""
_WHO = {
    "GIT_AUTHOR_NAME": NAME,
    "GIT_AUTHOR_EMAIL": EMAIL,
    "GIT_COMMITTER_NAME": NAME,
    "GIT_COMMITTER_EMAIL": EMAIL,
}
Ending = Literal["pushed", "on top", "unchanged", "left"]


@dataclass(frozen=True)
class Found:
    """Origin, as it was looked at."""

    default: str
    """The name of its default branch."""
    base: str
    """The commit that it is at."""
    head: str | None
    """The commit that the branch of the retraining is at; `None` where there is no such branch."""


@dataclass(frozen=True)
class Pushed:
    """What became of a commit."""

    ending: Ending
    sha: str
    """The commit that the branch is at now."""
    people: tuple[str, ...] = ()
    """The commits on the branch that are not ours, the newest first."""
    why: str = ""
    """Of what was left: why, as a sentence."""


@dataclass(frozen=True)
class _Commit:
    """A commit on the branch."""

    sha: str
    parents: int
    ours: bool

    @property
    def trained(self) -> bool:
        """Whether it is what was trained and nothing else; with people's commits it is merged."""
        return self.ours and self.parents == 1


class Branch:
    """One branch at origin; made by `looked_at`.

    Args:
        clone: The project.
        bare: The repository that all is done in.
        address: Where origin is.
        name: The branch.
        found: Origin, as it was looked at.
    """

    def __init__(self, clone: Git, bare: Git, address: str, name: str, found: Found) -> None:
        self._clone, self._bare, self._address = clone, bare, address
        self.name, self.found = name, found

    def people(self) -> tuple[str, ...]:
        """The commits on the branch that are not ours, the newest first."""
        return tuple(one.sha for one in self._commits if not one.ours)

    def commit(
        self, paths: Sequence[str], message: str, *, finished: Collection[str] = ()
    ) -> Pushed:
        """Put files of the work tree, as they are, on top of the commit that is checked out.

        Args:
            paths: What is committed, relative to the project.
            message: Its trailer is added.
            finished: Commits that are merged, whatever way: what is on a branch that is at one of
                them is nobody's work any more.

        Raises:
            RepositoryError: It would bring more than these files.
            RemoteError: It cannot be pushed; somebody else pushed at the same moment.
        """
        made = self._made(paths, f"{message}\n\n{TRAILER}: {self.name}\n")
        self._check(made, paths)
        head, commits = self.found.head, self._commits
        people = tuple(one.sha for one in commits if not one.ours)
        if head is None or head in finished or not people:
            if head is not None and self._same(made, head):
                return Pushed("unchanged", head)
            self._push(made, lease=head or "")
            return Pushed("pushed", made)
        own = next((one.sha for one in commits if one.trained), None)
        if own is None:
            why = f"The branch `{self.name}` is somebody else's: no commit on it is ours."
            return Pushed("left", head, people, why)
        on_top = self._on_top(made, own, head, message)
        if on_top is None:
            why = f"On `{self.name}` somebody changed the same lines, and that is left as it is."
            return Pushed("left", head, people, why)
        if on_top == head:
            return Pushed("unchanged", head, people)
        self._push(on_top, lease=None)
        return Pushed("on top", on_top, people)

    @cached_property
    def _commits(self) -> tuple[_Commit, ...]:
        """What is on the branch and not on the default branch, the newest first."""
        if self.found.head is None:
            return ()
        trailer = f"%(trailers:key={TRAILER},valueonly,unfold,separator=%x2C)"
        form = f"--format=%H%x00%P%x00%ce%x00{trailer}"
        listed = self._ask(
            "log", form, "--topo-order", self.found.head, "--not", self.found.base, self._here
        )
        lines = (line.split("\0") for line in listed.split("\n") if line)
        return tuple(
            _Commit(sha, len(parents.split()), ours=email == EMAIL and bool(trailer))
            for sha, parents, email, trailer in lines
        )

    @cached_property
    def _here(self) -> str:
        return self._clone.head()

    def _made(self, paths: Sequence[str], message: str) -> str:
        """A commit of files, on top of the one that is checked out."""
        index = {"GIT_INDEX_FILE": str(self._bare.project / "index")}
        clone = Git(self._clone.project, {**self._clone.environ, **index})
        _asked(clone, "read-tree", self._here)
        _asked(clone, "--literal-pathspecs", "add", "--all", "--", *paths)
        tree = _asked(clone, "write-tree")
        return self._ask("commit-tree", tree, "-p", self._here, stdin=message)

    def _check(self, made: str, paths: Sequence[str]) -> None:
        """Refuse what a training brought in by way of the clone: its hooks, filters and commits.

        The clone's git made the tree, and that obeys what stands in the clone. This one does not.
        """
        if self._bare.run("merge-base", "--is-ancestor", self._here, self.found.base).returncode:
            raise RepositoryError(
                f"What is checked out is no commit of `{self.found.default}` at origin, where a "
                "retraining begins.",
                hint="Did the pipeline commit something? A retraining must not.",
            )
        names = self._ask("diff-tree", "-r", "--no-renames", "--name-only", "-z", self._here, made)
        prefix = self._clone.prefix()
        more = set(names.split("\0")) - {"", *(f"{prefix}{path}" for path in paths)}
        if more:
            raise RepositoryError(
                f"The commit would change {printable(min(more))} too, which no retraining may.",
                hint="Look for a hook or a filter of git that the pipeline set up.",
            )

    def _on_top(self, made: str, own: str, head: str, message: str) -> str | None:
        """What was trained now, merged with what people did; `None` in a conflict.

        What is new is held against what was trained last (`own`), or people's changes of the same
        files would look like ours.
        """
        since = self._ask("commit-tree", f"{made}^{{tree}}", "-p", own, stdin="since")
        done = self._bare.run("merge-tree", "--write-tree", head, since)
        if done.returncode == 1:
            return None
        if done.returncode != 0:
            raise RepositoryError(
                f"git could not merge: {_said(done.stderr)}.", hint="It needs git 2.38 or newer."
            )
        tree = done.stdout.decode().split("\n", maxsplit=1)[0].strip()
        known = self._bare.run("merge-base", "--is-ancestor", self._here, head).returncode == 0
        if known and tree == self._ask("rev-parse", f"{head}^{{tree}}"):
            return head
        # What was trained stays a commit of its own: the next one is held against it.
        text = f"{message}\n\n{TRAILER}: {self.name}\n"
        return self._ask("commit-tree", tree, "-p", head, "-p", made, stdin=text)

    def _same(self, made: str, head: str) -> bool:
        """Whether two commits say the same on top of the same."""
        form = "%T %P"
        one, other = (self._ask("log", "-1", f"--format={form}", sha, "--") for sha in (made, head))
        return one == other

    def _push(self, sha: str, *, lease: str | None) -> None:
        """Move the branch; with a lease only from where it was looked at, else only forward."""
        target = f"refs/heads/{self.name}"
        options = [] if lease is None else [f"--force-with-lease={target}:{lease}"]
        done = self._bare.run(
            "push", "--porcelain", *options, "--", self._address, f"{sha}:{target}"
        )
        if done.returncode == 0:
            return
        said = printable(without_credentials(_said(done.stderr or done.stdout)))
        moved = re.search(rb"\[rejected\]|stale info|fetch first|cannot lock ref", done.stdout)
        if moved is not None:
            raise RemoteError(
                f"The branch `{self.name}` was pushed to by somebody else at the same moment.",
                hint="Nothing of it was changed. Run this again.",
            )
        raise RemoteError(
            f"`git push` of the branch `{self.name}` failed: {said}.",
            hint="The job needs `permissions: contents: write`, and no rule of the repository may "
            "keep it from pushing this branch.",
        )

    def _ask(self, *args: str, stdin: str = "") -> str:
        return _asked(self._bare, *args, stdin=stdin)


@contextmanager
def looked_at(context: Context, name: str, *, token: SecretStr | None) -> Iterator[Branch]:
    """A branch at origin, as it is now.

    Args:
        context: The project.
        name: The branch.
        token: For GitHub's git, where origin is there.

    Raises:
        UsageError: It is the default branch.
        RemoteError: origin cannot be reached.
    """
    clone = context.workspace.git
    address = origin.address(context)
    with tempfile.TemporaryDirectory(prefix="assay-retrain-") as folder:
        extra = {**_WHO, **origin.trusted(context, address, token)}
        bare = Git(Path(folder), {**context.environ, **extra})
        _borrow(clone, bare)
        default, refs = _refs(bare, address, name)
        if name == default:
            raise UsageError(
                f"`retrain.branch` is `{name}`, which is the default branch.",
                hint="Name one that nobody works on, as `assay/retrain`.",
            )
        base, head = refs
        # What is checked out is here already.
        wanted = [sha for sha in (base if base != clone.head() else None, head) if sha]
        if wanted:
            done = bare.run("fetch", "--quiet", "--no-tags", "--", address, *wanted)
            if done.returncode != 0:
                raise _unreachable(done.stderr)
        yield Branch(clone, bare, address, name, Found(default, base or "", head))


def _borrow(clone: Git, bare: Git) -> None:
    """Make the bare repository, with the clone's objects, and its end where that is shallow."""
    _asked(bare, "init", "--quiet", "--bare", ".")
    paths = _asked(clone, "rev-parse", "--git-path", "objects", "--git-path", "shallow")
    objects, shallow = (clone.project / line for line in paths.splitlines())
    (bare.project / "objects/info/alternates").write_text(f"{objects.resolve()}\n")
    if shallow.is_file():
        (bare.project / "shallow").write_bytes(shallow.read_bytes())


def _refs(bare: Git, address: str, name: str) -> tuple[str, tuple[str | None, str | None]]:
    """The default branch, and the commits that it and ours are at."""
    done = bare.run("ls-remote", "--symref", "--", address, "HEAD", "refs/heads/*")
    if done.returncode != 0:
        raise _unreachable(done.stderr)
    told = done.stdout.decode(errors="replace")
    symbolic = re.search(r"^ref: refs/heads/(\S+)\tHEAD$", told, re.MULTILINE)
    default = symbolic[1] if symbolic else None
    lines = (line.split("\t") for line in told.splitlines() if "\trefs/" in line)
    refs = {ref: sha for sha, ref in lines}
    base = refs.get(f"refs/heads/{default}")
    if default is None or base is None:
        raise RepositoryError(
            "origin has no default branch that could be retrained.",
            hint="Push your default branch first.",
        )
    return default, (base, refs.get(f"refs/heads/{name}"))


def _unreachable(stderr: bytes) -> RemoteError:
    said = printable(without_credentials(_said(stderr)))
    return RemoteError(
        f"origin cannot be read: {said}.",
        hint="Look at the address (`git remote -v`), the network, and what the token may read.",
    )


def _asked(git: Git, *args: str, stdin: str = "") -> str:
    """What git answers.

    Raises:
        RepositoryError: It could not.
    """
    done = git.run(*args, stdin=stdin.encode())
    if done.returncode != 0:
        word = next(one for one in args if not one.startswith("-"))
        said = printable(without_credentials(_said(done.stderr)))
        raise RepositoryError(f"`git {word}` failed: {said}.")
    return done.stdout.decode(errors="surrogateescape").strip()


def _said(stderr: bytes) -> str:
    lines = stderr.decode(errors="replace").strip().splitlines() or ["no reason was given"]
    chosen = [line for line in lines if re.match(r"fatal:|error:|remote: |!|\s*! \[", line)]
    return (chosen or lines)[0].strip().rstrip(".")

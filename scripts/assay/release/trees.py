"""The files of many commits at once, by a handful of git processes.

Asking git for each file of a hundred versions takes seconds; `git cat-file --batch` gives any
number of objects, and versions share most of theirs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from assay.console import printable
from assay.errors import ProgramError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from assay.workspace.git import Git

_FOLDER, _SUBMODULE = b"40000", b"160000"


@dataclass(frozen=True)
class CommitTree:
    """The project's files at one commit. Only what was fetched can be read."""

    paths: Mapping[str, str]
    """Object names by path, relative to the project folder."""
    contents: Mapping[str, bytes]
    """By object name; shared by all commits."""

    def read(self, path: str) -> bytes | None:
        """The content of a file, or `None`."""
        return self.contents.get(self.paths.get(path, ""))

    def files(self) -> tuple[str, ...]:
        """All files, relative to the project folder."""
        return tuple(self.paths)


@dataclass
class Objects:
    """Objects of a repository, fetched in batches."""

    git: Git
    contents: dict[str, bytes] = field(default_factory=dict)
    """Of trees and blobs, by name."""

    def fetch(self, names: Iterable[str]) -> None:
        """Read objects that are not here yet; those that the clone does not have stay away.

        Raises:
            ProgramError: git cannot read objects.
        """
        wanted = [name for name in dict.fromkeys(names) if name not in self.contents]
        if not wanted:
            return
        done = self.git.run("cat-file", "--batch", stdin="".join(f"{n}\n" for n in wanted).encode())
        if done.returncode != 0:
            said = printable(done.stderr.decode(errors="replace").strip())
            raise ProgramError(f"`git cat-file` failed: {said}.")
        self.contents.update(zip(wanted, _answers(done.stdout), strict=True))
        for name in wanted:
            if self.contents[name] is _MISSING:
                del self.contents[name]

    def trees(self, commits: Iterable[str]) -> dict[str, CommitTree]:
        """The project's files at each commit that this clone has."""
        roots = {commit: f"{commit}^{{tree}}" for commit in commits}
        self.fetch(roots.values())
        level = {c: {"": root} for c, root in roots.items() if root in self.contents}
        for part in self.git.prefix().split("/")[:-1]:
            level = {
                commit: {"": name}
                for commit, folders in level.items()
                for mode, entry, name in self._entries(commit, folders[""])
                if mode == _FOLDER and entry == part
            }
            self.fetch(name for folders in level.values() for name in folders.values())
        return self._walk(level)

    def _walk(self, level: dict[str, dict[str, str]]) -> dict[str, CommitTree]:
        """From the project's folder at each commit down, one level after the other."""
        paths: dict[str, dict[str, str]] = {commit: {} for commit in level}
        while any(level.values()):
            below: dict[str, dict[str, str]] = {commit: {} for commit in level}
            for commit, folders in level.items():
                for at, folder in folders.items():
                    for mode, entry, name in self._entries(commit, folder):
                        if mode != _SUBMODULE:
                            found = below if mode == _FOLDER else paths
                            path = f"{at}{entry}/" if mode == _FOLDER else f"{at}{entry}"
                            found[commit][path] = name
            self.fetch(name for folders in below.values() for name in folders.values())
            level = below
        return {commit: CommitTree(found, self.contents) for commit, found in paths.items()}

    def _entries(self, commit: str, tree: str) -> Iterator[tuple[bytes, str, str]]:
        """(mode, name, object) of each entry of a tree, as git stores it."""
        content, at, size = self.contents.get(tree, b""), 0, len(commit) // 2
        while at < len(content):
            mode, _, rest = content[at : content.index(b"\0", at)].partition(b" ")
            at += len(mode) + len(rest) + 2
            yield mode, rest.decode(errors="surrogateescape"), content[at : at + size].hex()
            at += size


_MISSING = b"\0missing"


def _answers(printed: bytes) -> Iterator[bytes]:
    """What `git cat-file --batch` says of each: `NAME TYPE SIZE`, a line end, the content."""
    at = 0
    while at < len(printed):
        end = printed.index(b"\n", at)
        header = printed[at:end].rsplit(b" ", 2)
        at = end + 1
        if header[-1] in (b"missing", b"ambiguous"):
            yield _MISSING
            continue
        size = int(header[-1])
        yield printed[at : at + size]
        at += size + 1

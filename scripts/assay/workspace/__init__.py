"""The user's repository: git, DVC, and the files that a run keeps in `.assay/`."""

from __future__ import annotations

import contextlib
import functools
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import AssayError, RepositoryError
from assay.notwritten import not_written
from assay.workspace import dvcfiles
from assay.workspace.dvccli import Dvc
from assay.workspace.git import Git, GitTree, WorkTree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assay.standby import Standby

STATE = ".assay"
LARGEST_TEXT = 5_000_000
"""Bytes of a file that is read for the lines in it."""


@dataclass(frozen=True)
class Workspace:
    """A project folder inside a git repository.

    Args:
        root: The project folder, absolute.
        environ: Environment for git and DVC.
        standby: A program that was started ahead: DVC, or the contract.
    """

    root: Path
    environ: Mapping[str, str]
    standby: Standby | None = None

    @functools.cached_property
    def git(self) -> Git:
        """The git repository."""
        return Git(self.root, self.environ)

    @functools.cached_property
    def dvc(self) -> Dvc:
        """The DVC project."""
        return Dvc(self.root, self.environ, self.standby)

    def read(self, path: str) -> bytes | None:
        """A text file of the project as it lies on disk; `None` for any other thing.

        Not through a link that leads out of the project, and not without end: a pull request can
        name any file.
        """
        content = read_inside(self.root, path, LARGEST_TEXT)
        return content if content is not None and len(content) <= LARGEST_TEXT else None

    @property
    def state(self) -> Path:
        """The folder of the record and everything beside it. Ignored by git.

        Symbolic links that somebody put there are removed: whoever wrote the repository would
        say which files we overwrite, which folders we empty, and what the report reads.

        Raises:
            RepositoryError: It is such a link itself, or a file.
        """
        folder = self.root / STATE
        if folder.is_symlink():
            raise RepositoryError(
                f"{STATE} is a symbolic link, and Assay writes into no other folder.",
                hint=f"Remove it: `rm {STATE}`, or `git rm {STATE}` where it was committed.",
            )
        if folder.exists() and not folder.is_dir():
            raise RepositoryError(
                f"{STATE} is a file, and Assay needs a folder of that name for its own files.",
                hint=f"Rename it: `git mv {STATE} another-name` where it was committed.",
            )
        with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
            for link in (entry for entry in entries if entry.is_symlink()):
                Path(link).unlink(missing_ok=True)
        if not (folder / ".gitignore").is_file():
            write_atomically(folder / ".gitignore", "*\n")
        return folder

    @property
    def base_folder(self) -> Path:
        """Where `checkout` puts the base revision's files that a comparison needs."""
        return self.state / "base"

    def head_files(self) -> dvcfiles.DvcFiles:
        """What DVC's files say in the work tree, now: training changes it."""
        return dvcfiles.read(WorkTree(self.git))

    def files_at(self, sha: str) -> dvcfiles.DvcFiles:
        """What DVC's files say at a commit.

        Files that cannot be read are a `problem`, not an exception: the pull request that mends
        them must be able to pass.
        """
        if sha not in self._files:
            try:
                self._files[sha] = dvcfiles.read(GitTree(self.git, sha))
            except AssayError as error:
                self._files[sha] = dvcfiles.DvcFiles(problem=error)
        return self._files[sha]

    @functools.cached_property
    def _files(self) -> dict[str, dvcfiles.DvcFiles]:
        return {}  # a commit never changes, and several stages ask


def read_inside(folder: Path, path: str, limit: int) -> bytes | None:
    """The beginning of a file below a folder; `None` for any other thing.

    Links that lead out of the folder are not followed, nor is anything of git's own read: what is
    read here is published, and `.git/config` holds the credentials of actions/checkout. One byte
    more than `limit` is read, so that what is too large is seen to be.
    """
    try:
        whole = (folder / path).resolve(strict=True)
        parts = whole.relative_to(folder.resolve()).parts
        if ".git" in map(str.lower, parts) or not whole.is_file():
            return None
        with whole.open("rb") as file:
            return file.read(limit + 1)
    except (OSError, ValueError, RuntimeError):  # the last is Python 3.12's loop of links
        return None


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never a part.

    Raises:
        OutsideError: The file cannot be written (disk full, no permission).
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise not_written(path, error) from error

"""A copy of the user's repository, to run things in that must not change the real one."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from assay.errors import OutsideError, ProgramError
from assay.workspace import dvccli
from assay.workspace.dvccli import Dvc
from assay.workspace.git import Git

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.workspace import Workspace


@contextmanager
def copied(workspace: Workspace) -> Iterator[Dvc]:
    """The project in a copy of its repository, with the data in place; gone afterwards.

    It shares cache and remotes with the real one, and nothing else: what is run in it cannot
    change the user's work tree.

    Raises:
        OutsideError: It cannot be written.
        ProgramError: DVC cannot put the data there.
    """
    depth = len(PurePosixPath(workspace.git.prefix()).parts)
    source = workspace.root.parents[depth - 1] if depth else workspace.root
    # Outside of the project, where head's DVC would find these files as well.
    with tempfile.TemporaryDirectory(prefix="assay-seeds-", ignore_cleanup_errors=True) as folder:
        target = Path(folder, "repository")
        try:
            _copy_files(Git(source, workspace.environ), target)
            _lend_history(workspace.git, Git(target, workspace.environ))
            # What DVC remembers of a project is kept with the copy, and is gone with it.
            environ = {**workspace.environ, "DVC_SITE_CACHE_DIR": str(Path(folder, "site"))}
            real = Dvc(workspace.root, environ)
            dvc = dvccli.skeleton(real, target / workspace.git.prefix(), {})
        except OSError as error:
            full = "Free some space, or use a larger runner."
            message = f"The copy to train in cannot be made: {error.strerror or error}."
            raise OutsideError(message, hint=full) from error
        done = dvc.stream("checkout", "--quiet", "--allow-missing", on_line=lambda _: None)
        if done.code != 0:
            detail = dvccli.explanation(done.tail) or f"dvc {done.ending}"
            raise ProgramError(f"The data cannot be put into the copy to train in: {detail}")
        yield dvc


def _copy_files(source: Git, target: Path) -> None:
    """What git tracks or would track, as it lies in the work tree."""
    target.mkdir()
    listed = source.run("ls-files", "-z", "--cached", "--others", "--exclude-standard").stdout
    for name in dict.fromkeys(os.fsdecode(listed).split("\0")[:-1]):
        path, copy = source.project / name, target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir() and not path.is_symlink():  # a submodule
            ignored = shutil.ignore_patterns(".git")
            shutil.copytree(path, copy, symlinks=True, ignore=ignored, dirs_exist_ok=True)
        elif os.path.lexists(path):
            shutil.copy2(path, copy, follow_symlinks=False)


def _lend_history(real: Git, copy: Git) -> None:
    """Make the copy a git repository of its own at the same commit.

    Training may ask for the commit, or for the root of the repository to write below it.
    """
    commit = real.resolve("HEAD")
    places = [real.text("rev-parse", "--git-path", name) for name in ("objects", "shallow")]
    if commit is None or None in places or copy.run("init", "--quiet").returncode != 0:
        return
    objects, shallow = (real.project / str(place) for place in places)
    lent = copy.project / ".git" / "objects" / "info" / "alternates"
    lent.write_text(f"{objects.resolve()}\n", encoding="utf-8")
    if shallow.exists():
        shutil.copyfile(shallow, copy.project / ".git" / "shallow")
    copy.run("update-ref", "--no-deref", "HEAD", commit)
    copy.run("read-tree", "HEAD")

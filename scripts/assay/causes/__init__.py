"""Why head may differ from base: code by stage, packages, Python.

Parameters and data are elsewhere in the record (`CompareSection.parameters`, `.files`). Files are
read as text at both revisions, and nothing of them is executed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.causes.code import CodeChange, StageChange, changed_files, stage_changes, unclaimed
from assay.causes.packages import (
    PackageChange,
    PythonChange,
    Upwards,
    package_changes,
    python_changes,
)
from assay.errors import AssayError
from assay.section import Fact, Reason
from assay.workspace.git import Git, GitTree, WorkTree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.config import Config
    from assay.workspace import Workspace

__all__ = ["Causes", "CodeChange", "PackageChange", "PythonChange", "StageChange", "find"]


class Causes(Fact):
    """What differs between base and head beside parameters and data."""

    stages: tuple[StageChange, ...] = ()
    """Stages of dvc.yaml whose command, dependencies or code changed."""
    unclaimed: tuple[CodeChange, ...] = ()
    """Code that changed and that no stage declares; tests are left out."""
    declared_in: str | None = None
    """The file that says which packages head has: `uv.lock`."""
    base_declared_in: str | None = None
    packages: tuple[PackageChange, ...] = ()
    """The project's own requirements first, then what these bring along."""
    python: tuple[PythonChange, ...] = ()
    notes: tuple[Reason, ...] = ()
    """What could not be read, or not be compared."""

    @property
    def any(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.stages or self.unclaimed or self.packages or self.python)


def find(
    workspace: Workspace, base: str, config: Config, *, requirements: str | None = None
) -> Causes:
    """What changed between the commit `base` and the work tree.

    Args:
        workspace: The project.
        base: A commit.
        config: Its tests and schemas are no part of the pipeline.
        requirements: Files that the user named for the environment, one a line
            (`ASSAY_REQUIREMENTS`).
    """
    git, notes = workspace.git, []
    head_files, base_files = workspace.head_files(), workspace.files_at(base)
    trees = WorkTree(git), GitTree(git, base)
    try:
        changed = changed_files(git, base)
        pipelines = (trees[0], head_files), (trees[1], base_files)
        stages = () if base_files.problem else tuple(stage_changes(*pipelines, changed))
        apart = (*(config.tests or ()), *(spec.pandera_schema for spec in config.data))
        free = tuple(unclaimed(*pipelines, changed, apart=apart))
    except AssayError as error:
        notes.append(Reason.of(error, severity="note", prefix="Changes of code are not known: "))
        stages = free = ()
    named = [line.strip() for line in (requirements or "").splitlines() if line.strip()]
    here = Upwards([WorkTree(g) for g in _upwards(git)])
    there = Upwards([GitTree(g, base) for g in _upwards(git)])
    found = package_changes(here, there, named=named)
    python, python_notes = python_changes(here, there)
    return Causes(
        stages=stages,
        unclaimed=free,
        declared_in=found.head,
        base_declared_in=found.base,
        packages=found.packages,
        python=python,
        notes=(*notes, *dict.fromkeys([*found.notes, *python_notes])),
    )


def _upwards(git: Git) -> Iterator[Git]:
    """The project's folder and those above it, up to the root of the repository."""
    folder = git.project.resolve()
    for _ in range(git.prefix().count("/") + 1):
        yield Git(folder, git.environ)
        folder = folder.parent

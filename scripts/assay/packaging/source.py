"""Where a model comes from: the commit, and what DVC and the project's files say at it."""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from assay.configpackage import NAME
from assay.errors import RepositoryError, UsageError
from assay.packaging.manifest import Source, Tracked
from assay.stages.compare import model_paths
from assay.workspace.remotefailure import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.config import Config
    from assay.context import Context
    from assay.workspace.dvcfiles import DvcFiles, Output
    from assay.workspace.git import Git

LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "requirements.lock", "requirements.txt")
"""Lock files, the surest first."""


def of(context: Context, model: str) -> Source:
    """The source of the model at `model`, a path below the project.

    Raises:
        RepositoryError: The commit does not say what is packaged: the work tree has changes
            or code that nobody committed, or DVC does not track the model.
    """
    workspace = context.workspace
    git, files = workspace.git, workspace.head_files()
    _check_committed(git)
    tracked = _tracked_model(files, model)
    sha = git.head()
    stamp = git.text("show", "--no-patch", "--format=%ct", sha) or "0"
    return Source(
        commit=sha,
        committed=datetime.fromtimestamp(int(stamp), UTC).isoformat(),
        base=None if context.record.base is None else context.record.base.sha,
        project=git.prefix(),
        model=tracked,
        data=tuple(
            Tracked(path=out.path, md5=out.md5, bytes=out.size)
            for out in sorted(files.outputs, key=lambda out: out.path)
            if out.md5 is not None and out.path != tracked.path and _is_read(out, files)
        ),
        parameters=dict(
            sorted(
                leaf
                for file, key, value in files.locked_params
                for leaf in _leaves(f"{file}:{key}", value)
            )
        ),
        lock=_lock(context),
    )


def model_file(config: Config, files: DvcFiles) -> str:
    """The model's file, relative to the project.

    Raises:
        UsageError: Nothing says which it is.
    """
    candidates = [config.model] if config.model else model_paths(files)
    if not candidates:
        raise UsageError(
            "Which file is the model is not known.",
            hint="Name it as `model` in assay.yaml, or under `artifacts` in dvc.yaml.",
        )
    if len(candidates) > 1:
        raise UsageError(
            f"Which file is the model is not known: {listed(candidates)} may be it.",
            hint="Set `model` in assay.yaml.",
            key=("model",),
        )
    return candidates[0]


def table(config: Config) -> tuple[str, tuple[str, ...]] | None:
    """The table that the model is given, and the columns of it that are not features: key, truth.

    `None` where assay.yaml names no table.
    """
    predictions = config.predictions
    features = config.package.features or (predictions.features if predictions else None)
    if features is None:
        return None
    return features, () if predictions is None else (*predictions.key, predictions.truth)


def artifact_name(config: Config, files: DvcFiles, model: str, *, folder: str) -> str:
    """What the artifact is called: as assay.yaml says, else dvc.yaml, else like the folder.

    Raises:
        UsageError: No tag could hold it.
    """
    declared = next((one.name for one in files.artifacts if one.path == model), None)
    name = config.package.name or declared or folder
    if re.fullmatch(NAME, name) is None:
        raise UsageError(
            f"The artifact would be called {name!r}, which no tag of a version can hold: letters, "
            "digits, `-`, `_` and `/` make a name.",
            hint="Set `package.name` in assay.yaml, or rename it under `artifacts` in dvc.yaml.",
            key=("package", "name"),
        )
    return name


def _leaves(name: str, value: object) -> Iterator[tuple[str, str]]:
    """`train` that holds `depth` is `train.depth`: stages may name either."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(f"{name}.{key}", inner)
    else:
        yield name, json.dumps(value, ensure_ascii=False, default=str)


def description(files: DvcFiles, model: str) -> str | None:
    """What the model predicts, as dvc.yaml says."""
    return next((one.description for one in files.artifacts if one.path == model), None)


def labels(files: DvcFiles, model: str) -> tuple[str, ...]:
    """Of the model, as dvc.yaml says."""
    return next((one.labels for one in files.artifacts if one.path == model), ())


def _check_committed(git: Git) -> None:
    """A model may import any module that is there: code in no commit is a change too."""
    if git.is_dirty():
        raise RepositoryError(
            "The work tree has changes that are in no commit; a package names its commit.",
            hint="Commit them first; `git status` lists them.",
        )
    if code := git.untracked("*.py"):
        raise RepositoryError(
            f"A package names its commit, and this code is in none: {listed(code)}.",
            hint="Commit it, because the model may import it; or name it in .gitignore.",
        )


def _is_read(out: Output, files: DvcFiles) -> bool:
    """Whether it goes into the model: predictions and plots differ wherever the model does."""
    whole = f"{out.path}/"
    return out.kind == "data" or any(
        path == out.path or path.startswith(whole) or out.path.startswith(f"{path}/")
        for path in files.dependencies
    )


def _tracked_model(files: DvcFiles, model: str) -> Tracked:
    out = files.output(model)
    if out is None or out.md5 is None:
        raise RepositoryError(
            f"{model} is not tracked by DVC, so nothing says that it is of this commit.",
            hint="Make it an output of a stage in dvc.yaml, or `dvc add` it; commit; `dvc push`.",
        )
    return Tracked(path=out.path, md5=out.md5, bytes=out.size)


def _lock(context: Context) -> str | None:
    for name in LOCKS:
        content = context.workspace.read(posixpath.normpath(name))
        if content is not None:
            return hashlib.sha256(content).hexdigest()
    return None

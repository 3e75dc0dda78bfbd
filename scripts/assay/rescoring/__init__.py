"""Base's model on head's evaluation data, and the importance of features at both revisions.

Where the evaluation data changed, two predictions files are of different rows. With both models
and the table that they are given (`predictions.features`) base can be asked about head's rows. What
it answers is used only where the way from model to predictions file was found and checked; else
the reason is returned in words. Models are loaded in a process of their own: see `__main__`.
"""

from __future__ import annotations

import sys
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from assay import process
from assay.errors import DataError
from assay.rescoring.facts import Answer, FeatureImportance, Importance, Job, Rescoring
from assay.section import Reason
from assay.workspace import write_atomically

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Literal

    import pandas as pd

    from assay.config import Config
    from assay.context import Context
    from assay.workspace.dvcfiles import DvcFiles

__all__ = [
    "FeatureImportance",
    "Importance",
    "Rescored",
    "Rescoring",
    "base_paths",
    "importance",
    "rescore",
    "with_columns",
]


@dataclass(frozen=True, eq=False)
class Rescored:
    """Base's predictions of head's rows, or why there are none."""

    frame: pd.DataFrame | None = None
    """Head's predictions file with base's predictions and scores in place of head's."""
    fact: Rescoring | None = None
    why: str = ""
    """As sentences; empty where there are predictions, or where no table of features is named."""
    hint: str | None = None


def base_paths(config: Config, base: DvcFiles) -> tuple[str, ...]:
    """Base's files, beside its predictions, without which nothing here can be done."""
    recent = config.retrain.recent
    trained_on = () if recent is None else (recent.trained_on,)
    if config.predictions is None or config.predictions.features is None:
        return trained_on
    model = _model(config, base)
    return (config.predictions.features, *([] if model is None else [model]), *trained_on)


def _model(config: Config, files: DvcFiles) -> str | None:
    from assay.stages.compare import model_path  # which may import this module

    return config.model or model_path(files)


def rescore(context: Context, frame: pd.DataFrame) -> Rescored:
    """Let base's model predict head's rows.

    Args:
        context: Base's files are in place.
        frame: The rows of head's predictions file.
    """
    answer = _ask(context, "rescore")
    if answer is None or answer.rescoring is None:
        return Rescored(why=answer.why, hint=answer.hint) if answer else Rescored()
    written = _files(context, "rescore")[1].with_suffix(".npz")
    try:
        said = with_columns(frame, written, answer.columns)
    except DataError as error:
        return Rescored(why=error.message)
    return Rescored(frame=said, fact=answer.rescoring)


def with_columns(frame: pd.DataFrame, written: Path, names: Sequence[str]) -> pd.DataFrame:
    """A predictions file with what another model says in the place of what is in it.

    Args:
        frame: The rows of the file.
        written: Arrays that a process with a model wrote, one a column.
        names: The columns.

    Raises:
        DataError: They are not whole, or of other rows.
    """
    import numpy as np

    from assay.stats.columns import text_names

    try:
        with np.load(written, allow_pickle=False) as arrays:
            columns = {name: arrays[f"arr_{number}"] for number, name in enumerate(names)}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError("What the model said was not written down whole.") from error
    if any(values.shape != (len(frame),) for values in columns.values()):
        raise DataError("What the model said is of other rows than the predictions file.")
    return text_names(frame).assign(**columns)


def importance(context: Context, metric: str) -> tuple[Importance | None, tuple[Reason, ...]]:
    """How much each feature matters to head's model and to base's; nothing without a table of them.

    Args:
        context: Base's files are in place.
        metric: A name of the catalogue; empty for the loss that suits the task.
    """
    answer = _ask(context, "importance", metric=metric)
    if answer is None or answer.importance is not None:
        return (answer.importance if answer else None), ()
    message = f"The importance of features is not known. {answer.why}"
    return None, (Reason(message=message, severity="note", hint=answer.hint),)


def _ask(
    context: Context, task: Literal["rescore", "importance"], *, metric: str = ""
) -> Answer | None:
    """What the process with the models answers; `None` where no table of features is named."""
    config, workspace, revision = context.config, context.workspace, context.record.base
    if config.predictions is None or config.predictions.features is None:
        return None
    model = _model(config, workspace.head_files())
    if model is None:
        return Answer(
            why="Which file is the model is not known.",
            hint="Name it as `model` in assay.yaml, or under `artifacts` in dvc.yaml.",
        )
    base = None if revision is None else workspace.files_at(revision.sha)
    job = Job(
        task=task,
        root=str(workspace.root),
        base_root=str(workspace.base_folder),
        model=model,
        base_model=None if base is None else _model(config, base),
        predictions=config.predictions,
        metric=metric,
        seed=config.statistics.seed,
    )
    return _run(context, job)


def _files(context: Context, task: str) -> tuple[Path, Path]:
    state = context.workspace.state  # two tasks may be under way at the same time
    return state / f"{task}-job.json", state / f"{task}-answer.json"


# A small table many times over: threads would wait for each other longer than they work.
_ONE_THREAD = {"OMP_NUM_THREADS": "1"}


def _run(context: Context, job: Job) -> Answer:
    job_file, answer_file = _files(context, job.task)
    answer_file.unlink(missing_ok=True)
    write_atomically(job_file, job.model_dump_json(by_alias=True))
    # -P: a folder `assay` in the user's project must not stand in for this package.
    argv = [sys.executable, "-P", "-m", "assay.rescoring", str(job_file), str(answer_file)]
    with context.console.untrusted():
        done = process.stream(
            argv,
            cwd=context.workspace.root,
            env=_ONE_THREAD | process.user_environment(context.environ),
            on_line=context.console.raw,
        )
    try:
        return Answer.model_validate_json(answer_file.read_bytes())
    except (OSError, ValidationError):
        return Answer(
            why=f"The process that loads the models {done.ending}.",
            hint="What it printed is in the log. Out of memory, mostly: use a larger runner.",
        )

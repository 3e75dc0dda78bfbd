"""That a model is the one whose predictions were evaluated, and what an export of it predicts.

A model file and a predictions file can be of two runs, and every check of the predictions would
still pass. How the file follows from the model is learned from both, and holds for every row.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.console import printable
from assay.errors import AssayError, DataError
from assay.packaging.job import COLUMNS
from assay.rescoring.rule import NotReproducedError
from assay.rescoring.work import reproduced
from assay.section import Reason

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from assay.models import Model
    from assay.packaging.job import ExportJob
    from assay.packaging.parity.answers import Answerer
    from assay.rescoring.work import Head

_METHODS = {
    "label": "predict",
    "value": "predict",
    "probabilities": "predict_proba",
    "scores": "decision_function",
}
"""Of an estimator, by the output of a signature."""


class NotTestedError(DataError):
    """A model does not give the predictions that were evaluated."""

    exit_code = 1


@dataclass(frozen=True, eq=False)
class Tested:
    """What holding a model against its predictions file came to."""

    head: Head | None = None
    """`None` where it could not be asked."""
    why: Reason | None = None
    """Then: a warning."""

    @property
    def rows(self) -> int | None:
        """How many rows the model gives: all of the file."""
        return None if self.head is None else len(self.head.table)


def hold(model: Model, job: ExportJob) -> Tested:
    """Hold a model against its predictions file.

    Raises:
        NotTestedError: It says something else.
    """
    spec = job.predictions
    if spec is None or spec.features is None:
        return Tested()
    try:
        return Tested(reproduced(model, Path(job.root), spec))
    except NotReproducedError as error:
        raise NotTestedError(
            f"The model is not the one that was evaluated: {error.message}",
            hint="Run `dvc repro`, so that both are of one run, and commit; what changes the "
            "predictions after the model has given them belongs into its pipeline.",
        ) from error
    except AssayError as error:
        message = f"That {job.shown} gives {printable(spec.path)} could not be asked."
        return Tested(why=Reason.of(error, severity="warning", prefix=f"{message} "))


def predict(tested: Head, export: Answerer, outputs: tuple[str, ...], folder: Path) -> list[str]:
    """Write what an export predicts, as columns of the predictions file; returns their names.

    Args:
        tested: The model that it is an export of.
        export: The export.
        outputs: Names of its outputs.
        folder: Where the arrays are written, as `COLUMNS`.
    """
    scorer = tested.scorer
    asked = {_METHODS[name]: partial(_one, export, name) for name in outputs}
    estimator = SimpleNamespace(classes_=list(tested.classes), **asked)
    exported = replace(scorer, model=replace(scorer.model, estimator=estimator))
    columns = scorer.rule.apply(exported.say(tested.table))
    np.savez(folder / COLUMNS, *columns.values())
    return list(columns)


def _one(export: Answerer, output: str, rows: pd.DataFrame) -> NDArray[Any]:
    return export.ask(rows)[output]

"""What a model said about rows whose truth is known: the input of every metric and curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from assay.stats.classes import binary, by_label, multiclass, unknown_positive
from assay.stats.columns import (
    Column,
    Kind,
    Label,
    PredictionsError,
    label_as,
    ordered,
    read,
    require,
    rows_text,
    same_kind,
)
from assay.stats.rows import Alignment, align

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from assay.stats.catalogue import Task

__all__ = [
    "Alignment",
    "Label",
    "Predictions",
    "PredictionsError",
    "align",
    "from_frame",
]

THRESHOLD = 0.5
"""A row is predicted positive from this probability on, where only a score is given."""
MAX_INFERRED_CLASSES = 20
"""More distinct whole numbers than this are taken for counts, not for classes."""
MAX_CLASSES = 1000
"""More labels than this are taken for a mistake: a matrix of classes would not fit in memory."""
SUM_TOLERANCE = 1e-3
"""How far the probabilities of a row may sum from 1: files round them to a few decimals."""

ScoreColumns: TypeAlias = "str | Mapping[Any, str] | None"


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictions:
    """Truth and predictions of n rows, checked, as arrays.

    Labels are integer codes: the position in `classes`. Build one with `from_frame`.
    """

    task: Task
    truth: NDArray[Any]
    """(n,): class codes (intp), or the true values (float64) of a regression."""
    prediction: NDArray[Any] | None
    """(n,): as `truth`. None where only a score that is no probability was given."""
    score: NDArray[np.float64] | None
    """(n,) of the positive class for binary; (n, k) in the order of `classes` for multiclass."""
    classes: tuple[Label, ...] = ()
    """The labels, sorted as scikit-learn sorts them. Empty for a regression."""
    weight: NDArray[np.float64] | None = None
    """(n,): not negative, finite; None where every row counts the same."""
    positive: Label | None = None
    """The class that precision, recall, scores and curves are about. None if it is not known."""

    def __len__(self) -> int:
        return int(self.truth.shape[0])

    @property
    def positive_code(self) -> int | None:
        """The position of the positive class."""
        return None if self.positive is None else self.classes.index(self.positive)

    @cached_property
    def is_positive(self) -> NDArray[np.bool_]:
        """(n,): whether the true class is the positive one. Only where that is known."""
        return np.asarray(self.truth == self.positive_code)

    @cached_property
    def score_problem(self) -> str | None:
        """Why the scores are not probabilities, or None where they are."""
        if self.score is None:
            return "there is no score"
        if not self.score.size:
            return "there are no rows"
        low, high = float(self.score.min()), float(self.score.max())
        if low < 0 or high > 1:
            return f"the scores are not probabilities: they reach from {low:g} to {high:g}"
        if self.score.ndim == 2:
            total = self.score.sum(axis=1)
            wrong = np.flatnonzero(np.abs(total - 1) > SUM_TOLERANCE)
            if wrong.size:
                return (
                    f"the probabilities of {wrong.size} rows do not sum to 1 "
                    f"({rows_text(wrong)}: {float(total[wrong[0]]):g})"
                )
        return None

    def subset(self, mask: NDArray[Any]) -> Predictions:
        """The rows that a mask (n,) or an array of positions selects; the classes stay."""
        mask = np.flatnonzero(mask) if mask.dtype == bool else mask  # read once, not each time
        return replace(
            self,
            truth=self.truth[mask],
            prediction=None if self.prediction is None else self.prediction[mask],
            score=None if self.score is None else self.score[mask],
            weight=None if self.weight is None else self.weight[mask],
        )


def from_frame(
    frame: pd.DataFrame,
    *,
    truth: str,
    prediction: str | None = None,
    score: ScoreColumns = None,
    weight: str | None = None,
    positive: object | None = None,
    task: Task | None = None,
) -> Predictions:
    """Read and check a predictions table.

    The task, where it is not given, is the first of these that fits:

    1. `score` maps classes to columns: multiclass from three classes on, else binary.
    2. `score` is one column, or `positive` is given: binary.
    3. The truth is text, categories or true/false: binary up to two labels, else multiclass.
    4. The truth or the prediction has a fraction: regression. (Truth of only 0 and 1 with
       fractional predictions is refused: these are scores, or the task must be said.)
    5. Whole numbers: binary up to two distinct values in truth and prediction together,
       multiclass up to 20, else regression.

    The positive class, where it is not given, is 1 of {0, 1} and {-1, 1}, and True. Other labels
    have none by default: then a score is refused, and metrics about the positive class are
    undefined. A prediction that is not given follows from the score: binary, the positive class
    from a probability of 0.5 on; multiclass, the class with the highest score (the first of
    equals). A binary score that is no probability gives no prediction.

    Args:
        frame: One row a prediction.
        truth: The column with the true label or value.
        prediction: The column with the predicted label or value.
        score: Binary: the column with the score of the positive class, or a mapping with that
            class as a key. Multiclass: a mapping of every class to its column.
        weight: The column with sample weights.
        positive: The positive class of a binary task.
        task: What the model does, where it should not be inferred.

    Raises:
        PredictionsError: A column is missing, has missing, infinite or unreadable values; there
            are no rows; or the arguments do not fit each other.
    """
    score = score or None
    if prediction is None and score is None:
        raise PredictionsError("predictions need a prediction column, a score column, or both")
    score_columns = [score] if isinstance(score, str) else list((score or {}).values())
    named = [truth, prediction, *score_columns, weight]
    require(frame, [name for name in named if name is not None])
    true = read(frame, truth, "truth")
    predicted = None if prediction is None else read(frame, prediction, "prediction")
    weights = None if weight is None else _weights(frame, weight)
    task = task or _infer(true, predicted, score=score, positive=positive)
    if task == "regression":
        built = _regression(true, predicted, score=score)
    else:
        scores = _scores(frame, score)
        built = _classification(task, true, predicted, scores=scores, positive=positive)
    return replace(built, weight=weights)


def _infer(
    truth: Column, predicted: Column | None, *, score: ScoreColumns, positive: object | None
) -> Task:
    if score is not None and not isinstance(score, str):
        return "multiclass" if len(score) > 2 else "binary"
    if score is not None or positive is not None:
        return "binary"
    both = [column for column in (truth, predicted) if column is not None]
    if truth.kind == "number" and any(column.fractional is not None for column in both):
        assert truth.numbers is not None  # noqa: S101 (of kind number)
        if truth.fractional is None and np.isin(truth.numbers, [0, 1]).all():
            raise PredictionsError(
                f"{truth} holds 0 and 1 but {both[-1]} holds fractions such as "
                f"{both[-1].fractional}",
                hint="If these are probabilities, name the column as `score`; "
                "else say `task: regression`.",
            )
        return "regression"
    labels = {label for column in both for label in column.encoded()[1]}
    if len(labels) <= 2:
        return "binary"
    if truth.kind == "number" and len(labels) > MAX_INFERRED_CLASSES:
        return "regression"
    return "multiclass"


def _weights(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    weight = read(frame, name, "weight").as_numbers()
    negative = np.flatnonzero(weight < 0)
    if negative.size:
        raise PredictionsError(
            f"the weight column {name!r} has {negative.size} negative values "
            f"({rows_text(negative)})"
        )
    return weight


def _regression(truth: Column, predicted: Column | None, *, score: ScoreColumns) -> Predictions:
    if score is not None or predicted is None:
        raise PredictionsError("a regression has a prediction column and no score")
    return Predictions(
        task="regression",
        truth=truth.as_numbers(),
        prediction=predicted.as_numbers(),
        score=None,
    )


Scores: TypeAlias = "NDArray[np.float64] | dict[Any, NDArray[np.float64]] | None"


def _scores(frame: pd.DataFrame, score: ScoreColumns) -> Scores:
    if score is None:
        return None
    if isinstance(score, str):
        return read(frame, score, "score").as_numbers()
    return {key: read(frame, name, "score").as_numbers() for key, name in score.items()}


def _classification(
    task: Task,
    truth: Column,
    predicted: Column | None,
    *,
    scores: Scores,
    positive: object | None,
) -> Predictions:
    kind = truth.kind if predicted is None else same_kind(truth, predicted)
    for column in (truth, predicted):
        if column is None or column.numbers is None:
            continue
        column.as_numbers()
        if column.fractional is not None:
            raise PredictionsError(
                f"{column} holds {column.fractional}, which cannot be a class",
                hint="Say `task: regression`, or name a column of probabilities as `score`.",
            )
    coded = [_labels(column, kind) for column in (truth, predicted) if column is not None]
    observed = ordered({label for _, labels in coded for label in labels})
    if len(observed) > MAX_CLASSES:
        raise PredictionsError(
            f"{truth} has {len(observed):,} distinct labels; at most {MAX_CLASSES:,} classes",
            hint="Is this the column with the true class? For a regression say so with `task`.",
        )
    if isinstance(scores, Mapping):
        scores = by_label(scores, kind, truth)
    if task == "multiclass":
        classes, matrix = multiclass(observed, scores)
        chosen = None
    else:
        wanted = None if positive is None else label_as(positive, kind)
        if positive is not None and wanted is None:
            raise unknown_positive(positive, observed)
        classes, chosen, matrix = binary(observed, scores, wanted=wanted, kind=kind)
    codes = [_recode(code, labels, classes) for code, labels in coded]
    built = Predictions(
        task=task,
        truth=codes[0],
        prediction=codes[1] if len(codes) == 2 else None,
        score=matrix,
        classes=classes,
        positive=chosen,
    )
    return built if built.prediction is not None else _with_prediction(built)


def _labels(column: Column, kind: Kind) -> tuple[NDArray[np.intp], list[Label]]:
    codes, labels = column.encoded()
    if column.kind == kind:
        return codes, labels
    return codes, [label for value in labels if (label := label_as(value, kind)) is not None]


def _recode(
    codes: NDArray[np.intp], labels: list[Label], classes: tuple[Label, ...]
) -> NDArray[np.intp]:
    position = {label: index for index, label in enumerate(classes)}
    return np.array([position[label] for label in labels], dtype=np.intp)[codes]


def _with_prediction(built: Predictions) -> Predictions:
    if built.score is None:
        return built
    if built.task == "multiclass":
        return replace(built, prediction=built.score.argmax(axis=1))
    if built.score_problem is not None or built.positive_code is None:
        return built
    code = built.positive_code
    return replace(built, prediction=np.where(built.score >= THRESHOLD, code, 1 - code))

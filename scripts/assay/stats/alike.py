"""Two models' predictions brought to one list of classes, so that their codes mean the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from assay.stats.columns import PredictionsError, listed, ordered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assay.stats.columns import Label
    from assay.stats.predictions import Predictions


def alike(head: Predictions, base: Predictions) -> tuple[Predictions, Predictions]:
    """Head and base with the same task, classes and positive class.

    A label that only one of them knows is a class of both. A model that never predicts the third
    class of the other is one of three classes, too.

    Raises:
        PredictionsError: One is a regression and the other is not, or the two mean different
            classes by a binary task or by its positive class.
    """
    if head.task == base.task == "regression":
        return head, base
    if "regression" in {head.task, base.task}:
        raise PredictionsError(
            f"the predictions of head are a {_name(head)}, those of base a {_name(base)}",
            hint="Say which it is with `task`, or compare with a model of the same kind.",
        )
    if head.task != base.task:
        head, base = _several(head), _several(base)
    positive = _positive(head, base)
    classes = head.classes if head.classes == base.classes else _classes(head, base)
    return _recoded(head, classes, positive), _recoded(base, classes, positive)


def one_truth(head: Predictions, base: Predictions) -> Predictions:
    """Base with head's truth and weights, for the same rows in the same order.

    Raises:
        ValueError: They are not the same rows.
    """
    if len(head) != len(base):
        raise ValueError(f"head has {len(head)} rows and base {len(base)}: align them first")
    # The fractional truth of a regression may differ by what a change of format rounds away.
    if head.task != "regression" and not np.array_equal(head.truth, base.truth):
        raise ValueError("the rows of head and base differ in their truth: align them first")
    return replace(base, truth=head.truth, weight=head.weight)


def _name(predictions: Predictions) -> str:
    return "regression" if predictions.task == "regression" else "classification"


def _several(predictions: Predictions) -> Predictions:
    """A binary task as one of several classes; its score, where it is a probability, as two."""
    if predictions.task == "multiclass":
        return predictions
    score, code = predictions.score, predictions.positive_code
    both = None
    if score is not None and predictions.score_problem is None and len(predictions.classes) == 2:
        both = np.column_stack([1 - score, score] if code == 1 else [score, 1 - score])
    return replace(predictions, task="multiclass", score=both, positive=None)


def _positive(head: Predictions, base: Predictions) -> Label | None:
    if head.positive is not None and base.positive is not None and head.positive != base.positive:
        raise PredictionsError(
            f"the positive class is {head.positive!r} in head and {base.positive!r} in base",
            hint="Say which one is meant with `positive`.",
        )
    return base.positive if head.positive is None else head.positive


def _classes(head: Predictions, base: Predictions) -> tuple[Label, ...]:
    classes = ordered({*head.classes, *base.classes})
    if head.task == "binary" and len(classes) > 2:
        # A class that only fills up a pair, because it occurs in no row, has no name of its own.
        used = {label for one in (head, base) for label in _used(one)}
        classes = [label for label in classes if label in used]
    if head.task == "binary" and len(classes) > 2:
        raise PredictionsError(
            f"a binary task has two classes; head and base together have {listed(classes)}",
            hint="Say `task: multiclass`.",
        )
    return tuple(classes)


def _used(predictions: Predictions) -> set[Label]:
    counted = np.bincount(predictions.truth, minlength=len(predictions.classes))
    if predictions.prediction is not None:
        counted += np.bincount(predictions.prediction, minlength=len(predictions.classes))
    used = {predictions.classes[code] for code in np.flatnonzero(counted)}
    return used if predictions.positive is None else {*used, predictions.positive}


def _recoded(
    predictions: Predictions, classes: tuple[Label, ...], positive: Label | None
) -> Predictions:
    if predictions.classes == classes and predictions.positive == positive:
        return predictions
    place = {label: code for code, label in enumerate(classes)}
    # -1 for a class that no row has: it is in no array.
    codes = np.array([place.get(label, -1) for label in predictions.classes], dtype=np.intp)
    score = predictions.score
    if score is not None and score.ndim == 2:
        spread: NDArray[np.float64] = np.zeros((len(score), len(classes)))
        spread[:, codes] = score
        score = spread
    given = predictions.prediction
    return replace(
        predictions,
        truth=codes[predictions.truth],
        prediction=None if given is None else codes[given],
        score=score,
        classes=classes,
        positive=positive,
    )

"""What several metrics of the same rows share, computed once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from assay.stats.ranking import Ranking, pairwise_wins, rank

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assay.stats.predictions import Predictions


class UndefinedError(Exception):
    """A metric has no value on these rows; the message says why."""


@dataclass(frozen=True, eq=False)
class Workings:
    """What several metrics of the same rows share, each made when first needed."""

    predictions: Predictions

    @cached_property
    def total(self) -> float:
        """Weight of all rows; without weights, how many there are."""
        weight = self.predictions.weight
        return float(len(self.predictions)) if weight is None else float(weight.sum())

    def mean(self, values: NDArray[np.float64]) -> float:
        """Weighted mean of (n,) values."""
        weight = self.predictions.weight
        return float(values.mean() if weight is None else (values * weight).sum() / self.total)

    # Labels ---------------------------------------------------------------------------------

    @cached_property
    def confusion(self) -> NDArray[np.float64]:
        """(k, k): weight of the rows by true class (row) and predicted class (column)."""
        return confusion(self.predictions)

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """(k,): which classes some row has or predicts. As in scikit-learn, at any weight."""
        truth, prediction = self.predictions.truth, self.predictions.prediction
        count = len(self.predictions.classes)
        assert prediction is not None  # noqa: S101 (checked by the caller)
        return (np.bincount(truth, minlength=count) + np.bincount(prediction, minlength=count)) > 0

    @cached_property
    def predicted(self) -> NDArray[np.float64]:
        """(k,): weight of the rows by predicted class."""
        return np.asarray(self.confusion.sum(axis=0))

    @cached_property
    def true(self) -> NDArray[np.float64]:
        """(k,): weight of the rows by true class, of the confusion matrix."""
        return np.asarray(self.confusion.sum(axis=1))

    @cached_property
    def correct(self) -> NDArray[np.float64]:
        """(k,): weight of the rows whose class was predicted."""
        return np.asarray(np.diagonal(self.confusion))

    @cached_property
    def positive(self) -> int:
        """The code of the positive class."""
        code = self.predictions.positive_code
        if code is None:
            names = " or ".join(repr(label) for label in self.predictions.classes)
            raise UndefinedError(f"which class is positive is not known: say {names}")
        return code

    # Scores ---------------------------------------------------------------------------------

    @cached_property
    def score(self) -> NDArray[np.float64]:
        """(n,) or (n, k)."""
        score = self.predictions.score
        assert score is not None  # noqa: S101 (checked by the caller)
        return score

    @cached_property
    def ranking(self) -> Ranking:
        """Of a binary score."""
        return rank(self.score, self.predictions.is_positive, self.predictions.weight)

    @cached_property
    def wins(self) -> NDArray[np.float64]:
        """(k, k): of the scores of several classes, see `pairwise_wins`."""
        return pairwise_wins(self.score, self.predictions.truth, self.predictions.weight)

    @cached_property
    def class_weight(self) -> NDArray[np.float64]:
        """(k,): weight of the rows of each true class."""
        truth, weight = self.predictions.truth, self.predictions.weight
        counted = np.bincount(truth, weights=weight, minlength=len(self.predictions.classes))
        return counted.astype(np.float64)

    @cached_property
    def of_truth(self) -> NDArray[np.float64]:
        """(n,): the probability given to the class that was true."""
        if self.score.ndim == 1:
            return np.where(self.predictions.is_positive, self.score, 1 - self.score)
        return np.asarray(self.score[np.arange(len(self.predictions)), self.predictions.truth])

    # Numbers --------------------------------------------------------------------------------

    @cached_property
    def error(self) -> NDArray[np.float64]:
        """(n,): truth less prediction."""
        prediction = self.predictions.prediction
        assert prediction is not None  # noqa: S101 (checked by the caller)
        return np.asarray(self.predictions.truth - prediction)

    @cached_property
    def absolute(self) -> NDArray[np.float64]:
        """(n,): size of the error."""
        return np.asarray(np.abs(self.error))

    def pinball(self, quantile: float) -> float:
        """Mean pinball loss: `quantile` an underestimate, the rest an overestimate."""
        return self.mean(np.maximum(quantile * self.error, (quantile - 1) * self.error))


def confusion(predictions: Predictions) -> NDArray[np.float64]:
    """(k, k): weight of the rows by true class (row) and predicted class (column).

    https://scikit-learn.org/stable/modules/generated/sklearn.metrics.confusion_matrix.html

    Args:
        predictions: Of a classification, with predicted labels.
    """
    if predictions.prediction is None or predictions.task == "regression":
        raise ValueError("a confusion matrix needs predicted labels")
    count = len(predictions.classes)
    cell = predictions.truth * count + predictions.prediction
    table = np.bincount(cell, weights=predictions.weight, minlength=count * count)
    return table.reshape(count, count).astype(np.float64)

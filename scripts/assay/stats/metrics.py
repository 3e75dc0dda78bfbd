"""Metrics of predictions, by scikit-learn's definitions.

They are computed here and not by calling scikit-learn because that sorts and encodes the rows
again for every metric, and because its releases differ (weighted medians, the Brier score of
several classes, what raises and what warns). The tests hold them against scikit-learn's functions.

Where they leave scikit-learn's path: it returns some number where there is none, or NaN with a
warning. Here such a metric is *undefined*, with the reason: ROC AUC and average precision without
both, or without positive, rows; R² of a constant truth or a single row; MAPE of a true value of
zero; anything that overflows; everything where all weights are zero. Kept is `zero_division=0`:
precision without a predicted positive row, recall without a true one, and F1 without either are
0.0, as is the Matthews correlation of a constant prediction or truth.
"""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assay.errors import UsageError
from assay.stats.catalogue import CATALOGUE, Metric, canonical, find
from assay.stats.workings import UndefinedError, Workings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from assay.stats.predictions import Predictions


class MetricError(UsageError):
    """A metric was asked for that does not exist."""


@dataclass(frozen=True, slots=True)
class Computed:
    """The metrics of some predictions."""

    values: dict[str, float]
    """By name, in the order asked for. Finite."""
    undefined: dict[str, str]
    """By name, why it has no value on these rows."""


def compute(predictions: Predictions, *, metrics: Sequence[str] | None = None) -> Computed:
    """Compute metrics.

    Args:
        predictions: The rows, or some of them (`Predictions.subset`).
        metrics: Names of the catalogue, also `pinball_0.9`. None for those that are usual for
            the task and that the given columns allow; what was asked for by name and cannot be
            computed is in `undefined` instead.

    Raises:
        MetricError: A name is not in the catalogue.
    """
    if metrics is None:
        wanted = [metric for metric in CATALOGUE.values() if _usual(metric, predictions)]
    else:
        wanted = [_find(name) for name in dict.fromkeys(metrics)]
    values: dict[str, float] = {}
    undefined: dict[str, str] = {}
    workings = Workings(predictions)
    for metric in wanted:
        try:
            values[metric.name] = _one(metric, workings)
        except UndefinedError as reason:
            undefined[metric.name] = str(reason)
    return Computed(values, undefined)


def _usual(metric: Metric, predictions: Predictions) -> bool:
    given = predictions.prediction if metric.needs == "prediction" else predictions.score
    return predictions.task in metric.default_for and given is not None


def _find(name: str) -> Metric:
    metric = find(name)
    if metric is None:
        close = canonical(name) or next(iter(difflib.get_close_matches(name, CATALOGUE, n=1)), None)
        hint = f"Did you mean {close!r}?" if close else None
        allowed = ", ".join(CATALOGUE)
        raise MetricError(f"unknown metric {name!r}; known are {allowed}, pinball_0.9", hint=hint)
    return metric


def _one(metric: Metric, workings: Workings) -> float:
    predictions = workings.predictions
    if predictions.task not in metric.tasks:
        tasks = " and ".join(sorted(metric.tasks))
        raise UndefinedError(f"it is for {tasks} tasks; this one is {predictions.task}")
    if len(predictions) == 0:
        raise UndefinedError("there are no rows")
    if workings.total == 0:
        raise UndefinedError("all weights are zero")
    if metric.needs == "score" and predictions.score is None:
        raise UndefinedError("it needs a score, and the predictions have none")
    if metric.needs == "prediction" and predictions.prediction is None:
        raise UndefinedError(f"it needs a prediction column: {predictions.score_problem}")
    if metric.probability and predictions.score_problem is not None:
        raise UndefinedError(predictions.score_problem)
    with np.errstate(all="ignore"):
        if metric.quantile is not None:
            value = workings.pinball(metric.quantile)
        else:
            value = float(_FORMULAS[metric.name](workings))
    if not math.isfinite(value):
        raise UndefinedError("the values are too large: the result overflows")
    return value


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """`part / whole`, and 0 where the whole is nothing (zero_division=0)."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole != 0)


# Numerator and denominator of each, a class.
_PARTS: dict[str, Callable[[Workings], tuple[NDArray[np.float64], NDArray[np.float64]]]] = {
    "precision": lambda w: (w.correct, w.predicted),
    "recall": lambda w: (w.correct, w.true),
    "f1": lambda w: (2 * w.correct, w.true + w.predicted),
}


def _of_positive(name: str) -> Callable[[Workings], float]:
    return lambda w: float(_ratio(*_PARTS[name](w))[w.positive])


def _macro(name: str) -> Callable[[Workings], float]:
    return lambda w: float(_ratio(*_PARTS[name](w))[w.present].mean())


def _micro(name: str) -> Callable[[Workings], float]:
    return lambda w: float(np.divide(*(part.sum() for part in _PARTS[name](w))))


def _weighted(name: str) -> Callable[[Workings], float]:
    return lambda w: float(np.dot(_ratio(*_PARTS[name](w)), w.true) / w.true.sum())


def _balanced_accuracy(w: Workings) -> float:
    occurs = w.true > 0
    return float((w.correct[occurs] / w.true[occurs]).mean())


def _mcc(w: Workings) -> float:
    # By the number of classes and not by a zero covariance, which rounding makes a tiny number.
    if np.count_nonzero(w.true) < 2 or np.count_nonzero(w.predicted) < 2:
        return 0.0
    # Shares and not counts: the fourth power of many heavy rows would overflow.
    true, predicted = w.true / w.total, w.predicted / w.total
    together = w.correct.sum() / w.total - np.dot(true, predicted)
    # `t * (1 - t)` keeps the digits of a rare class that `1 - sum(t * t)` rounds away.
    spread = math.sqrt(np.dot(true, 1 - true) * np.dot(predicted, 1 - predicted))
    return float(together) / spread if spread else 0.0


def _roc_auc(w: Workings) -> float:
    _require_classes(w)
    return w.ranking.roc_area()


def _average_precision(w: Workings) -> float:
    if w.ranking.positives == 0:
        _require_classes(w)
    return w.ranking.average_precision()


def _require_classes(w: Workings) -> None:
    """Fail unless every class of the score occurs."""
    classes = w.predictions.classes
    absent = [classes[code] for code in np.flatnonzero(w.class_weight == 0)]
    if w.predictions.task == "binary" and len(absent) == 1 and len(classes) == 2:
        only = classes[1 - classes.index(absent[0])]
        raise UndefinedError(
            f"it needs rows of both classes; all {len(w.predictions)} are {only!r}"
        )
    if absent:
        names = ", ".join(repr(label) for label in absent[:5])
        raise UndefinedError(f"it needs rows of every class; none is {names}")


def _roc_auc_ovr(w: Workings) -> float:
    _require_classes(w)
    rest = w.total - w.class_weight
    return float((w.wins.sum(axis=1) / (w.class_weight * rest)).mean())


def _roc_auc_ovo(w: Workings) -> float:
    if w.predictions.weight is not None:
        raise UndefinedError("it is not defined for weighted rows")
    # As in scikit-learn, over the classes that occur; one-against-rest needs all of them.
    occurs = np.flatnonzero(w.class_weight > 0)
    if occurs.size < 2:
        _require_classes(w)
    size = w.class_weight[occurs]
    area = w.wins[np.ix_(occurs, occurs)] / np.outer(size, size)
    return float(area.sum() / (occurs.size * (occurs.size - 1)))


def _log_loss(w: Workings) -> float:
    # A probability of exactly 0 or 1 is taken for the nearest other one, as in scikit-learn.
    tiny = np.finfo(np.float64).eps
    return -w.mean(np.log(np.clip(w.of_truth, tiny, 1 - tiny)))


def _brier(w: Workings) -> float:
    if w.score.ndim == 1:
        return w.mean((1 - w.of_truth) ** 2)
    squares = np.einsum("ij,ij->i", w.score, w.score)
    return w.mean(squares - 2 * w.of_truth + 1)


def _r2(w: Workings) -> float:
    weight = w.predictions.weight
    truth = w.predictions.truth if weight is None else w.predictions.truth[weight > 0]
    if truth.size < 2:
        raise UndefinedError("it needs at least two rows")
    if truth.min() == truth.max():
        raise UndefinedError(f"the truth is constant ({truth[0]:g}): it has no variance to explain")
    mean = w.mean(w.predictions.truth)
    return 1 - w.mean(w.error**2) / w.mean((w.predictions.truth - mean) ** 2)


def _mape(w: Workings) -> float:
    truth, weight = w.predictions.truth, w.predictions.weight
    zero = np.count_nonzero((truth == 0) if weight is None else (truth == 0) & (weight > 0))
    if zero:
        raise UndefinedError(f"it divides by the true value, which is 0 in {zero} rows")
    smallest = np.finfo(np.float64).eps
    return w.mean(w.absolute / np.maximum(np.abs(truth), smallest))


def _median_absolute_error(w: Workings) -> float:
    weight = w.predictions.weight
    if weight is None:
        return float(np.median(w.absolute))
    counted = weight > 0
    absolute, weight = w.absolute[counted], weight[counted]
    order = np.argsort(absolute, kind="stable")
    reached = np.cumsum(weight[order])
    half = reached[-1] / 2
    # Exactly half of the weight below: between two rows, as the median of an even number is.
    at = min(int(np.searchsorted(reached, half)), absolute.size - 1)
    after = at + 1 if reached[at] <= half and at + 1 < absolute.size else at
    return float((absolute[order[at]] + absolute[order[after]]) / 2)


_FORMULAS: dict[str, Callable[[Workings], float]] = {
    "accuracy": lambda w: w.correct.sum() / w.total,
    "balanced_accuracy": _balanced_accuracy,
    **{name: _of_positive(name) for name in _PARTS},
    **{f"{name}_macro": _macro(name) for name in _PARTS},
    **{f"{name}_micro": _micro(name) for name in _PARTS},
    **{f"{name}_weighted": _weighted(name) for name in _PARTS},
    "mcc": _mcc,
    "roc_auc": _roc_auc,
    "roc_auc_ovr": _roc_auc_ovr,
    "roc_auc_ovo": _roc_auc_ovo,
    "average_precision": _average_precision,
    "log_loss": _log_loss,
    "brier": _brier,
    "r2": _r2,
    "mae": lambda w: w.mean(w.absolute),
    "mse": lambda w: w.mean(w.error**2),
    "rmse": lambda w: math.sqrt(w.mean(w.error**2)),
    "mape": _mape,
    "median_absolute_error": _median_absolute_error,
}

# mypy: disable-error-code="no-any-return"
"""Models that ask other models and put their answers together: votes, means, stacks, boosts."""

from __future__ import annotations

import operator
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.conversion.converters.linear import above, index_of
from assay.packaging.conversion.frame import Data, join, matrix, select
from assay.packaging.conversion.registry import apply, converts

if TYPE_CHECKING:
    from assay.packaging.conversion.tensor import Tensor


def mean(parts: list[Tensor], weights: Any = None) -> Tensor:
    """The weighted mean of tensors of one shape."""
    shares = np.ones(len(parts)) if weights is None else np.asarray(weights, dtype=np.float64)
    total = parts[0] * float(shares[0])
    for part, share in zip(parts[1:], shares[1:], strict=True):
        total = total + part * float(share)
    return total / float(shares.sum())


@converts("sklearn.VotingRegressor", method="predict")
def voting_regressor(model: Any, data: Data) -> Tensor:
    """The weighted mean."""
    parts = [matrix(apply(one, "predict", data)) for one in model.estimators_]
    return mean(parts, model._weights_not_none)  # noqa: SLF001 (without those of dropped models)


@converts("sklearn.VotingClassifier", method="predict_proba")
def voting_chances(model: Any, data: Data) -> Tensor:
    """The weighted mean of probabilities."""
    parts = [apply(one, "predict_proba", data) for one in model.estimators_]
    return mean(parts, model._weights_not_none)  # noqa: SLF001 (as above)


@converts("sklearn.VotingClassifier", method="index")
def voting_index(model: Any, data: Data) -> Tensor:
    """The most probable class, or the one with the most votes."""
    if model.voting == "soft":
        return apply(model, "predict_proba", data).argmax()
    classes = np.arange(len(model.classes_))[None, :]
    votes = [
        apply(one, "predict", data).cast("int64").equals(classes).cast("float64")
        for one in model.estimators_
    ]
    return mean(votes, model._weights_not_none).argmax()  # noqa: SLF001 (as above)


def _stacked(model: Any, data: Data) -> Data:
    """What the models say, without what the rest determines; then the columns themselves."""
    parts: list[Data] = []
    for one, method in zip(model.estimators_, model.stack_method_, strict=True):
        said = apply(one, method, data)
        if isinstance(said, list):
            parts += [
                column.take(range(1, len(one.classes_[at]))) for at, column in enumerate(said)
            ]
        elif method == "predict_proba" and len(model.classes_) == 2:
            parts.append(said.column(1))
        else:
            parts.append(matrix(said))
    if model.passthrough:
        parts.append(matrix(data))
    return join(parts, [1] * len(parts))


def _stacking(method: str) -> None:
    @converts("sklearn.StackingClassifier", "sklearn.StackingRegressor", method=method)
    def convert(model: Any, data: Data) -> Tensor:
        answer = apply(model.final_estimator_, method, _stacked(model, data))
        if isinstance(answer, list):  # of several labels, that each does not hold
            return answer[0].graph.concat([one.column(0) for one in answer])
        return answer


_stacking("predict_proba")
_stacking("decision_function")


@converts("sklearn.StackingRegressor", method="predict")
def stacking_regressor(model: Any, data: Data) -> Tensor:
    """What the last model makes of it."""
    answer: Tensor = apply(model.final_estimator_, "predict", _stacked(model, data))
    return answer


@converts("sklearn.StackingClassifier", method="index")
def stacking_index(model: Any, data: Data) -> Tensor:
    """The last model knows classes by their place."""
    return apply(model.final_estimator_, "predict", _stacked(model, data)).cast("int64")


def _bags(model: Any, data: Data) -> list[tuple[Any, Data]]:
    values = matrix(data)
    whole = np.arange(model.n_features_in_)
    pairs = zip(model.estimators_, model.estimators_features_, strict=True)
    return [(one, values if np.array_equal(at, whole) else select(values, at)) for one, at in pairs]


@converts("sklearn.BaggingRegressor", method="predict")
def bagging_regressor(model: Any, data: Data) -> Tensor:
    """The mean."""
    return mean([matrix(apply(one, "predict", part)) for one, part in _bags(model, data)])


@converts("sklearn.BaggingClassifier", method="predict_proba")
def bagging_chances(model: Any, data: Data) -> Tensor:
    """The mean of probabilities, or of votes; a model may not have seen every class."""
    k, parts = len(model.classes_), []
    for one, part in _bags(model, data):
        seen = np.eye(k)[np.asarray(one.classes_, dtype=np.int64)]
        if hasattr(one, "predict_proba"):
            said = apply(one, "predict_proba", part)
            parts.append(said if len(seen) == k else said @ seen)
        else:
            label = apply(one, "predict", part).cast("int64")
            parts.append(label.equals(np.arange(k)[None, :]).cast("float64"))
    return mean(parts)


@converts("sklearn.BaggingClassifier", method="decision_function")
def bagging_scores(model: Any, data: Data) -> Tensor:
    """The mean of scores."""
    return mean([apply(one, "decision_function", part) for one, part in _bags(model, data)])


@converts("sklearn.AdaBoostClassifier", method="decision_function")
def boosted_scores(model: Any, data: Data) -> Tensor:
    """Each model's vote by its weight; SAMME.R (to scikit-learn 1.5) by log-probabilities."""
    k = len(model.classes_)
    weights = np.asarray(model.estimator_weights_, dtype=np.float64)[: len(model.estimators_)]
    parts = []
    for one, weight in zip(model.estimators_, weights, strict=True):
        if getattr(model, "algorithm", "SAMME") == "SAMME.R":
            logs = (
                apply(one, "predict_proba", data).clip(float(np.finfo(float).eps), None).op("Log")
            )
            parts.append((logs - logs.reduce("Mean", 1)) * float(k - 1))
            continue
        hit = _place(model, one, data).equals(np.arange(k)[None, :])
        share = float(weight)
        parts.append(hit.where(share, -1.0 / (k - 1) * share))
    return above(model, reduce(operator.add, parts) / float(model.estimator_weights_.sum()))


def _place(model: Any, member: Any, data: Data) -> Tensor:
    """The place in the ensemble's classes of what a member says."""
    places = np.searchsorted(model.classes_, member.classes_)
    index = apply(member, "index", data)
    return index.graph.constant(places.astype(np.int64)).take(index, axis=0)


@converts("sklearn.AdaBoostClassifier", method="predict_proba")
def boosted_chances(model: Any, data: Data) -> Tensor:
    """Softmax of the scores."""
    scores, k = apply(model, "decision_function", data), len(model.classes_)
    if k == 2:
        return (scores.graph.concat([-scores, scores]) / 2.0).softmax()
    return (scores / float(k - 1)).softmax()


@converts("sklearn.AdaBoostClassifier", method="index")
def boosted_index(model: Any, data: Data) -> Tensor:
    """The highest score."""
    return index_of(model, apply(model, "decision_function", data))


@converts("sklearn.AdaBoostRegressor", method="predict")
def boosted_regressor(model: Any, data: Data) -> Tensor:
    """The weighted median of the models."""
    parts = [matrix(apply(one, "predict", data)) for one in model.estimators_]
    said, graph = parts[0].graph.concat(parts), parts[0].graph
    ordered, places = said.sort_top(len(parts))
    weights = np.asarray(model.estimator_weights_, dtype=np.float64)[: len(parts)]
    axis = graph.constant(np.array(1))
    gathered = graph.constant(weights).take(places, axis=0)
    summed = graph.node("CumSum", [gathered, axis], dtype="float64")
    reached = summed >= summed.column(len(parts) - 1) * 0.5
    first = reached.argmax()
    return graph.node("GatherElements", [ordered, first], dtype="float64", axis=1)

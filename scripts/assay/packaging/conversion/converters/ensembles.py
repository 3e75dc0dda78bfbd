# mypy: disable-error-code="no-any-return"
"""Models that ask other models and put their answers together: votes, means, stacks, boosts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

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
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    total = total / float(model.estimator_weights_.sum())
    return total.column(1) - total.column(0) if k == 2 else total


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
    scores = apply(model, "decision_function", data)
    return (scores > 0.0).cast("int64") if len(model.classes_) == 2 else scores.argmax()


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


@converts("sklearn.IsolationForest", method="decision_function")
def isolation_scores(model: Any, data: Data) -> Tensor:
    """How long the paths are, as `IsolationForest.score_samples`, above the offset."""
    from assay.packaging.conversion.converters.trees import single, tree_of
    from assay.packaging.conversion.trees import Tree, total

    values = single(matrix(data))
    whole = np.arange(model.n_features_in_)
    trees: list[Tree] = []
    for one, features, lengths, average in zip(
        model.estimators_,
        model.estimators_features_,
        model._decision_path_lengths,  # noqa: SLF001 (what score_samples adds up)
        model._average_path_length_per_tree,  # noqa: SLF001 (as above)
        strict=True,
    ):
        made = tree_of(one)
        feature = (
            made.feature
            if np.array_equal(features, whole)
            else np.where(made.feature < 0, -1, np.asarray(features)[made.feature])
        )
        depth = (np.asarray(lengths) + np.asarray(average) - 1.0)[:, None]
        trees.append(Tree(feature, made.threshold, made.left, made.right, made.missing_left, depth))
    depths = total(values, trees)
    longest = float(len(trees) * _average_path(model._max_samples))  # noqa: SLF001 (as above)
    return -((depths * (-np.log(2.0) / longest)).op("Exp")) - float(model.offset_)


def _average_path(count: int) -> float:
    """`sklearn.ensemble._iforest._average_path_length` of one number."""
    if count <= 1:
        return 1.0
    return (
        1.0
        if count == 2
        else 2.0 * (np.log(count - 1.0) + np.euler_gamma) - 2.0 * (count - 1.0) / count
    )


@converts("sklearn.IsolationForest", method="predict")
def isolation_label(model: Any, data: Data) -> Tensor:
    """1 inside, -1 outside."""
    scores = apply(model, "decision_function", data)
    return (scores < 0.0).where(-1, 1)

# mypy: disable-error-code="no-any-return"
"""Trees, forests and gradient boosting of scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.conversion.converters.linear import chances_of
from assay.packaging.conversion.frame import Data, matrix
from assay.packaging.conversion.registry import apply, converts
from assay.packaging.conversion.trees import Tree, leaves, total

if TYPE_CHECKING:
    from assay.packaging.conversion.tensor import Tensor

TREE_REGRESSORS = ("sklearn.DecisionTreeRegressor", "sklearn.ExtraTreeRegressor")
FOREST_REGRESSORS = ("sklearn.RandomForestRegressor", "sklearn.ExtraTreesRegressor")
CLASSIFIERS = (
    "sklearn.DecisionTreeClassifier",
    "sklearn.ExtraTreeClassifier",
    "sklearn.RandomForestClassifier",
    "sklearn.ExtraTreesClassifier",
)


def single(data: Data) -> Tensor:
    """As scikit-learn's trees read it: rounded to float32, their thresholds are float64."""
    return matrix(data).cast("float32").cast("float64")


def tree_of(estimator: Any, weight: float = 1.0) -> Tree:
    """A fitted `DecisionTree*` or `ExtraTree*`; its values are multiplied by `weight`."""
    fitted = estimator.tree_
    leaf = fitted.children_left < 0
    missing = getattr(fitted, "missing_go_to_left", np.zeros(len(leaf), dtype=np.uint8))
    return Tree(
        feature=np.where(leaf, -1, fitted.feature),
        threshold=fitted.threshold,
        left=fitted.children_left,
        right=fitted.children_right,
        missing_left=missing.astype(bool),
        value=fitted.value.reshape(len(leaf), -1) * weight,
    )


def _members(model: Any) -> list[Tree]:
    return [tree_of(one) for one in getattr(model, "estimators_", [model])]


@converts(*TREE_REGRESSORS, *FOREST_REGRESSORS, method="predict")
def regressor(model: Any, data: Data) -> Tensor:
    """The mean of the trees."""
    members = _members(model)
    return total(single(data), members) / float(len(members))


@converts(*CLASSIFIERS, method="predict_proba")
def classifier(model: Any, data: Data) -> Any:
    """The mean of the trees' probabilities; a list where there are several outputs."""
    members = _members(model)
    chances = total(single(data), members) / float(len(members))
    if not isinstance(model.classes_, list):
        return chances
    width = max(len(classes) for classes in model.classes_)
    return [
        chances.take(range(place * width, place * width + len(classes)))
        for place, classes in enumerate(model.classes_)
    ]


@converts("sklearn.RandomTreesEmbedding", method="transform")
def embedding(model: Any, data: Data) -> Tensor:
    """A column a leaf."""
    members = _members(model)
    rows = leaves(single(data), members)
    parts = []
    start = 0
    for place, tree in enumerate(members):
        count = int((tree.feature < 0).sum())
        parts.append(rows.column(place).equals(np.arange(start, start + count)[None, :]))
        start += count
    return rows.graph.concat(parts).cast("float64")


@converts("sklearn.GradientBoostingClassifier", method="decision_function")
def boosting_scores(model: Any, data: Data) -> Tensor:
    """The initial prediction, and what every stage adds to it."""
    return _boosting_start(model, data) + _boosting_stages(model, data)


@converts("sklearn.GradientBoostingRegressor", method="predict")
def boosting_regressor(model: Any, data: Data) -> Tensor:
    """The initial prediction, and what every stage adds to it."""
    stages = _boosting_stages(model, data)
    if isinstance(model.init_, str):
        return stages
    return stages + matrix(apply(model.init_, "predict", data))


def _boosting_stages(model: Any, data: Data) -> Tensor:
    values, rate = single(data), float(model.learning_rate)
    parts = [
        total(values, [tree_of(one, rate) for one in model.estimators_[:, place]])
        for place in range(model.estimators_.shape[1])
    ]
    return values.graph.concat(parts)


def _boosting_start(model: Any, data: Data) -> Tensor:
    """`sklearn.ensemble._gb._init_raw_predictions`: the link of the first model's probabilities."""
    if isinstance(model.init_, str):
        return matrix(data).column(0) * 0.0
    tiny = float(np.finfo(np.float32).eps)
    chances = apply(model.init_, "predict_proba", data).clip(tiny, 1.0 - tiny)
    if len(model.classes_) > 2:
        logs = chances.op("Log")
        return logs - logs.reduce("Mean", 1)
    positive = chances.column(1)
    logit = (positive / (1.0 - positive)).op("Log")
    return logit * 0.5 if model.loss == "exponential" else logit


@converts("sklearn.GradientBoostingClassifier", method="predict_proba")
def boosting_chances(model: Any, data: Data) -> Tensor:
    """Behind the inverse link of the loss."""
    scores = apply(model, "decision_function", data)
    return chances_of(model, scores * 2.0 if model.loss == "exponential" else scores)


@converts("sklearn.GradientBoostingClassifier", method="index")
def boosting_index(model: Any, data: Data) -> Tensor:
    """The highest score; of two classes, whether it is at least 0."""
    scores = apply(model, "decision_function", data)
    return (scores >= 0.0).cast("int64") if len(model.classes_) == 2 else scores.argmax()

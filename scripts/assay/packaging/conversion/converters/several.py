# mypy: disable-error-code="no-any-return"
"""Several targets or classes, each by a model of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.conversion.converters.constants import repeated
from assay.packaging.conversion.converters.linear import pair
from assay.packaging.conversion.converters.vectors import one_vs_one
from assay.packaging.conversion.frame import Data, matrix, select
from assay.packaging.conversion.registry import apply, converts

if TYPE_CHECKING:
    from assay.packaging.conversion.tensor import Tensor


def _binary(model: Any, data: Data) -> Tensor:
    """`sklearn.multiclass._predict_binary`: the score of the positive class: (n, 1)."""
    if hasattr(model, "decision_function"):
        score: Tensor = apply(model, "decision_function", data)
        return score
    if hasattr(model, "predict_proba"):
        return apply(model, "predict_proba", data).column(1)
    return matrix(apply(model, "predict", data))


def _threshold(model: Any) -> float:
    return 0.0 if hasattr(model, "decision_function") and hasattr(model, "classes_") else 0.5


@converts("sklearn._ConstantPredictor", method="decision_function")
@converts("sklearn._ConstantPredictor", method="predict")
def constant(model: Any, data: Data) -> Tensor:
    """The one class that was seen."""
    return repeated(data, np.asarray(model.y_, dtype=np.float64).reshape(1, 1))


@converts("sklearn._ConstantPredictor", method="predict_proba")
def constant_chances(model: Any, data: Data) -> Tensor:
    """Certain of it."""
    return pair(constant(model, data))


@converts("sklearn.OneVsRestClassifier", method="decision_function")
def rest_scores(model: Any, data: Data) -> Tensor:
    """A score a class; of two classes one."""
    parts = [apply(one, "decision_function", data) for one in model.estimators_]
    return parts[0].graph.concat(parts)


@converts("sklearn.OneVsRestClassifier", method="predict_proba")
def rest_chances(model: Any, data: Data) -> Tensor:
    """A probability a class, normalized unless labels may hold together."""
    parts = [apply(one, "predict_proba", data).column(1) for one in model.estimators_]
    made = pair(parts[0]) if len(parts) == 1 else parts[0].graph.concat(parts)
    if model.multilabel_:
        return made
    return made / made.sum().divisor()


@converts("sklearn.OneVsRestClassifier", method="index")
def rest_index(model: Any, data: Data) -> Tensor:
    """The highest score; of two classes, and of labels, whether it is high enough."""
    parts = [_binary(one, data) for one in model.estimators_]
    made = parts[0].graph.concat(parts)
    if model.multilabel_ or len(parts) == 1:
        return (made > _threshold(model.estimators_[0])).cast("int64")
    return made.argmax()


@converts("sklearn.OneVsOneClassifier", method="decision_function")
def pair_scores(model: Any, data: Data) -> Tensor:
    """The votes of the pairs, and within them their confidence."""
    indices = model.pairwise_indices_ or [None] * len(model.estimators_)
    parts = [data if at is None else select(matrix(data), at) for at in indices]
    members = list(zip(model.estimators_, parts, strict=True))
    won = [matrix(apply(one, "predict", part)) > 0.5 for one, part in members]
    sure = [_binary(one, part) for one, part in members]
    graph, k = sure[0].graph, len(model.classes_)
    made = one_vs_one(graph.concat(sure), graph.concat(won), k)
    return made.column(1) if k == 2 else made


@converts("sklearn.OneVsOneClassifier", method="index")
def pair_index(model: Any, data: Data) -> Tensor:
    """The highest score."""
    scores = apply(model, "decision_function", data)
    if len(model.classes_) == 2:
        return (scores > _threshold(model.estimators_[0])).cast("int64")
    return scores.argmax()


@converts("sklearn.OutputCodeClassifier", method="index")
def code_index(model: Any, data: Data) -> Tensor:
    """The class with the nearest code, by `pairwise_distances_argmin`: its ties, in its order."""
    parts = [_binary(one, data) for one in model.estimators_]
    said = parts[0].graph.concat(parts)
    codes = np.asarray(model.code_book_, dtype=np.float64)
    apart = (said * said).sum() + said @ codes.T * -2.0 + (codes * codes).sum(axis=1)[None, :]
    return (-apart).argmax()


@converts("sklearn.MultiOutputRegressor", method="predict")
def targets(model: Any, data: Data) -> Tensor:
    """A model a target."""
    parts = [matrix(apply(one, "predict", data)) for one in model.estimators_]
    return parts[0].graph.concat(parts)


@converts("sklearn.MultiOutputClassifier", method="index")
def outputs(model: Any, data: Data) -> Tensor:
    """A model an output."""
    parts = [apply(one, "index", data) for one in model.estimators_]
    return parts[0].graph.concat(parts)


@converts("sklearn.MultiOutputClassifier", method="predict_proba")
def outputs_chances(model: Any, data: Data) -> list[Tensor]:
    """A model an output."""
    return [apply(one, "predict_proba", data) for one in model.estimators_]


def _chained(model: Any, data: Data, method: str) -> Tensor:
    """Each model sees what those before it said."""
    graph = matrix(data).graph
    seen, said = [matrix(data)], []
    how = getattr(model, "chain_method_", "predict")
    for one in model.estimators_:
        extended = graph.concat(seen)
        seen.append(_said(one, extended, how))
        said.append(_said(one, extended, method))
    order = np.argsort(np.asarray(model.order_))
    return graph.concat([said[int(place)] for place in order])


def _said(model: Any, data: Data, method: str) -> Tensor:
    answer = apply(model, method, data)
    return answer.column(1) if method == "predict_proba" else matrix(answer)


@converts("sklearn.RegressorChain", method="predict")
def chain_targets(model: Any, data: Data) -> Tensor:
    """In the order of the targets."""
    return _chained(model, data, "predict")


@converts("sklearn.ClassifierChain", method="predict")
def chain_labels(model: Any, data: Data) -> Tensor:
    """In the order of the labels."""
    return _chained(model, data, "predict")


@converts("sklearn.ClassifierChain", method="predict_proba")
def chain_chances(model: Any, data: Data) -> Tensor:
    """That each label holds."""
    return _chained(model, data, "predict_proba")


@converts("sklearn.ClassifierChain", method="decision_function")
def chain_scores(model: Any, data: Data) -> Tensor:
    """A score a label."""
    return _chained(model, data, "decision_function")

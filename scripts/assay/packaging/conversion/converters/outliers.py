# mypy: disable-error-code="no-any-return"
"""Outlier detectors: 1 inside, -1 outside."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.conversion.converters.trees import single, tree_of
from assay.packaging.conversion.frame import Data, matrix
from assay.packaging.conversion.registry import apply, converts
from assay.packaging.conversion.trees import Tree, total

if TYPE_CHECKING:
    from assay.packaging.conversion.tensor import Tensor


@converts("sklearn.IsolationForest", method="decision_function")
def isolation_scores(model: Any, data: Data) -> Tensor:
    """How long the paths are, as `IsolationForest.score_samples`, above the offset."""
    trees: list[Tree] = []
    for one, features, lengths, average in zip(
        model.estimators_,
        model.estimators_features_,
        model._decision_path_lengths,  # noqa: SLF001 (what score_samples adds up)
        model._average_path_length_per_tree,  # noqa: SLF001 (as above)
        strict=True,
    ):
        made = tree_of(one)
        feature = np.where(made.feature < 0, -1, np.asarray(features)[made.feature])
        depth = (np.asarray(lengths) + np.asarray(average) - 1.0)[:, None]
        trees.append(replace(made, feature=feature, value=depth))
    depths = total(single(data), trees)
    longest = float(len(trees) * _average_path(model._max_samples))  # noqa: SLF001 (as above)
    # trees of one row have no depth, and scikit-learn takes the share for 1
    share = depths / longest if longest else depths * 0.0 + 1.0
    return -((share * -np.log(2.0)).op("Exp")) - float(model.offset_)


def _average_path(count: int) -> float:
    """`sklearn.ensemble._iforest._average_path_length` of one number."""
    if count <= 2:
        return count - 1.0
    return 2.0 * (np.log(count - 1.0) + np.euler_gamma) - 2.0 * (count - 1.0) / count


@converts("sklearn.EllipticEnvelope", method="decision_function")
def envelope_scores(model: Any, data: Data) -> Tensor:
    """The Mahalanobis distance below the offset."""
    apart = matrix(data) - model.location_
    squares = (apart @ model.get_precision() * apart).sum()
    return -squares - float(model.offset_)


@converts("sklearn.SGDOneClassSVM", method="decision_function")
def linear_one_class(model: Any, data: Data) -> Tensor:
    """The signed distance to the border."""
    return matrix(data) @ np.atleast_2d(model.coef_).T - float(np.ravel(model.offset_)[0])


@converts("sklearn.EllipticEnvelope", "sklearn.SGDOneClassSVM", method="predict")
def inside_from_border(model: Any, data: Data) -> Tensor:
    """The border is inside."""
    return (apply(model, "decision_function", data) >= 0.0).where(1, -1)


@converts("sklearn.IsolationForest", "sklearn.LocalOutlierFactor", method="predict")
def inside_unless_beyond(model: Any, data: Data) -> Tensor:
    """The border is inside, and so is a score of NaN."""
    return (apply(model, "decision_function", data) < 0.0).where(-1, 1)


@converts("sklearn.OneClassSVM", method="predict")
def inside_beyond_border(model: Any, data: Data) -> Tensor:
    """The border is outside."""
    return (apply(model, "decision_function", data) > 0.0).where(1, -1)

# mypy: disable-error-code="no-any-return"
"""Histogram gradient boosting: float64 thresholds, missing values, categories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.conversion.converters.linear import chances_of
from assay.packaging.conversion.frame import Data, matrix, select
from assay.packaging.conversion.registry import apply, converts
from assay.packaging.conversion.trees import Sides, Tree, total

if TYPE_CHECKING:
    from assay.packaging.conversion.tensor import Tensor

CODES = 256
"""Categories are bins: 0 to 255; what stands behind them is for missing and unseen ones."""


def _tree(predictor: Any, sides: Sides) -> Tree:
    nodes = predictor.nodes
    feature = np.where(nodes["is_leaf"], -1, nodes["feature_idx"]).astype(np.int64)
    threshold = nodes["num_threshold"].astype(np.float64)
    for at in np.flatnonzero(nodes["is_categorical"] & (nodes["is_leaf"] == 0)):
        bits = predictor.raw_left_cat_bitsets[nodes["bitset_idx"][at]]
        left = np.unpackbits(np.asarray(bits, dtype="<u4").view(np.uint8), bitorder="little")
        other = 0.0 if nodes["missing_go_to_left"][at] else 1.0
        right = 1.0 - left[:CODES].astype(np.float64)
        feature[at], threshold[at] = sides.column(int(feature[at]), right, other), 0.5
    return Tree(
        feature=feature,
        threshold=threshold,
        left=nodes["left"].astype(np.int64),
        right=nodes["right"].astype(np.int64),
        missing_left=nodes["missing_go_to_left"].astype(bool),
        value=nodes["value"].astype(np.float64)[:, None],
    )


def _raw(model: Any, data: Data) -> Tensor:
    """The sum of the trees on the scale of the loss: (n, k)."""
    values = _encoded(model, data)
    sides = Sides(int(model.n_features_in_))
    stages = [[_tree(one, sides) for one in stage] for stage in model._predictors]  # noqa: SLF001 (the fitted trees)
    extended = sides.extend(values)
    start = np.asarray(model._baseline_prediction, dtype=np.float64).reshape(1, -1)  # noqa: SLF001 (as above)
    parts = [total(extended, [stage[at] for stage in stages]) for at in range(start.shape[1])]
    return values.graph.concat(parts) + start


def _encoded(model: Any, data: Data) -> Tensor:
    """Categories as codes first, then the numbers: the order in which the trees know columns."""
    preprocessor = getattr(model, "_preprocessor", None)
    if preprocessor is None:
        return matrix(data)
    places = preprocessor._transformer_to_input_indices  # noqa: SLF001 (its one resolved form)
    encoder = preprocessor.named_transformers_["encoder"]
    parts = [apply(encoder, "transform", select(data, places["encoder"]))]
    if len(places["numerical"]):
        parts.append(matrix(select(data, places["numerical"])))
    return parts[0].graph.concat(parts)


@converts("sklearn.HistGradientBoostingRegressor", method="predict")
def regressor(model: Any, data: Data) -> Tensor:
    """Behind the inverse link of the loss."""
    raw = _raw(model, data)
    return raw.op("Exp") if model.loss in {"gamma", "poisson"} else raw


@converts("sklearn.HistGradientBoostingClassifier", method="decision_function")
def scores(model: Any, data: Data) -> Tensor:
    """One column of two classes, else one a class."""
    return _raw(model, data)


@converts("sklearn.HistGradientBoostingClassifier", method="predict_proba")
def chances(model: Any, data: Data) -> Tensor:
    """Sigmoid of two classes, else softmax."""
    return chances_of(model, apply(model, "decision_function", data))

"""Histogram gradient boosting: float64 thresholds, missing values, categories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.conversion.converters.linear import pair
from assay.packaging.conversion.frame import Data, matrix, select
from assay.packaging.conversion.registry import apply, converts
from assay.packaging.conversion.trees import Tree, total

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assay.packaging.conversion.graph import Tensor

CODES = 256
"""Categories are bins: 0 to 255; the row behind them is for missing and unseen ones."""


class Sides:
    """Splits by category as columns of their own: 0 goes left, 1 goes right.

    A tree of ONNX compares numbers. So a set of categories becomes a column, looked up by category,
    and equal sets share it.
    """

    def __init__(self, features: int) -> None:
        self.features = features
        self._columns: dict[tuple[int, bytes], int] = {}

    def column(self, feature: int, right: NDArray[np.float64]) -> int:
        """The column of a split.

        Args:
            feature: The column with the category's code.
            right: (CODES + 1,): 1 where a code goes right; the last is that of NaN.
        """
        key = feature, right.tobytes()
        return self._columns.setdefault(key, self.features + len(self._columns))

    def extend(self, values: Tensor) -> Tensor:
        """The columns, and those of the splits behind them."""
        parts = [values]
        by_feature: dict[int, list[bytes]] = {}
        for feature, right in self._columns:
            by_feature.setdefault(feature, []).append(right)
        order = [key for feature in by_feature for key in self._columns if key[0] == feature]
        for feature, tables in by_feature.items():
            code = values.column(feature)
            place = (code.isnan() | (code < 0.0)).where(code.like(float(CODES)), code)
            rows = np.stack([np.frombuffer(one) for one in tables], axis=1)
            taken = values.graph.constant(rows).take(place.cast("int64").reshape(-1), axis=0)
            parts.append(taken)
        extended = values.graph.concat(parts)
        if order == list(self._columns):
            return extended
        at = {key: self.features + place for place, key in enumerate(order)}
        return extended.take([*range(self.features), *(at[key] for key in self._columns)])


def _tree(predictor: Any, sides: Sides) -> Tree:
    nodes = predictor.nodes
    feature = np.where(nodes["is_leaf"], -1, nodes["feature_idx"]).astype(np.int64)
    threshold = nodes["num_threshold"].astype(np.float64)
    for at in np.flatnonzero(nodes["is_categorical"] & (nodes["is_leaf"] == 0)):
        bits = predictor.raw_left_cat_bitsets[nodes["bitset_idx"][at]]
        left = np.unpackbits(np.asarray(bits, dtype="<u4").view(np.uint8), bitorder="little")
        right = np.append(1.0 - left, 0.0 if nodes["missing_go_to_left"][at] else 1.0)
        feature[at], threshold[at] = sides.column(int(feature[at]), right), 0.5
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
    raw = apply(model, "decision_function", data)
    return pair(raw.sigmoid()) if len(model.classes_) == 2 else raw.softmax()

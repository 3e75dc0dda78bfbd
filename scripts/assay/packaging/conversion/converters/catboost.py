# mypy: disable-error-code="no-any-return"
"""CatBoost: it compares in float32; what is above a border goes right."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.conversion.converters.linear import pair
from assay.packaging.conversion.frame import Data, matrix
from assay.packaging.conversion.refusal import unsupported
from assay.packaging.conversion.registry import apply, converts
from assay.packaging.conversion.trees import Tree, grown, total

if TYPE_CHECKING:
    from assay.packaging.conversion.tensor import Tensor

EXPONENTIAL = {"Poisson", "Tweedie", "LogLinQuantile"}


def _dumped(model: Any) -> dict[str, Any]:
    """The model as JSON, which it only writes to a file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "model.json")
        model.save_model(str(file), format="json")
        found: dict[str, Any] = json.loads(file.read_text())
    return found


def _symmetric(model: Any, dumped: dict[str, Any], known: dict[int, dict[str, Any]]) -> Tree:
    """Every node of a level asks the same; its answer is a bit of the leaf's number."""
    splits = dumped.get("splits") or []
    depth = len(splits)
    inner, leaves = 2**depth - 1, 2**depth
    values = np.array(dumped["leaf_values"], dtype=np.float64).reshape(leaves, -1)
    count = inner + leaves
    places = np.arange(count)
    level = np.floor(np.log2(places + 1)).astype(np.int64)
    asked = [_split(model, split, known) for split in splits] or [(0, 0.0, False)]
    feature, border, missing_left = (np.array(one) for one in zip(*asked, strict=True))
    at = np.minimum(level, max(depth - 1, 0))
    leaf = places >= inner
    # the path to a leaf, first answer first, is its number with the lowest bit first
    number = np.zeros(leaves, dtype=np.int64)
    for bit in range(depth):
        number |= ((np.arange(leaves) >> (depth - 1 - bit)) & 1) << bit
    return Tree(
        feature=np.where(leaf, -1, feature[at]),
        threshold=border[at].astype(np.float64),
        left=np.where(leaf, 0, 2 * places + 1),
        right=np.where(leaf, 0, 2 * places + 2),
        missing_left=missing_left[at].astype(np.bool_),
        value=np.concatenate([np.zeros((inner, values.shape[1])), values[number]]),
    )


def _split(
    model: Any, split: dict[str, Any], known: dict[int, dict[str, Any]]
) -> tuple[int, float, bool]:
    if split.get("split_type", "FloatFeature") != "FloatFeature":
        raise unsupported(model, "categorical or text features, which it hashes")
    feature = known[int(split["float_feature_index"])]
    above = feature["nan_value_treatment"] == "AsTrue"
    return int(feature["flat_feature_index"]), float(np.float32(split["border"])), not above


def _grown(model: Any, root: dict[str, Any], known: dict[int, dict[str, Any]]) -> Tree:
    """A tree of `grow_policy` Depthwise or Lossguide."""

    def split(node: dict[str, Any]) -> tuple[int, float, bool]:
        return _split(model, node["split"], known)

    return grown(root, ("left", "right"), split, lambda leaf: leaf["value"])


def _raw(model: Any, data: Data) -> Tensor:
    """The formula's value: (n, k)."""
    dumped = _dumped(model)
    info = dumped["features_info"]
    if info.get("categorical_features") or info.get("text_features"):
        raise unsupported(model, "categorical or text features, which it hashes")
    known = {int(one["feature_index"]): one for one in info["float_features"]}
    if "oblivious_trees" in dumped:
        trees = [_symmetric(model, one, known) for one in dumped["oblivious_trees"]]
    else:
        trees = [_grown(model, one, known) for one in dumped["trees"]]
    scale, bias = dumped["scale_and_bias"]
    values = matrix(data).cast("float32").cast("float64")
    return (
        total(values, trees) * float(scale) + np.atleast_1d(np.asarray(bias, np.float64))[None, :]
    )


def _loss(model: Any) -> str:
    return str(model.get_all_params().get("loss_function", "")).partition(":")[0]


@converts("catboost.CatBoostRegressor", method="predict")
def regressor(model: Any, data: Data) -> Tensor:
    """Behind the inverse link of the loss."""
    raw, loss = _raw(model, data), _loss(model)
    if loss == "RMSEWithUncertainty":
        raise unsupported(model, f"`loss_function='{loss}'`")
    return raw.op("Exp") if loss in EXPONENTIAL else raw


@converts("catboost.CatBoostClassifier", method="predict_proba")
def classifier(model: Any, data: Data) -> Tensor:
    """Sigmoid of two classes, softmax of more."""
    raw, loss = _raw(model, data), _loss(model)
    if loss in {"Logloss", "CrossEntropy"}:
        return pair(raw.sigmoid())
    if loss == "MultiClass":
        return raw.softmax()
    if loss == "MultiClassOneVsAll":
        return raw.sigmoid()
    raise unsupported(model, f"`loss_function='{loss}'`")


@converts("catboost.CatBoostClassifier", method="index")
def index(model: Any, data: Data) -> Tensor:
    """The most probable class; of two classes, whether the second is above the threshold."""
    chances = apply(model, "predict_proba", data)
    if len(model.classes_) != 2:
        return chances.argmax()
    return (chances.column(1) > float(model.get_probability_threshold())).cast("int64")

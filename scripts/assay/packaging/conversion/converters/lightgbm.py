# mypy: disable-error-code="no-any-return"
"""LightGBM: it compares in float64, and its sets of categories go left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.conversion.categories import coded
from assay.packaging.conversion.converters.linear import pair
from assay.packaging.conversion.refusal import unsupported
from assay.packaging.conversion.registry import apply, converts
from assay.packaging.conversion.trees import Sides, Tree, grown, total

if TYPE_CHECKING:
    from assay.packaging.conversion.frame import Data
    from assay.packaging.conversion.tensor import Tensor

ZERO = float(np.float32(1e-35))
"""What it takes for 0: `kZeroThreshold`."""


def _tree(model: Any, root: dict[str, Any], sides: Sides) -> Tree:
    """A tree of `dump_model`."""

    def value(leaf: dict[str, Any]) -> float:
        if "leaf_coeff" in leaf:
            raise unsupported(model, "`linear_tree=True`")
        return float(leaf["leaf_value"])

    return grown(root, ("left_child", "right_child"), lambda node: _split(node, sides), value)


def _split(node: dict[str, Any], sides: Sides) -> tuple[int, float, bool]:
    feature = int(node["split_feature"])
    if node["decision_type"] == "==":
        members = [int(one) for one in str(node["threshold"]).split("||")]
        right = np.ones(max(members) + 1)
        right[members] = 0.0
        return sides.column(feature, right, 1.0), 0.5, False
    threshold = float(node["threshold"])
    # without a way for missing values, NaN is read as 0
    missing_left = (
        threshold >= 0.0 if node["missing_type"] == "None" else bool(node["default_left"])
    )
    return feature, threshold, missing_left


def _zeros(root: dict[str, Any]) -> set[int]:
    """The columns in which 0 is missing."""
    found, pending = set(), [root]
    while pending:
        node = pending.pop()
        if "split_feature" in node:
            if node["missing_type"] == "Zero" and node["decision_type"] != "==":
                found.add(int(node["split_feature"]))
            pending += [node["left_child"], node["right_child"]]
    return found


def _raw(model: Any, data: Data) -> Tensor:
    """The sum of the trees: (n, k)."""
    dumped = model.booster_.dump_model()
    roots = [one["tree_structure"] for one in dumped["tree_info"]]
    values = coded(model, data, model.booster_.pandas_categorical or [])
    if zeros := set[int]().union(*(_zeros(root) for root in roots)):
        marked = np.isin(np.arange(model.n_features_in_), list(zeros))[None, :]
        tiny = (values.op("Abs") <= ZERO) & marked
        values = tiny.where(np.nan, values)
    sides = Sides(int(model.n_features_in_))
    trees = [_tree(model, root, sides) for root in roots]
    extended, k = sides.extend(values), int(dumped["num_tree_per_iteration"])
    parts = [total(extended, trees[at::k]) for at in range(k)]
    made = values.graph.concat(parts)
    return made / float(len(trees) // k) if dumped.get("average_output") else made


def _objective(model: Any) -> tuple[str, dict[str, str]]:
    """Its name and settings: `binary sigmoid:1`."""
    words = model.booster_.dump_model(num_iteration=1).get("objective", "custom").split()
    return words[0], dict(one.partition(":")[::2] for one in words[1:])


@converts("lightgbm.LGBMRegressor", method="predict")
def regressor(model: Any, data: Data) -> Tensor:
    """Behind the inverse link of the objective."""
    raw, (name, settings) = _raw(model, data), _objective(model)
    if name in {"poisson", "gamma", "tweedie"}:
        return raw.op("Exp")
    if name in {"cross_entropy", "cross_entropy_lambda", "binary"}:
        raise unsupported(model, f"`objective='{name}'`")
    return raw.op("Sign") * raw * raw if "sqrt" in settings else raw


@converts("lightgbm.LGBMClassifier", method="decision_function")
def scores(model: Any, data: Data) -> Tensor:
    """The sum of the trees: one column of two classes, else one a class."""
    return _raw(model, data)


@converts("lightgbm.LGBMClassifier", method="predict_proba")
def classifier(model: Any, data: Data) -> Tensor:
    """Sigmoid, softmax, or a sigmoid a class."""
    raw, (name, settings) = apply(model, "decision_function", data), _objective(model)
    if name == "binary":
        return pair((raw * float(settings.get("sigmoid", 1))).sigmoid())
    if name == "multiclass":
        return raw.softmax()
    if name == "multiclassova":
        return (raw * float(settings.get("sigmoid", 1))).sigmoid()
    raise unsupported(model, f"`objective='{name}'`")

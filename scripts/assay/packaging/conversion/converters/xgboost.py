# mypy: disable-error-code="no-any-return"
"""XGBoost: it compares and sums in float32; what is below a threshold goes left."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.conversion.categories import coded, of_type
from assay.packaging.conversion.converters.linear import pair
from assay.packaging.conversion.refusal import unsupported
from assay.packaging.conversion.registry import apply, converts
from assay.packaging.conversion.trees import Sides, Tree, total

if TYPE_CHECKING:
    from assay.packaging.conversion.frame import Data
    from assay.packaging.conversion.tensor import Tensor

REGRESSORS = ("xgboost.XGBRegressor", "xgboost.XGBRFRegressor")
CLASSIFIERS = ("xgboost.XGBClassifier", "xgboost.XGBRFClassifier")
LOGISTIC = {"binary:logistic", "reg:logistic", "binary:logitraw"}
LOGARITHMIC = {"count:poisson", "reg:gamma", "reg:tweedie"}
IDENTITY = {
    "reg:squarederror",
    "reg:squaredlogerror",
    "reg:pseudohubererror",
    "reg:absoluteerror",
    "reg:quantileerror",
}


def _tree(dumped: dict[str, Any], sides: Sides, weight: float) -> Tree:
    left = np.array(dumped["left_children"], dtype=np.int64)
    feature = np.where(left < 0, -1, np.array(dumped["split_indices"], dtype=np.int64))
    threshold = np.array(dumped["split_conditions"], dtype=np.float32).astype(np.float64)
    default_left = np.array(dumped["default_left"], dtype=np.bool_)
    leaf_values = threshold * weight
    for node, start, size in zip(
        dumped["categories_nodes"],
        dumped["categories_segments"],
        dumped["categories_sizes"],
        strict=True,
    ):
        members = dumped["categories"][start : start + size]
        right = np.zeros(max(members) + 1)
        right[members] = 1.0
        # left is where a column is below: 0, also for a code that is not in the set
        feature[node], threshold[node] = sides.column(int(feature[node]), right, 0.0), 0.5
    return Tree(
        feature=feature,
        threshold=threshold,
        left=left,
        right=np.array(dumped["right_children"], dtype=np.int64),
        missing_left=default_left,
        value=leaf_values[:, None],
    )


def _learner(model: Any) -> dict[str, Any]:
    learner: dict[str, Any] = json.loads(bytes(model.get_booster().save_raw("json")))["learner"]
    return learner


def _trees(
    model: Any, booster: dict[str, Any]
) -> tuple[list[dict[str, Any]], list[int], list[float]]:
    """The trees that `predict` uses, their class, and their weight."""
    body, weights = _body(booster), booster.get("weight_drop")
    if "trees" not in body:
        raise unsupported(model, f"`booster='{booster.get('name')}'`")
    trees, groups = body["trees"], body["tree_info"]
    ends = body.get("iteration_indptr")
    first, last = model._get_iteration_range(None)  # noqa: SLF001 (what `predict` asks: early stopping)
    if last and ends:
        span = slice(ends[first], ends[last])
        trees, groups = trees[span], groups[span]
        weights = weights and weights[span]
    return trees, groups, weights or [1.0] * len(trees)


def _body(booster: dict[str, Any]) -> dict[str, Any]:
    """The trees; of `dart` they lie deeper."""
    found: dict[str, Any] = booster.get("gbtree", booster).get("model", {})
    return found


def _raw(model: Any, learner: dict[str, Any], data: Data) -> Tensor:
    """The margin: (n, k)."""
    parameters = learner["learner_model_param"]
    k = max(int(parameters["num_class"]), int(parameters.get("num_target", 1)), 1)
    dumped, groups, weights = _trees(model, learner["gradient_booster"])
    if any(int(one["tree_param"]["size_leaf_vector"]) > 1 for one in dumped):
        raise unsupported(model, "`multi_strategy='multi_output_tree'`")
    sides = Sides(int(parameters["num_feature"]))
    values = coded(model, data, _categories(model, learner, data)).cast("float32").cast("float64")
    if model.missing is not None and not np.isnan(model.missing):
        values = values.equals(float(np.float32(model.missing))).where(np.nan, values)
    trees = [_tree(one, sides, weight) for one, weight in zip(dumped, weights, strict=True)]
    extended = sides.extend(values)
    parts = []
    for group in range(k):
        members = [tree for tree, of in zip(trees, groups, strict=True) if of == group]
        parts.append(total(extended, members, below=True))
    return values.graph.concat(parts) + _start(model, learner, k)


def _start(model: Any, learner: dict[str, Any], k: int) -> np.ndarray[Any, Any]:
    """The base score on the scale of the margin: (1, k)."""
    text = str(learner["learner_model_param"]["base_score"]).strip("[]")
    base = np.array([float(one) for one in text.split(",")], dtype=np.float64)
    name = learner["objective"]["name"]
    if name in LOGISTIC:
        base = np.log(base / (1.0 - base))
    elif name in LOGARITHMIC:
        base = np.log(base)
    elif name not in IDENTITY and not name.startswith("multi:"):
        raise unsupported(model, f"`objective='{name}'`")
    return np.broadcast_to(base, (k,))[None, :]


def _categories(model: Any, learner: dict[str, Any], data: Data) -> list[Any] | None:
    """Of each column that had the type `category`; before 3.1 the model does not know them."""
    cats = _body(learner["gradient_booster"]).get("cats")
    if cats is None:
        return None
    fitted = [one for one in cats.get("enc", []) if one["values"]]
    here = [list(one) for one in of_type(data).values()]
    if len(here) != len(fitted):
        here = [[] for _ in fitted]
    return [_names(model, one, own) for one, own in zip(fitted, here, strict=True)]


def _names(model: Any, fitted: dict[str, Any], here: list[Any]) -> list[Any]:
    """The categories of one column, in the order of their codes.

    Raises:
        NotConvertible: They cannot be read: XGBoost stores as many bytes as there are letters.
    """
    if "offsets" not in fitted:
        return list(fitted["values"])
    text = bytes(value % 256 for value in fitted["values"])
    known = len(here) == len(fitted["offsets"]) - 1
    if known and "".join(str(one) for one in here).encode().startswith(text):
        return here
    if not text.isascii():
        raise unsupported(model, "categories beyond ASCII in another order than in the table")
    return [text[a:b].decode() for a, b in itertools.pairwise(fitted["offsets"])]


@converts(*REGRESSORS, method="predict")
def regressor(model: Any, data: Data) -> Tensor:
    """Behind the inverse link of the objective."""
    learner = _learner(model)
    raw, name = _raw(model, learner, data), learner["objective"]["name"]
    if name in LOGARITHMIC:
        return raw.op("Exp")
    return raw.sigmoid() if name in {"reg:logistic", "binary:logistic"} else raw


@converts(*CLASSIFIERS, method="predict_proba")
def classifier(model: Any, data: Data) -> Tensor:
    """Sigmoid of two classes, softmax of more; of several labels, that each holds."""
    learner = _learner(model)
    raw, name = _raw(model, learner, data), learner["objective"]["name"]
    if name == "binary:logistic":
        return raw.sigmoid() if _has_labels(learner) else pair(raw.sigmoid())
    if name in {"multi:softprob", "multi:softmax"}:
        return raw.softmax()
    raise unsupported(model, f"`objective='{name}'`")


def _has_labels(learner: dict[str, Any]) -> bool:
    """Whether several labels may hold together."""
    return int(learner["learner_model_param"].get("num_target", 1)) > 1


@converts(*CLASSIFIERS, method="index")
def index(model: Any, data: Data) -> Tensor:
    """The likeliest class; of several labels, whether each is likelier than not."""
    chances = apply(model, "predict_proba", data)
    return (chances > 0.5).cast("int64") if _has_labels(_learner(model)) else chances.argmax()

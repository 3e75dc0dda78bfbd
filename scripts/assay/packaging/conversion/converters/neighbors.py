# mypy: disable-error-code="no-any-return"
"""Nearest neighbors, and labels that spread along them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.conversion.distances import between, closeness, exact, kernel
from assay.packaging.conversion.frame import Data, matrix
from assay.packaging.conversion.refusal import unsupported
from assay.packaging.conversion.registry import classes_at, converts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assay.packaging.conversion.tensor import Tensor


def _metric(model: Any) -> tuple[Any, dict[str, Any]]:
    metric = getattr(model, "effective_metric_", model.metric)
    return metric, dict(getattr(model, "effective_metric_params_", None) or {})


def nearest(model: Any, values: Tensor) -> tuple[Tensor, Tensor]:
    """Distances and places of the nearest fitted rows: (n, k) each, the nearest first."""
    rows = np.asarray(model._fit_X, dtype=np.float64)  # noqa: SLF001 (the fitted rows)
    metric, options = _metric(model)
    count = int(model.n_neighbors)
    apart, places = between(model, values, rows, metric, options).sort_top(count)
    if metric not in {"euclidean", "l2", "minkowski"} or options.get("p", 2) != 2:
        return apart, places
    # a row that was fitted is at a distance of exactly 0, which the sum of squares does not give
    width = rows.shape[1]
    found = values.graph.constant(rows).take(places, axis=0)
    steps = values.reshape(-1, 1, width) - found
    return (steps * steps).sum(axis=2, keep=False).op("Sqrt"), places


def _weights(model: Any, apart: Tensor) -> Tensor:
    if callable(model.weights):
        raise unsupported(model, "`weights` that are a function")
    if model.weights != "distance":
        return apart.graph.constant(np.ones((1, int(model.n_neighbors))))
    return closeness(apart)


def _outputs(model: Any) -> NDArray[Any]:
    """(m, outputs): fitted targets, or places of fitted classes."""
    fitted = np.asarray(model._y)  # noqa: SLF001 (as above)
    return fitted if fitted.ndim == 2 else fitted[:, None]


@converts("sklearn.KNeighborsRegressor", method="predict")
def regressor(model: Any, data: Data) -> Tensor:
    """The weighted mean of the neighbors."""
    apart, places = nearest(model, matrix(data))
    weights = _weights(model, apart)
    total = weights.sum()
    parts = []
    for column in _outputs(model).T.astype(np.float64):
        found = apart.graph.constant(np.ascontiguousarray(column)).take(places, axis=0)
        parts.append((found * weights).sum() / total)
    return apart.graph.concat(parts)


@converts("sklearn.KNeighborsClassifier", method="predict_proba")
def classifier(model: Any, data: Data) -> Any:
    """The neighbors' share of the weight; a list where there are several outputs."""
    apart, places = nearest(model, matrix(data))
    weights = _weights(model, apart)
    count = int(model.n_neighbors)
    classes = model.classes_ if model.outputs_2d_ else [model.classes_]
    parts = []
    for column, names in zip(_outputs(model).T, classes, strict=True):
        found = apart.graph.constant(np.ascontiguousarray(column, dtype=np.int64)).take(
            places, axis=0
        )
        hot = found.reshape(-1, count, 1).equals(np.arange(len(names))[None, None, :])
        shares = (hot.cast("float64") * weights.reshape(-1, count, 1)).sum(axis=1, keep=False)
        parts.append(shares / shares.sum())
    return parts if model.outputs_2d_ else parts[0]


def _within(model: Any, values: Tensor) -> Tensor:
    """The weight of each fitted row for each row: 0 beyond the radius."""
    rows = np.asarray(model._fit_X, dtype=np.float64)  # noqa: SLF001 (as above)
    metric, options = _metric(model)
    if model.weights != "uniform" and metric == "minkowski" and options.get("p", 2) == 2:
        metric = "euclidean"
    if model.weights != "uniform" and metric in {"euclidean", "l2"}:
        apart = exact(values, rows).op("Sqrt")
    else:
        apart = between(model, values, rows, metric, options)
    inside = (apart <= float(model.radius)).cast("float64")
    if model.weights == "uniform":
        return inside
    if callable(model.weights):
        raise unsupported(model, "`weights` that are a function")
    return inside.equals(0.0).where(0.0, closeness(apart))


@converts("sklearn.RadiusNeighborsRegressor", method="predict")
def radius_regressor(model: Any, data: Data) -> Tensor:
    """The weighted mean within the radius; NaN where there is none."""
    weights = _within(model, matrix(data))
    return weights @ _outputs(model).astype(np.float64) / weights.sum()


def _radius_outputs(model: Any, data: Data) -> list[tuple[Tensor, NDArray[Any], Any]]:
    """Of each output the shares within the radius, the classes, and the label for outliers."""
    weights = _within(model, matrix(data))
    classes = model.classes_ if model.outputs_2d_ else [model.classes_]
    alone = model.outlier_label_ or [None] * len(classes)
    found = []
    for fitted, names, label in zip(_outputs(model).T, classes, alone, strict=True):
        shares = weights @ (fitted[:, None] == np.arange(len(names))).astype(np.float64)
        total = shares.sum()
        certain = shares * 0.0 + (np.asarray(names) == label).astype(np.float64)[None, :]
        known = total.equals(0.0).where(certain, shares / total.divisor())
        found.append((known, np.asarray(names), label))
    return found


@converts("sklearn.RadiusNeighborsClassifier", method="predict_proba")
def radius_chances(model: Any, data: Data) -> Tensor | list[Tensor]:
    """Shares within the radius; where nobody is, the label for outliers is certain, if fitted."""
    parts = [shares for shares, _, _ in _radius_outputs(model, data)]
    return parts if model.outputs_2d_ else parts[0]


@converts("sklearn.RadiusNeighborsClassifier", method="predict")
def radius_labels(model: Any, data: Data) -> Tensor:
    """The class with the highest share; where nobody is, the label for outliers: of any class."""
    parts = []
    for shares, names, label in _radius_outputs(model, data):
        likely = classes_at(names, shares.argmax())
        if label is not None and label not in names.tolist():
            likely = shares.sum().equals(0.0).where(label, likely)
        parts.append(likely)
    return parts[0].graph.concat(parts)


@converts("sklearn.LabelPropagation", "sklearn.LabelSpreading", method="predict_proba")
def spread(model: Any, data: Data) -> Tensor:
    """What the fitted rows are labelled, weighted by the kernel."""
    values = matrix(data)
    if model.kernel == "knn":
        _, places = nearest(model.nn_fit, values)
        table = values.graph.constant(np.asarray(model.label_distributions_, dtype=np.float64))
        shares = table.take(places, axis=0).sum(axis=1, keep=False)
    else:
        weights = kernel(model, values, model.X_, model.kernel, {"gamma": model.gamma})
        shares = weights @ model.label_distributions_
    return shares / shares.sum()


@converts("sklearn.LocalOutlierFactor", method="decision_function")
def outlier_factor(model: Any, data: Data) -> Tensor:
    """How much thinner the neighborhood is than those of the neighbors."""
    return _density(model, matrix(data)) - float(model.offset_)


def _density(model: Any, values: Tensor) -> Tensor:
    rows = np.asarray(model._fit_X, dtype=np.float64)  # noqa: SLF001 (as above)
    metric, options = _metric(model)
    count = int(model.n_neighbors_)
    apart, places = between(model, values, rows, metric, options).sort_top(count)
    graph = values.graph
    reach = graph.constant(model._distances_fit_X_[:, count - 1].astype(np.float64)).take(
        places, axis=0
    )
    reached = (reach > apart).where(reach, apart)
    density = 1.0 / (reached.reduce("Mean", 1) + 1e-10)
    others = graph.constant(model._lrd.astype(np.float64)).take(places, axis=0)  # noqa: SLF001 (as above)
    return -(others / density).reduce("Mean", 1)

# mypy: disable-error-code="no-any-return"
"""Support vectors and other sums of kernels."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.conversion.distances import kernel
from assay.packaging.conversion.frame import Data, matrix
from assay.packaging.conversion.refusal import unsupported
from assay.packaging.conversion.registry import apply, converts
from assay.packaging.conversion.tensor import Tensor

if TYPE_CHECKING:
    from assay.packaging.conversion.graph import Graph

CLASSIFIERS = ("sklearn.SVC", "sklearn.NuSVC")


def _kernel(model: Any, values: Tensor) -> Tensor:
    settings = {"gamma": model._gamma, "degree": model.degree, "coef0": model.coef0}  # noqa: SLF001 (`gamma` resolved)
    return kernel(model, values, model.support_vectors_, model.kernel, settings)


@converts("sklearn.SVR", "sklearn.NuSVR", method="predict")
@converts("sklearn.OneClassSVM", method="decision_function")
def summed(model: Any, data: Data) -> Tensor:
    """The sum over support vectors."""
    return _kernel(model, matrix(data)) @ model.dual_coef_.T + model.intercept_


def _pairs(model: Any, data: Data) -> Tensor:
    """The score of each pair of classes; positive is the first: (n, pairs)."""
    near = _kernel(model, matrix(data))
    counts = np.asarray(model._n_support)  # noqa: SLF001 (libsvm's own arrays: signs differ in public ones)
    ends = np.cumsum(counts)
    starts = ends - counts
    weights, k = np.asarray(model._dual_coef_), len(counts)
    if k < 2:
        raise unsupported(model, "one class")
    table = np.zeros((weights.shape[1], k * (k - 1) // 2))
    for place, (i, j) in enumerate(combinations(range(k), 2)):
        table[starts[i] : ends[i], place] = weights[j - 1, starts[i] : ends[i]]
        table[starts[j] : ends[j], place] = weights[i, starts[j] : ends[j]]
    return near @ table + np.asarray(model._intercept_)


def _votes(first: Tensor, k: int) -> Tensor:
    """Votes for each class: `first` says of each pair whether its first class wins."""
    won, lost = _membership(k)
    one = first.cast("float64")
    return one @ won + (1.0 - one) @ lost


def _membership(k: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """(pairs, k) each: which class is the first of a pair, and which the second."""
    first, second = np.array(list(combinations(range(k), 2))).T
    return np.eye(k)[first], np.eye(k)[second]


def one_vs_one(confidences: Tensor, second: Tensor, k: int) -> Tensor:
    """`sklearn.utils.multiclass._ovr_decision_function`.

    Args:
        confidences: (n, pairs): for the second class of each pair.
        second: (n, pairs): whether the second class wins.
        k: How many classes there are.
    """
    first, last = _membership(k)
    total = confidences @ (last - first)
    return _votes(~second, k) + total / ((total.op("Abs") + 1.0) * 3.0)


@converts(*CLASSIFIERS, method="decision_function")
def scores(model: Any, data: Data) -> Tensor:
    """Of two classes one column; else votes of pairs, or the pairs themselves."""
    pairs, k = _pairs(model, data), len(model.classes_)
    if k == 2:
        return -pairs
    if model.decision_function_shape == "ovo":
        return pairs
    return one_vs_one(-pairs, pairs < 0.0, k)


@converts(*CLASSIFIERS, method="index")
def index(model: Any, data: Data) -> Tensor:
    """The most votes, ties by the first class; or by the scores, with `break_ties`."""
    k = len(model.classes_)
    if model.break_ties and model.decision_function_shape == "ovr" and k > 2:
        return apply(model, "decision_function", data).argmax()
    return _votes(_pairs(model, data) > 0.0, k).argmax()


@converts(*CLASSIFIERS, method="predict_proba")
def chances(model: Any, data: Data) -> Tensor:
    """Platt's sigmoid of each pair's score, and what fits all pairs best."""
    scored, k = _pairs(model, data), len(model.classes_)
    first = (-(scored * model.probA_ + model.probB_)).sigmoid().clip(1e-7, 1.0 - 1e-7)
    return _coupled(first, k)


def _coupled(first: Tensor, k: int) -> Tensor:
    """What libsvm calls `multiclass_probability`: its steps, because it stops before they converge.

    Args:
        first: (n, pairs): that it is the first class, if it is one of the two.
        k: How many classes there are.
    """
    graph, pairs = first.graph, list(combinations(range(k), 2))
    both = graph.concat([first, 1.0 - first])
    at = {(i, j): place for place, (i, j) in enumerate(pairs)}
    at |= {(j, i): len(pairs) + place for place, (i, j) in enumerate(pairs)}
    rows = []
    for t in range(k):
        others = [j for j in range(k) if j != t]
        losses = both.take([at[j, t] for j in others])
        own = (losses * losses).sum()
        rows.append(
            graph.concat(
                [
                    own if j == t else -both.column(at[j, t]) * both.column(at[t, j])
                    for j in range(k)
                ]
            )
        )
    quadratic = graph.concat([row.reshape(-1, 1, k) for row in rows])
    start = first.column(0) * 0.0 + np.full((1, k), 1.0 / k)

    def body(inner: Graph, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        outer = Tensor(inner, quadratic.name, quadratic.dtype)
        moved, error = _coupling_step(outer, states[0], k)
        running = error >= 0.005 / k
        return running.reshape(-1).any(0, keep=False), [running.where(moved, states[0])]

    return graph.loop([start], body, limit=max(100, k))[0]


def _coupling_step(quadratic: Tensor, p: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Probabilities after one round over the classes, and how far they were off: (n, 1)."""
    slopes = (quadratic * p.reshape(-1, 1, k)).sum(axis=2, keep=False)
    level = (p * slopes).sum()
    error = (slopes - level).op("Abs").max()
    for t in range(k):
        row = quadratic.take([t]).reshape(-1, k)
        own = row.column(t)
        slope = slopes.column(t)
        change = (level - slope) / own
        shrunk = 1.0 + change
        level = (level + change * (change * own + slope * 2.0)) / shrunk / shrunk
        slopes = (slopes + change * row) / shrunk
        p = (p + change * np.eye(k)[[t]]) / shrunk
    return p, error


@converts("sklearn.KernelRidge", method="predict")
def kernel_ridge(model: Any, data: Data) -> Tensor:
    """The sum over all fitted rows."""
    settings = {"gamma": model.gamma, "degree": model.degree, "coef0": model.coef0}
    near = kernel(model, matrix(data), model.X_fit_, model.kernel, settings)
    return near @ model.dual_coef_.reshape(len(model.X_fit_), -1)

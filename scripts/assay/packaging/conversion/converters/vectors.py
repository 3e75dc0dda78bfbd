"""Support vectors and other sums of kernels, Gaussian processes among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.conversion.converters.linear import pair
from assay.packaging.conversion.distances import kernel
from assay.packaging.conversion.frame import Data, matrix
from assay.packaging.conversion.refusal import unsupported
from assay.packaging.conversion.registry import apply, converts

if TYPE_CHECKING:
    from assay.packaging.conversion.graph import Tensor

CLASSIFIERS = ("sklearn.SVC", "sklearn.NuSVC")


def _kernel(model: Any, values: Tensor) -> Tensor:
    settings = {"gamma": model._gamma, "degree": model.degree, "coef0": model.coef0}  # noqa: SLF001 (`gamma` resolved)
    return kernel(model, values, model.support_vectors_, model.kernel, settings)


@converts("sklearn.SVR", "sklearn.NuSVR", method="predict")
def regressor(model: Any, data: Data) -> Tensor:
    """The sum over support vectors."""
    return _kernel(model, matrix(data)) @ model.dual_coef_.T + model.intercept_


@converts("sklearn.OneClassSVM", method="decision_function")
def one_class(model: Any, data: Data) -> Tensor:
    """The signed distance to the border."""
    return _kernel(model, matrix(data)) @ model.dual_coef_.T + model.intercept_


@converts("sklearn.OneClassSVM", method="predict")
def one_class_label(model: Any, data: Data) -> Tensor:
    """1 inside, -1 outside."""
    scores = apply(model, "decision_function", data)
    return (scores > 0.0).where(scores.graph.constant(np.array([[1]])), -1)


def _pairs(model: Any, data: Data) -> Tensor:
    """libsvm's score of each pair of classes; positive is the first: (n, pairs)."""
    near = _kernel(model, matrix(data))
    counts = np.asarray(model._n_support)  # noqa: SLF001 (libsvm's own arrays: signs differ in public ones)
    ends = np.cumsum(counts)
    starts = ends - counts
    weights, k = np.asarray(model._dual_coef_), len(counts)  # noqa: SLF001 (as above)
    if k < 2:
        raise unsupported(model, "one class")
    table = np.zeros((weights.shape[1], k * (k - 1) // 2))
    place = 0
    for i in range(k):
        for j in range(i + 1, k):
            table[starts[i] : ends[i], place] = weights[j - 1, starts[i] : ends[i]]
            table[starts[j] : ends[j], place] = weights[i, starts[j] : ends[j]]
            place += 1
    return near @ table + np.asarray(model._intercept_)  # noqa: SLF001 (as above)


def _votes(first: Tensor, k: int) -> Tensor:
    """Votes for each class: `first` says of each pair whether its first class wins."""
    won, lost = _membership(k)
    one = first.cast("float64")
    return one @ won + (1.0 - one) @ lost


def _membership(k: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """(pairs, k) each: which class is the first of a pair, and which the second."""
    pairs = [(i, j) for i in range(k) for j in range(i + 1, k)]
    first, second = np.array(pairs).T
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
    """Platt's sigmoid of the score."""
    if len(model.classes_) > 2:
        raise unsupported(model, "`probability=True` and more than two classes")
    scores_ = _pairs(model, data)
    first = (-(scores_ * float(model.probA_[0]) + float(model.probB_[0]))).sigmoid()
    return pair(1.0 - first.clip(1e-7, 1.0 - 1e-7))


@converts("sklearn.KernelRidge", method="predict")
def kernel_ridge(model: Any, data: Data) -> Tensor:
    """The sum over all fitted rows."""
    settings = {"gamma": model.gamma, "degree": model.degree, "coef0": model.coef0}
    near = kernel(model, matrix(data), model.X_fit_, model.kernel, settings)
    return near @ model.dual_coef_.reshape(len(model.X_fit_), -1)

# mypy: disable-error-code="no-any-return"
"""Multilayer perceptrons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.packaging.conversion.converters.linear import pair
from assay.packaging.conversion.frame import Data, matrix
from assay.packaging.conversion.registry import apply, converts

if TYPE_CHECKING:
    from assay.packaging.conversion.tensor import Tensor

ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh", "logistic": "Sigmoid", "exp": "Exp"}


def _activated(values: Tensor, name: str) -> Tensor:
    if name == "softmax":
        return values.softmax()
    return values.op(ACTIVATIONS[name]) if name in ACTIVATIONS else values


def _forward(model: Any, data: Data) -> Tensor:
    values = matrix(data)
    last = len(model.coefs_) - 1
    for place, (weights, bias) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        name = model.out_activation_ if place == last else model.activation
        values = _activated(values @ weights + bias, name)
    return values


@converts("sklearn.MLPRegressor", method="predict")
def regressor(model: Any, data: Data) -> Tensor:
    """The last layer."""
    return _forward(model, data)


@converts("sklearn.MLPClassifier", method="predict_proba")
def classifier(model: Any, data: Data) -> Tensor:
    """The last layer; of two classes it has one unit, of several labels one a label."""
    values = _forward(model, data)
    return pair(values) if model.n_outputs_ == 1 else values


@converts("sklearn.MLPClassifier", method="index")
def index(model: Any, data: Data) -> Tensor:
    """The most probable class; of several labels, and of two classes, those above a half."""
    chances = apply(model, "predict_proba", data)
    if model.out_activation_ == "softmax":
        return chances.argmax()
    return ((chances.column(1) if model.n_outputs_ == 1 else chances) > 0.5).cast("int64")

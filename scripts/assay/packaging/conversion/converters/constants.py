# mypy: disable-error-code="no-any-return"
"""Models that look at nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.conversion.frame import Data, column
from assay.packaging.conversion.refusal import unsupported
from assay.packaging.conversion.registry import converts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assay.packaging.conversion.tensor import Tensor


def repeated(data: Data, row: NDArray[Any]) -> Tensor:
    """One row for every row of a table, whatever is in it: (n, k)."""
    first = column(data, 0)
    same = first.equals(first)
    zeros = (same & ~same).cast("int64")
    return zeros.graph.constant(np.atleast_2d(row)).take(zeros.reshape(-1), axis=0)


@converts("sklearn.DummyRegressor", method="predict")
def regressor(model: Any, data: Data) -> Tensor:
    """The fitted constant."""
    return repeated(data, np.asarray(model.constant_, dtype=np.float64))


@converts("sklearn.DummyClassifier", method="predict_proba")
def classifier(model: Any, data: Data) -> Tensor | list[Tensor]:
    """The fitted shares, or certainty of one class; a list where there are several outputs."""
    if model.n_outputs_ == 1:
        given = None if model.constant is None else np.ravel(model.constant)[0]
        return repeated(data, _shares(model, model.classes_, model.class_prior_, given))
    constants = np.broadcast_to(np.ravel(model.constant), model.n_outputs_)
    outputs = zip(model.classes_, model.class_prior_, constants, strict=True)
    return [repeated(data, _shares(model, *output)) for output in outputs]


def _shares(model: Any, classes: Any, prior: Any, given: Any) -> NDArray[np.float64]:
    """Probabilities of the classes of one output: (k,)."""
    if model.strategy == "prior":
        return np.asarray(prior, dtype=np.float64)
    if model.strategy == "most_frequent":
        return np.eye(len(classes))[int(np.argmax(prior))]
    if model.strategy == "constant":
        return np.asarray(np.asarray(classes) == given, dtype=np.float64)
    raise unsupported(model, f"`strategy='{model.strategy}'`, which draws at random")

# mypy: disable-error-code="no-any-return"
"""Models that look at nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.conversion.frame import Data, Frame, column
from assay.packaging.conversion.refusal import unsupported
from assay.packaging.conversion.registry import converts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assay.packaging.conversion.tensor import Tensor


def _repeated(data: Data, row: NDArray[Any]) -> Tensor:
    """One row for every row of a table, whatever is in it: (n, k)."""
    first = column(data, 0) if isinstance(data, Frame) else data.column(0)
    same = first.equals(first)
    zeros = (same & ~same).cast("int64")
    return zeros.graph.constant(np.atleast_2d(row)).take(zeros.reshape(-1), axis=0)


@converts("sklearn.DummyRegressor", method="predict")
def regressor(model: Any, data: Data) -> Tensor:
    """The fitted constant."""
    return _repeated(data, np.asarray(model.constant_, dtype=np.float64))


@converts("sklearn.DummyClassifier", method="predict_proba")
def classifier(model: Any, data: Data) -> Tensor:
    """The fitted shares, or certainty of the most frequent or given class."""
    if model.n_outputs_ > 1:
        raise unsupported(model, "several outputs")
    k = len(model.classes_)
    if model.strategy == "prior":
        return _repeated(data, np.asarray(model.class_prior_, dtype=np.float64))
    if model.strategy == "uniform":
        return _repeated(data, np.full(k, 1.0 / k))
    if model.strategy == "most_frequent":
        return _repeated(data, np.eye(k)[int(np.argmax(model.class_prior_))])
    if model.strategy == "constant":
        given = np.ravel(model.constant)[0]
        return _repeated(data, (np.asarray(model.classes_) == given).astype(np.float64))
    raise unsupported(model, f"`strategy='{model.strategy}'`, which draws at random")


@converts("sklearn.DummyClassifier", method="index")
def index(model: Any, data: Data) -> Tensor:
    """The most frequent or given class."""
    if model.strategy == "uniform":
        raise unsupported(model, "`strategy='uniform'`, which draws at random")
    return classifier(model, data).argmax()

"""Distances and kernels between the rows of a tensor and fitted rows: (n, m)."""

from __future__ import annotations

import operator
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.conversion.refusal import unsupported

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assay.packaging.conversion.tensor import Tensor


_LARGEST = 1e150
"""Its square is a number still; what is further away is no nearer to any fitted row."""


def squared(values: Tensor, rows: NDArray[Any]) -> Tensor:
    """Squared Euclidean distances.

    |x - y|^2 = |x|^2 - 2 x.y + |y|^2, around the middle of the fitted rows: the further both are
    from 0, the less of a small distance is left.
    """
    fitted = np.asarray(rows, dtype=np.float64)
    middle = fitted.mean(axis=0)
    here: Tensor = (values - middle).clip(-_LARGEST, _LARGEST)
    there = fitted - middle
    own, fixed = (here * here).sum(), (there * there).sum(axis=1)[None, :]
    squares: Tensor = own - (here @ there.T) * 2.0 + fixed
    return squares.clip(0.0, None)


def between(
    estimator: Any, values: Tensor, rows: NDArray[Any], metric: Any, options: dict[str, Any] | None
) -> Tensor:
    """Distances by a metric of scikit-learn's.

    Raises:
        NotConvertible: The metric is a function, or one that we do not have.
    """
    settings = dict(options or {})
    power = float(settings.pop("p", 2.0))
    weighted = settings.pop("w", None) is not None
    if metric in {"euclidean", "l2", "sqeuclidean"} or (
        metric == "minkowski" and power == 2 and not weighted
    ):
        squares = squared(values, rows)
        return squares if metric == "sqeuclidean" else squares.op("Sqrt")
    if metric == "cosine":
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        unit = np.asarray(rows) / np.where(length == 0, 1.0, length)
        here = (values * values).sum().op("Sqrt")
        return (1.0 - values / here.divisor() @ unit.T).clip(0.0, 2.0)
    if weighted or metric not in {"manhattan", "cityblock", "l1", "chebyshev", "minkowski"}:
        raise unsupported(estimator, f"`metric={metric!r}`")
    steps = _steps(values, rows)
    if metric == "chebyshev" or np.isinf(power):
        return reduce(_larger, steps)
    if metric != "minkowski" or power == 1:
        return reduce(operator.add, steps)
    return reduce(operator.add, [step**power for step in steps]) ** (1.0 / power)


def exact(values: Tensor, rows: NDArray[Any]) -> Tensor:
    """Squared Euclidean distances from differences: exactly 0 from a row to itself."""
    return reduce(operator.add, [step * step for step in _steps(values, rows)])


def closeness(apart: Tensor) -> Tensor:
    """Weights by distance, (n, m); a row at distance 0 outweighs all others.

    As `sklearn.neighbors._base._get_weights`.
    """
    same = apart.equals(0.0)
    return same.any().where(same.cast("float64"), 1.0 / apart)


def _steps(values: Tensor, rows: NDArray[Any]) -> list[Tensor]:
    """|value - row| a column: (n, m) each, because (n, m, d) would not fit into memory."""
    fitted = np.asarray(rows, dtype=np.float64)
    columns = range(fitted.shape[1])
    return [(values.column(at) - fitted[None, :, at]).op("Abs") for at in columns]


def _larger(left: Tensor, right: Tensor) -> Tensor:
    return (left >= right).where(left, right)


def kernel(
    estimator: Any, values: Tensor, rows: NDArray[Any], name: Any, settings: dict[str, Any]
) -> Tensor:
    """`sklearn.metrics.pairwise.pairwise_kernels`.

    Args:
        estimator: Whose it is, for messages.
        values: (n, d).
        rows: (m, d).
        name: `rbf`, `poly`, ...
        settings: `gamma`, `degree`, `coef0`, resolved to numbers.
    """
    rows = np.asarray(rows, dtype=np.float64)
    gamma = float(settings.get("gamma") or 1.0 / rows.shape[1])
    coef0 = 1.0 if settings.get("coef0") is None else float(settings["coef0"])
    if name == "linear":
        return values @ rows.T
    if name == "rbf":
        return (squared(values, rows) * -gamma).op("Exp")
    if name in {"poly", "polynomial"}:
        degree = float(3 if settings.get("degree") is None else settings["degree"])
        return (values @ rows.T * gamma + coef0) ** degree
    if name == "sigmoid":
        return (values @ rows.T * gamma + coef0).op("Tanh")
    if name == "laplacian":
        return (between(estimator, values, rows, "manhattan", None) * -gamma).op("Exp")
    if name == "cosine":
        return 1.0 - between(estimator, values, rows, "cosine", None)
    raise unsupported(estimator, f"`kernel={name if isinstance(name, str) else 'a function'!r}`")

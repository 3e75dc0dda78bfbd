# mypy: disable-error-code="no-any-return"
"""Gaussian processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.conversion.converters.linear import pair
from assay.packaging.conversion.distances import exact
from assay.packaging.conversion.frame import Data, matrix
from assay.packaging.conversion.refusal import unsupported
from assay.packaging.conversion.registry import apply, converts
from assay.packaging.conversion.ufuncs import erf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assay.packaging.conversion.tensor import Tensor


def _distance(values: Tensor, rows: NDArray[Any], scale: Any) -> Tensor:
    """Squared, in units of the scale; exact: weights of a process may be of any size."""
    length = np.atleast_1d(np.asarray(scale, dtype=np.float64))
    return exact(values / length[None, :], rows / length)


def covariance(model: Any, kernel: Any, values: Tensor, rows: NDArray[Any]) -> Tensor:
    """`kernel(values, rows)`: (n, m).

    Raises:
        NotConvertible: Part of the kernel is one that we do not have.
    """
    name = type(kernel).__name__
    if name in {"Sum", "Product"}:
        left = covariance(model, kernel.k1, values, rows)
        right = covariance(model, kernel.k2, values, rows)
        return left + right if name == "Sum" else left * right
    if name == "Exponentiation":
        return covariance(model, kernel.kernel, values, rows) ** float(kernel.exponent)
    if name not in KERNELS:
        raise unsupported(model, f"the kernel `{name}`")
    return KERNELS[name](kernel, values, np.asarray(rows, dtype=np.float64))


def _constant(kernel: Any, values: Tensor, rows: NDArray[Any]) -> Tensor:
    return values.column(0) * 0.0 + np.full((1, len(rows)), float(kernel.constant_value))


def _noise(kernel: Any, values: Tensor, rows: NDArray[Any]) -> Tensor:  # noqa: ARG001 (one of KERNELS)
    """White noise: no two different rows share any."""
    return values.column(0) * 0.0 + np.zeros((1, len(rows)))


def _gaussian(kernel: Any, values: Tensor, rows: NDArray[Any]) -> Tensor:
    return (_distance(values, rows, kernel.length_scale) * -0.5).op("Exp")


def _matern(kernel: Any, values: Tensor, rows: NDArray[Any]) -> Tensor:
    apart = _distance(values, rows, kernel.length_scale).op("Sqrt")
    if kernel.nu == 0.5:
        return (-apart).op("Exp")
    if kernel.nu == 1.5:
        scaled = apart * float(np.sqrt(3.0))
        return (scaled + 1.0) * (-scaled).op("Exp")
    if kernel.nu == 2.5:
        scaled = apart * float(np.sqrt(5.0))
        return (scaled + 1.0 + scaled * scaled / 3.0) * (-scaled).op("Exp")
    if np.isinf(kernel.nu):
        return (apart * apart * -0.5).op("Exp")
    raise unsupported(kernel, f"`nu={kernel.nu}`")


def _rational(kernel: Any, values: Tensor, rows: NDArray[Any]) -> Tensor:
    squares = _distance(values, rows, 1.0)
    base = squares / (2.0 * kernel.alpha * kernel.length_scale**2) + 1.0
    return base ** float(-kernel.alpha)


def _periodic(kernel: Any, values: Tensor, rows: NDArray[Any]) -> Tensor:
    angle = _distance(values, rows, 1.0).op("Sqrt") * float(np.pi / kernel.periodicity)
    wave = angle.op("Sin") / float(kernel.length_scale)
    return (wave * wave * -2.0).op("Exp")


def _dot(kernel: Any, values: Tensor, rows: NDArray[Any]) -> Tensor:
    return values @ rows.T + float(kernel.sigma_0) ** 2


KERNELS = {
    "ConstantKernel": _constant,
    "WhiteKernel": _noise,
    "RBF": _gaussian,
    "Matern": _matern,
    "RationalQuadratic": _rational,
    "ExpSineSquared": _periodic,
    "DotProduct": _dot,
}


@converts("sklearn.GaussianProcessRegressor", method="predict")
def regressor(model: Any, data: Data) -> Tensor:
    """The mean of the posterior, on the scale of the target."""
    values = matrix(data)
    if not hasattr(model, "X_train_"):
        raise unsupported(model, "no fitted rows")
    near = covariance(model, model.kernel_, values, model.X_train_)
    weights = np.asarray(model.alpha_, dtype=np.float64).reshape(len(model.X_train_), -1)
    return near @ weights * model._y_train_std + model._y_train_mean  # noqa: SLF001 (fitted, and have no other name)


def _latent(model: Any, values: Tensor) -> Tensor:
    """The most probable value of the latent function, as `predict` has it."""
    near = covariance(model, model.kernel_, values, model.X_train_)
    return near @ np.asarray(model.y_train_ - model.pi_, dtype=np.float64)[:, None]


SLOPES = np.array([0.41, 0.4, 0.37, 0.44, 0.39])
SHARES = np.array([-1854.8214151, 3516.89893646, 221.29346712, 128.12323805, -2010.49422654])
"""The logistic function as a sum of error functions: `sklearn.gaussian_process._gpc`."""


def _positive(model: Any, values: Tensor) -> Tensor:
    """The probability of the second class: (n, 1)."""
    near = covariance(model, model.kernel_, values, model.X_train_)
    mean = _latent(model, values)
    solved = np.linalg.solve(model.L_, np.diag(model.W_sr_))
    turned = near @ solved.T
    variance = _own(model, model.kernel_, values) - (turned * turned).sum()
    slope = mean * SLOPES[None, :] / (variance * (2.0 * SLOPES**2)[None, :] + 1.0).op("Sqrt")
    integrals = erf(slope) * 0.5
    return (integrals * SHARES[None, :]).sum() + 0.5 * float(SHARES.sum())


def _own(model: Any, kernel: Any, values: Tensor) -> Tensor:
    """`kernel.diag(values)`: (n, 1)."""
    name = type(kernel).__name__
    if name in {"Sum", "Product"}:
        left, right = _own(model, kernel.k1, values), _own(model, kernel.k2, values)
        return left + right if name == "Sum" else left * right
    if name == "Exponentiation":
        return _own(model, kernel.kernel, values) ** float(kernel.exponent)
    if name == "DotProduct":
        return (values * values).sum() + float(kernel.sigma_0) ** 2
    fixed = {"ConstantKernel": "constant_value", "WhiteKernel": "noise_level"}
    return values.column(0) * 0.0 + float(getattr(kernel, fixed[name]) if name in fixed else 1.0)


def _members(model: Any) -> list[Any]:
    inner = model.base_estimator_
    return list(inner.estimators_) if hasattr(inner, "estimators_") else [inner]


@converts("sklearn.GaussianProcessClassifier", method="predict_proba")
def classifier(model: Any, data: Data) -> Tensor:
    """Laplace's approximation; of several classes one against the rest."""
    values = matrix(data)
    if len(model.classes_) == 2:
        return pair(_positive(model.base_estimator_, values))
    if model.multi_class != "one_vs_rest":
        raise unsupported(model, f"`multi_class='{model.multi_class}'`")
    parts = [_positive(one, values) for one in _members(model)]
    made = values.graph.concat(parts)
    return made / made.sum()


@converts("sklearn.GaussianProcessClassifier", method="index")
def index(model: Any, data: Data) -> Tensor:
    """What the process says of two classes, or all of them together of several."""
    return apply(model.base_estimator_, "index", data)


@converts("sklearn._BinaryGaussianProcessClassifierLaplace", method="predict_proba")
def binary(model: Any, data: Data) -> Tensor:
    """One of the classes against the rest, or against another."""
    return pair(_positive(model, matrix(data)))


@converts("sklearn._BinaryGaussianProcessClassifierLaplace", method="index")
def binary_index(model: Any, data: Data) -> Tensor:
    """The sign of the latent function."""
    return (_latent(model, matrix(data)) > 0.0).cast("int64")

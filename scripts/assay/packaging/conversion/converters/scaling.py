# mypy: disable-error-code="no-any-return"
"""Transformers of numbers, a column at a time: scalers, powers, quantiles, bins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.conversion import ufuncs
from assay.packaging.conversion.frame import Data, in_place, matrix, typed
from assay.packaging.conversion.registry import apply, converts
from assay.packaging.conversion.versions import before

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assay.packaging.conversion.tensor import Tensor


@converts("sklearn.StandardScaler", method="transform")
def standard_scaler(scaler: Any, data: Data) -> Tensor:
    """(x - mean) / scale; of float32, all of it is float32 from scikit-learn 1.8 on."""
    exact = matrix(data)
    values = exact if before(1, 8) else typed(data, exact)
    if scaler.with_mean:
        values = typed(data, values - values.like(scaler.mean_))
    if before(1, 8):
        values = values.cast("float64")
    return typed(data, values / values.like(scaler.scale_) if scaler.with_std else values)


@converts("sklearn.RobustScaler", method="transform")
def robust_scaler(scaler: Any, data: Data) -> Tensor:
    """(x - median) / range."""
    values = matrix(data)
    if scaler.with_centering:
        values = in_place(data, values - scaler.center_)
    if scaler.with_scaling:
        values = values / scaler.scale_
    return typed(data, values)


@converts("sklearn.MinMaxScaler", method="transform")
def min_max_scaler(scaler: Any, data: Data) -> Tensor:
    """Scale and shift, within `feature_range` if it clips."""
    values = in_place(data, matrix(data) * scaler.scale_) + scaler.min_
    if scaler.clip:
        values = values.clip(*(float(bound) for bound in scaler.feature_range))
    return typed(data, values)


@converts("sklearn.MaxAbsScaler", method="transform")
def max_abs_scaler(scaler: Any, data: Data) -> Tensor:
    """Over the largest absolute value."""
    values = matrix(data) / scaler.scale_
    if getattr(scaler, "clip", False):
        values = values.clip(-1.0, 1.0)
    return typed(data, values)


@converts("sklearn.Normalizer", method="transform")
def normalizer(scaler: Any, data: Data) -> Tensor:
    """Rows of length 1; a row of zeros stays."""
    return typed(data, normalized(matrix(data), scaler.norm))


def normalized(values: Tensor, norm: str) -> Tensor:
    """`sklearn.preprocessing.normalize`."""
    lengths = {
        "l1": lambda: values.op("Abs").sum(),
        "l2": lambda: (values * values).sum().op("Sqrt"),
        "max": lambda: values.op("Abs").max(),
    }[norm]()
    return values / lengths.divisor()


@converts("sklearn.Binarizer", method="transform")
def binarizer(transformer: Any, data: Data) -> Tensor:
    """1 above the threshold."""
    return (matrix(data) > float(transformer.threshold)).cast("float64")


@converts("sklearn.PowerTransformer", method="transform")
def power_transformer(transformer: Any, data: Data) -> Tensor:
    """Box-Cox or Yeo-Johnson with the fitted lambdas, then standardized."""
    values = matrix(data)
    make = _box_cox if transformer.method == "box-cox" else _yeo_johnson
    parts = [make(values.column(at), float(one)) for at, one in enumerate(transformer.lambdas_)]
    made = values.graph.concat(parts)
    return apply(transformer._scaler, "transform", made) if transformer.standardize else made  # noqa: SLF001 (fitted, and has no other name)


def _box_cox(x: Tensor, power: float) -> Tensor:
    if abs(power) < 1e-19:
        return x.op("Log")
    return ufuncs.expm1(x.op("Log") * power) / power


def _yeo_johnson(x: Tensor, power: float) -> Tensor:
    """As `scipy.stats.yeojohnson`: its two branches, each of numbers of its own sign."""
    upper = ufuncs.log1p((x >= 0.0).where(x, 0.0))
    lower = ufuncs.log1p((x < 0.0).where(-x, 0.0))
    eps = float(np.spacing(1.0))
    if abs(power) >= eps:
        upper = ufuncs.expm1(upper * power) / power
    if abs(power - 2) > eps:
        lower = ufuncs.expm1(lower * (2 - power)) / (2 - power)
    chosen = (x >= 0.0).where(upper, -lower)
    return x.isnan().where(x, chosen)


@converts("sklearn.QuantileTransformer", method="transform")
def quantile_transformer(transformer: Any, data: Data) -> Tensor:
    """The place among the fitted quantiles, from both sides; then the normal distribution's."""
    values = matrix(data)
    references = np.asarray(transformer.references_, dtype=np.float64)
    normal = transformer.output_distribution == "normal"
    parts = [
        _quantile(values.column(at), np.asarray(one, np.float64), references, within=normal)
        for at, one in enumerate(np.asarray(transformer.quantiles_).T)
    ]
    made = values.graph.concat(parts)
    if not normal:
        return made
    bound = BOUND - float(np.spacing(1.0))
    made = in_place(data, made)
    return made.isnan().where(made, ufuncs.ndtri(made.clip(bound, 1.0 - bound)))


BOUND = 1e-7
"""`sklearn.preprocessing._data.BOUNDS_THRESHOLD`."""


def _quantile(
    x: Tensor, quantiles: NDArray[Any], references: NDArray[Any], *, within: bool
) -> Tensor:
    upward = interpolate(x, quantiles, references)
    downward = interpolate(-x, -quantiles[::-1], -references[::-1])
    middle = (upward - downward) * 0.5
    slack = BOUND if within else 0.0
    high = (x + slack > float(quantiles[-1])) | x.equals(float(quantiles[-1]))
    low = (x - slack < float(quantiles[0])) | x.equals(float(quantiles[0]))
    ended = low.where(0.0, high.where(1.0, middle))
    return x.isnan().where(x, ended)


def interpolate(x: Tensor, at: NDArray[Any], values: NDArray[Any]) -> Tensor:
    """As `np.interp`: x is (n, 1); `at` is sorted, may repeat, and the last of equals counts."""
    place = (x >= at[None, :]).cast("int64").sum() - 1
    inside = place.clip(0, len(at) - 1)
    widths, rises = np.diff(at), np.diff(values)
    slopes = np.divide(rises, widths, out=np.zeros_like(rises), where=widths > 0)
    slopes = np.append(slopes, 0.0)
    graph = x.graph
    left, start, slope = (graph.constant(one).take(inside, axis=0) for one in (at, values, slopes))
    held = slope.equals(0.0).where(slope, (x - left) * slope)
    under = x < float(at[0])
    return under.where(float(values[0]), start + held)


@converts("sklearn.KBinsDiscretizer", method="transform")
def k_bins(transformer: Any, data: Data) -> Tensor:
    """The bin's number, or one column a bin."""
    values = matrix(data)
    codes = []
    for at, edges in enumerate(transformer.bin_edges_):
        inner = np.asarray(edges, dtype=np.float64)[1:-1]
        column = values.column(at)
        code = (
            (column >= inner[None, :]).cast("int64").sum()
            if len(inner)
            else (column * 0.0).cast("int64")
        )
        codes.append(code)
    if transformer.encode == "ordinal":
        return values.graph.concat(codes).cast("float64")
    counts = [int(count) for count in transformer.n_bins_]
    hot = [
        code.equals(np.arange(count)[None, :]) for code, count in zip(codes, counts, strict=True)
    ]
    return values.graph.concat(hot).cast("float64")


@converts("sklearn.PolynomialFeatures", method="transform")
def polynomial(transformer: Any, data: Data) -> Tensor:
    """Products of powers: one factor after the other, as scikit-learn multiplies."""
    values = matrix(data)
    powers = np.asarray(transformer.powers_)
    degree = int(powers.sum(axis=1).max(initial=0))
    extended = values.graph.concat([values, values.column(0) * 0.0 + 1.0])
    one = powers.shape[1]
    factors = np.full((len(powers), max(degree, 1)), one)
    for row, power in enumerate(powers):
        used = np.repeat(np.arange(one), power)
        factors[row, : len(used)] = used
    made = extended.take(factors[:, 0])
    for place in range(1, degree):
        made = made * extended.take(factors[:, place])
    return made

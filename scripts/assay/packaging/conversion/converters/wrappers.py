# mypy: disable-error-code="no-any-return"
"""Models around one other model: searches, thresholds, calibration, transformed targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.conversion import ufuncs
from assay.packaging.conversion.converters.ensembles import mean
from assay.packaging.conversion.converters.linear import pair, shares
from assay.packaging.conversion.converters.scaling import BOUND, interpolate
from assay.packaging.conversion.frame import Data, matrix
from assay.packaging.conversion.registry import METHODS, PREDICTING, apply, converts
from assay.packaging.conversion.tracing import traced

if TYPE_CHECKING:
    from assay.packaging.conversion.tensor import Tensor

INSIDE = {
    "best_estimator_": (
        "GridSearchCV",
        "RandomizedSearchCV",
        "HalvingGridSearchCV",
        "HalvingRandomSearchCV",
    ),
    "estimator_": ("SelfTrainingClassifier",),
    "estimator": ("FrozenEstimator",),
}
"""Where the model lies that does the work, by class."""


def inside(model: Any, attribute: str = "estimator_") -> Any:
    """The model that does the work: `base_estimator_` to scikit-learn 1.5, else as it was given."""
    names = (attribute, "base_estimator_", "estimator")
    return next(getattr(model, name) for name in names if hasattr(model, name))


def _delegate(attribute: str, classes: tuple[str, ...], method: str) -> None:
    @converts(*classes, method=method)
    def convert(model: Any, data: Data) -> Any:
        return apply(inside(model, attribute), method, data)


for _attribute, _classes in INSIDE.items():
    for _method in METHODS:
        _delegate(_attribute, tuple(f"sklearn.{name}" for name in _classes), _method)

THRESHOLDS = ("sklearn.FixedThresholdClassifier", "sklearn.TunedThresholdClassifierCV")
"""They decide by themselves, and leave the rest to the model inside."""
for _method in ("predict_proba", "decision_function"):
    _delegate("estimator_", THRESHOLDS, _method)


def _eliminate(method: str) -> None:
    @converts("sklearn.RFE", "sklearn.RFECV", method=method)
    def convert(model: Any, data: Data) -> Any:
        return apply(model.estimator_, method, apply(model, "transform", data))


for _method in PREDICTING:
    _eliminate(_method)


@converts(*THRESHOLDS, method="index")
def threshold_index(model: Any, data: Data) -> Tensor:
    """The positive class where its score reaches the threshold."""
    inner = inside(model)
    method = model.response_method
    if method == "auto":
        method = "predict_proba" if hasattr(inner, "predict_proba") else "decision_function"
    threshold = getattr(model, "best_threshold_", getattr(model, "threshold", "auto"))
    if threshold == "auto":
        threshold = 0.5 if method == "predict_proba" else 0.0
    scores, positive = apply(inner, method, data), _positive(model)
    if method == "predict_proba":
        scores = scores.column(positive)
    elif positive == 0:
        scores = -scores
    return (scores >= float(threshold)).where(positive, 1 - positive)


def _positive(model: Any) -> int:
    """The place of the positive class: the second, unless it was named."""
    scorer = getattr(model, "_curve_scorer", None)
    label = getattr(model, "pos_label", None)
    if scorer is not None:
        label = scorer._get_pos_label()  # noqa: SLF001 (what `predict` asks)
    return 1 if label is None else int(np.flatnonzero(np.asarray(model.classes_) == label)[0])


@converts("sklearn.CalibratedClassifierCV", method="predict_proba")
def calibrated(model: Any, data: Data) -> Tensor:
    """The mean over the folds."""
    return mean([_calibrated(one, data) for one in model.calibrated_classifiers_])


def _calibrated(fold: Any, data: Data) -> Tensor:
    inner, k = fold.estimator, len(fold.classes)
    scored = hasattr(inner, "decision_function")
    said = apply(inner, "decision_function" if scored else "predict_proba", data)
    if fold.method == "temperature":
        return _tempered(fold.calibrators[0], said, scored=scored, k=k)
    if k == 2:
        said = said if scored else said.column(1)
        return pair(apply(fold.calibrators[0], "predict", said).clip(0.0, 1.0))
    places = np.searchsorted(fold.classes, inner.classes_)
    parts = {
        int(place): apply(calibrator, "predict", said.column(at))
        for at, (place, calibrator) in enumerate(zip(places, fold.calibrators, strict=True))
    }
    none = said.column(0) * 0.0
    return shares(said.graph.concat([parts.get(place, none) for place in range(k)]))


def _tempered(calibrator: Any, said: Tensor, *, scored: bool, k: int) -> Tensor:
    if scored:
        logits = said.graph.concat([-said, said]) if k == 2 else said
    else:
        logits = (said + float(np.finfo(np.float64).eps)).op("Log")
    return (logits * float(calibrator.beta_)).softmax()


@converts("sklearn._SigmoidCalibration", method="predict")
def sigmoid_calibration(model: Any, data: Data) -> Tensor:
    """1 / (1 + exp(a x + b))."""
    return (-(matrix(data) * float(model.a_) + float(model.b_))).sigmoid()


@converts("sklearn.TransformedTargetRegressor", method="predict")
def transformed_target(model: Any, data: Data) -> Tensor:
    """The regressor's answer, brought back to the scale of the target."""
    said = matrix(apply(model.regressor_, "predict", data))
    return matrix(apply(model.transformer_, "inverse_transform", said))


@converts("sklearn.FunctionTransformer", method="inverse_transform")
def inverse_function(transformer: Any, data: Data) -> Data:
    """The inverse, a formula of NumPy's functions."""
    if transformer.inverse_func is None:
        return data
    return traced(transformer, transformer.inverse_func, transformer.inv_kw_args, data)


@converts(
    "sklearn.StandardScaler",
    "sklearn.RobustScaler",
    "sklearn.MaxAbsScaler",
    method="inverse_transform",
)
def inverse_scaler(scaler: Any, data: Data) -> Tensor:
    """Scaled back, then shifted back."""
    values = matrix(data)
    center = getattr(scaler, "mean_", getattr(scaler, "center_", None))
    centered = getattr(scaler, "with_mean", getattr(scaler, "with_centering", False))
    if scaler.scale_ is not None:
        values = values * scaler.scale_
    return values + center if centered else values


@converts("sklearn.MinMaxScaler", method="inverse_transform")
def inverse_min_max(scaler: Any, data: Data) -> Tensor:
    """(x - min) / scale."""
    return (matrix(data) - scaler.min_) / scaler.scale_


@converts("sklearn.PowerTransformer", method="inverse_transform")
def inverse_power(transformer: Any, data: Data) -> Tensor:
    """Box-Cox or Yeo-Johnson backwards."""
    values = matrix(data)
    if transformer.standardize:
        values = apply(transformer._scaler, "inverse_transform", values)  # noqa: SLF001 (fitted, and has no other name)
    make = _box_cox_back if transformer.method == "box-cox" else _yeo_johnson_back
    parts = [make(values.column(at), float(one)) for at, one in enumerate(transformer.lambdas_)]
    return values.graph.concat(parts)


def _box_cox_back(x: Tensor, power: float) -> Tensor:
    return x.op("Exp") if power == 0 else (x * power + 1.0) ** (1.0 / power)


def _yeo_johnson_back(x: Tensor, power: float) -> Tensor:
    """As `PowerTransformer._yeo_johnson_inverse_transform`."""
    up, down = (x >= 0.0).where(x, 0.0), (x < 0.0).where(x, 0.0)
    eps = float(np.spacing(1.0))
    upper = up.op("Exp") - 1.0 if abs(power) < eps else (up * power + 1.0) ** (1.0 / power) - 1.0
    if abs(power - 2) > eps:
        lower = 1.0 - (down * -(2.0 - power) + 1.0) ** (1.0 / (2.0 - power))
    else:
        lower = 1.0 - (-down).op("Exp")
    return (x >= 0.0).where(upper, lower)


@converts("sklearn.QuantileTransformer", method="inverse_transform")
def inverse_quantile(transformer: Any, data: Data) -> Tensor:
    """Linear between the fitted quantiles, of the normal distribution's share or of it itself."""
    values = matrix(data)
    normal = transformer.output_distribution == "normal"
    places = (ufuncs.erf(values / float(np.sqrt(2.0))) + 1.0) / 2.0 if normal else values
    references = np.asarray(transformer.references_, dtype=np.float64)
    slack = BOUND if normal else 0.0
    parts = []
    for at, quantiles in enumerate(np.asarray(transformer.quantiles_, dtype=np.float64).T):
        share = places.column(at).clip(0.0, 1.0)
        share = (share < slack).where(0.0, share)
        share = (share > 1.0 - slack).where(1.0, share)
        parts.append(interpolate(share, references, quantiles))
    return values.graph.concat(parts)

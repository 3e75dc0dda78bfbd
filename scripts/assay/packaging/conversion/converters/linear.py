# mypy: disable-error-code="no-any-return"
"""Models that are a linear function of the columns, behind a link."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.conversion.converters.scaling import interpolate
from assay.packaging.conversion.frame import Data, in_place, matrix
from assay.packaging.conversion.refusal import unsupported
from assay.packaging.conversion.registry import apply, converts
from assay.packaging.conversion.versions import before

if TYPE_CHECKING:
    from assay.packaging.conversion.tensor import Tensor

REGRESSORS = (
    "ARDRegression",
    "BayesianRidge",
    "ElasticNet",
    "ElasticNetCV",
    "HuberRegressor",
    "Lars",
    "LarsCV",
    "Lasso",
    "LassoCV",
    "LassoLars",
    "LassoLarsCV",
    "LassoLarsIC",
    "LinearRegression",
    "LinearSVR",
    "MultiTaskElasticNet",
    "MultiTaskElasticNetCV",
    "MultiTaskLasso",
    "MultiTaskLassoCV",
    "OrthogonalMatchingPursuit",
    "OrthogonalMatchingPursuitCV",
    "PassiveAggressiveRegressor",
    "QuantileRegressor",
    "Ridge",
    "RidgeCV",
    "SGDRegressor",
    "TheilSenRegressor",
)
CLASSIFIERS = (
    "LinearDiscriminantAnalysis",
    "LinearSVC",
    "LogisticRegression",
    "LogisticRegressionCV",
    "PassiveAggressiveClassifier",
    "Perceptron",
    "RidgeClassifier",
    "RidgeClassifierCV",
    "SGDClassifier",
)
LINEAR_CLASSIFIERS = tuple(f"sklearn.{name}" for name in CLASSIFIERS)


def linear(model: Any, values: Tensor) -> Tensor:
    """X @ coef.T + intercept: (n, m)."""
    coefficients = np.atleast_2d(np.asarray(model.coef_, dtype=np.float64))
    return values @ coefficients.T + np.atleast_1d(np.asarray(model.intercept_, dtype=np.float64))


@converts(*(f"sklearn.{name}" for name in REGRESSORS), method="predict")
def regressor(model: Any, data: Data) -> Tensor:
    """The linear function itself."""
    return linear(model, matrix(data))


@converts(
    "sklearn.GammaRegressor",
    "sklearn.PoissonRegressor",
    "sklearn.TweedieRegressor",
    method="predict",
)
def generalized(model: Any, data: Data) -> Tensor:
    """Behind the link of the distribution: the logarithm, or none."""
    score = linear(model, matrix(data))
    power, link = getattr(model, "power", 1), getattr(model, "link", "auto")
    identity = link == "identity" or (link == "auto" and power <= 0)
    return score if identity else score.op("Exp")


@converts("sklearn.CCA", "sklearn.PLSCanonical", "sklearn.PLSRegression", method="predict")
def partial_least_squares(model: Any, data: Data) -> Tensor:
    """Linear in the centered columns; to scikit-learn 1.4 they are scaled too."""
    values = in_place(data, matrix(data) - model._x_mean)  # noqa: SLF001 (fitted, and has no other name)
    if before(1, 5):
        values = in_place(data, values / model._x_std)  # noqa: SLF001 (as above)
    return linear(model, values)


@converts(
    "sklearn.CCA",
    "sklearn.PLSCanonical",
    "sklearn.PLSRegression",
    "sklearn.PLSSVD",
    method="transform",
)
def partial_least_squares_scores(model: Any, data: Data) -> Tensor:
    """The columns standardized, then rotated."""
    scaled = (matrix(data) - model._x_mean) / model._x_std  # noqa: SLF001 (as above)
    return scaled @ (model.x_weights_ if type(model).__name__ == "PLSSVD" else model.x_rotations_)


@converts("sklearn.RANSACRegressor", method="predict")
def ransac(model: Any, data: Data) -> Tensor:
    """The regressor that was fitted on the inliers."""
    answer: Tensor = apply(model.estimator_, "predict", data)
    return answer


@converts("sklearn.IsotonicRegression", method="predict")
def isotonic(model: Any, data: Data) -> Tensor:
    """Linear between the fitted points; beyond them as `out_of_bounds` says."""
    values = matrix(data).cast(model.X_thresholds_.dtype.name).cast("float64")
    at, heights = (
        np.asarray(one, np.float64) for one in (model.X_thresholds_, model.y_thresholds_)
    )
    if len(at) == 1:
        return values * 0.0 + float(heights[0])
    asked = values.clip(float(at[0]), float(at[-1]))
    made = interpolate(asked, at, heights)
    if model.out_of_bounds == "clip":
        return made
    outside = (values < float(at[0])) | (values > float(at[-1]))
    return outside.where(np.nan, made)


@converts(*LINEAR_CLASSIFIERS, method="decision_function")
def decision(model: Any, data: Data) -> Tensor:
    """One column of two classes, else one a class."""
    return linear(model, matrix(data))


@converts(*LINEAR_CLASSIFIERS, method="index")
def index(model: Any, data: Data) -> Tensor:
    """The highest score; of several outputs and of two classes, whether it is above 0."""
    return index_of(model, apply(model, "decision_function", data))


def index_of(model: Any, scores: Tensor) -> Tensor:
    """The place of the class that scores stand for."""
    several = (
        getattr(getattr(model, "_label_binarizer", None), "y_type_", "") == "multilabel-indicator"
    )
    if several or len(model.classes_) == 2:
        return (scores > 0.0).cast("int64")
    return scores.argmax()


def above(model: Any, scores: Tensor) -> Tensor:
    """Of two classes how far the second is above the first; else the scores: one a class."""
    return scores.column(1) - scores.column(0) if len(model.classes_) == 2 else scores


def pair(positive: Tensor) -> Tensor:
    """Probabilities of two classes from that of the second: (n, 2)."""
    return positive.graph.concat([1.0 - positive, positive])


def chances_of(model: Any, scores: Tensor) -> Tensor:
    """Sigmoid of two classes, else softmax."""
    return pair(scores.sigmoid()) if len(model.classes_) == 2 else scores.softmax()


def normalized_sigmoid(model: Any, scores: Tensor) -> Tensor:
    """`LinearClassifierMixin._predict_proba_lr`: one against the rest, normalized."""
    chances = scores.sigmoid()
    return pair(chances) if len(model.classes_) == 2 else shares(chances)


def shares(chances: Tensor) -> Tensor:
    """Each by the sum of all; where all are 0 they are equally likely."""
    there = chances.sum().equals(0.0).where(chances * 0.0 + 1.0, chances)
    return there / there.sum()


@converts("sklearn.LogisticRegression", "sklearn.LogisticRegressionCV", method="predict_proba")
def logistic(model: Any, data: Data) -> Tensor:
    """Softmax, or one against the rest."""
    scores = apply(model, "decision_function", data)
    scheme, two = getattr(model, "multi_class", "auto"), len(model.classes_) == 2
    if scheme in {"ovr", "warn"} or (
        scheme != "multinomial" and (two or model.solver == "liblinear")
    ):
        return normalized_sigmoid(model, scores)
    return (scores.graph.concat([-scores, scores]) if two else scores).softmax()


@converts("sklearn.LinearDiscriminantAnalysis", method="predict_proba")
def linear_discriminant(model: Any, data: Data) -> Tensor:
    """The scores are log-posteriors up to a constant."""
    return chances_of(model, apply(model, "decision_function", data))


@converts("sklearn.LinearDiscriminantAnalysis", method="transform")
def discriminant_axes(model: Any, data: Data) -> Tensor:
    """The columns projected on the axes that part the classes."""
    values = matrix(data)
    centered = values - model.xbar_ if model.solver == "svd" else values
    return (centered @ model.scalings_).take(range(model._max_components))  # noqa: SLF001 (resolved)


@converts("sklearn.SGDClassifier", method="predict_proba")
def stochastic(model: Any, data: Data) -> Tensor:
    """Of the logistic loss, and of the modified Huber loss."""
    scores = apply(model, "decision_function", data)
    if model.loss in {"log_loss", "log"}:
        return normalized_sigmoid(model, scores)
    if model.loss != "modified_huber":
        raise unsupported(model, f"probabilities of `loss='{model.loss}'`")
    chances = (scores.clip(-1.0, 1.0) + 1.0) / 2.0
    return pair(chances) if len(model.classes_) == 2 else shares(chances)

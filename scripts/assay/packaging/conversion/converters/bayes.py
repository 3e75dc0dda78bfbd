# mypy: disable-error-code="no-any-return"
"""Naive Bayes, and discriminant analysis by quadratic forms."""

from __future__ import annotations

import operator
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.conversion.converters.linear import above
from assay.packaging.conversion.distances import between
from assay.packaging.conversion.frame import Data, matrix
from assay.packaging.conversion.registry import converts

if TYPE_CHECKING:
    from assay.packaging.conversion.tensor import Tensor


def _gaussian(model: Any, data: Data) -> Tensor:
    values = matrix(data)
    parts = []
    for mean, variance, prior in zip(model.theta_, model.var_, model.class_prior_, strict=True):
        constant = float(np.log(prior) - 0.5 * np.sum(np.log(2.0 * np.pi * variance)))
        apart = values - mean[None, :]
        parts.append((apart * apart / variance[None, :]).sum() * -0.5 + constant)
    return values.graph.concat(parts)


def _bernoulli(model: Any, data: Data) -> Tensor:
    values = matrix(data)
    if model.binarize is not None:
        values = (values > float(model.binarize)).cast("float64")
    negative = np.log(1 - np.exp(model.feature_log_prob_))
    weights = (model.feature_log_prob_ - negative).T
    return values @ weights + (model.class_log_prior_ + negative.sum(axis=1))


def _multinomial(model: Any, data: Data) -> Tensor:
    return matrix(data) @ model.feature_log_prob_.T + model.class_log_prior_


def _complement(model: Any, data: Data) -> Tensor:
    made = matrix(data) @ model.feature_log_prob_.T
    return made + model.class_log_prior_ if len(model.classes_) == 1 else made


def _categorical(model: Any, data: Data) -> Tensor:
    values = matrix(data).cast("int64")
    parts = [
        values.graph.constant(np.ascontiguousarray(table.T)).take(
            values.column(at).reshape(-1), axis=0
        )
        for at, table in enumerate(model.feature_log_prob_)
    ]
    return reduce(operator.add, parts) + model.class_log_prior_


JOINT = {
    "GaussianNB": _gaussian,
    "BernoulliNB": _bernoulli,
    "MultinomialNB": _multinomial,
    "ComplementNB": _complement,
    "CategoricalNB": _categorical,
}
NAIVE = tuple(f"sklearn.{name}" for name in JOINT)


def _joint(model: Any, data: Data) -> Tensor:
    return JOINT[type(model).__name__](model, data)


@converts(*NAIVE, method="predict_proba")
def naive_chances(model: Any, data: Data) -> Tensor:
    """The joint log-likelihood, normalized."""
    joint = _joint(model, data)
    return (joint - joint.logsumexp()).op("Exp")


@converts(*NAIVE, method="index")
def naive_index(model: Any, data: Data) -> Tensor:
    """The highest joint log-likelihood."""
    return _joint(model, data).argmax()


def _quadratic(model: Any, data: Data) -> Tensor:
    values = matrix(data)
    parts = []
    for rotation, scaling, mean, prior in zip(
        model.rotations_, model.scalings_, model.means_, model.priors_, strict=True
    ):
        turned = (values - mean[None, :]) @ (rotation * scaling**-0.5)
        constant = float(-0.5 * np.sum(np.log(scaling)) + np.log(prior))
        parts.append((turned * turned).sum() * -0.5 + constant)
    return values.graph.concat(parts)


@converts("sklearn.QuadraticDiscriminantAnalysis", method="decision_function")
def quadratic_scores(model: Any, data: Data) -> Tensor:
    """Log-posteriors up to a constant; of two classes their difference."""
    return above(model, _quadratic(model, data))


@converts("sklearn.QuadraticDiscriminantAnalysis", method="index")
def quadratic_index(model: Any, data: Data) -> Tensor:
    """The highest log-posterior."""
    return _quadratic(model, data).argmax()


@converts("sklearn.QuadraticDiscriminantAnalysis", method="predict_proba")
def quadratic_chances(model: Any, data: Data) -> Tensor:
    """Posteriors."""
    return _quadratic(model, data).softmax()


@converts("sklearn.NearestCentroid", method="index")
def centroid_index(model: Any, data: Data) -> Tensor:
    """The nearest centroid; with priors that differ the highest discriminant score."""
    values = matrix(data)
    prior = getattr(model, "class_prior_", np.full(len(model.classes_), 1 / len(model.classes_)))
    if np.isclose(prior, 1 / len(model.classes_)).all():
        return (-between(model, values, model.centroids_, model.metric, None)).argmax()
    return _centroid_scores(model, data).argmax()


def _centroid_scores(model: Any, data: Data) -> Tensor:
    spread = np.where(model.within_class_std_dev_ != 0, model.within_class_std_dev_, 1.0)
    apart = between(model, matrix(data) / spread, model.centroids_ / spread, model.metric, None)
    return apart * apart * -1.0 + 2.0 * np.log(model.class_prior_)[None, :]


@converts("sklearn.NearestCentroid", method="decision_function")
def centroid_scores(model: Any, data: Data) -> Tensor:
    """Discriminant scores; of two classes their difference."""
    return above(model, _centroid_scores(model, data))


@converts("sklearn.NearestCentroid", method="predict_proba")
def centroid_chances(model: Any, data: Data) -> Tensor:
    """Posteriors of the discriminant scores."""
    return _centroid_scores(model, data).softmax()

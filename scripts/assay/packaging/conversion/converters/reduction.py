# mypy: disable-error-code="no-any-return"
"""Fewer columns: projections, selections, distances to centers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.conversion.distances import exact, kernel, squared
from assay.packaging.conversion.frame import Data, matrix, select
from assay.packaging.conversion.registry import converts

if TYPE_CHECKING:
    from assay.packaging.conversion.tensor import Tensor

SELECTORS = (
    "GenericUnivariateSelect",
    "RFE",
    "RFECV",
    "SelectFdr",
    "SelectFpr",
    "SelectFromModel",
    "SelectFwe",
    "SelectKBest",
    "SelectPercentile",
    "SequentialFeatureSelector",
    "VarianceThreshold",
)


@converts(*(f"sklearn.{name}" for name in SELECTORS), method="transform")
def selector(transformer: Any, data: Data) -> Data:
    """The columns of `get_support`."""
    return select(data, transformer.get_support(indices=True).tolist())


@converts("sklearn.PCA", "sklearn.IncrementalPCA", method="transform")
def principal(transformer: Any, data: Data) -> Tensor:
    """Centered and rotated; whitened by the variances."""
    components = np.asarray(transformer.components_, dtype=np.float64)
    # as scikit-learn does it: the mean is rotated too, and taken off last
    made = matrix(data) @ components.T - np.asarray(transformer.mean_) @ components.T
    if not transformer.whiten:
        return made
    scale = np.sqrt(transformer.explained_variance_)
    return made / np.maximum(scale, np.finfo(scale.dtype).eps)


@converts("sklearn.TruncatedSVD", "sklearn.NeighborhoodComponentsAnalysis", method="transform")
def projection(transformer: Any, data: Data) -> Tensor:
    """Times the components."""
    return matrix(data) @ np.asarray(transformer.components_).T


@converts("sklearn.GaussianRandomProjection", "sklearn.SparseRandomProjection", method="transform")
def random_projection(transformer: Any, data: Data) -> Tensor:
    """Times the components, which may be sparse."""
    components = transformer.components_
    dense = components.toarray() if hasattr(components, "toarray") else components
    return matrix(data) @ np.asarray(dense, dtype=np.float64).T


@converts("sklearn.FactorAnalysis", method="transform")
def factors(transformer: Any, data: Data) -> Tensor:
    """The expected factors."""
    loadings = np.asarray(transformer.components_)
    weights = loadings / transformer.noise_variance_
    spread = np.linalg.inv(np.eye(len(loadings)) + weights @ loadings.T)
    return (matrix(data) - transformer.mean_) @ weights.T @ spread


@converts("sklearn.FastICA", method="transform")
def independent(transformer: Any, data: Data) -> Tensor:
    """Centered if it whitens, then unmixed."""
    values = matrix(data)
    centered = values - transformer.mean_ if transformer.whiten else values
    return centered @ np.asarray(transformer.components_).T


@converts("sklearn.KernelPCA", method="transform")
def kernel_principal(transformer: Any, data: Data) -> Tensor:
    """The kernel with the fitted rows, centered, on the eigenvectors that count."""
    settings = {
        "gamma": getattr(transformer, "gamma_", transformer.gamma),
        "degree": transformer.degree,
        "coef0": transformer.coef0,
    }
    near = kernel(transformer, matrix(data), transformer.X_fit_, transformer.kernel, settings)
    centerer = transformer._centerer  # noqa: SLF001 (fitted, and has no other name)
    centered = near - centerer.K_fit_rows_ - near.reduce("Mean", 1) + float(centerer.K_fit_all_)
    values = np.asarray(transformer.eigenvalues_)
    scaled = np.zeros_like(transformer.eigenvectors_)
    used = np.flatnonzero(values)
    scaled[:, used] = transformer.eigenvectors_[:, used] / np.sqrt(values[used])
    return centered @ scaled


@converts("sklearn.RBFSampler", method="transform")
def fourier(transformer: Any, data: Data) -> Tensor:
    """Cosines of random projections."""
    angles = matrix(data) @ transformer.random_weights_ + transformer.random_offset_
    size = float(np.sqrt(2.0 / transformer.n_components))
    return np.cos(angles) * size


@converts("sklearn.Nystroem", method="transform")
def nystroem(transformer: Any, data: Data) -> Tensor:
    """The kernel with chosen rows, normalized."""
    settings = {
        "gamma": transformer.gamma,
        "degree": transformer.degree,
        "coef0": transformer.coef0,
    }
    near = kernel(transformer, matrix(data), transformer.components_, transformer.kernel, settings)
    return near @ transformer.normalization_.T


@converts(
    "sklearn.KMeans",
    "sklearn.MiniBatchKMeans",
    "sklearn.BisectingKMeans",
    "sklearn.Birch",
    method="transform",
)
def distances_to_centers(model: Any, data: Data) -> Tensor:
    """Euclidean, exact where a row is a center."""
    centers = "subcluster_centers_" if hasattr(model, "subcluster_centers_") else "cluster_centers_"
    return exact(matrix(data), getattr(model, centers)).op("Sqrt")


@converts(
    "sklearn.KMeans",
    "sklearn.MiniBatchKMeans",
    "sklearn.MeanShift",
    "sklearn.AffinityPropagation",
    method="predict",
)
def nearest_center(model: Any, data: Data) -> Tensor:
    """The number of the nearest center."""
    return (-squared(matrix(data), model.cluster_centers_)).argmax()


@converts("sklearn.BisectingKMeans", method="predict")
def bisected(model: Any, data: Data) -> Tensor:
    """Down the tree of clusters, each time to the nearer of two centers."""
    values, shift = matrix(data), getattr(model, "_X_mean", 0.0)
    zeros = values.column(0).isnan().cast("int64") * 0

    def below(node: Any) -> Tensor:
        if node.left is None:
            return zeros + int(node.label)
        centers = np.vstack([node.left.center, node.right.center]) + shift
        right = (-squared(values, centers)).argmax().equals(1)
        return right.where(below(node.right), below(node.left))

    return below(model._bisecting_tree)  # noqa: SLF001 (what `predict` goes down)


@converts("sklearn.Birch", method="predict")
def nearest_subcluster(model: Any, data: Data) -> Tensor:
    """The label of the nearest subcluster."""
    place = (-squared(matrix(data), model.subcluster_centers_)).argmax()
    return place.graph.constant(np.asarray(model.subcluster_labels_, dtype=np.int64)).take(
        place, axis=0
    )


def _mixture(model: Any, data: Data) -> Tensor:
    """Log of weight times density: (n, k)."""
    values = matrix(data)
    parts = []
    for at, mean in enumerate(model.means_):
        root = _root(model, at)
        turned = (values - mean[None, :]) @ root
        constant = float(np.sum(np.log(np.diag(root))) - 0.5 * len(mean) * np.log(2 * np.pi))
        parts.append(
            (turned * turned).sum() * -0.5 + (constant + float(np.log(model.weights_[at])))
        )
    return values.graph.concat(parts)


def _root(model: Any, at: int) -> np.ndarray[Any, Any]:
    """The Cholesky factor of a component's precision: (d, d)."""
    factor, width = model.precisions_cholesky_, model.means_.shape[1]
    if model.covariance_type == "tied":
        return np.asarray(factor)
    one = np.asarray(factor[at])  # (d, d), (d,) or a number, by the type of the covariance
    return one if one.ndim == 2 else np.eye(width) * one


@converts("sklearn.GaussianMixture", method="predict_proba")
def mixture_chances(model: Any, data: Data) -> Tensor:
    """Which component a row belongs to."""
    return _mixture(model, data).softmax()


@converts("sklearn.GaussianMixture", method="predict")
def mixture_label(model: Any, data: Data) -> Tensor:
    """The most probable component."""
    return _mixture(model, data).argmax()

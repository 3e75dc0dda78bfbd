# mypy: disable-error-code="no-any-return"
"""Imputers: what stands in for a missing value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.conversion.converters.encoding import is_missing
from assay.packaging.conversion.distances import closeness
from assay.packaging.conversion.frame import Data, Frame, column, join, matrix, typed
from assay.packaging.conversion.refusal import unsupported
from assay.packaging.conversion.registry import apply, converts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assay.packaging.conversion.tensor import Tensor


def _mask(values: Tensor, missing: Any) -> Tensor:
    """Where a column has no value."""
    lost = is_missing(missing)
    if values.dtype == "string":
        return values.equals("" if lost else str(missing))
    if lost or isinstance(missing, str):
        return values.isnan()
    return values.cast("float64").equals(float(missing))


@converts("sklearn.SimpleImputer", method="transform")
def simple(imputer: Any, data: Data) -> Data:
    """The fitted statistic of the column; a column that never had a value is left out."""
    if not isinstance(data, Frame) and data.dtype != "string":
        return _simple_numbers(imputer, data)
    kept, parts = _kept(imputer), []
    for place in kept:
        values = column(data, place)
        fill = imputer.statistics_[place]
        fill = str(fill) if values.dtype == "string" else float(fill)
        values = values if values.dtype == "string" else values.cast("float64")
        parts.append(_mask(values, imputer.missing_values).where(fill, values))
    return _with_indicator(imputer, data, join(parts, [1] * len(parts)), len(parts))


def _kept(imputer: Any) -> list[int]:
    statistics = imputer.statistics_
    if imputer.keep_empty_features:
        return list(range(len(statistics)))
    return [at for at, one in enumerate(statistics) if not is_missing(one)]


def _simple_numbers(imputer: Any, values: Tensor) -> Data:
    kept = _kept(imputer)
    chosen = values if len(kept) == len(imputer.statistics_) else values.take(kept)
    chosen = chosen if chosen.dtype.startswith("float") else chosen.cast("float64")
    fills = np.asarray(imputer.statistics_[kept], dtype=np.float64)[None, :]
    made = _mask(chosen, imputer.missing_values).where(fills, chosen)
    return _with_indicator(imputer, values, made, len(kept))


def _with_indicator(imputer: Any, data: Data, made: Data, width: int) -> Data:
    if imputer.add_indicator:
        mask = apply(imputer.indicator_, "transform", data)
        made = join([made, mask.cast("float64")], [width, len(imputer.indicator_.features_)])
    return made if isinstance(made, Frame) or made.dtype == "string" else typed(data, made)


@converts("sklearn.MissingIndicator", method="transform")
def indicator(transformer: Any, data: Data) -> Tensor:
    """Which of the columns that were missing at times are now."""
    places = [int(place) for place in transformer.features_]
    masks = [_mask(column(data, place), transformer.missing_values) for place in places]
    return masks[0].graph.concat(masks)


@converts("sklearn.KNNImputer", method="transform")
def nearest(imputer: Any, data: Data) -> Data:
    """The mean of the nearest rows that have a value, by distance over what both rows have."""
    if imputer.metric != "nan_euclidean" or callable(imputer.weights):
        raise unsupported(imputer, "a metric or weights that are a function")
    values = matrix(data)
    empty = _mask(values, imputer.missing_values)
    distances = _distances(values, empty, imputer._fit_X, imputer._mask_fit_X)  # noqa: SLF001 (the fitted rows)
    parts: list[Tensor] = []
    for place, valid in enumerate(imputer._valid_mask):  # noqa: SLF001 (as above)
        known = np.flatnonzero(~imputer._mask_fit_X[:, place])  # noqa: SLF001 (as above)
        here = values.column(place)
        if valid:
            filled = _filled(imputer, distances.take(known), imputer._fit_X[known, place])  # noqa: SLF001 (as above)
            parts.append(empty.take([place]).where(filled, here))
        elif imputer.keep_empty_features:
            parts.append(empty.take([place]).where(0.0, here))
    made = values.graph.concat(parts)
    return _with_indicator(imputer, data, made, len(parts))


def _distances(
    values: Tensor, empty: Tensor, rows: NDArray[Any], lost: NDArray[np.bool_]
) -> Tensor:
    """`sklearn.metrics.pairwise.nan_euclidean_distances`; infinite where no column is in both."""
    here = empty.where(0.0, values)
    known = (~empty).cast("float64")
    fitted, there = np.where(lost, 0.0, rows).astype(np.float64), (~lost).astype(np.float64)
    squares = (here * here) @ there.T + known @ (fitted**2).T - 2.0 * (here @ fitted.T)
    counts = known @ there.T
    scaled = squares.clip(0.0, None) / counts * float(rows.shape[1])
    return counts.equals(0.0).where(np.inf, scaled.op("Sqrt"))


def _filled(imputer: Any, distances: Tensor, values: NDArray[Any]) -> Tensor:
    count = min(int(imputer.n_neighbors), len(values))
    nearest_ones, places = distances.sort_top(count)
    donors = distances.graph.constant(values.astype(np.float64)).take(places, axis=0)
    weights = (nearest_ones < np.inf).cast("float64")
    if imputer.weights == "distance":
        weights = closeness(nearest_ones)
    total = weights.sum()
    average = (weights * donors).sum() / total
    return total.equals(0.0).where(float(np.mean(values)), average)


@converts("sklearn.IterativeImputer", method="transform")
def iterative(imputer: Any, data: Data) -> Data:
    """Each step of the fitted sequence predicts one column from the others."""
    if imputer.sample_posterior:
        raise unsupported(imputer, "`sample_posterior=True`")
    first = imputer.initial_imputer_
    values = matrix(data)
    empty = _mask(values, imputer.missing_values)
    filled = matrix(apply(first, "transform", values))
    kept = _kept(first)
    parts = [filled.column(place) for place in range(len(kept))]
    low, high = np.asarray(imputer._min_value), np.asarray(imputer._max_value)  # noqa: SLF001 (bounds, a column each)
    for step in imputer.imputation_sequence_ if imputer.n_iter_ else ():
        place = int(step.feat_idx)
        others = values.graph.concat([parts[int(one)] for one in step.neighbor_feat_idx])
        guess = matrix(apply(step.estimator, "predict", others))
        guess = guess.clip(float(low[place]), float(high[place]))
        parts[place] = empty.take([kept[place]]).where(guess, parts[place])
    made = values.graph.concat(parts)
    return _with_indicator(imputer, data, made, len(parts))

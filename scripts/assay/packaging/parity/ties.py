"""Rows whose neighbors are as far as others that do not count: a library may choose either.

Which of them counts depends on the order of the training rows, and on how a library searches:
scikit-learn's documentation of its nearest neighbors warns of it.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.parity.answers import quiet

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import NDArray

    from assay.packaging.parity.answers import Original

    Mask = NDArray[np.bool_]

_TIE = 1e-9
"""Share of a distance within which two are the same: it is a root of a sum of squares."""
_ROUNDING = 1e-14
"""Share of a square that sums of squares in float64 may be apart."""
_MOST_DISTANCES = 10_000_000
"""That are held in memory."""


def is_tied(model: Original, frame: pd.DataFrame) -> Mask:
    """(n,): whether neighbors of a row may be others, in the estimator or in an imputer."""
    found = np.zeros(len(frame), dtype=np.bool_)
    for ties in (_of_last, _of_imputers):
        # As few training rows as neighbors: none is left out.
        with contextlib.suppress(Exception), quiet():
            found |= ties(model.estimator, model.given(frame))
    return found


def _of_last(estimator: Any, given: Any) -> Mask:
    steps = getattr(estimator, "steps", None)
    last = steps[-1][1] if steps else estimator
    last = getattr(last, "nn_fit", None) or last  # labels that spread among neighbors
    count = getattr(last, "n_neighbors", None)
    if not hasattr(last, "kneighbors") or not isinstance(count, int):
        return np.zeros(len(given), dtype=np.bool_)
    rows = estimator[:-1].transform(given) if steps and len(steps) > 1 else given
    distances, _ = last.kneighbors(rows, n_neighbors=count + 1)
    here, beyond = distances[:, count - 1], distances[:, count]
    near: Mask = _near(here, beyond) | np.isnan(beyond)  # they overflowed
    return near


def _near(here: NDArray[Any], beyond: NDArray[Any]) -> Mask:
    with np.errstate(invalid="ignore"):
        return np.asarray((beyond - here <= _TIE * np.abs(beyond)) | (beyond == here))


def _of_imputers(estimator: Any, given: Any) -> Mask:
    found = np.zeros(len(given), dtype=np.bool_)
    for imputer, rows in _imputers(estimator, given):
        values = np.asarray(rows, dtype=np.float64)
        size = max(1, _MOST_DISTANCES // len(imputer._fit_X))  # noqa: SLF001 (it has no other name)
        for start in range(0, len(values), size):
            found[start : start + size] |= _of_imputer(imputer, values[start : start + size])
    return found


def _imputers(step: Any, rows: Any) -> Iterator[tuple[Any, Any]]:
    """Imputers by neighbors on the way through a model, with the rows that they are given."""
    from sklearn.utils import _safe_indexing

    if hasattr(step, "_mask_fit_X"):
        yield step, rows
    for _, part, columns in getattr(step, "transformers_", ()):
        if not isinstance(part, str):
            yield from _imputers(part, _safe_indexing(rows, columns, axis=1))
    for _, part in getattr(step, "steps", ()):
        if hasattr(part, "transform"):
            yield from _imputers(part, rows)
            rows = part.transform(rows)


def _of_imputer(imputer: Any, values: NDArray[np.float64]) -> Mask:
    """(n,): whether a value that is missing may as well come from other rows."""
    from sklearn.metrics.pairwise import nan_euclidean_distances

    known, count = imputer._fit_X, imputer.n_neighbors  # noqa: SLF001
    mark = imputer.missing_values
    missing = np.isnan(values) if np.isnan(mark) else values == mark
    distances = nan_euclidean_distances(values, known, missing_values=mark)
    # It is a root of x^2 - 2xy + y^2: of rows that are alike, all that is left may be rounding.
    lengths = [np.nansum(np.where(one == mark, 0.0, one) ** 2, axis=1) for one in (values, known)]
    noise = _ROUNDING * values.shape[1] * np.add.outer(*lengths)
    found = np.zeros(len(values), dtype=np.bool_)
    for column in np.flatnonzero(missing.any(axis=0)):
        rows = np.flatnonzero(missing[:, column])
        donors = ~imputer._mask_fit_X[:, column]  # noqa: SLF001
        if donors.sum() > count:
            those = np.ix_(rows, donors)
            last_two = np.argsort(distances[those], axis=1)[:, count - 1 : count + 1]
            here, beyond = np.take_along_axis(distances[those], last_two, axis=1).T
            unsure = np.take_along_axis(noise[those], last_two, axis=1).sum(axis=1)
            found[rows] |= _near(here, beyond) | (beyond**2 - here**2 <= unsure)
    return found

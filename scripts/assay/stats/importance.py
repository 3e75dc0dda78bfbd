"""Permutation importance: how much worse a metric gets when one column of the features is shuffled.

Breiman, Random Forests (2001), section 10, for any model and metric, as in
`sklearn.inspection.permutation_importance`: the mean over repeats of (metric - metric with the
column shuffled), signed so that positive is a loss, with the standard deviation over repeats.
Correlated columns stand in for each other: each of them can look unimportant.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from assay.stats.catalogue import find
from assay.stats.metrics import compute

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from assay.stats.predictions import Predictions

REPEATS = 5
MOST_ROWS = 5_000
MOST_FEATURES = 200
MOST_PREDICTED = 1_000_000
"""Rows that a model predicts in all: with many features, there are fewer rows."""

Predict: TypeAlias = "Callable[[pd.DataFrame], Predictions]"
"""From features, one of them shuffled, to what the model says of the rows and their truth."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One model."""

    metric: str
    means: dict[str, float]
    deviations: dict[str, float]
    undefined: dict[str, str]
    """Features without a value, and why."""


class ImportanceError(ValueError):
    """Importance has no value on these rows."""


def sample(rows: int, features: int, *, repeats: int = REPEATS, seed: int = 0) -> NDArray[np.intp]:
    """Positions (m,) of the rows to measure on, in order; all, where they are few enough."""
    most = min(MOST_ROWS, max(100, MOST_PREDICTED // max(1, features * repeats)))
    if rows <= most:
        return np.arange(rows, dtype=np.intp)
    chosen = np.random.default_rng(seed).choice(rows, size=most, replace=False)
    return np.sort(chosen).astype(np.intp)


def permutation(
    predict: Predict,
    table: pd.DataFrame,
    columns: Sequence[str],
    *,
    metric: str,
    repeats: int = REPEATS,
    seed: int = 0,
) -> Measured:
    """The importance of each of some columns to one model.

    A column is shuffled in the same way for every model: chance cancels out of differences.

    Args:
        predict: The model.
        table: The features of the rows to measure on (`sample`).
        columns: Those to shuffle; the model may be given more.
        metric: A name of the catalogue.
        repeats: How often each column is shuffled.
        seed: The same seed gives the same numbers.

    Raises:
        ImportanceError: The metric has no value on these rows.
    """
    known = find(metric)
    sign = -1.0 if known is not None and known.direction == "lower" else 1.0
    rows = table.reset_index(drop=True)
    whole = compute(predict(rows), metrics=[metric])
    if metric not in whole.values:
        raise ImportanceError(f"{metric} is undefined here: {whole.undefined[metric]}")
    means, deviations, undefined = {}, {}, {}
    for name in columns:
        drops = []
        own = zlib.crc32(name.encode("utf-8", "replace"))  # the same shuffles in any set of columns
        for repeat in range(repeats):
            order = np.random.default_rng([seed, own, repeat]).permutation(len(rows))
            shuffled = rows[name].take(order).set_axis(rows.index)
            found = compute(predict(rows.assign(**{name: shuffled})), metrics=[metric])
            if metric not in found.values:
                undefined[name] = found.undefined[metric]
                break
            drops.append(sign * (whole.values[metric] - found.values[metric]))
        else:
            means[name], deviations[name] = float(np.mean(drops)), float(np.std(drops))
    return Measured(metric, means, deviations, undefined)

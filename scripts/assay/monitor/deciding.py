"""By which rule labels were decided: by another one, F1 and accuracy are those of another model.

A server says the class with the largest probability. A pipeline may have a threshold of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assay.stats.predictions import Predictions

CLOSE = 0.01
"""Probabilities that are no farther apart may have been rounded, and tell nothing."""


def by_largest(score: NDArray[np.float64], said: NDArray[np.intp]) -> bool:
    """Whether every row was called what has the largest probability.

    Args:
        score: (n, k), of each class; (n, 1) of the positive one of two.
        said: (n,), the position of what the row was called; -1 for none of these.
    """
    if score.shape[1] == 1:
        score = np.column_stack([score[:, 0], 1 - score[:, 0]])
        said = np.where(said == 0, 0, 1)
    known = np.flatnonzero(said >= 0)
    behind = score[known].max(axis=1) - score[known, said[known]] if known.size else np.zeros(0)
    return bool((behind <= CLOSE).all())


def of(rows: Predictions) -> bool | None:
    """The same of labelled predictions; `None` where they have no probabilities to tell by."""
    if rows.score is None or rows.prediction is None or rows.score_problem is not None:
        return None
    if rows.score.ndim == 2:
        return by_largest(rows.score, rows.prediction)
    if rows.positive is None:
        return None
    said = np.where(rows.prediction == rows.positive_code, 0, -1).astype(np.intp)
    return by_largest(rows.score[:, None], said)

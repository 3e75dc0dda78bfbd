"""How well a classifier of several classes does before labels come: as `estimated`, class by class.

Each class's score is calibrated against the rest, and the probabilities of a row are made to sum to
1. Metrics of the labels are means over the classes of those of each class against the rest. A row
has one label: its classes vary against each other. `estimated.questions` asks about both.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from assay.monitor.calibration import fitted
from assay.monitor.estimated import METRICS, TINY, Estimate, OneClass, doubt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from assay.monitor.calibration import Calibration

    Floats = NDArray[np.float64]

_MEANS = {
    "precision_macro": "precision",
    "recall_macro": "recall",
    "balanced_accuracy": "recall",
    "f1_macro": "f1",
    "roc_auc_ovr": "roc_auc",
}
NAMES = ("accuracy", *_MEANS, "log_loss")
"""Those that can be estimated; by the definitions of `stats.metrics`."""


def calibrated(score: Floats, truth: NDArray[np.intp]) -> tuple[Calibration, ...]:
    """What labelled rows of the reference say of the scores of each class.

    Args:
        score: (n, k) one column a class.
        truth: (n,) class codes.
    """
    return tuple(fitted(score[:, k], truth == k) for k in range(score.shape[1]))


def estimates(
    score: Floats,
    said: NDArray[np.intp],
    calibrations: Sequence[Calibration],
    *,
    metrics: Sequence[str],
) -> dict[str, Estimate]:
    """Expected metrics of rows without labels; those that have no value are left out.

    Args:
        score: (n, k) finite, one column a class; at least one row.
        said: (n,) the class that the model says.
        calibrations: Of each class.
        metrics: Some of `NAMES`.
    """
    chance = np.column_stack([one.chance(score[:, k]) for k, one in enumerate(calibrations)])
    whole = chance.sum(axis=1, keepdims=True)
    # Where no class ever had such a score, none is more likely than another.
    chance = np.where(whole > 0, chance / np.where(whole > 0, whole, 1.0), 1 / len(calibrations))
    found = {}
    for name in metrics:
        value, gradient = _metric(name, score, chance, said)
        if not math.isfinite(value):
            continue
        mean = (gradient * chance).sum(axis=1)
        variance = float(((gradient**2 * chance).sum(axis=1) - mean**2).sum())
        # A class that becomes likelier makes the others less likely.
        centred = gradient - mean[:, None]
        for k, one in enumerate(calibrations):
            blocks = one.block(score[:, k])
            moved = np.bincount(blocks, weights=centred[:, k], minlength=len(one.rows))
            variance += float((moved**2 * doubt(one)).sum())
        found[name] = Estimate(name, value, math.sqrt(max(variance, 0.0)), len(score))
    return found


def _metric(
    name: str, score: Floats, chance: Floats, said: NDArray[np.intp]
) -> tuple[float, Floats]:
    """The value, and its gradient (n, k) by the labels."""
    rows, classes = score.shape
    if name == "accuracy":
        right = said[:, None] == np.arange(classes)
        return float((chance * right).sum() / rows), right / rows
    if name == "log_loss":
        share = score / np.maximum(score.sum(axis=1, keepdims=True), TINY)
        losses = -np.log(np.clip(share, TINY, 1 - TINY))
        return float((chance * losses).sum() / rows), losses / rows
    parts = [
        METRICS[_MEANS[name]](OneClass(score[:, k], chance[:, k], said == k))
        for k in range(classes)
    ]
    value = sum(value for value, _ in parts) / classes
    return value, np.column_stack([gradient for _, gradient in parts]) / classes

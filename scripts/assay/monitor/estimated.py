"""How well a classifier does before any label has come: estimated from its own probabilities.

Confidence-based performance estimation (NannyML): where scores are calibrated, a row with a
probability of p is positive p of the time, so a metric has an expected value without labels. It
holds as long as the concept does: that a row with these features is positive as often as before. A
change of the concept cannot be seen without labels, and this does not claim to.

Each metric is taken as a function of the labels y, at y = p. Its gradient g gives how far the
metric of the real labels may lie from it (the variance of a label is p (1 - p)), and how far the
calibration may be off (each of its blocks rests on a number of labelled rows).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assay.monitor.calibration import Calibration, fitted
from assay.monitor.performance import normal_question
from assay.stats.ranking import Ranking

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from assay.monitor.verdict import Question

    Floats = NDArray[np.float64]
    Metric = Callable[["OneClass"], tuple[float, Floats]]

TINY = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Estimate:
    """A metric that the labels are expected to give."""

    metric: str
    value: float
    error: float
    """Standard error: of labels that are not there, and of the calibration."""
    rows: int


@dataclass(frozen=True, eq=False)
class OneClass:
    """Rows without labels, and one class against the rest."""

    score: Floats
    chance: Floats
    """Calibrated."""
    said: NDArray[np.bool_]
    """Whether the model says this class."""


def _accuracy(rows: OneClass) -> tuple[float, Floats]:
    right = np.where(rows.said, rows.chance, 1 - rows.chance)
    return float(right.mean()), np.where(rows.said, 1.0, -1.0) / right.size


def _precision(rows: OneClass) -> tuple[float, Floats]:
    told = max(1.0, float(rows.said.sum()))
    return float(rows.chance[rows.said].sum()) / told, rows.said / told


def _recall(rows: OneClass) -> tuple[float, Floats]:
    positive = max(TINY, float(rows.chance.sum()))
    value = float(rows.chance[rows.said].sum()) / positive
    return value, np.asarray((rows.said - value) / positive)


def _f1(rows: OneClass) -> tuple[float, Floats]:
    both = max(TINY, float(rows.said.sum()) + float(rows.chance.sum()))
    value = 2 * float(rows.chance[rows.said].sum()) / both
    return value, np.asarray((2 * rows.said - value) / both)


def _brier(rows: OneClass) -> tuple[float, Floats]:
    losses = rows.chance * (1 - 2 * rows.score) + rows.score**2
    return float(losses.mean()), (1 - 2 * rows.score) / losses.size


def _log_loss(rows: OneClass) -> tuple[float, Floats]:
    score = np.clip(rows.score, TINY, 1 - TINY)
    positive, negative = -np.log(score), -np.log(1 - score)
    losses = rows.chance * positive + (1 - rows.chance) * negative
    return float(losses.mean()), (positive - negative) / losses.size


def _roc_auc(rows: OneClass) -> tuple[float, Floats]:
    thresholds, place = np.unique(-rows.score, return_inverse=True)
    positive = np.bincount(place, weights=rows.chance, minlength=len(thresholds))
    negative = np.bincount(place, weights=1 - rows.chance, minlength=len(thresholds))
    ranking = Ranking(-thresholds, np.cumsum(positive), np.cumsum(negative))
    whole, rest = ranking.positives, ranking.negatives
    if whole <= 0 or rest <= 0:
        return math.nan, np.zeros(len(rows.score))
    value = ranking.roc_area()
    beaten = rest - ranking.false_positives + negative / 2
    above = ranking.true_positives - positive / 2
    gradient = (beaten - above)[place] / (whole * rest) - value * (1 / whole - 1 / rest)
    return value, gradient


METRICS: Mapping[str, Metric] = {
    "accuracy": _accuracy,
    "precision": _precision,
    "recall": _recall,
    "f1": _f1,
    "roc_auc": _roc_auc,
    "log_loss": _log_loss,
    "brier": _brier,
}
"""Those that can be estimated; by the definitions of `stats.metrics`."""


def estimates(
    score: Floats, said: NDArray[np.bool_], calibration: Calibration, *, metrics: Sequence[str]
) -> dict[str, Estimate]:
    """Expected metrics of rows without labels; those that have no value are left out.

    Args:
        score: (n,) of the positive class, finite; at least one.
        said: (n,) whether the model says positive.
        calibration: From labelled rows of the reference.
        metrics: Some of `METRICS`.
    """
    rows = OneClass(score, calibration.chance(score), said)
    blocks = calibration.block(score)
    unsure = doubt(calibration)
    found = {}
    for name in metrics:
        value, gradient = METRICS[name](rows)
        if not math.isfinite(value):
            continue
        labels = float((gradient**2 * rows.chance * (1 - rows.chance)).sum())
        moved = np.bincount(blocks, weights=gradient, minlength=len(unsure))
        variance = labels + float((moved**2 * unsure).sum())
        found[name] = Estimate(name, value, math.sqrt(variance), len(score))
    return found


def doubt(calibration: Calibration) -> Floats:
    """(b,): the variance of each block's rate; a block without a positive row has one too."""
    rate = (calibration.rates * calibration.rows + 1) / (calibration.rows + 2)
    return np.asarray(rate * (1 - rate) / calibration.rows)


def questions(
    window: Mapping[str, Estimate],
    reference: Mapping[str, Estimate],
    *,
    allowed: Mapping[str, float],
    confidence: float = 0.95,
) -> list[Question]:
    """Whether estimated metrics lost more than they may.

    The reference's are estimated in the same way, so that what the method gets wrong cancels.

    Args:
        window: Of production.
        reference: Of the rows that the calibration is learned from.
        allowed: By metric, how much it may lose.
        confidence: Of the intervals.
    """
    asked = []
    for name, loss in allowed.items():
        if name not in window or name not in reference:
            continue
        own, base = window[name], reference[name]
        sign = -1.0 if name in ("log_loss", "brier") else 1.0
        asked.append(
            normal_question(
                name,
                sign * (base.value - own.value),
                math.hypot(own.error, base.error),
                about="estimate",
                bound=loss,
                rows=(own.rows, base.rows),
                confidence=confidence,
            )
        )
    return asked


def calibrated(score: Floats, positive: NDArray[np.bool_]) -> Calibration:
    """What labelled rows of the reference say of scores."""
    return fitted(score, positive)

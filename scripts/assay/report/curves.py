"""The curves of head and base that can be drawn: whole, of sane size, and of the same kind."""

from __future__ import annotations

from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, TypeVar

from assay.console import printable
from assay.report.wording import short
from assay.stats.curves import (
    MAX_MATRIX_CLASSES,
    MAX_POINTS,
    MAX_RESIDUALS,
    MAX_ROC_CLASSES,
    Calibration,
    ConfusionMatrix,
    Curve,
    PrecisionRecallCurve,
    Residuals,
    RocCurve,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from assay.evaluation import Evaluation

_C = TypeVar("_C", bound=Curve)
_MOST_CURVES = 2 * MAX_ROC_CLASSES
_MOST_BINS = 1_000
_LARGEST = 1e100
LONGEST_LABEL = 40
"""Characters of a class's name in a drawing."""


def drawable(evaluation: Evaluation | None) -> tuple[Curve, ...]:
    """The curves as far as they are whole: in a record that somebody sent they may be anything."""
    if evaluation is None:
        return ()
    return tuple(curve for curve in evaluation.curves[:_MOST_CURVES] if _whole(curve))


def like(curve: _C, others: tuple[Curve, ...]) -> _C | None:
    """The curve of the same kind and class."""
    name = getattr(curve, "label", None)
    for other in others:
        if type(other) is type(curve) and getattr(other, "label", None) == name:
            return other
    return None


def label(text: str, most: int = LONGEST_LABEL) -> str:
    """A name as a drawing has room for it."""
    return short(printable(text), most).strip() or "(empty)"


def shown(labels: Iterable[str], most: int = LONGEST_LABEL) -> tuple[str, ...]:
    """Names of classes as a drawing has room for them; those that differ stay different."""
    found: dict[str, None] = {}
    for text in (label(one, most) for one in labels):
        times = 2
        unique = text
        while unique in found:
            unique = f"{text} ({times})"
            times += 1
        found[unique] = None
    return tuple(found)


def calibration_error(curve: Calibration) -> float:
    """How far observed frequencies are off: the expected calibration error.

    https://arxiv.org/abs/1706.04599, equation 3
    """
    pairs = zip(curve.mean_predicted, curve.fraction_positive, curve.count, strict=True)
    return sum(abs(x - y) * n for x, y, n in pairs) / (sum(curve.count) or 1)


def typical_residual(curve: Residuals) -> float:
    """Half of the sample is off by less."""
    return median(map(abs, curve.residual))


def mean_residual(curve: Residuals) -> float:
    """Of all rows, as exact as the bins of the histogram."""
    middles = ((left + right) / 2 for left, right in pairwise(curve.edges))
    total = sum(curve.counts) or 1
    return sum(at * n for at, n in zip(middles, curve.counts, strict=True)) / total


def _whole(curve: Curve) -> bool:
    match curve:
        case RocCurve():
            return _paired(curve.false_positive_rate, curve.true_positive_rate) and _finite(
                curve.area
            )
        case PrecisionRecallCurve():
            return _paired(curve.recall, curve.precision) and _finite(
                curve.average_precision, curve.prevalence
            )
        case Calibration():
            return len(curve.count) == len(curve.mean_predicted) and _paired(
                curve.mean_predicted, curve.fraction_positive
            )
        case ConfusionMatrix():
            size = len(curve.labels)
            rows = [row for row in curve.counts if len(row) == size and _finite(*row)]
            return 0 < size == len(rows) == len(curve.counts) <= MAX_MATRIX_CLASSES + 1
        case Residuals():
            return (
                _paired(curve.predicted, curve.residual, most=MAX_RESIDUALS)
                and 0 < len(curve.counts) == len(curve.edges) - 1 <= _MOST_BINS
                and _finite(*curve.edges, *curve.counts)
            )


def _paired(x: Sequence[float], y: Sequence[float], most: int = MAX_POINTS) -> bool:
    return 0 < len(x) == len(y) <= most and _finite(*x, *y)


def _finite(*values: float) -> bool:
    return all(abs(value) <= _LARGEST for value in values)  # false of NaN; integers can be huge

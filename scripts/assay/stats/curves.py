"""Curves and tables that a report draws, small enough to live in the record.

Importing this needs pydantic alone: the report reads these models where no numpy is installed.
Every number is finite, and every curve has at most `MAX_POINTS` points.
"""

from __future__ import annotations

import heapq
import math
import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import Field

from assay.section import Fact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from assay.stats.predictions import Predictions
    from assay.stats.ranking import Ranking

MAX_POINTS = 200
MAX_RESIDUALS = 500
MAX_ROC_CLASSES = 10
MAX_MATRIX_CLASSES = 30
CALIBRATION_BINS = 10
RESIDUAL_BINS = 40
OTHER = "(other)"
_DIGITS = 6


class RocCurve(Fact):
    """True against false positive rate, from (0, 0) to (1, 1)."""

    kind: Literal["roc"] = "roc"
    label: str
    """The class that counts as positive; of several, against the rest."""
    false_positive_rate: tuple[float, ...]
    true_positive_rate: tuple[float, ...]
    threshold: tuple[float, ...]
    """A row is positive from this score on. The first lies just above the highest score."""
    area: float
    """Of the whole curve, before points were left out."""


class PrecisionRecallCurve(Fact):
    """Precision against recall, from recall 0, where precision is 1 by convention, to 1."""

    kind: Literal["precision-recall"] = "precision-recall"
    label: str
    recall: tuple[float, ...]
    precision: tuple[float, ...]
    threshold: tuple[float, ...]
    """A row is positive from this score on. The first lies just above the highest score."""
    average_precision: float
    """Of the whole curve, before points were left out."""
    prevalence: float
    """The share of positive weight: the precision of guessing."""


class ConfusionMatrix(Fact):
    """How many rows of each true class were predicted as each class."""

    kind: Literal["confusion-matrix"] = "confusion-matrix"
    labels: tuple[str, ...]
    """Beyond 30 classes the smallest are one, `(other)`, at the end."""
    counts: tuple[tuple[int | float, ...], ...]
    """Rows are true classes, columns predicted ones. Sums of weights where rows have weights."""


class Calibration(Fact):
    """Predicted probability against observed frequency, in ten bins of equal width."""

    kind: Literal["calibration"] = "calibration"
    label: str
    mean_predicted: tuple[float, ...]
    fraction_positive: tuple[float, ...]
    count: tuple[int, ...]
    """Rows in each bin; empty bins are left out."""


class Residuals(Fact):
    """Truth less prediction, against the prediction, and how it is distributed."""

    kind: Literal["residuals"] = "residuals"
    predicted: tuple[float, ...]
    """A sample: evenly spread over the rows in order of their prediction."""
    residual: tuple[float, ...]
    """Of the same rows."""
    rows: int
    """How many rows there are in all."""
    edges: tuple[float, ...]
    """Of the histogram of all residuals: one more than `counts`."""
    counts: tuple[int, ...]


Curve: TypeAlias = Annotated[
    RocCurve | PrecisionRecallCurve | ConfusionMatrix | Calibration | Residuals,
    Field(discriminator="kind"),
]


def curves(predictions: Predictions) -> tuple[Curve, ...]:
    """All curves that these predictions allow; what they do not allow is left out.

    Binary: ROC, precision-recall, confusion matrix and calibration. Several classes: the confusion
    matrix, and ROC against the rest for the ten most frequent classes. Regression: residuals.
    """
    if len(predictions) == 0 or (predictions.weight is not None and not predictions.weight.any()):
        return ()
    if predictions.task == "regression":
        return tuple(_residuals(predictions))
    found: list[Curve] = []
    if predictions.score is not None:
        found.extend(_ranked(predictions))
    if predictions.prediction is not None:
        found.append(_confusion(predictions))
    if predictions.task == "binary" and predictions.score_problem is None:
        found.append(_calibration(predictions))
    return tuple(found)


def _ranked(predictions: Predictions) -> Iterator[Curve]:
    import numpy as np

    from assay.stats.ranking import rank

    score, weight = predictions.score, predictions.weight
    assert score is not None  # noqa: S101 (checked by the caller)
    if predictions.task == "binary":
        ranking = rank(score, predictions.is_positive, weight)
        label = str(predictions.positive)
        if ranking.positives and ranking.negatives:
            yield _roc(ranking, label)
        if ranking.positives:
            yield _precision_recall(ranking, label)
        return
    sizes = np.bincount(predictions.truth, minlength=len(predictions.classes))
    largest = np.sort(np.argsort(-sizes, kind="stable")[:MAX_ROC_CLASSES])
    for code in largest.tolist():
        ranking = rank(score[:, code], predictions.truth == code, weight)
        if ranking.positives and ranking.negatives:
            yield _roc(ranking, str(predictions.classes[code]))


def _roc(ranking: Ranking, label: str) -> RocCurve:
    import numpy as np

    wrong = np.append(0.0, ranking.false_positives / ranking.negatives)
    right = np.append(0.0, ranking.true_positives / ranking.positives)
    kept = thin(wrong, right)
    return RocCurve(
        label=label,
        false_positive_rate=_rounded(wrong[kept]),
        true_positive_rate=_rounded(right[kept]),
        threshold=tuple(_thresholds(ranking)[kept].tolist()),
        area=ranking.roc_area(),
    )


def _precision_recall(ranking: Ranking, label: str) -> PrecisionRecallCurve:
    import numpy as np

    recall = np.append(0.0, ranking.true_positives / ranking.positives)
    precision = np.append(1.0, ranking.precision())
    kept = thin(recall, precision)
    return PrecisionRecallCurve(
        label=label,
        recall=_rounded(recall[kept]),
        precision=_rounded(precision[kept]),
        threshold=tuple(_thresholds(ranking)[kept].tolist()),
        average_precision=ranking.average_precision(),
        prevalence=ranking.positives / (ranking.positives + ranking.negatives),
    )


def _thresholds(ranking: Ranking) -> NDArray[Any]:
    """One before the first, which no row reaches. Infinity would say so too, but not in JSON."""
    import numpy as np

    above = min(math.nextafter(ranking.threshold[0], math.inf), sys.float_info.max)
    return np.append(above, ranking.threshold)


def thin(x: NDArray[Any], y: NDArray[Any], *, limit: int = MAX_POINTS) -> NDArray[Any]:
    """Choose points of a polyline that keep its shape.

    Starts from the two ends and splits, again and again, the chord that has the largest area
    between itself and the line, where the line is farthest from it. The areas of the two differ by
    less than 0.005 in the unit square (property-tested), and ends are always kept.

    Args:
        x: (m,) not decreasing.
        y: (m,).
        limit: How many points to keep at most.

    Returns:
        Positions, ascending.
    """
    import numpy as np

    last = len(x) - 1
    kept = [0, last] if last else [0]
    open_chords: list[tuple[float, int, int, int]] = []

    def consider(start: int, end: int) -> None:
        width = x[end] - x[start]
        if end - start < 2 or width <= 0:
            return
        inside, line = x[start : end + 1] - x[start], y[start : end + 1]
        gap = np.abs(line - line[0] - inside * ((line[-1] - line[0]) / width))
        area = float(np.dot(np.diff(inside), gap[1:] + gap[:-1])) / 2
        if area > 1e-9:
            middle = start + 1 + int(np.argmax(gap[1:-1]))
            heapq.heappush(open_chords, (-area, start, middle, end))

    consider(0, last)
    while open_chords and len(kept) < limit:
        _, start, middle, end = heapq.heappop(open_chords)
        kept.append(middle)
        consider(start, middle)
        consider(middle, end)
    return np.array(sorted(kept), dtype=np.intp)


def _confusion(predictions: Predictions) -> ConfusionMatrix:
    import numpy as np

    from assay.stats.workings import confusion

    table = confusion(predictions)
    labels = [str(label) for label in predictions.classes]
    if len(labels) > MAX_MATRIX_CLASSES:
        sizes = np.bincount(predictions.truth, minlength=len(labels))
        by_size = np.argsort(-sizes, kind="stable")
        kept, rest = np.sort(by_size[: MAX_MATRIX_CLASSES - 1]), by_size[MAX_MATRIX_CLASSES - 1 :]
        groups = [[code] for code in kept.tolist()] + [rest.tolist()]
        labels = [labels[code] for code in kept.tolist()] + [OTHER]
        rows = np.array([table[group].sum(axis=0) for group in groups])
        table = np.array([rows[:, group].sum(axis=1) for group in groups]).T
    whole = predictions.weight is None
    counts = tuple(tuple(int(v) if whole else v for v in row) for row in table.tolist())
    return ConfusionMatrix(labels=tuple(labels), counts=counts)


def _calibration(predictions: Predictions) -> Calibration:
    import numpy as np

    score = predictions.score
    assert score is not None  # noqa: S101 (checked by the caller)
    weight = np.ones(len(score)) if predictions.weight is None else predictions.weight
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    # The bins of sklearn.calibration.calibration_curve: a score on an edge belongs below it.
    bins = np.searchsorted(edges[1:-1], score)
    mass = np.bincount(bins, weights=weight, minlength=CALIBRATION_BINS)
    predicted = np.bincount(bins, weights=weight * score, minlength=CALIBRATION_BINS)
    positive = np.bincount(
        bins, weights=weight * predictions.is_positive, minlength=CALIBRATION_BINS
    )
    rows = np.bincount(bins, minlength=CALIBRATION_BINS)
    used = mass > 0
    return Calibration(
        label=str(predictions.positive),
        mean_predicted=_rounded(predicted[used] / mass[used]),
        fraction_positive=_rounded(positive[used] / mass[used]),
        count=tuple(rows[used].tolist()),
    )


def _residuals(predictions: Predictions) -> Iterator[Residuals]:
    import numpy as np

    truth, prediction = predictions.truth, predictions.prediction
    assert prediction is not None  # noqa: S101 (a regression always has one)
    with np.errstate(over="ignore"):
        residual = truth - prediction
    low, high = float(residual.min()), float(residual.max())
    if not np.isfinite([low, high, high - low]).all():
        return
    # By value and not by row, so that the sample does not depend on the order of the file.
    order = np.lexsort((residual, prediction))
    spots = np.linspace(0, order.size - 1, min(order.size, MAX_RESIDUALS)).round().astype(np.intp)
    sample = order[spots]
    edges = np.linspace(low, high, RESIDUAL_BINS + 1)
    if not (np.diff(edges) > 0).all():
        edges = np.array([low, high])
    bins = np.clip(np.searchsorted(edges, residual, side="right") - 1, 0, edges.size - 2)
    yield Residuals(
        predicted=tuple(prediction[sample].tolist()),
        residual=tuple(residual[sample].tolist()),
        rows=int(order.size),
        edges=tuple(edges.tolist()),
        counts=tuple(np.bincount(bins, minlength=edges.size - 1).tolist()),
    )


def _rounded(values: NDArray[Any]) -> tuple[float, ...]:
    """Six digits are far below a pixel, and a third of the bytes."""
    return tuple(values.round(_DIGITS).tolist())

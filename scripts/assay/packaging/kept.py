"""What a monitor needs beside the profile: `monitoring.json`, of a bundle that could make one.

- how often rows with such a score were positive (`calibrations`), so that performance can be
  estimated before labels come, and what the estimate is where the model was tested
- the metrics of slices, with their intervals
- how much each feature matters (`importance`), so that the drift that matters is told first

No row is in it: a block of a calibration rests on 50 rows or a tenth of all, a slice on 50. Of
columns that `assay.yaml` calls sensitive it says nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from assay.monitor import deciding
from assay.packaging.facts import Scalar
from assay.section import Fact

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from assay.config import Config
    from assay.evaluation import Found
    from assay.monitor.calibration import Calibration
    from assay.monitor.estimated import Estimate
    from assay.rescoring.facts import Importance
    from assay.stats.predictions import Predictions

FILE = "monitoring.json"
LEAST_ROWS = 50
"""Of a slice whose metrics are kept."""


class Blocks(Fact):
    """A calibration, as `monitor.calibration` has it."""

    upper: tuple[float, ...]
    middles: tuple[float, ...]
    rates: tuple[float, ...]
    rows: tuple[float, ...]


class Expected(Fact):
    """A metric, as it is estimated from scores alone."""

    value: float
    error: float
    rows: int


class Span(Fact):
    """A metric and its interval."""

    value: float
    low: float
    high: float


class SlicedRows(Fact):
    """Some of the rows on which the model was tested."""

    name: str
    """As `stats.slicing` calls it: `season = 3`."""
    rows: int
    metrics: dict[str, Span]


class Kept(Fact):
    """What is kept of the evaluation for a monitor."""

    format: Literal[1] = 1
    rows: int
    """On which the model was tested."""
    classes: tuple[Scalar, ...] = ()
    """Of the calibrations: the positive one, or all."""
    calibrations: tuple[Blocks, ...] = ()
    estimates: dict[str, Expected] = Field(default_factory=dict)
    """By metric."""
    by_largest: bool | None = None
    """Whether each row was called what has the largest probability, as a server does; `None` where
    there are no probabilities to tell by."""
    importance: dict[str, float] = Field(default_factory=dict)
    """By feature, what the metric loses without it."""
    importance_metric: str | None = None
    slices: tuple[SlicedRows, ...] = ()
    confidence: float | None = None
    """Of their intervals."""


def of(
    predictions: Predictions | None,
    importance: Importance | None,
    *,
    sensitive: Collection[str] = (),
) -> Kept:
    """What is to be kept.

    Args:
        predictions: On which the model was tested; `None` where they are not known.
        importance: As the check measured it.
        sensitive: Columns that nothing is said of.
    """
    weighed = importance.features if importance else ()
    known = {one.feature: one.head for one in weighed if one.head is not None}
    found = Kept(
        rows=0 if predictions is None else len(predictions),
        importance={name: value for name, value in known.items() if name not in sensitive},
        importance_metric=importance.metric if importance else None,
    )
    if predictions is None or predictions.score is None or predictions.score_problem is not None:
        return found
    classes, fitted, expected = learned(predictions)
    return found.model_copy(
        update={
            "by_largest": deciding.of(predictions),
            "classes": classes,
            "calibrations": tuple(_blocks(one) for one in fitted),
            "estimates": {
                name: Expected(value=one.value, error=one.error, rows=one.rows)
                for name, one in expected.items()
            },
        }
    )


def sliced(found: Found, config: Config, *, sensitive: Collection[str] = ()) -> Kept:
    """The metrics of the slices that `assay.yaml` names; those of sensitive columns are left out.

    Args:
        found: The predictions.
        config: Which metrics and slices.
        sensitive: Columns that nothing is said of.
    """
    from assay.stats.alone import intervals
    from assay.stats.catalogue import find
    from assay.stats.difference import Settings
    from assay.stats.metrics import compute
    from assay.stats.slicing import slices

    spec, rows, frame = config.predictions, found.predictions, found.frame
    names = [name for name, one in config.metrics.items() if one.function is None and find(name)]
    if spec is None or rows is None or frame is None or not spec.slices or not names:
        return Kept(rows=0)
    wanted = config.statistics
    settings = Settings(confidence=wanted.confidence, resamples=wanted.resamples, seed=wanted.seed)
    kept = []
    for one in slices(frame, spec.slices, min_rows=max(spec.min_slice_rows, LEAST_ROWS)):
        if any(column in one.name for column in sensitive):
            continue
        part = rows.subset(one.mask)
        values = compute(part, metrics=names).values
        around = intervals(part, metrics=list(values), settings=settings)
        metrics = {
            name: Span(value=values[name], low=found_.low, high=found_.high)
            for name, found_ in around.items()
        }
        kept.append(SlicedRows(name=one.name, rows=one.rows, metrics=metrics))
    return Kept(rows=len(rows), slices=tuple(kept), confidence=wanted.confidence)


def learned(
    rows: Predictions,
) -> tuple[tuple[Scalar, ...], tuple[Calibration, ...], Mapping[str, Estimate]]:
    """Classes, their calibrations, and the metrics that are estimated by them on the same rows.

    Args:
        rows: With probabilities.
    """
    from assay.monitor import estimated, estimatedclasses

    score, said = rows.score, rows.prediction
    if score is None or said is None or not len(rows):
        return (), (), {}
    if score.ndim == 2:
        many = estimatedclasses.calibrated(score, rows.truth)
        found = estimatedclasses.estimates(score, said, many, metrics=estimatedclasses.NAMES)
        return rows.classes, many, found
    if rows.positive is None:
        return (), (), {}
    one = estimated.calibrated(score, rows.is_positive)
    positive = np.asarray(said == rows.positive_code)
    found = estimated.estimates(score, positive, one, metrics=list(estimated.METRICS))
    return (rows.positive,), (one,), found


def _blocks(one: Calibration) -> Blocks:
    return Blocks(
        upper=tuple(one.upper.tolist()),
        middles=tuple(one.middles.tolist()),
        rates=tuple(one.rates.tolist()),
        rows=tuple(one.rows.tolist()),
    )


def calibrations(kept: Kept) -> tuple[Calibration, ...]:
    """The calibrations again."""
    from assay.monitor.calibration import Calibration

    return tuple(
        Calibration(*(np.asarray(part) for part in (one.upper, one.middles, one.rates, one.rows)))
        for one in kept.calibrations
    )


def estimates(kept: Kept) -> dict[str, Estimate]:
    """The estimates again."""
    from assay.monitor.estimated import Estimate

    return {
        name: Estimate(name, one.value, one.error, one.rows) for name, one in kept.estimates.items()
    }

"""The median absolute error, which is no function of means: how sure its difference is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from assay.stats.losses import add_up
from assay.stats.resampling import effective
from assay.stats.samples import Answers, Question, Sample, Spread
from assay.stats.workings import Workings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from assay.stats.difference import Difference

MEDIAN = "median_absolute_error"


def compare_medians(
    new: Sample, old: Sample, question: Question, metrics: Sequence[str]
) -> Answers:
    """Compare on the same rows."""
    spread = _straight(new.spread(influence(new) - influence(old)))
    return {
        name: question.linearized(name, spread, new.units, "linearized") for name in metrics
    }, {}


def compare_medians_unpaired(
    new: Sample, old: Sample, question: Question, metrics: Sequence[str]
) -> Answers:
    """Compare two independent samples, whose variances add."""
    spread = _straight(new.spread(influence(new)).against(old.spread(influence(old))))
    units = new.units + old.units
    return {name: question.linearized(name, spread, units, "unpaired") for name in metrics}, {}


def medians_alone(new: Sample, question: Question, metrics: Sequence[str]) -> dict[str, Difference]:
    """One model's metric, as the difference from 0."""
    spread = _straight(new.spread(influence(new)))
    return {name: question.linearized(name, spread, new.units, "linearized") for name in metrics}


def _straight(spread: Spread) -> Spread:
    """Without skewness: that of a median is not that of its influences, which take two values."""
    return Spread(spread.variance, 0.0, spread.degrees)


def influence(sample: Sample) -> NDArray[np.float64]:
    """(u,): what each unit adds to the median (Bahadur's representation).

    A row on the far side moves the median by half over the density there, which is taken from the
    distance of the order statistics two standard errors of the rank away, as by McKean and Schrader
    (1984): https://doi.org/10.1080/03610918408812413
    """
    error, weight = Workings(sample.predictions).absolute, sample.predictions.weight
    order = np.argsort(error, kind="stable")
    reached = np.cumsum(np.ones(error.size) if weight is None else weight[order])
    # 1.96 standard errors of a share of a half.
    half_width = min(0.98 / math.sqrt(effective(sample.unit_weight)), 0.5)
    at = np.array([0.5 - half_width, 0.5, 0.5 + half_width]) * reached[-1]
    spots = np.minimum(np.searchsorted(reached, at), error.size - 1)
    below, median, above = error[order[spots]]
    per_share = (above - below) / (2 * half_width)
    each = per_share * ((error > median) - 0.5) / reached[-1]
    return add_up(each, weight, sample.codes)

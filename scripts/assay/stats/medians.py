"""The median absolute error, which is no function of means: how sure its difference is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from assay.stats.losses import add_up
from assay.stats.resampling import MOST_UNITS, counts, effective, stream
from assay.stats.samples import Answers, Question, Sample, sorted_out, welch
from assay.stats.workings import Workings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MEDIAN = "median_absolute_error"


def compare_medians(
    new: Sample, old: Sample, question: Question, metrics: Sequence[str]
) -> Answers:
    """Compare on the same rows: drawn anew where they are few, else by what each row adds."""
    apart = influence(new) - influence(old)
    same = np.array_equal(
        np.asarray(new.predictions.prediction), np.asarray(old.predictions.prediction)
    )
    if same or len(new.predictions) > MOST_UNITS:
        error = new.error(apart)
        return {
            name: question.normal(name, error, new.units, "linearized", new.degrees)
            for name in metrics
        }, {}
    head, base = _resample(
        new, old, resamples=question.settings.resamples, seed=question.settings.seed
    )
    return sorted_out(
        {
            name: question.resampled(name, head - base, new.units, "bootstrap", new.degrees)
            for name in metrics
        }
    )


def compare_medians_unpaired(
    new: Sample, old: Sample, question: Question, metrics: Sequence[str]
) -> Answers:
    """Compare two independent samples, whose variances add."""
    first, second = (one.error(influence(one)) for one in (new, old))
    degrees = welch(new, first, old, second)
    units = new.units + old.units
    error = math.hypot(first, second)
    return {name: question.normal(name, error, units, "unpaired", degrees) for name in metrics}, {}


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


def _resample(
    new: Sample, old: Sample, *, resamples: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Medians (b,) of head and of base in resamples of the same units."""
    codes, weight = new.codes, new.predictions.weight
    sorted_errors = []
    for sample in (new, old):
        error = Workings(sample.predictions).absolute
        order = np.argsort(error, kind="stable")
        sorted_errors.append((error[order], order))
    found = []
    for drawn in counts(np.ones(new.units), resamples, stream(seed, MEDIAN)):
        times = drawn if codes is None else drawn[:, codes]
        weighted = times if weight is None else times * weight
        found.append([_medians(error, weighted[:, order]) for error, order in sorted_errors])
    head, base = (np.concatenate(some) for some in zip(*found, strict=True))
    return head, base


def _medians(error: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """(b,): medians of ascending values (n,) with weights (b, n), as `metrics` defines them."""
    reached = np.cumsum(weight, axis=1)
    half = reached[:, -1:] / 2
    at = np.argmax(reached >= half, axis=1)
    # Exactly half of the weight lies below: between this row and the next one that was drawn.
    after = np.argmax(reached > half, axis=1)
    return np.asarray((error[at] + error[after]) / 2)

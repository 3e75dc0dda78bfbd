"""How sure one model's metrics are: intervals of the values themselves, not of a difference.

By the methods of `paired`, of one model: what its rows say of a metric's variance. So the interval
of an accuracy is that of the multinomial, the interval of an area DeLong's, that of a loss the one
of its mean. An interval ends where the metric does: at 0 and 1 for a share.

In simulations of areas (200 and 1,000 rows, 10 and 30 % positive, areas of 0.8 and 0.95) intervals
of 95 % hold the true value 92 to 98 % of the time, the least with 20 positive rows close to 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.stats.losses import losses_alone
from assay.stats.margins import FORMULAS
from assay.stats.medians import medians_alone
from assay.stats.metrics import compute
from assay.stats.paired import AREAS, by_kind
from assay.stats.samples import Question, Sample
from assay.stats.tables import labels_alone

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from assay.stats.difference import Difference, Settings
    from assay.stats.predictions import Predictions


_METHODS = (labels_alone, losses_alone, medians_alone)
"""In the order of `by_kind`."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Where the true value of a metric lies, at the confidence that was asked for."""

    low: float
    high: float


def intervals(
    predictions: Predictions,
    *,
    metrics: Sequence[str],
    settings: Settings,
    groups: NDArray[np.intp] | None = None,
) -> dict[str, Interval]:
    """By metric its interval; without those that have no value, or no interval.

    Args:
        predictions: Of the model.
        metrics: Names of the catalogue, also `pinball_0.9`.
        settings: How sure, and from which seed.
        groups: (n,) codes of rows that belong together, such as those of one customer.

    Raises:
        MetricError: A name is not in the catalogue.
    """
    found: dict[str, Difference] = {}
    if ranked := [name for name in metrics if name in AREAS]:
        from assay.stats.areas import areas_alone

        found = areas_alone(predictions, metrics=ranked, settings=settings, groups=groups)
    sample = Sample.of(predictions, groups)
    values = compute(predictions, metrics=[name for name in metrics if name not in AREAS]).values
    question = Question(values, dict.fromkeys(values, 0.0), settings, {})
    if sample.units > 1:
        for method, names in zip(_METHODS, by_kind(values), strict=True):
            found |= method(sample, question, names) if names else {}
    return {name: _within(name, found[name]) for name in metrics if _is_known(found.get(name))}


def _is_known(found: Difference | None) -> bool:
    return found is not None and math.isfinite(found.low) and math.isfinite(found.high)


def _within(name: str, found: Difference) -> Interval:
    """No further than the metric goes."""
    least = -1.0 if name == "mcc" else -math.inf if name == "r2" else 0.0
    most = 1.0 if name == "r2" or name in FORMULAS or name in AREAS else math.inf
    return Interval(max(found.low, least), min(found.high, most))

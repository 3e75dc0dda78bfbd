"""What every method of comparing starts from: the rows that count, and the values in question."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from assay.stats.intervals import from_normal, from_resamples
from assay.stats.metrics import compute
from assay.stats.resampling import effective, weigh

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from assay.stats.difference import Difference, Method, Settings
    from assay.stats.predictions import Predictions

ENOUGH_DRAWS = 0.95
"""A metric must have a value in at least this share of the resamples."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows of one model that have weight, and which of them belong together."""

    predictions: Predictions
    groups: NDArray[np.intp] | None
    """(n,): as they were given."""
    codes: NDArray[np.intp] | None
    """(n,): the unit of each row, 0..u-1; None where each is its own."""
    unit_weight: NDArray[np.float64]
    """(u,): of each unit."""

    @classmethod
    def of(cls, predictions: Predictions, groups: NDArray[np.intp] | None) -> Sample:
        """Of predictions, some of which may weigh nothing."""
        weight = predictions.weight
        if groups is not None and len(groups) != len(predictions):
            raise ValueError(f"{len(groups)} groups for {len(predictions)} rows")
        if weight is not None and not weight.all():
            counted = weight > 0
            predictions = predictions.subset(counted)
            groups = None if groups is None else groups[counted]
        codes, unit_weight = weigh(len(predictions), predictions.weight, groups)
        return cls(predictions, groups, codes, unit_weight)

    @property
    def units(self) -> int:
        """How many independent rows there are, or groups of rows."""
        return int(self.unit_weight.size)

    @cached_property
    def degrees(self) -> float:
        """Of freedom, of a variance that these units show."""
        return max(effective(self.unit_weight) - 1, 1.0)

    def spread(self, influence: NDArray[np.float64]) -> Spread:
        """How a sum of (u,) influences varies from sample to sample."""
        away = influence - influence.mean()
        square = away**2
        variance = float(square.sum()) * self.units / (self.units - 1)
        return Spread(variance, float((square * away).sum()), self.degrees)


@dataclass(frozen=True, slots=True)
class Spread:
    """How an estimate varies."""

    variance: float
    third: float
    """Third central moment."""
    degrees: float
    """Of freedom of the variance."""

    def against(self, other: Spread) -> Spread:
        """Of this estimate less an independent one. Degrees after Welch and Satterthwaite."""
        both = self.variance + other.variance
        if both == 0:
            return Spread(0.0, 0.0, min(self.degrees, other.degrees))
        doubt = self.variance**2 / self.degrees + other.variance**2 / other.degrees
        return Spread(both, self.third - other.third, both**2 / doubt)

    @property
    def skewness(self) -> float:
        """Of the estimate, which a mean of n rows has 1 / sqrt(n) of what the rows have."""
        return self.third / self.variance**1.5 if self.variance else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """The values of metrics at head and base, whose difference is in question."""

    head: Mapping[str, float]
    base: Mapping[str, float]
    settings: Settings
    nulls: Mapping[str, Sequence[float]]

    def linearized(self, metric: str, spread: Spread, units: int, method: Method) -> Difference:
        """The difference of a metric that is as good as a sum over units."""
        return from_normal(
            metric=metric,
            base=self.base[metric],
            head=self.head[metric],
            standard_error=math.sqrt(spread.variance),
            units=units,
            method=method,
            confidence=self.settings.confidence,
            nulls=self.nulls.get(metric, ()),
            degrees=spread.degrees,
            skewness=spread.skewness,
        )

    def resampled(
        self,
        metric: str,
        draws: NDArray[np.float64],
        units: int,
        method: Method,
        degrees: float | None,
    ) -> Difference | str:
        """The difference of a metric with those of resamples; or why that does not do."""
        valid = draws[np.isfinite(draws)]
        if valid.size < ENOUGH_DRAWS * draws.size:
            return (
                f"it has no value in {1 - valid.size / draws.size:.0%} of the resamples: "
                "there are too few rows to say how sure the difference is"
            )
        return from_resamples(
            metric=metric,
            base=self.base[metric],
            head=self.head[metric],
            draws=valid,
            units=units,
            method=method,
            confidence=self.settings.confidence,
            nulls=self.nulls.get(metric, ()),
            degrees=degrees,
        )


Answers = tuple["dict[str, Difference]", "dict[str, str]"]
"""By metric the difference; and by metric why there is none."""


def sorted_out(answers: Mapping[str, Difference | str]) -> Answers:
    """Differences apart from reasons why there is none."""
    found = {name: one for name, one in answers.items() if not isinstance(one, str)}
    return found, {name: one for name, one in answers.items() if isinstance(one, str)}


def values(
    head: Predictions, base: Predictions, metrics: Sequence[str]
) -> tuple[dict[str, float], dict[str, float], dict[str, str]]:
    """The metrics of head and of base that both have, and why others have none."""
    new, old = compute(head, metrics=metrics), compute(base, metrics=metrics)
    undefined = {}
    for name in metrics:
        reasons = {
            revision: found.undefined[name]
            for revision, found in (("head", new), ("base", old))
            if name in found.undefined
        }
        if len(set(reasons.values())) == 1 and len(reasons) == 2:
            undefined[name] = reasons["head"]
        elif reasons:
            undefined[name] = "; ".join(f"{side}: {reason}" for side, reason in reasons.items())
    kept = [name for name in metrics if name not in undefined]
    return (
        {name: new.values[name] for name in kept},
        {name: old.values[name] for name in kept},
        undefined,
    )


def same_model(one: Predictions, other: Predictions) -> bool:
    """Whether two models say the same of every row, with their scores as the proof."""
    if one.score is None or other.score is None or one.score.shape != other.score.shape:
        return False
    return np.array_equal(one.score, other.score) and np.array_equal(
        np.asarray(one.prediction), np.asarray(other.prediction)
    )

"""How far each row moved a metric of a ranking, and what that says of the metric's variance.

A metric of n rows is, to first order, its true value and a sum with one term a row: the row's
influence. The variance of the metric is that of the sum. For the area under the ROC curve these
terms are DeLong's structural components; for average precision they are the derivatives by the
weight of each row (the infinitesimal jackknife).

- DeLong, DeLong and Clarke-Pearson 1988, https://doi.org/10.2307/2531595
- Sun and Xu 2014, the same in O(n log n): https://doi.org/10.1109/LSP.2014.2337313
- Obuchowski 1997, groups of rows: https://doi.org/10.2307/2533958
- Efron 1982, The Jackknife, the Bootstrap and Other Resampling Plans, chapter 6
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from assay.stats.ranking import Ranking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """A metric and what each row has to do with it."""

    value: float
    influence: NDArray[np.float64]
    """(n,): to first order, the part of `value`'s error that the row brought. Sums to zero."""


@dataclass(frozen=True, eq=False)
class Order:
    """Rows by descending score, with what lies at or above each distinct score."""

    rows: NDArray[np.intp]
    """(n,): the row at each place."""
    hit: NDArray[np.bool_]
    """(n,): at each place, whether the row is of the positive class."""
    mass: NDArray[np.float64] | None
    """(n,): at each place, the weight. None where every row counts as one."""
    lengths: NDArray[np.intp]
    """(m,): how many rows have each distinct score."""
    ranking: Ranking

    @cached_property
    def gained(self) -> NDArray[np.float64]:
        """(m,): weight of the positive rows with each score."""
        return np.diff(self.ranking.true_positives, prepend=0.0)

    def by_row(
        self, of_positive: NDArray[np.float64], of_negative: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(n,) in the rows' own order, from (m,) per distinct score and class; times the weight."""
        if self.lengths.size < self.rows.size:
            of_positive = np.repeat(of_positive, self.lengths)
            of_negative = np.repeat(of_negative, self.lengths)
        values = np.where(self.hit, of_positive, of_negative)
        if self.mass is not None:
            values *= self.mass
        out = np.empty_like(values)
        out[self.rows] = values
        return out


def descending(score: NDArray[np.float64], weight: NDArray[np.float64] | None) -> NDArray[np.intp]:
    """(n,): the rows by descending score."""
    # Counts are exact in any order of equals; sums of weights must add up in the same order on
    # every machine, which takes the slower stable sort.
    return np.argsort(score, kind=None if weight is None else "stable")[::-1]


def arrange(
    rows: NDArray[np.intp],
    score: NDArray[np.float64],
    positive: NDArray[np.bool_],
    weight: NDArray[np.float64] | None,
) -> Order:
    """What follows from an order of the rows.

    Args:
        rows: (n,) from `descending`.
        score: (n,) finite.
        positive: (n,) whether a row is of the positive class.
        weight: (n,) above zero.
    """
    ordered, hit = score[rows], positive[rows]
    last = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), ordered.size - 1)
    mass = None if weight is None else weight[rows]
    if mass is None:
        true = np.cumsum(hit)[last].astype(np.float64)
        false = last + 1 - true
    else:
        true = np.cumsum(np.where(hit, mass, 0.0))[last]
        false = np.cumsum(np.where(hit, 0.0, mass))[last]
    lengths = np.diff(last, prepend=-1)
    return Order(rows, hit, mass, lengths, Ranking(ordered[last], true, false))


def roc_area(order: Order) -> Linear:
    """Area under the ROC curve; both classes must have weight."""
    ranking = order.ranking
    area, positives, negatives = ranking.roc_area(), ranking.positives, ranking.negatives
    passed = np.diff(ranking.false_positives, prepend=0.0)
    # DeLong's components: for a positive row the share of negatives below it, for a negative one
    # the share of positives above it; of those with the same score, half.
    beaten = (negatives - ranking.false_positives + passed / 2) / negatives
    beaten_by = (ranking.true_positives - order.gained / 2) / positives
    influence = order.by_row((beaten - area) / positives, (beaten_by - area) / negatives)
    return Linear(area, influence)


def average_precision(order: Order) -> Linear:
    """Average precision; there must be a positive row.

    With weights w, T(s) and N(s) the positive and the whole weight at or above the score s, and
    P all positive weight, it is the sum of w T / N over the positive rows, divided by P. A row
    adds to T and N at its own score and at all that are lower, and to P.
    """
    ranking = order.ranking
    value, precision = ranking.average_precision(), ranking.precision()
    rate = order.gained / (ranking.true_positives + ranking.false_positives)
    # Sums over this score and the lower ones.
    raised = np.cumsum(rate[::-1])[::-1]
    lowered = np.cumsum((rate * precision)[::-1])[::-1]
    of_positive = (precision - value + raised - lowered) / ranking.positives
    return Linear(value, order.by_row(of_positive, -lowered / ranking.positives))


def class_areas(
    score: NDArray[np.float64],
    truth: NDArray[np.intp],
    weight: NDArray[np.float64] | None,
    metrics: Sequence[str],
) -> dict[str, Linear]:
    """Mean of the areas of each class against the rest, and of each against each.

    Args:
        score: (n, k) one column a class.
        truth: (n,) class codes. Classes without a row are left out of the mean.
        weight: (n,) above zero.
        metrics: `roc_auc_ovr`, `roc_auc_ovo` (for rows without weights), or both.
    """
    sizes = np.bincount(truth, minlength=score.shape[1])
    occurs = np.flatnonzero(sizes)
    value = dict.fromkeys(metrics, 0.0)
    influence = {name: np.zeros(truth.size) for name in metrics}
    # Against the rest with classes of equal weight is the mean of one against each.
    evened = 1 / sizes[truth] if "roc_auc_ovo" in metrics else None
    masses = {"roc_auc_ovr": weight, "roc_auc_ovo": evened}
    for code in occurs:
        column, positive = score[:, code], truth == code
        rows = descending(column, weight if evened is None else evened)
        for name in metrics:
            area = roc_area(arrange(rows, column, positive, masses[name]))
            value[name] += area.value / occurs.size
            influence[name] += area.influence / occurs.size
    if evened is not None:
        # Each area of two classes varies about itself, not about the mean of them all.
        means = np.bincount(truth, weights=influence["roc_auc_ovo"], minlength=sizes.size)
        influence["roc_auc_ovo"] -= means[truth] * evened
    return {name: Linear(value[name], influence[name]) for name in metrics}


@dataclass(frozen=True, slots=True)
class Spread:
    """The variance of an estimate, and how well that is known."""

    variance: float
    of_variance: float
    """The variance of `variance`."""

    def __add__(self, other: Spread) -> Spread:
        """Of the sum, or the difference, of two independent estimates."""
        return Spread(self.variance + other.variance, self.of_variance + other.of_variance)

    @property
    def degrees(self) -> float | None:
        """Degrees of freedom of the t distribution to use; None for the normal one.

        Satterthwaite 1946, https://doi.org/10.2307/3002019
        """
        if self.of_variance <= 0:
            return None
        return max(1.0, 2 * self.variance**2 / self.of_variance)


@dataclass(frozen=True, eq=False)
class Units:
    """What was drawn independently: rows, or groups of rows; in parts of one class each."""

    part: NDArray[np.intp] | None
    """(n,): the part that a row belongs to. None where each row is one of its own."""
    code: NDArray[np.intp]
    """(p,): the class of each part."""
    group: NDArray[np.intp] | None
    """(p,): the group of each part. None where each part is one."""
    count: int
    """How many groups, or rows."""
    weight: NDArray[np.float64] | None
    """(p,): of each part; None where all are one."""

    @cached_property
    def parts(self) -> NDArray[np.intp]:
        """(k,): how many parts each class has."""
        return np.bincount(self.code)

    @cached_property
    def heaviest(self) -> NDArray[np.float64]:
        """(k,): weight of the heaviest part of each class."""
        if self.weight is None:
            return (self.parts > 0).astype(np.float64)
        largest = np.zeros(self.parts.size)
        np.maximum.at(largest, self.code, self.weight)
        return largest

    @cached_property
    def total(self) -> NDArray[np.float64]:
        """(k,): weight of each class."""
        return np.bincount(self.code, weights=self.weight).astype(np.float64)

    def spread(self, influence: NDArray[np.float64], most: float) -> Spread:
        """Of a sum of influences.

        By class, as DeLong has it, and with what the classes of a group have in common, as
        Obuchowski has it. How well the variance is known follows from the fourth moments or, if
        that is less, from a normal distribution: where a few rows make all of the difference the
        one is far below the other.

        Args:
            influence: (n,) that sums to zero.
            most: The most that a single row of a class can move the metric by; the standard
                deviation that is taken for a class with one part, of which nothing is known.
        """
        parts = influence
        if self.part is not None:
            parts = np.bincount(self.part, weights=influence).astype(np.float64)
        squares = parts**2
        second = np.bincount(self.code, weights=squares)
        fourth = np.bincount(self.code, weights=squares**2)
        many = self.parts > 1
        size = self.parts[many]
        second, fourth = second[many], fourth[many]
        by_class = second * size / (size - 1)
        unsure = np.maximum(2 * by_class**2 / (size - 1), fourth - second**2 / size)
        single = int(np.count_nonzero(self.parts == 1))
        variance, of_variance = by_class.sum() + single * most**2, unsure.sum()
        if self.group is not None and self.count > 1:
            together = np.square(np.bincount(self.group, weights=parts))
            common = together.sum() - squares.sum()
            variance += common * self.count / (self.count - 1)
            whole = (together**2).sum() - together.sum() ** 2 / self.count
            of_variance = max(of_variance, whole, 2 * variance**2 / (self.count - 1))
        return Spread(max(float(variance), 0.0), float(of_variance))


def units_of(
    truth: NDArray[np.intp],
    weight: NDArray[np.float64] | None,
    groups: NDArray[np.intp] | None,
) -> Units:
    """What was drawn independently.

    Args:
        truth: (n,) class codes.
        weight: (n,) above zero.
        groups: (n,) the group of each row, from 0; None where rows are independent.
    """
    if groups is None:
        return Units(None, truth, None, truth.size, weight)
    classes = int(truth.max()) + 1
    keys, part = np.unique(groups * classes + truth, return_inverse=True)
    names, group = np.unique(keys // classes, return_inverse=True)
    weights = np.bincount(part, weights=weight).astype(np.float64)
    return Units(part, keys % classes, group, names.size, weights)


RARE = -math.log(0.025)
"""Of what a sample does not show there are up to this many in another of its size, at 97.5 %.

Hanley and Lippman-Hand 1983, the rule of three: https://doi.org/10.1001/jama.1983.03330370053031
"""


def unseen(units: Units, positive: int | None) -> float:
    """Standard error where no row of the sample moved the metric, as of a perfect ranking.

    Not zero: rows of a kind that this sample does not show could have been `RARE` among as many,
    and ranked as badly as can be. Half an interval of 95 % reaches that far.

    Args:
        units: What was drawn.
        positive: Code of the positive class for average precision; None for areas.
    """
    occurs = units.total > 0
    if positive is None:
        worst = RARE * float((units.heaviest[occurs] / units.total[occurs]).max())
    else:
        # Negative rows above all positive ones, or positive rows below all negative ones.
        share = RARE * float(units.heaviest.max()) / float(units.total[positive])
        worst = max(share * math.log1p(1 / share), share)
    return min(1.0, worst) / 1.96

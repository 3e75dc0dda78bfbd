"""Metrics of a ranking: everything that follows from sorting the rows by their score, once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """What lies at or above each distinct score, from the highest score down."""

    threshold: NDArray[np.float64]
    """(m,): the distinct scores, descending."""
    true_positives: NDArray[np.float64]
    """(m,): weight of the positive rows with at least this score."""
    false_positives: NDArray[np.float64]
    """(m,): weight of the negative rows with at least this score."""

    @property
    def positives(self) -> float:
        """Weight of all positive rows."""
        return float(self.true_positives[-1]) if self.true_positives.size else 0.0

    @property
    def negatives(self) -> float:
        """Weight of all negative rows."""
        return float(self.false_positives[-1]) if self.false_positives.size else 0.0

    def roc_area(self) -> float:
        """Area under the ROC curve by the trapezoidal rule; both classes must have weight.

        https://scikit-learn.org/stable/modules/generated/sklearn.metrics.roc_auc_score.html
        """
        above = np.diff(self.true_positives, prepend=0.0)
        passed = np.diff(self.false_positives, prepend=0.0)
        # A positive beats the negatives below it and half of those with the same score.
        beaten = self.negatives - self.false_positives + passed / 2
        # Not `np.dot`, whose threads take longer to wake than a vector takes to sum.
        return float((above * beaten).sum() / (self.positives * self.negatives))

    def average_precision(self) -> float:
        """Precision averaged over the steps of recall; there must be a positive row.

        https://scikit-learn.org/stable/modules/generated/sklearn.metrics.average_precision_score.html
        """
        gained = np.diff(self.true_positives, prepend=0.0)
        return float((gained * self.precision()).sum() / self.positives)

    def precision(self) -> NDArray[np.float64]:
        """(m,): the share of positive weight at or above each score."""
        return np.asarray(self.true_positives / (self.true_positives + self.false_positives))


def rank(
    score: NDArray[np.float64],
    positive: NDArray[np.bool_],
    weight: NDArray[np.float64] | None = None,
) -> Ranking:
    """Sort rows by score.

    Args:
        score: (n,) finite.
        positive: (n,) whether a row is of the positive class.
        weight: (n,) not negative. Rows without weight take no part.
    """
    if weight is not None:
        counted = weight > 0
        score, positive, weight = score[counted], positive[counted], weight[counted]
    # Stable, so that sums of weights add up in the same order on every machine.
    order = np.argsort(score, kind="stable")[::-1]
    descending = score[order]
    last = _last_of_equals(descending)
    hit = positive[order]
    if weight is None:
        true = np.cumsum(hit)[last].astype(np.float64)
        return Ranking(descending[last], true, last + 1 - true)
    ordered = weight[order]
    return Ranking(
        descending[last],
        np.cumsum(np.where(hit, ordered, 0.0))[last],
        np.cumsum(np.where(hit, 0.0, ordered))[last],
    )


def _last_of_equals(values: NDArray[Any]) -> NDArray[np.intp]:
    """The last position of each run of equal values."""
    if not values.size:
        return np.zeros(0, dtype=np.intp)
    return np.append(np.flatnonzero(values[1:] != values[:-1]), values.size - 1)


def pairwise_wins(
    score: NDArray[np.float64], truth: NDArray[np.intp], weight: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """How often each class outranks each other by its own score.

    One sort a class serves both one-against-rest and one-against-one areas, where sorting each
    pair anew takes a sort for every two classes.

    Args:
        score: (n, k) one column a class.
        truth: (n,) class codes.
        weight: (n,) or None.

    Returns:
        (k, k): at [a, b] the weight of pairs (row of a, row of b) in which the row of a has the
        higher score for a; equal scores count half. The diagonal is zero.
    """
    classes = score.shape[1]
    wins = np.zeros((classes, classes))
    for one in range(classes):
        order = np.argsort(score[:, one], kind="stable")[::-1]
        descending = score[order, one]
        codes = truth[order]
        mass = np.ones(codes.size) if weight is None else weight[order]
        above = np.cumsum(np.where(codes == one, mass, 0.0))
        last = _last_of_equals(descending)
        at_least = above[last]
        # For each run of equal scores: all of this class that lie above, and half of its equals.
        credit = at_least - np.diff(at_least, prepend=0.0) / 2
        runs = np.diff(last, prepend=-1)
        wins[one] = np.bincount(codes, weights=mass * np.repeat(credit, runs), minlength=classes)
    np.fill_diagonal(wins, 0.0)
    return wins

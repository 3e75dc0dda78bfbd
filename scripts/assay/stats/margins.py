"""Metrics that are functions of counts, for many resamples at once.

All of them follow from three margins of the confusion matrix: how much weight each class has, how
much is predicted as it, and how much of that rightly. These add up over rows, so that a resample is
a sum over the units that it drew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Margins:
    """Of one model, for b resamples; classes first, for few of them are added up over and over."""

    true: NDArray[np.float64]
    """(k, b): weight of each class."""
    predicted: NDArray[np.float64]
    """(k, b): weight of what was predicted as it."""
    correct: NDArray[np.float64]
    """(k, b): weight of what was rightly predicted as it."""
    positive: int | None
    """Code of the positive class."""


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """`part / whole`, and 0 where the whole is nothing, as in `metrics`."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole != 0)


_PARTS: dict[str, Callable[[Margins], tuple[NDArray[np.float64], NDArray[np.float64]]]] = {
    "precision": lambda m: (m.correct, m.predicted),
    "recall": lambda m: (m.correct, m.true),
    "f1": lambda m: (2 * m.correct, m.true + m.predicted),
}


def _of_positive(name: str) -> Callable[[Margins], NDArray[np.float64]]:
    def formula(m: Margins) -> NDArray[np.float64]:
        part, whole = _PARTS[name](m)
        return _ratio(part[m.positive], whole[m.positive])

    return formula


def _macro(name: str) -> Callable[[Margins], NDArray[np.float64]]:
    # The classes that some row of this resample has or predicts; the others add 0 to the sum.
    return lambda m: (
        _ratio(*_PARTS[name](m)).sum(axis=0) / np.count_nonzero(m.true + m.predicted, axis=0)
    )


def _micro(name: str) -> Callable[[Margins], NDArray[np.float64]]:
    return lambda m: np.divide(*(part.sum(axis=0) for part in _PARTS[name](m)))


def _weighted(name: str) -> Callable[[Margins], NDArray[np.float64]]:
    def formula(m: Margins) -> NDArray[np.float64]:
        return np.asarray((_ratio(*_PARTS[name](m)) * m.true).sum(axis=0) / m.true.sum(axis=0))

    return formula


def _accuracy(m: Margins) -> NDArray[np.float64]:
    return np.asarray(m.correct.sum(axis=0) / m.true.sum(axis=0))


def _balanced_accuracy(m: Margins) -> NDArray[np.float64]:
    return np.asarray(_ratio(m.correct, m.true).sum(axis=0) / np.count_nonzero(m.true, axis=0))


def _mcc(m: Margins) -> NDArray[np.float64]:
    total = m.true.sum(axis=0)
    true, predicted = m.true / total, m.predicted / total
    together = m.correct.sum(axis=0) / total - (true * predicted).sum(axis=0)
    spread = (true * (1 - true)).sum(axis=0) * (predicted * (1 - predicted)).sum(axis=0)
    several = (np.count_nonzero(true, axis=0) > 1) & (np.count_nonzero(predicted, axis=0) > 1)
    # A share that rounds above 1 makes the spread of a single class negative instead of zero.
    root = np.sqrt(np.maximum(spread, 0))
    found = np.zeros_like(together)
    return np.asarray(np.divide(together, root, out=found, where=several & (root > 0)))


FORMULAS: dict[str, Callable[[Margins], NDArray[np.float64]]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    **{name: _of_positive(name) for name in _PARTS},
    **{f"{name}_macro": _macro(name) for name in _PARTS},
    **{f"{name}_micro": _micro(name) for name in _PARTS},
    **{f"{name}_weighted": _weighted(name) for name in _PARTS},
    "mcc": _mcc,
}
"""By the names of the catalogue: (b,) values. `metrics` says what each means."""

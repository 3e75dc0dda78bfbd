"""Resampling labels: the joint table of truth, base's label and head's label.

Every metric of labels is a function of how often each (truth, base, head) occurs. Drawing n rows
anew is drawing such a table from the multinomial distribution, which costs the same for any n.
With weights or groups, whole rows or groups are drawn instead.

To each cell in which one model is right and the other wrong a quarter of a row is added (with k
true classes 1 / 2k, so that it is one row in all). Otherwise ten rows that one model alone gets
right, and none for the other, would look like certainty, and a class in which no row was seen to
differ like one in which none can: at 20 positive rows of 200 the percentile interval of recall
holds the true difference in 51 to 84 of 100 cases, and with the quarters in 95 and more. It is the
adjustment of Bonett and Price (2012) for two paired proportions, at half their strength
(https://doi.org/10.3102/1076998611411915): the least that keeps the false alarms below the level,
at 0.05 as at 0.0005, however few rows differ. `benchmarks/coverage.py` measures both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assay.stats.margins import FORMULAS, Margins
from assay.stats.resampling import MOST_UNITS, counts, deal, stream, weigh
from assay.stats.samples import Answers, Question, Sample, Spread, same_model, sorted_out

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from assay.stats.difference import Difference, Method


def compare_labels(new: Sample, old: Sample, question: Question, metrics: Sequence[str]) -> Answers:
    """Compare on the same rows."""
    if same_model(new.predictions, old.predictions):
        found = {
            name: question.linearized(name, SURE, new.units, "multinomial") for name in metrics
        }
        return found, {}
    labels = Labels.of([old, new])
    (base, head), method = _resample(labels, metrics, question, "labels")
    degrees = None if method == "multinomial" else min(new.degrees, MOST_UNITS - 1)
    return _judge(
        question, {name: head[name] - base[name] for name in metrics}, new.units, method, degrees
    )


def compare_labels_unpaired(
    new: Sample, old: Sample, question: Question, metrics: Sequence[str]
) -> Answers:
    """Compare two independent samples, each with a table of its own."""
    (head,), how = _resample(Labels.of([new]), metrics, question, "labels of head")
    (base,), also = _resample(Labels.of([old]), metrics, question, "labels of base")
    counted = how == also == "multinomial"
    degrees = None if counted else min(new.degrees, old.degrees, MOST_UNITS - 1)
    return _judge(
        question,
        {name: head[name] - base[name] for name in metrics},
        new.units + old.units,
        "unpaired",
        degrees,
    )


def labels_alone(new: Sample, question: Question, metrics: Sequence[str]) -> dict[str, Difference]:
    """One model's metrics, as differences from 0."""
    (head,), method = _resample(Labels.of([new]), metrics, question, "labels of head")
    degrees = None if method == "multinomial" else min(new.degrees, MOST_UNITS - 1)
    found, _ = _judge(question, head, new.units, method, degrees)
    return found


def _judge(
    question: Question,
    draws: Mapping[str, NDArray[np.float64]],
    units: int,
    method: Method,
    degrees: float | None,
) -> Answers:
    return sorted_out(
        {
            name: question.resampled(name, drawn, units, method, degrees)
            for name, drawn in draws.items()
        }
    )


SURE = Spread(variance=0.0, third=0.0, degrees=1.0)
"""Of the difference of a model and itself."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Labels:
    """Codes of n rows that take part (weight above zero)."""

    truth: NDArray[np.intp]
    """(n,)."""
    predicted: tuple[NDArray[np.intp], ...]
    """(n,) of each model: one where the samples are independent, base and head in pairs."""
    weight: NDArray[np.float64] | None
    groups: NDArray[np.intp] | None
    classes: int
    positive: int | None

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> Labels:
        """Of models that predicted the same rows."""
        first = samples[0].predictions
        return cls(
            truth=first.truth,
            predicted=tuple(np.asarray(one.predictions.prediction) for one in samples),
            weight=first.weight,
            groups=samples[0].groups,
            classes=len(first.classes),
            positive=first.positive_code,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Units:
    """What is drawn: cells of a table, rows, or packs of rows or groups."""

    mass: NDArray[np.float64]
    """(u,): how many of each."""
    totals: NDArray[np.float64]
    """(u, (1 + 2m) k): what one of each adds to the margins of m models: the true classes, then
    those predicted and those rightly predicted of each model."""
    method: Method


def _resample(
    labels: Labels, metrics: Sequence[str], question: Question, name: str
) -> tuple[list[dict[str, NDArray[np.float64]]], Method]:
    """By model and metric the values (b,) in resamples; and how these were made.

    Args:
        labels: The rows.
        metrics: Of `margins.FORMULAS`.
        question: For the number of resamples, and the seed.
        name: Which stream of chance.
    """
    generator = stream(question.settings.seed, name)
    units = _units(labels, generator)
    parts: list[dict[str, list[NDArray[np.float64]]]] = [
        {metric: [] for metric in metrics} for _ in labels.predicted
    ]
    for drawn in counts(units.mass, question.settings.resamples, generator):
        totals = _summed(drawn, units.totals).reshape(-1, labels.classes, len(drawn))
        for model, found in enumerate(parts):
            margins = Margins(
                true=totals[0],
                predicted=totals[1 + 2 * model],
                correct=totals[2 + 2 * model],
                positive=labels.positive,
            )
            for metric in metrics:
                found[metric].append(FORMULAS[metric](margins))
    joined = [{name: np.concatenate(some) for name, some in found.items()} for found in parts]
    return joined, units.method


def _summed(drawn: NDArray[np.float64], totals: NDArray[np.float64]) -> NDArray[np.float64]:
    # A handful of cells is added up faster than threads for a matrix product are woken.
    few = totals.size < 1000
    return np.asarray(np.einsum("bu,ut->tb", drawn, totals) if few else totals.T @ drawn.T)


def _units(labels: Labels, generator: np.random.Generator) -> _Units:
    if labels.weight is None and labels.groups is None:
        cells, mass = _cells(labels)
        if mass.size <= MOST_UNITS:
            return _merged(_with_quarters(cells, np.arange(mass.size), mass, 1.0, "multinomial"))
    codes, unit_weight = weigh(len(labels.truth), labels.weight, labels.groups)
    packs = deal(unit_weight.size, generator)
    pack = packs if codes is None else packs[codes]
    # An added row varies as much as rows do on the average.
    one = float(np.sqrt(np.mean(unit_weight**2)))
    return _with_quarters(labels, pack, np.ones(packs.max() + 1), one, "bootstrap")


def _cells(labels: Labels) -> tuple[Labels, NDArray[np.float64]]:
    """The cells that occur, as if each were a row, and how many rows each has."""
    k = labels.classes
    code = labels.truth
    for predicted in labels.predicted:
        code = code * k + predicted
    size = k ** (1 + len(labels.predicted))
    # Counting into a table takes no sort, but the table must not be larger than the data.
    if size <= max(len(code), 1000):
        table = np.bincount(code, minlength=size)
        cell = np.flatnonzero(table)
        mass = table[cell]
    else:
        cell, mass = np.unique(code, return_counts=True)
    predicted_codes: list[NDArray[np.intp]] = []
    rest = cell
    for _ in labels.predicted:
        rest, last = np.divmod(rest, k)
        predicted_codes.insert(0, last)
    cells = Labels(
        truth=rest,
        predicted=tuple(predicted_codes),
        weight=None,
        groups=None,
        classes=k,
        positive=labels.positive,
    )
    return cells, mass.astype(np.float64)


def _with_quarters(
    labels: Labels,
    unit: NDArray[np.intp],
    mass: NDArray[np.float64],
    weight: float,
    method: Method,
) -> _Units:
    """The totals of units, and of the quarter rows that are added to them.

    Args:
        labels: Rows, or cells.
        unit: (n,) the unit of each row.
        mass: (u,) how many of each unit.
        weight: Of a whole row that is added.
        method: How this is called.
    """
    seen = _margins(labels, unit, mass.size)
    added = _one_right(labels, mass[unit])
    size = len(added.truth)
    if size == 0:
        return _Units(mass, seen, method)
    # One row in all, however many classes.
    quarters = np.full(size, 1 / size)
    extra = _margins(added, np.arange(size), size) * weight
    return _Units(np.concatenate([mass, quarters]), np.concatenate([seen, extra]), method)


def _merged(units: _Units) -> _Units:
    """With one unit for a cell that occurs and is added to: fewer numbers to draw."""
    totals, place = np.unique(units.totals, axis=0, return_inverse=True)
    mass = np.bincount(place.reshape(-1), weights=units.mass)
    return _Units(np.asarray(mass, dtype=np.float64), totals, units.method)


def _margins(labels: Labels, unit: NDArray[np.intp], units: int) -> NDArray[np.float64]:
    """(units, (1 + 2m) k): what the rows of each unit add to each margin."""
    k, place, weight = labels.classes, unit * labels.classes, labels.weight

    def total(
        codes: NDArray[np.intp], counted: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float64]:
        given = weight
        if counted is not None:
            given = counted.astype(np.float64) if weight is None else weight * counted
        found = np.bincount(place + codes, weights=given, minlength=units * k)
        return found.reshape(units, k).astype(np.float64)

    columns = [total(labels.truth)]
    for predicted in labels.predicted:
        columns.append(total(predicted))
        columns.append(total(predicted, predicted == labels.truth))
    return np.concatenate(columns, axis=1)


def _one_right(labels: Labels, often: NDArray[np.float64]) -> Labels:
    """For each true class a row that each model alone gets right.

    For one model: a row that it gets right, and one that it does not. Wrong is the class that this
    one is most often taken for.

    Args:
        labels: Rows, or cells.
        often: (n,) how many there are of each.
    """
    k = labels.classes
    table = np.zeros(k * k)
    for predicted in labels.predicted:
        table += np.bincount(labels.truth * k + predicted, weights=often, minlength=k * k)
    confused = table.reshape(k, k)
    np.fill_diagonal(confused, 0)
    right = np.unique(labels.truth) if k > 1 else np.zeros(0, dtype=np.intp)
    wrong = np.where(confused.any(axis=1), confused.argmax(axis=1), (np.arange(k) + 1) % k)[right]
    sides = [np.concatenate([right, wrong]), np.concatenate([wrong, right])]
    return Labels(
        truth=np.concatenate([right, right]),
        predicted=tuple(sides[: len(labels.predicted)]),
        weight=None,
        groups=None,
        classes=k,
        positive=labels.positive,
    )

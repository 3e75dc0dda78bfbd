"""Did the model get better? Head's metrics less base's, with what their rows say of the difference.

Which method a metric gets follows from what it is a function of:

- counts of labels (accuracy, precision, recall, F1, MCC): `tables`
- a ranking (areas under curves): `areas`
- means over rows (losses and errors): `losses`
- the median absolute error: `medians`
- anything else, as a function of the user's: `compare_function`
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from assay.stats.alike import alike, one_truth
from assay.stats.function import compare_function
from assay.stats.losses import compare_losses, compare_losses_unpaired
from assay.stats.margins import FORMULAS
from assay.stats.medians import MEDIAN, compare_medians, compare_medians_unpaired
from assay.stats.samples import Answers, Question, Sample, values
from assay.stats.tables import compare_labels, compare_labels_unpaired

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from assay.stats.difference import Difference, Settings
    from assay.stats.predictions import Predictions

    Compare = Callable[[Sample, Sample, Question, Sequence[str]], Answers]

__all__ = ["Compared", "compare", "compare_function", "compare_unpaired"]

AREAS = frozenset({"roc_auc", "roc_auc_ovr", "roc_auc_ovo", "average_precision"})
NO_NULLS: Mapping[str, Sequence[float]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Compared:
    """Metrics of head and base, and how sure their differences are."""

    differences: dict[str, Difference]
    """By name, in the order asked for."""
    undefined: dict[str, str]
    """By name, why there is no value, or no interval."""


def compare(
    head: Predictions,
    base: Predictions,
    *,
    metrics: Sequence[str],
    settings: Settings,
    groups: NDArray[np.intp] | None = None,
    nulls: Mapping[str, Sequence[float]] = NO_NULLS,
) -> Compared:
    """Compare two models on the same rows.

    Two models that say the same of every row, scores included, are one model: their difference is
    0 without doubt. Where there are only labels, the same labels on few rows are no such proof.

    Args:
        head: Predictions of the new model. Its weights hold for both.
        base: Predictions of the old one: the same rows in the same order.
        metrics: Names of the catalogue, also `pinball_0.9`.
        settings: How sure, and from which seed.
        groups: (n,) codes of rows that belong together, such as those of one customer.
        nulls: By metric, values of the true difference to give one-sided p-values against.

    Raises:
        MetricError: A name is not in the catalogue.
        PredictionsError: Head and base are of different tasks.
        ValueError: The rows are not the same.
    """
    head, base = alike(head, base)
    base = one_truth(head, base)
    ranked, rest = _kinds(metrics)
    found: dict[str, Difference] = {}
    undefined: dict[str, str] = {}
    if ranked:
        from assay.stats.areas import compare_areas

        found, undefined = compare_areas(
            head, base, metrics=ranked, settings=settings, groups=groups, nulls=nulls
        )
    new, old = Sample.of(head, groups), Sample.of(base, groups)
    question, none = _question(head, base, rest, settings, nulls)
    more, without = _by_method(_PAIRED, new, old, question)
    return _in_order(metrics, found | more, undefined | none | without)


def compare_unpaired(
    head: Predictions,
    base: Predictions,
    *,
    metrics: Sequence[str],
    settings: Settings,
    head_groups: NDArray[np.intp] | None = None,
    base_groups: NDArray[np.intp] | None = None,
    nulls: Mapping[str, Sequence[float]] = NO_NULLS,
) -> Compared:
    """Compare two models on two independent samples of rows; see `compare`.

    Args:
        head: Predictions of the new model, with weights of their own.
        base: Predictions of the old one.
        metrics: Names of the catalogue.
        settings: How sure, and from which seed.
        head_groups: Codes of head's rows that belong together.
        base_groups: Codes of base's rows that belong together.
        nulls: By metric, values of the true difference to give one-sided p-values against.
    """
    head, base = alike(head, base)
    ranked, rest = _kinds(metrics)
    found: dict[str, Difference] = {}
    undefined: dict[str, str] = {}
    if ranked:
        from assay.stats.areas import compare_areas_unpaired

        found, undefined = compare_areas_unpaired(
            head,
            base,
            metrics=ranked,
            settings=settings,
            head_groups=head_groups,
            base_groups=base_groups,
            nulls=nulls,
        )
    new, old = Sample.of(head, head_groups), Sample.of(base, base_groups)
    question, none = _question(head, base, rest, settings, nulls)
    more, without = _by_method(_UNPAIRED, new, old, question)
    return _in_order(metrics, found | more, undefined | none | without)


def _kinds(metrics: Sequence[str]) -> tuple[list[str], list[str]]:
    """Those of a ranking, and the others."""
    ranked = [name for name in dict.fromkeys(metrics) if name in AREAS]
    return ranked, [name for name in dict.fromkeys(metrics) if name not in AREAS]


def _question(
    head: Predictions,
    base: Predictions,
    metrics: Sequence[str],
    settings: Settings,
    nulls: Mapping[str, Sequence[float]],
) -> tuple[Question, dict[str, str]]:
    new, old, undefined = values(head, base, metrics)
    return Question(new, old, settings, nulls), undefined


_PAIRED: tuple[Compare, ...] = (compare_labels, compare_losses, compare_medians)
_UNPAIRED: tuple[Compare, ...] = (
    compare_labels_unpaired,
    compare_losses_unpaired,
    compare_medians_unpaired,
)


def by_kind(metrics: Collection[str]) -> tuple[list[str], list[str], list[str]]:
    """Those of labels, means, and the median: each kind has a method of its own."""
    labels = [name for name in metrics if name in FORMULAS]
    median = [name for name in metrics if name == MEDIAN]
    means = [name for name in metrics if name not in {*labels, *median}]
    return labels, means, median


def _by_method(
    methods: tuple[Compare, ...], new: Sample, old: Sample, question: Question
) -> Answers:
    """Each metric of the question by the method that suits it."""
    if min(new.units, old.units) < 2:
        grouped = new.groups if new.units < 2 else old.groups
        what = "row" if grouped is None else "group of rows"
        reason = f"there is one {what}: how much it varies is not known"
        return {}, dict.fromkeys(question.head, reason)
    found: dict[str, Difference] = {}
    undefined: dict[str, str] = {}
    for method, names in zip(methods, by_kind(question.head), strict=True):
        if names:
            more, without = method(new, old, question, names)
            found |= more
            undefined |= without
    return found, undefined


def _in_order(
    metrics: Sequence[str], found: Mapping[str, Difference], undefined: Mapping[str, str]
) -> Compared:
    return Compared(
        {name: found[name] for name in dict.fromkeys(metrics) if name in found},
        {name: undefined[name] for name in dict.fromkeys(metrics) if name in undefined},
    )

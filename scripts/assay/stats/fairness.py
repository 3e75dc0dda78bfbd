"""How far apart the groups of some rows are, by fairlearn's measures of group fairness.

Each compares a rate of the positive class between groups: the greatest difference of two groups,
or the smallest ratio. Equalized odds takes the worse of two rates.
https://fairlearn.org/main/user_guide/assessment/common_fairness_metrics.html

Two things differ from fairlearn, so that nothing passes or fails unseen: a group without positive
rows has no true positive rate and is left out by name, where fairlearn takes the rate to be 0; and
a ratio in which every group's rate is 0 is undefined, with the reason, where fairlearn says nan.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from assay.config import FairnessMeasure
    from assay.stats.predictions import Predictions

Rate = Literal["selection rate", "true positive rate", "false positive rate"]

RATES: Mapping[FairnessMeasure, tuple[Rate, ...]] = MappingProxyType(
    {
        "demographic_parity_difference": ("selection rate",),
        "demographic_parity_ratio": ("selection rate",),
        "equal_opportunity_difference": ("true positive rate",),
        "equal_opportunity_ratio": ("true positive rate",),
        "equalized_odds_difference": ("true positive rate", "false positive rate"),
        "equalized_odds_ratio": ("true positive rate", "false positive rate"),
    }
)
"""Which rates of the groups each measure compares."""
MOST_GROUPS = 50
"""More groups than this are taken for a mistake: an id, or a number."""
_NEEDS: Mapping[Rate, str] = {
    "selection rate": "no rows of any weight",
    "true positive rate": "no rows whose true class is the positive one",
    "false positive rate": "no rows whose true class is the negative one",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRates:
    """One group of rows."""

    name: str
    rows: int
    positives: int
    """Rows whose true class is the positive one."""
    selection_rate: float | None
    """Share of the rows that are predicted positive; None where there are none."""
    true_positive_rate: float | None
    """Of the rows that are positive; None where there are none."""
    false_positive_rate: float | None
    """Of the rows that are negative; None where there are none."""


@dataclass(frozen=True, slots=True)
class Excluded:
    """A group that one rate is not compared for."""

    group: str
    rate: Rate
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Disparity:
    """How far apart the groups are, by one measure."""

    measure: FairnessMeasure
    value: float | None = None
    """None where it is not defined."""
    undefined: str | None = None
    """Why it is not defined."""
    rate: Rate | None = None
    """The rate that decided."""
    highest: str | None = None
    """The group with the highest such rate."""
    lowest: str | None = None
    """The group with the lowest: these two are furthest apart."""
    excluded: tuple[Excluded, ...] = ()


@dataclass(frozen=True, slots=True)
class Fairness:
    """The groups of some rows, and how far they are apart."""

    groups: tuple[GroupRates, ...]
    disparities: tuple[Disparity, ...]
    """One for each measure that was asked for, in that order."""


def measure(
    predictions: Predictions,
    codes: NDArray[np.signedinteger],
    names: Sequence[str],
    measures: Sequence[FairnessMeasure],
    *,
    min_rows: int,
) -> Fairness:
    """Hold the groups of some rows against each other.

    Args:
        predictions: Of a binary classification, with predicted labels and a positive class.
            Otherwise, and with more than 50 groups, every measure is undefined, with the reason.
        codes: (n,) the position in `names` of each row's group, -1 for a row in none.
        names: What the groups are called.
        measures: Which measures.
        min_rows: A group with fewer rows is left out of the comparison.
    """
    problem = unfit(predictions, len(names))
    if problem is not None:
        return Fairness((), tuple(Disparity(measure=one, undefined=problem) for one in measures))
    rows = counts(predictions, codes, len(names), weighted=False)
    found = rates(counts(predictions, codes, len(names)))
    groups = tuple(
        GroupRates(
            name=name,
            rows=int(rows[index].sum()),
            positives=int(rows[index, 1].sum()),
            selection_rate=_known(found["selection rate"][index]),
            true_positive_rate=_known(found["true positive rate"][index]),
            false_positive_rate=_known(found["false positive rate"][index]),
        )
        for index, name in enumerate(names)
    )
    return Fairness(
        groups, tuple(_disparity(one, found, groups, min_rows=min_rows) for one in measures)
    )


def unfit(predictions: Predictions, groups: int) -> str | None:
    """Why no measure applies to these predictions and so many groups, or None."""
    if groups > MOST_GROUPS:
        return f"there are {groups:,} groups; at most {MOST_GROUPS} are held against each other"
    if predictions.task != "binary":
        return f"fairness is measured for a binary classification; this is {predictions.task}"
    if predictions.positive_code is None:
        classes = " or ".join(repr(label) for label in predictions.classes)
        return f"which class is positive is not known: say {classes}"
    if predictions.prediction is None:
        return "there are no predicted labels, and the score is no probability"
    return None


def counts(
    predictions: Predictions,
    codes: NDArray[np.signedinteger],
    groups: int,
    *,
    weighted: bool = True,
) -> NDArray[np.float64]:
    """(groups, 2, 2): weight of the rows by group, truth (positive: 1) and predicted class."""
    cell = cells(predictions, codes)
    inside = cell >= 0
    weight = predictions.weight if weighted else None
    table = np.bincount(
        cell[inside],
        weights=None if weight is None else weight[inside],
        minlength=groups * 4,
    )
    return table.reshape(groups, 2, 2).astype(np.float64)


def cells(predictions: Predictions, codes: NDArray[np.signedinteger]) -> NDArray[np.intp]:
    """(n,): the place of each row in the flattened table of `counts`; -1 for one in no group."""
    chosen = predictions.prediction == predictions.positive_code
    cell = codes.astype(np.intp) * 4 + predictions.is_positive * 2 + chosen
    return np.asarray(np.where(codes < 0, -1, cell))


def rates(tables: NDArray[np.float64]) -> dict[Rate, NDArray[np.float64]]:
    """Each rate (..., g) of tables (..., g, 2, 2); nan where a group has no such rows.

    The definitions are those of fairlearn.metrics: `selection_rate`, `true_positive_rate`,
    `false_positive_rate`.
    """
    chosen, all_rows = tables[..., 1], tables.sum(axis=-1)
    with np.errstate(invalid="ignore"):
        return {
            "selection rate": chosen.sum(axis=-1) / all_rows.sum(axis=-1),
            "true positive rate": chosen[..., 1] / all_rows[..., 1],
            "false positive rate": chosen[..., 0] / all_rows[..., 0],
        }


def is_ratio(measure: FairnessMeasure) -> bool:
    """Whether 1 is even and less is worse; else it is a difference, and 0 is even."""
    return measure.endswith("_ratio")


def spread(values: NDArray[np.float64], *, ratio: bool) -> NDArray[np.float64]:
    """(...): smallest ratio or greatest difference of rates (..., g); nan for 0 / 0."""
    high, low = values.max(axis=-1), values.min(axis=-1)
    if not ratio:
        return np.asarray(high - low)
    with np.errstate(invalid="ignore"):
        return np.asarray(low / high)


def compared(
    measure: FairnessMeasure, groups: Sequence[GroupRates], *, min_rows: int
) -> dict[Rate, list[int]]:
    """By rate the positions of the groups that are large enough and have it."""
    return {
        rate: [
            index
            for index, group in enumerate(groups)
            if group.rows >= min_rows and _rate(group, rate) is not None
        ]
        for rate in RATES[measure]
    }


def _rate(group: GroupRates, rate: Rate) -> float | None:
    if rate == "selection rate":
        return group.selection_rate
    return group.true_positive_rate if rate == "true positive rate" else group.false_positive_rate


def _disparity(
    measure: FairnessMeasure,
    found: dict[Rate, NDArray[np.float64]],
    groups: tuple[GroupRates, ...],
    *,
    min_rows: int,
) -> Disparity:
    kept = compared(measure, groups, min_rows=min_rows)
    excluded = tuple(
        Excluded(group.name, rate, _why(group, rate, min_rows))
        for rate, positions in kept.items()
        for index, group in enumerate(groups)
        if index not in positions
    )
    worst: Disparity | None = None
    for rate, positions in kept.items():
        if len(positions) < 2:
            reason = f"fewer than two groups can be compared by their {rate}"
            return Disparity(measure=measure, undefined=reason, excluded=excluded)
        values = found[rate][positions]
        value = float(spread(values, ratio=is_ratio(measure)))
        if np.isnan(value):
            continue  # every group has the rate 0: equal, and by this rate nothing more to say
        if worst is None or worst.value is None or _is_worse(value, worst.value, measure):
            worst = Disparity(
                measure=measure,
                value=value,
                rate=rate,
                highest=groups[positions[int(values.argmax())]].name,
                lowest=groups[positions[int(values.argmin())]].name,
                excluded=excluded,
            )
    if worst is None:
        reason = f"0 / 0: every group has a {' and a '.join(kept)} of 0"
        return Disparity(measure=measure, undefined=reason, excluded=excluded)
    return worst


def _is_worse(value: float, other: float, measure: FairnessMeasure) -> bool:
    return value < other if is_ratio(measure) else value > other


def _why(group: GroupRates, rate: Rate, min_rows: int) -> str:
    if group.rows < min_rows:
        return f"it has {group.rows:,} of at least {min_rows:,} rows"
    return _NEEDS[rate]


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)

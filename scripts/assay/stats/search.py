"""The slice that got worst, found by itself: a shallow tree on the change in loss.

Whoever looks at many slices finds a bad one by chance. So half of the rows (whole groups of them)
are looked at, and what is found there is tested on the other half, which the search has not seen:
that is one test of one slice, whatever was tried before it. The price is that half of the rows
tell less.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from assay.stats import expressions, tree
from assay.stats.coding import coded
from assay.stats.columns import PredictionsError, require
from assay.stats.workings import Workings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from assay.stats.coding import Condition
    from assay.stats.predictions import Predictions


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The slice that got worst on one half of the rows, and what the other half says of it."""

    conditions: tuple[Condition, ...]
    rows: int
    """Of the slice, in both halves."""
    searched: int
    """Rows in both halves."""
    tested: int
    """Rows of the slice in the half that it was tested on; all numbers below are from there."""
    units: int
    """What these are: rows, or groups of rows."""
    inside: float
    """Mean change in loss in the slice; positive is worse."""
    outside: float
    """Mean change in loss of the other rows."""
    low: float
    """Lower end of the interval of `inside`."""
    high: float
    p_value: float
    """One-sided, of "the slice did not get worse"."""
    significant: bool
    """Whether the interval lies above zero: a false alarm once in `2 / (1 - confidence)` times."""
    expression: str | None
    """The slice as `predictions.slices` of assay.yaml takes it (`where`), to be watched from now
    on; None where it cannot be written as one."""
    left_out: tuple[tuple[str, str], ...] = ()
    """Columns that were not searched, and why not."""

    @property
    def rule(self) -> str:
        """The slice in words: `temp >= 21.5 and day = weekend`."""
        return " and ".join(str(condition) for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class Nothing:
    """There was nothing to search, or nothing to find."""

    reason: str
    left_out: tuple[tuple[str, str], ...] = ()


def row_losses(head: Predictions, base: Predictions) -> tuple[NDArray[np.float64], str]:
    """Each row's loss of head less that of base, and what that loss is called.

    Log loss where both have probabilities, in nats and cut off as scikit-learn does; else 0 or 1
    for a wrong label; for a regression the absolute error.

    Args:
        head: n rows.
        base: The same rows in the same order.

    Raises:
        PredictionsError: The two do not fit each other, or neither labels nor probabilities are
            known of both.
    """
    if len(head) != len(base) or (head.task == "regression") != (base.task == "regression"):
        raise PredictionsError(
            f"losses are compared row by row: head has {len(head):,} rows ({head.task}), "
            f"base {len(base):,} ({base.task})"
        )
    both = (head, base)
    if head.task == "regression":
        now, before = (Workings(one).absolute for one in both)
        return now - before, "absolute error"
    if all(one.score_problem is None and _scores_mean_something(one) for one in both):
        tiny = np.finfo(np.float64).eps
        now, before = (-np.log(np.clip(Workings(one).of_truth, tiny, 1 - tiny)) for one in both)
        return now - before, "log loss"
    if head.prediction is None or base.prediction is None:
        raise PredictionsError(
            "the loss of a row needs predicted labels or probabilities of both revisions",
            hint="Name the column of predicted labels as `prediction`.",
        )
    now, before = ((one.truth != one.prediction).astype(np.float64) for one in both)
    return now - before, "error rate"


def _scores_mean_something(predictions: Predictions) -> bool:
    return predictions.task == "multiclass" or predictions.positive is not None


def worst_slice(
    frame: pd.DataFrame,
    change: NDArray[np.float64],
    *,
    columns: Sequence[str],
    groups: NDArray[Any] | None = None,
    min_rows: int,
    confidence: float,
    seed: int,
    depth: int = 2,
    max_rows: int = 200_000,
) -> Found | Nothing:
    """Search for the slice whose loss rose most, and test it on rows that the search has not seen.

    Args:
        frame: n rows.
        change: (n,) loss of head less loss of base; positive is worse.
        columns: The columns that a slice may be made of.
        groups: (n,) which rows belong together; such rows are in one half, and are summed.
        min_rows: The fewest rows of a slice, in the half that is searched.
        confidence: Of the interval.
        seed: Of the halves: the same seed finds the same.
        depth: How many splits, at most, make a slice.
        max_rows: Of more rows (whole groups) some are drawn.

    Raises:
        PredictionsError: A column does not exist, or the table has no rows.
    """
    require(frame, columns)
    if change.shape != (len(frame),) or not np.isfinite(change).all():
        raise PredictionsError(f"the change in loss must be {len(frame):,} finite numbers")
    random = np.random.default_rng(seed)
    units = _units(len(frame), groups)
    drawn = _draw(units, random, max_rows)
    if drawn.size < len(frame):
        frame, change, units = frame.iloc[drawn], change[drawn], _numbered(units[drawn])
    fit, left_out = coded(frame, columns)
    if not fit:
        return Nothing("there is no column that a slice could be made of", left_out)
    if len(frame) < 4 * min_rows or units.max() < 3:
        return Nothing(
            f"{len(frame):,} rows are too few to search one half and test on the other", left_out
        )
    grown_on = random.permutation(int(units.max()) + 1)[units] % 2 == 0
    leaves = tree.grow(fit, change, np.flatnonzero(grown_on), least=min_rows, depth=depth)
    worst = max(leaves, key=lambda leaf: leaf.mean)
    if not worst.inside:
        return Nothing("no column parts rows that got worse from the others", left_out)
    if worst.mean <= 0:
        return Nothing("no slice was found that got worse", left_out)
    member = worst.member(fit)
    inside, outside = member & ~grown_on, ~member & ~grown_on
    tested = _test(change[inside], units[inside], confidence)
    if tested is None or not outside.any():
        return Nothing("the slice that was found has too few rows to test it on", left_out)
    low, high, p_value = tested
    conditions = worst.conditions(fit)
    return Found(
        conditions=conditions,
        rows=int(member.sum()),
        searched=len(frame),
        tested=int(inside.sum()),
        units=np.unique(units[inside]).size,
        inside=float(change[inside].mean()),
        outside=float(change[outside].mean()),
        low=low,
        high=high,
        p_value=p_value,
        significant=low > 0 and p_value <= (1 - confidence) / 2,
        expression=_expression(conditions, frame, member),
        left_out=left_out,
    )


# --- halves -------------------------------------------------------------------------------------


def _units(rows: int, groups: NDArray[Any] | None) -> NDArray[np.intp]:
    """(n,): the number of the unit that each row belongs to, from 0."""
    return np.arange(rows) if groups is None else _numbered(groups)


def _numbered(groups: NDArray[Any]) -> NDArray[np.intp]:
    # Rows without a group belong together: to leave them out would be to drop them silently.
    return pd.factorize(groups, use_na_sentinel=False)[0].astype(np.intp, copy=False)


def _draw(units: NDArray[np.intp], random: np.random.Generator, most: int) -> NDArray[np.intp]:
    """Rows, in their order, of as many units as fit into `most` rows; at least of one."""
    if units.size <= most:
        return np.arange(units.size)
    order = random.permutation(int(units.max()) + 1)
    together = np.cumsum(np.bincount(units)[order])
    kept = order[: max(int(np.searchsorted(together, most, side="right")), 1)]
    return np.flatnonzero(np.isin(units, kept))


# --- the test -----------------------------------------------------------------------------------


def _expression(
    conditions: Sequence[Condition], frame: pd.DataFrame, member: NDArray[np.bool_]
) -> str | None:
    """The conditions as an expression, if that selects the same rows (n,)."""
    text = " and ".join(condition.expression for condition in conditions)
    try:
        selected = expressions.compile(text).mask(frame)
    except PredictionsError:  # a column of mixed kinds, a name with a backtick
        return None
    return text if np.array_equal(selected, member) else None


def _test(
    change: NDArray[np.float64], units: NDArray[np.intp], confidence: float
) -> tuple[float, float, float] | None:
    """Interval of the mean and one-sided p-value, by Student's t of rows or of groups of them.

    The mean of groups of unequal size is a ratio of two sums; its standard error is that of the
    groups' summed residuals (Cochran, Sampling Techniques, 1977, section 9.3).

    Args:
        change: (n,) of the rows of the slice.
        units: (n,) to which unit each belongs.
        confidence: Of the interval.

    Returns:
        Low, high and p; None of a single unit.
    """
    from scipy.special import stdtr, stdtrit

    unit = np.unique(units, return_inverse=True)[1]
    totals, sizes = np.bincount(unit, weights=change), np.bincount(unit)
    amount = totals.size
    if amount < 2:
        return None
    mean = float(change.mean())
    residuals = totals - mean * sizes
    error = math.sqrt(amount / (amount - 1) * float(residuals @ residuals)) / change.size
    reach = float(stdtrit(amount - 1, (1 + confidence) / 2)) * error
    p_value = float(stdtr(amount - 1, -mean / error)) if error else float(mean <= 0)
    # Where hardly any row changed, t knows no doubt: signs by chance are all the same this often.
    same_signs = 0.5 ** np.count_nonzero(totals)
    return mean - reach, mean + reach, max(p_value, float(same_signs))

"""A metric of the user's own: the paired bootstrap of whatever their function says."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from assay.errors import AssayError
from assay.stats.columns import PredictionsError
from assay.stats.intervals import from_resamples
from assay.stats.resampling import stream, weigh

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from assay.stats.difference import Difference, Settings

MOST_CALLS = 1000
"""Resamples at most: a function that is not ours takes as long as it takes, twice for each."""
MOST_FAILURES = 0.05
"""Share of the resamples in which the function may fail: such as one without a positive row."""


def compare_function(
    function: Callable[[pd.DataFrame], float],
    head: pd.DataFrame,
    base: pd.DataFrame,
    *,
    metric: str,
    settings: Settings,
    groups: NDArray[np.intp] | None = None,
    nulls: Sequence[float] = (),
) -> Difference:
    """Compare two models by a function of their rows.

    Args:
        function: From a table to a number. Each call gets a table of its own.
        head: The rows with head's predictions.
        base: The same rows, in the same order, with base's.
        metric: What it is called.
        settings: How sure, and from which seed.
        groups: (n,) codes of rows that belong together.
        nulls: Values of the true difference to give one-sided p-values against.

    Raises:
        PredictionsError: The function fails, or returns no finite number, on all the rows or on
            more than a few of the resamples; or there are too few rows.
    """
    if len(head) != len(base):
        raise ValueError(f"head has {len(head)} rows and base {len(base)}: align them first")
    codes, unit_weight = weigh(len(head), None, groups)
    units = unit_weight.size
    if units < 2:
        what = "rows" if groups is None else "groups of rows"
        raise PredictionsError(
            f"{metric} cannot be compared: {units} {what} do not tell how much it varies"
        )
    values = [_called(function, table, metric) for table in (head, base)]
    rows = _rows_of(codes, units)
    generator = stream(settings.seed, f"function {metric}")
    draws: list[float] = []
    failures: list[str] = []
    wanted = min(settings.resamples, MOST_CALLS)
    for _ in range(wanted):
        drawn = generator.integers(units, size=units)
        chosen = np.concatenate([rows[unit] for unit in drawn]) if codes is not None else drawn
        try:
            new, old = (_called(function, table.iloc[chosen], metric) for table in (head, base))
        except PredictionsError as error:
            failures.append(error.message)
            if len(failures) > MOST_FAILURES * wanted:
                raise _failed(metric, failures, len(draws)) from error
        else:
            draws.append(new - old)
    return from_resamples(
        metric=metric,
        base=values[1],
        head=values[0],
        draws=np.array(draws),
        units=units,
        method="bootstrap",
        confidence=settings.confidence,
        nulls=nulls,
        degrees=units - 1,
    )


def _called(function: Callable[[pd.DataFrame], float], table: pd.DataFrame, metric: str) -> float:
    """What the function says of a copy of the table."""
    try:
        value = function(table.reset_index(drop=True))
        number = float(value)
    except AssayError as error:  # it says itself which function failed, and where
        raise PredictionsError(error.message.rstrip(".")) from error
    except Exception as error:  # the code of a user: anything may be wrong in it
        raise PredictionsError(f"{metric} failed: {type(error).__name__}: {error}") from error
    if not math.isfinite(number):
        raise PredictionsError(f"{metric} returned {number}, which is no finite number")
    return number


def _rows_of(codes: NDArray[np.intp] | None, units: int) -> list[NDArray[np.intp]]:
    """The rows of each group."""
    if codes is None:
        return []
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.searchsorted(codes[order], np.arange(1, units)))


def _failed(metric: str, failures: list[str], succeeded: int) -> PredictionsError:
    return PredictionsError(
        f"{metric} failed in {len(failures)} of {len(failures) + succeeded} resamples of the rows; "
        f"the first time: {failures[0]}",
        hint="A resample lacks some rows and repeats others: the function should return a number "
        "even then.",
    )

"""How the values of a column are spread, in a line of text: what fails is seen beside what holds.

`-1 ▁│▃▇█▅▂│·▁ 25`: the least value, bars for equal steps, the greatest; `│` where a bound is.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from assay.contract.schema import LoadedSchema
    from assay.contract.sources.base import Layout
    from assay.stages.validate import CheckFailure

    Look = Callable[[str], "Counts | None"]
    """From the name of a column to its values, counted."""

STEPS = 20
MOST_COLUMNS = 10
"""Of a table: each is a query."""
_BARS = "▁▂▃▄▅▆▇█"
_BOUNDS = ("min_value", "max_value")


class Counts(NamedTuple):
    """Finite values of a column in `STEPS` steps of the same width."""

    low: float
    high: float
    counts: Sequence[int]


def added(
    failures: Iterable[CheckFailure],
    loaded: LoadedSchema,
    look: Look,
    *,
    names: Collection[str],
    sensitive: Collection[str],
) -> tuple[CheckFailure, ...]:
    """Failures of bounds, with how the values of their columns are spread.

    Args:
        failures: What a table breaks.
        loaded: Its schema.
        look: `of_frame` or `of_layout`.
        names: The columns of the table.
        sensitive: Those of which nothing is told. Where one is not there, its values may stand in
            any other, and nothing is told at all.
    """
    if not set(sensitive) <= set(names):
        return tuple(failures)
    known: dict[str, Counts | None] = {}
    found = []
    for failure in failures:
        bounds, column, counts = _bounds(failure, loaded), failure.column, None
        if bounds and column is not None and column in names and column not in sensitive:
            if column not in known and len(known) < MOST_COLUMNS:
                known[column] = look(column)
            counts = known.get(column)
        update = {} if counts is None else {"spread": drawn(counts, bounds)}
        found.append(failure.model_copy(update=update))
    return tuple(found)


def _bounds(failure: CheckFailure, loaded: LoadedSchema) -> list[float]:
    """The numbers that a check of a column sets as its bounds."""
    component = loaded.schema.columns.get(failure.column)
    for check in getattr(component, "checks", None) or ():
        if str(check.error or check.name) == failure.check:
            values = map((check.statistics or {}).get, _BOUNDS)
            return [float(v) for v in values if isinstance(v, int | float)]
    return []


def drawn(counts: Counts, bounds: Iterable[float]) -> str:
    """Counts as text."""
    width, top = counts.high - counts.low, max(counts.counts)
    # A bound is never at an end: what fails has a bar of its own.
    marks = {
        min(max(round((bound - counts.low) / width * STEPS), 1), STEPS - 1)
        for bound in bounds
        if counts.low <= bound <= counts.high
    }
    bars = (
        f"{'│' if at in marks else ''}{_BARS[(count * len(_BARS) - 1) // top] if count else '·'}"
        for at, count in enumerate(counts.counts)
    )
    return f"{counts.low:.4g} {''.join(bars)} {counts.high:.4g}"


def of_frame(frame: Any, column: str) -> Counts | None:
    """The values of a column of a pandas or polars data frame; `None` where they are no numbers."""
    import numpy as np

    values = frame[column].to_numpy() if column in frame.columns else np.array([])
    if values.ndim != 1 or values.dtype.kind not in "iuf":
        return None
    finite = values[np.isfinite(values)].astype(np.float64)
    if not finite.size or not _is_wide(low := float(finite.min()), high := float(finite.max())):
        return None
    steps = np.minimum(np.floor((finite - low) / (high - low) * STEPS), STEPS - 1)
    return Counts(low, high, np.bincount(steps.astype(np.int64), minlength=STEPS).tolist())


def of_layout(layout: Layout, column: str) -> Counts | None:
    """The same of a table that is scanned, by two queries over the column.

    Raises:
        DataError: The data cannot be read.
        OutsideError: Memory ran out.
    """
    from assay.contract.infer import query

    dtype = layout.table[column].type()
    if not (dtype.is_integer() or dtype.is_floating()):
        return None
    values = layout.table.select(value=layout.table[column].cast("float64"))
    values = values.filter(values.value.notnull() & ~(values.value.isnan() | values.value.isinf()))
    (ends,) = query.rows(values.aggregate(low=values.value.min(), high=values.value.max()))
    low, high = ends["low"], ends["high"]
    if low is None or not _is_wide(low, high):
        return None
    step = ((values.value - low) / (high - low) * STEPS).floor().cast("int64").clip(upper=STEPS - 1)
    counts = [0] * STEPS
    for row in query.rows(values.group_by(step=step).aggregate(rows=values.count())):
        counts[row["step"]] = row["rows"]
    return Counts(low, high, counts)


def _is_wide(low: float, high: float) -> bool:
    """Whether there are steps between two numbers that floats can tell apart."""
    step = (high - low) / STEPS
    return math.isfinite(step) and low + step > low and high - step < high

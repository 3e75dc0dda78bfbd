"""The slice that got worst, of those that nobody thought of."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pydantic import Field

from assay.section import Fact

if TYPE_CHECKING:
    from assay.config import PredictionsSpec
    from assay.inference.samples import Samples


class WorstSlice(Fact):
    """Found on one half of the rows, and tested on the other."""

    rule: str
    """In words: `temp >= 21.5 and day = weekend`."""
    expression: str | None
    """As `predictions.slices` takes it, to be watched from now on."""
    loss: str
    """What a row's loss is: `log loss`."""
    rows: int
    """Of the slice."""
    searched: int
    """Of all rows that were searched and tested on."""
    tested: int
    """Of the slice, in the half that it was tested on."""
    inside: float
    """Mean change in loss in the slice, in that half; positive is worse."""
    outside: float
    """Mean change in loss of the other rows."""
    low: float
    high: float
    """Upper end of the interval of `inside`."""
    p_value: float = Field(ge=0, le=1)
    """One-sided, of "it did not get worse"."""
    significant: bool


class Search(Fact):
    """What the search for the worst slice brought."""

    found: WorstSlice | None = None
    why_not: str = ""
    """Why there is nothing."""
    left_out: dict[str, str] = Field(default_factory=dict)
    """Columns that were not searched, and why."""


def search(rows: Samples) -> Search | None:
    """Look for the slice whose loss rose most; `None` where that is switched off.

    Args:
        rows: Of head and base; only rows that both predicted can be searched.
    """
    spec = rows.config.predictions
    if spec is None or rows.base is None or not rows.config.statistics.search:
        return None
    if not rows.paired:
        return Search(why_not="head and base have different rows")
    from assay.errors import DataError
    from assay.stats.search import Nothing, row_losses, worst_slice

    try:
        change, loss = row_losses(rows.head.predictions, rows.base.predictions)
        found = worst_slice(
            rows.head.table,
            change,
            columns=_columns(rows, spec),
            groups=rows.head.groups,
            min_rows=spec.min_slice_rows,
            confidence=rows.settings.confidence,
            seed=rows.settings.seed,
        )
    except DataError as error:
        return Search(why_not=error.message)
    left_out = dict.fromkeys(_sensitive(rows), "its values are sensitive") | dict(found.left_out)
    if isinstance(found, Nothing):
        return Search(why_not=found.reason, left_out=left_out)
    if not all(map(math.isfinite, (found.inside, found.outside, found.low, found.high))):
        return Search(why_not="the losses are too large to compute with", left_out=left_out)
    worst = WorstSlice(
        rule=found.rule,
        expression=found.expression,
        loss=loss,
        rows=found.rows,
        searched=found.searched,
        tested=found.tested,
        inside=found.inside,
        outside=found.outside,
        low=found.low,
        high=found.high,
        p_value=found.p_value,
        significant=found.significant,
    )
    return Search(found=worst, left_out=left_out)


def _columns(rows: Samples, spec: PredictionsSpec) -> list[str]:
    """What describes a row, and is neither its name nor what a model said of it."""
    scores = spec.score.values() if isinstance(spec.score, dict) else [spec.score]
    taken = {spec.truth, spec.prediction, spec.weight, spec.group, *spec.key, *scores}
    taken |= set(_sensitive(rows))
    return [name for name in map(str, rows.head.table.columns) if name not in taken]


def _sensitive(rows: Samples) -> list[str]:
    """Columns whose values the data must not show: a rule would, and nobody asked for one."""
    named = {name for spec in rows.config.data for name in spec.sensitive}
    return [name for name in map(str, rows.head.table.columns) if name in named]

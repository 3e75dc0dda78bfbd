"""What a monitor could have found: the year's model in production, calm or not."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from assay.monitor.comparing import ColumnDrift, compared
from assay.monitor.counting import CategoryCounter, NumberCounter
from assay.monitor.ranking import ranked
from assay.monitor.verdict import Question, judge, of_column, settled
from assay.monitor.watched import Measured, MonitorSection, Window
from assay.packaging.profile import Categories, column, numbers
from assay.section import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.monitor.window import Breach

END = datetime(2026, 11, 24, tzinfo=UTC)
DAY = timedelta(days=1)


@functools.cache
def columns(moved: float = 0.0) -> tuple[ColumnDrift, ...]:
    """`temperature`, moved by so many standard deviations, `season` and `label`."""
    chance = np.random.default_rng(0)
    before, after = chance.normal(size=4000), chance.normal(moved, 1, size=2000)
    before[:200] = after[:100] = np.nan
    found = []
    for name, role, old, new in (
        ("temperature", "feature", before, after),
        ("label", "prediction", chance.normal(size=4000), chance.normal(size=2000)),
    ):
        profile = numbers(name, old)
        counter = NumberCounter(profile)
        counter.add(new)
        found.append(compared(profile, counter.found(), role=role, bound=0.1))
    reference = column("season", pd.Series(["summer", "winter"] * 2000), categorical=True)
    assert isinstance(reference, Categories)
    counted = CategoryCounter(reference)
    counted.add({"summer": 1000, "winter": 1000})
    found.append(compared(reference, counted.found(), role="feature", bound=0.1))
    assert None not in found
    return tuple(one for one in found if one is not None)


def measured(value: float = 0.8, **changed: Any) -> Measured:
    """A metric of a window."""
    facts: dict[str, Any] = {
        "metric": "roc_auc",
        "value": value,
        "low": value - 0.02,
        "high": value + 0.02,
        "reference": 0.85,
        "rows": 1800,
    }
    return Measured(**facts | changed)


def window(
    back: int = 0,
    *,
    moved: float = 0.0,
    rows: int = 2000,
    breaches: Sequence[Breach] = (),
    metrics: Sequence[Measured] = (),
    asked: Sequence[Question] = (),
) -> Window:
    """A day, so many days before the newest one."""
    end = END - back * DAY
    questions = [*map(of_column, columns(moved)), *asked] if rows else []
    return Window(
        start=end - DAY,
        end=end,
        judgement=judge(questions, rows=rows, breaches=breaches),
        metrics=tuple(metrics),
        duplicates=3,
    )


def section(windows: Sequence[Window] | None = None, **changed: Any) -> MonitorSection:
    """A calm day, or these windows."""
    listed = tuple(windows or (window(1), window(metrics=[measured()])))
    state = settled([one.judgement.outcome for one in listed])
    found = columns(0.0)
    facts: dict[str, Any] = {
        "status": Status.FAIL if state.alarm else Status.PASS,
        "model": "peak-hour",
        "version": "v1.3.0",
        "digest": "c0" * 32,
        "environment": "production",
        "source": "logs/*.parquet",
        "reference": "bundle",
        "alpha": 0.01,
        "least_rows": 500,
        "k": 2,
        "n": 5,
        "windows": listed,
        "state": state,
        "columns": found,
        "ranked": ranked(found, {"temperature": 3.0, "season": 1.0}),
    }
    return MonitorSection(**facts | changed)


def drifting(**changed: Any) -> MonitorSection:
    """Two days in a row on which `temperature` moved, and the model is worse."""
    found = columns(1.5)
    listed = [window(1, moved=1.5), window(moved=1.5, metrics=[measured(0.7)])]
    return section(listed, columns=found, ranked=ranked(found, {"temperature": 3.0}), **changed)

"""What tests of retraining start from: a monitor's document, and pull requests of the past."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from assay.monitor.verdict import Answer, Judgement, Question, settled
from assay.monitor.watched import MonitorSection, Window
from assay.section import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.monitor.verdict import About, Outcome

START = datetime(2012, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def question(about: About, name: str) -> Question:
    return Question(
        name=name,
        about=about,
        effect=0.3,
        low=0.25,
        high=0.35,
        bound=0.1,
        p_value=1e-9,
        rows=2_000,
        reference_rows=8_000,
    )


def window(
    number: int, outcome: Outcome, *, about: About = "performance", name: str = "roc_auc"
) -> Window:
    """A day of production, the first one being number 0."""
    answers = ()
    if outcome == "drift":
        why = f"{name}: 0.3, and at most 0.1 is allowed"
        answers = (Answer(question=question(about, name), adjusted=1e-8, outcome=outcome, why=why),)
    return Window(
        start=START + number * DAY,
        end=START + (number + 1) * DAY,
        judgement=Judgement(
            outcome=outcome,
            why=tuple(one.why for one in answers),
            rows=2_000,
            breaches=(),
            answers=answers,
        ),
    )


def section(
    outcomes: Sequence[Outcome],
    *,
    about: About = "performance",
    name: str = "roc_auc",
    first: int = 0,
    digest: str = "a" * 64,
    k: int = 2,
    n: int = 5,
) -> MonitorSection:
    """What the monitor found in days, the newest last."""
    state = settled(outcomes, k=k, n=n)
    windows = [
        window(first + at, outcome, about=about, name=name) for at, outcome in enumerate(outcomes)
    ]
    return MonitorSection(
        status=Status.FAIL if state.alarm else Status.PASS,
        model="peak-hour",
        version="v1.0.0",
        digest=digest,
        source="logs/*.parquet",
        reference="bundle",
        alpha=0.01,
        least_rows=500,
        k=k,
        n=n,
        windows=tuple(windows),
        state=state,
    )

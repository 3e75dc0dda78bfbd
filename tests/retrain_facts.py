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


def question(about: About, name: str, effect: float = 0.3) -> Question:
    return Question(
        name=name,
        about=about,
        effect=effect,
        low=effect - 0.05,
        high=effect + 0.05,
        bound=0.1,
        p_value=1e-9 if effect > 0.1 else 1.0,
        rows=2_000,
        reference_rows=8_000,
    )


def window(
    number: int,
    outcome: Outcome,
    *,
    about: About = "performance",
    name: str = "roc_auc",
    labelled: bool = True,
) -> Window:
    """A day of production, the first one being number 0."""
    answers: tuple[Answer, ...] = ()
    if outcome == "quiet" and labelled:
        good = question("performance", "roc_auc", 0.01)
        answers = (Answer(question=good, adjusted=1.0, outcome=outcome, why=""),)
    if outcome == "drift":
        why = f"{name}: 0.3, and at most 0.1 is allowed"
        answers = (Answer(question=question(about, name), adjusted=1e-8, outcome=outcome, why=why),)
    return Window(
        start=START + number * DAY,
        end=START + (number + 1) * DAY,
        judgement=Judgement(
            outcome=outcome,
            why=tuple(one.why for one in answers if one.outcome == "drift"),
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
    labelled: int = 100,
) -> MonitorSection:
    """What the monitor found in days, the newest last; so many of them have labels."""
    state = settled(outcomes, k=k, n=n)
    windows = [
        window(first + at, outcome, about=about, name=name, labelled=at < labelled)
        for at, outcome in enumerate(outcomes)
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

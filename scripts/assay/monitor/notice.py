"""What a webhook is sent: one document, as JSON or as a Slack message. Pure.

docs/alerts.md documents it; `format` changes where a key changes its meaning or goes.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

from assay.monitor import causes
from assay.monitor.window import Breach
from assay.section import Fact

if TYPE_CHECKING:
    from assay.monitor.causes import Cause, News, Told
    from assay.monitor.watched import MonitorSection


class CauseFact(Fact):
    """One thing that is not as it should be."""

    about: str
    """`feature`, `prediction`, `features together`, `performance`, `estimate` or `contract`."""
    name: str
    """Of the column or the metric."""
    problem: Literal["gone", "type", "empty", "infinite"] | None = None
    """Of a contract that is broken; there is no effect then."""
    effect: float | None = None
    """How far a column moved (Jensen-Shannon distance), or how much worse a metric is."""
    low: float | None = None
    high: float | None = None
    bound: float | None = None
    """What it may be."""
    p_value: float | None = None
    """Adjusted for all questions of the window."""
    rows: int
    new: bool
    """Whether it was not told before."""


class Notice(Fact):
    """A change of state: an alarm starts, another cause joins, or it is over."""

    format: Literal[1] = 1
    event: Literal["starts", "changes", "ends"]
    summary: str
    """One sentence, plain text."""
    model: str
    version: str
    environment: str | None
    digest: str
    """Of the bundle."""
    since: datetime
    """When the alarm began."""
    window_start: datetime
    window_end: datetime
    """The window that it is about: what was before this moment."""
    outcome: Literal["quiet", "inconclusive", "drift", "contract broken"]
    """Of that window."""
    drifting: int
    """So many of the last `of` windows drift."""
    of: int
    causes: tuple[CauseFact, ...]
    """The gravest first; none where the alarm is over."""
    issue: str | None = None
    """Where people read more."""
    run: str | None = None
    """The job that found it."""


def of(
    section: MonitorSection,
    event: News,
    told: Told,
    *,
    summary: str,
    issue: str | None,
    run: str | None,
) -> Notice:
    """The document of a change.

    Args:
        section: What was found.
        event: What changed.
        told: What was told before.
        summary: In one sentence.
        issue: Where the issue is.
        run: Where the job is.
    """
    window = causes.told_window(section)
    known = told.webhook or ()
    found = () if event == "ends" else causes.causes(section)
    return Notice(
        event=event,
        summary=summary,
        model=section.model,
        version=section.version,
        environment=section.environment,
        digest=section.digest,
        since=told.since or causes.since(section),
        window_start=window.start,
        window_end=window.end,
        outcome=window.judgement.outcome,
        drifting=section.state.drifting,
        of=section.state.of,
        causes=tuple(_fact(one, new=one.key not in known) for one in found),
        issue=issue,
        run=run,
    )


def _fact(cause: Cause, *, new: bool) -> CauseFact:
    found = cause.found
    if isinstance(found, Breach):
        return CauseFact(
            about="contract", name=found.column, problem=found.problem, rows=found.rows, new=new
        )
    question = found.question
    return CauseFact(
        about=question.about,
        name=question.name,
        effect=question.effect,
        low=question.low,
        high=question.high,
        bound=question.bound,
        p_value=found.adjusted,
        rows=question.rows,
        new=new,
    )

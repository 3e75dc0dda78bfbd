"""Windows of time: where they begin and end. Times are of UTC, and an end belongs to the next.

They are counted from a Monday at midnight, so days, and hours that divide a day, begin at midnight,
and weeks on Mondays; months begin on the first.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from assay.configdata import duration

MONTH = "month"
YEAR = "year"
_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)


class Span(NamedTuple):
    """A window."""

    start: datetime
    """The first moment in it."""
    end: datetime
    """The first that is not."""

    def __str__(self) -> str:
        return f"{shown(self.start)} to {shown(self.end)}"


def newest(window: str, until: datetime) -> Span:
    """The last window that is over.

    Args:
        window: `month`, or a time span such as `1 day`.
        until: The moment by which it must be.
    """
    if window == MONTH:
        end = until.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return Span(_month_before(end), end)
    length = duration(window)
    end = until - (until - _MONDAY) % length
    return Span(end - length, end)


def before(window: str, span: Span) -> Span:
    """The window before another one."""
    if window == MONTH:
        return Span(_month_before(span.start), span.start)
    return Span(span.start - duration(window), span.start)


def earlier(span: Span, season: str) -> Span:
    """The same window one season earlier: `year`, or a time span."""
    if season != YEAR:
        return Span(span.start - duration(season), span.end - duration(season))
    start = _year_before(span.start)
    months = span.start.day == 1 == span.end.day and span.end - span.start > timedelta(days=27)
    # A month of a leap year has another length; a day has not.
    return Span(start, _year_before(span.end) if months else start + (span.end - span.start))


def shown(moment: datetime) -> str:
    """As people write it: the day alone where it is midnight."""
    midnight = (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0)
    return f"{moment:%Y-%m-%d}" if midnight else f"{moment:%Y-%m-%d %H:%M}"


def _month_before(first: datetime) -> datetime:
    return (first - timedelta(days=1)).replace(day=1)


def _year_before(moment: datetime) -> datetime:
    is_leap_day = (moment.month, moment.day) == (2, 29)
    return moment.replace(year=moment.year - 1, day=28 if is_leap_day else moment.day)

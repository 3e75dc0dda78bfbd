"""Windows: without gaps, without overlaps, where people expect them to begin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from assay.monitor.windows import Span, before, earlier, newest, shown
from hypothesis import given
from hypothesis import strategies as st

START = datetime(1990, 1, 1, tzinfo=UTC)
MOMENTS = st.timedeltas(timedelta(), timedelta(days=36_500)).map(lambda past: START + past)
LENGTHS = st.sampled_from(["1 d", "6 h", "90 min", "1 w", "10 d", "month", "1 min", "36 h"])


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "until", "start", "end"),
    [
        ("1 day", "2026-11-24 02:45", "2026-11-23", "2026-11-24"),
        ("1 day", "2026-11-24", "2026-11-23", "2026-11-24"),
        ("6 h", "2026-11-24 05:59:59", "2026-11-23 18:00", "2026-11-24 00:00"),
        ("1 w", "2026-11-24", "2026-11-16", "2026-11-23"),
        ("2 weeks", "1970-01-19", "1970-01-05", "1970-01-19"),
        ("month", "2026-11-24", "2026-10-01", "2026-11-01"),
        ("month", "2026-01-01", "2025-12-01", "2026-01-01"),
        ("month", "2028-03-31 12:00", "2028-02-01", "2028-03-01"),
    ],
)
def test_where_windows_begin(window: str, until: str, start: str, end: str) -> None:
    assert newest(window, at(until)) == Span(at(start), at(end))


@given(LENGTHS, MOMENTS)
def test_the_newest_is_over_and_the_next_is_not(window: str, until: datetime) -> None:
    found = newest(window, until)
    assert found.start < found.end <= until
    following = newest(window, found.end + (found.end - found.start) + timedelta(days=4))
    assert following.end > found.end
    assert until < found.end + timedelta(days=31 if window == "month" else 10)


@given(LENGTHS, MOMENTS, MOMENTS)
def test_every_moment_is_in_one_window(window: str, until: datetime, other: datetime) -> None:
    low, high = sorted((until, other))
    one = newest(window, high)
    walked = 0
    while one.start > low and walked < 50:
        earlier_one = before(window, one)
        assert earlier_one.end == one.start
        assert earlier_one == newest(window, one.start)
        one, walked = earlier_one, walked + 1


@given(LENGTHS, MOMENTS)
def test_who_asks_within_a_window_gets_the_same_one(window: str, until: datetime) -> None:
    found = newest(window, until)
    assert newest(window, found.end) == found


@pytest.mark.parametrize(
    ("start", "end", "season", "expected"),
    [
        ("2012-03-01", "2012-04-01", "year", ("2011-03-01", "2011-04-01")),
        ("2012-02-01", "2012-03-01", "year", ("2011-02-01", "2011-03-01")),
        ("2012-02-28", "2012-02-29", "year", ("2011-02-28", "2011-03-01")),
        ("2012-02-29", "2012-03-01", "year", ("2011-02-28", "2011-03-01")),
        ("2012-06-05", "2012-06-06", "year", ("2011-06-05", "2011-06-06")),
        ("2012-06-05", "2012-06-06", "7 d", ("2012-05-29", "2012-05-30")),
    ],
)
def test_a_season_earlier(start: str, end: str, season: str, expected: tuple[str, str]) -> None:
    found = earlier(Span(at(start), at(end)), season)
    assert found == Span(at(expected[0]), at(expected[1]))


@given(LENGTHS, MOMENTS, st.sampled_from(["year", "7 d", "364 d"]))
def test_a_window_of_a_season_earlier_is_one(window: str, until: datetime, season: str) -> None:
    span = newest(window, until)
    found = earlier(span, season)
    assert found.start < found.end <= span.start or season == "7 d"
    assert abs((found.end - found.start) - (span.end - span.start)) <= timedelta(days=1)


def test_times_are_shown_as_people_write_them() -> None:
    assert str(Span(at("2026-11-23"), at("2026-11-24"))) == "2026-11-23 to 2026-11-24"
    assert shown(at("2026-11-23 06:00")) == "2026-11-23 06:00"

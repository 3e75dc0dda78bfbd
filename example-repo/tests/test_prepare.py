from pathlib import Path

import pandas as pd
import pytest

from peakhour.prepare import COLUMNS, assign_part, clean, learn_peak, read_raw
from tests.build import raw_hours


def test_clean_puts_hours_in_time_order() -> None:
    shuffled = raw_hours(48).sample(frac=1, random_state=3)

    assert clean(shuffled)["time"].is_monotonic_increasing


@pytest.mark.parametrize(
    ("working_day", "holiday", "name"),
    [(1, 0, "working day"), (0, 0, "weekend"), (0, 1, "holiday")],
)
def test_clean_names_the_kind_of_day(working_day: int, holiday: int, name: str) -> None:
    hours = clean(raw_hours(2, workingday=working_day, holiday=holiday))

    assert hours["day"].unique().tolist() == [name]


def test_clean_says_so_when_the_weather_was_not_recorded() -> None:
    hours = clean(raw_hours(2, weathersit=["mist", None]))

    assert hours["weather"].tolist() == ["mist", "not recorded"]


def test_clean_takes_a_humidity_of_zero_for_a_broken_sensor() -> None:
    hours = clean(raw_hours(3, hum=[0, 40, 100]))

    assert hours["humidity"].isna().tolist() == [True, False, False]


def test_hours_that_came_since_follow_and_a_file_without_any_changes_nothing(
    tmp_path: Path,
) -> None:
    first, since = tmp_path / "2011.csv", tmp_path / "2012.csv"
    raw_hours(2).to_csv(first, index=False)
    raw_hours(0).to_csv(since, index=False)

    alone = read_raw((first, since))

    assert (len(alone), str(alone["hr"].dtype)) == (2, "int64")
    raw_hours(3, start="2012-01-01").to_csv(since, index=False)
    assert read_raw((first, since))["dteday"].dt.year.tolist() == [2011, 2011, 2012, 2012, 2012]


def test_later_hours_never_train() -> None:
    hours = pd.Series(pd.to_datetime(["2011-08-31 23:00", "2011-09-01 00:00", "2011-12-31 23:00"]))

    assert assign_part(hours, "2011-09-01").tolist() == ["train", "evaluation", "evaluation"]


def test_peak_is_a_number_of_rentals_that_was_seen() -> None:
    assert learn_peak(pd.Series([1, 2, 3, 4, 100]), 0.8) == 100
    assert learn_peak(pd.Series(range(101)), 0.8) == 80


def test_counts_of_riders_do_not_leave_this_stage() -> None:
    assert not {"casual", "registered", "cnt", "rentals"} & set(COLUMNS)

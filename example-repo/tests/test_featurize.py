import pandas as pd
import pytest

from peakhour.featurize import NAMES, SEVERITY, TARGET, FeaturizeParams, featurize, wet_lately
from peakhour.prepare import NOT_RECORDED, clean
from schema import WEATHER
from tests.build import raw_hours

SETTINGS = FeaturizeParams(wet_hours=3)


def times(*hours: int) -> pd.Series:
    return pd.Series([pd.Timestamp("2011-06-01") + pd.Timedelta(hours=hour) for hour in hours])


def test_wet_lately_is_the_share_of_wet_hours_so_far() -> None:
    share = wet_lately(times(0, 1, 2, 3, 4), pd.Series([2, 0, 0, 0, 3]), 3)

    assert share.tolist() == pytest.approx([1, 0.5, 0.333, 0, 0.333])


def test_wet_lately_forgets_rain_from_before_a_gap_in_the_rows() -> None:
    assert wet_lately(times(0, 5), pd.Series([2, 0]), 3).tolist() == [1, 0]


def test_wet_lately_takes_unrecorded_weather_for_dry() -> None:
    assert wet_lately(times(0, 1), pd.Series([None, 2.0]), 3).tolist() == [0, 0.5]


def test_wet_lately_keeps_the_index_of_its_input() -> None:
    time = times(0, 1).set_axis([7, 9])

    assert wet_lately(time, pd.Series([2, 2], index=[7, 9]), 3).index.tolist() == [7, 9]


def test_severity_knows_every_weather_and_leaves_the_unrecorded_open() -> None:
    hours = clean(raw_hours(5, weathersit=[*WEATHER, None])).assign(peak=0)

    severity = featurize(hours, SETTINGS)["severity"]

    assert set(SEVERITY) == set(WEATHER)
    assert NOT_RECORDED not in SEVERITY
    assert severity[:4].tolist() == [0, 1, 2, 3]
    assert severity.isna().tolist() == [False, False, False, False, True]


def test_features_come_from_calendar_and_weather_only() -> None:
    quiet = clean(raw_hours(48)).assign(peak=0)
    busy = clean(raw_hours(48, casual=300, cnt=900)).assign(peak=1)

    pd.testing.assert_frame_equal(
        featurize(quiet, SETTINGS)[NAMES], featurize(busy, SETTINGS)[NAMES]
    )
    assert TARGET not in NAMES


def test_a_holiday_is_not_a_working_day() -> None:
    hours = clean(raw_hours(2, workingday=[1, 0], holiday=[0, 1])).assign(peak=0)

    assert featurize(hours, SETTINGS)["working_day"].tolist() == [1, 0]

"""Small tables for the tests; every column has a harmless value unless the test says otherwise."""

from typing import Any

import pandas as pd


def raw_hours(count: int = 24, start: str = "2011-06-01", **columns: Any) -> pd.DataFrame:
    """Return `count` consecutive raw hours. 1 June 2011 was a Wednesday."""
    time = pd.date_range(start, periods=count, freq="h")
    weekday = (time.day_of_week + 1) % 7
    table = pd.DataFrame(
        {
            "instant": range(1, count + 1),
            "dteday": time.normalize(),
            "season": "spring",
            "hr": time.hour,
            "holiday": 0,
            "weekday": weekday,
            "workingday": weekday.isin(range(1, 6)).astype(int),
            "weathersit": "clear",
            "temp": 20.0,
            "atemp": 21.0,
            "hum": 60,
            "windspeed": 9.0,
            "casual": 10,
            "registered": range(count),
        }
    ).assign(**columns)
    total = table["casual"] + table["registered"]
    return table if "cnt" in columns else table.assign(cnt=total)


def feature_hours(count: int = 400, **columns: Any) -> pd.DataFrame:
    """Return `count` hours as the model sees them; afternoons of working days are peaks."""
    time = pd.date_range("2011-06-01", periods=count, freq="h")
    working = (time.day_of_week < 5).astype(int)
    table = pd.DataFrame(
        {
            "instant": range(1, count + 1),
            "time": time,
            "hour": time.hour,
            "working_day": working,
            "temperature": 20.0 + time.hour / 4,
            "humidity": 60.0,
            "windspeed": 9.0,
            "severity": 0.0,
            "wet_lately": 0.0,
        }
    ).assign(**columns)
    return table.assign(peak=(table["hour"].between(16, 19) & (working == 1)).astype(int))

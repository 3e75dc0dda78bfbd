"""What the hourly rental data promises. Checked on every change, before anything is trained."""

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

SEASONS = ["winter", "spring", "summer", "fall"]
WEATHER = ["clear", "mist", "light rain or snow", "heavy rain or snow"]

# Dates as month * 100 + day: spring starts on 21 March, and winter is at both ends of the year.
SEASON_EDGES = [0, 321, 621, 923, 1221, 1232]
SEASON_OF_EDGE = [*SEASONS, "winter"]

MISSING_WEATHER_ALLOWED = 0.15


class Schema(pa.DataFrameModel):
    """One row for each hour in which at least one bike was rented."""

    instant: Series[int] = pa.Field(ge=1, unique=True)
    dteday: Series[pd.Timestamp] = pa.Field(ge=pd.Timestamp("2011-01-01"))
    season: Series[str] = pa.Field(isin=SEASONS)
    hr: Series[int] = pa.Field(in_range={"min_value": 0, "max_value": 23})
    holiday: Series[int] = pa.Field(isin=[0, 1])
    weekday: Series[int] = pa.Field(in_range={"min_value": 0, "max_value": 6})
    workingday: Series[int] = pa.Field(isin=[0, 1])
    weathersit: Series[str] = pa.Field(isin=WEATHER, nullable=True)
    temp: Series[float] = pa.Field(in_range={"min_value": -20, "max_value": 45})
    atemp: Series[float] = pa.Field(in_range={"min_value": -30, "max_value": 55})
    hum: Series[float] = pa.Field(in_range={"min_value": 0, "max_value": 100})
    windspeed: Series[float] = pa.Field(in_range={"min_value": 0, "max_value": 120})
    casual: Series[int] = pa.Field(ge=0)
    registered: Series[int] = pa.Field(ge=0)
    cnt: Series[int] = pa.Field(ge=1)

    class Config:
        """The columns are exactly these; dates and whole numbers arrive as text or floats."""

        strict = True
        coerce = True
        unique = ["dteday", "hr"]

    @pa.check("weathersit", name="weather_mostly_recorded", ignore_na=False)
    @classmethod
    def weather_mostly_recorded(cls, weathersit: Series[str]) -> bool:
        """A gap in the weather feed shows as a blank; a long one makes the data useless."""
        return bool(weathersit.isna().mean() <= MISSING_WEATHER_ALLOWED)

    @pa.dataframe_check(name="rentals_add_up")
    @classmethod
    def rentals_add_up(cls, table: pd.DataFrame) -> pd.Series:
        """The total is the sum of both kinds of riders."""
        return table["casual"] + table["registered"] == table["cnt"]

    @pa.dataframe_check(name="calendar_agrees")
    @classmethod
    def calendar_agrees(cls, table: pd.DataFrame) -> pd.Series:
        """A working day is a Monday to Friday that is no holiday; Sunday is weekday 0."""
        weekday = (table["dteday"].dt.day_of_week + 1) % 7
        working = weekday.between(1, 5) & (table["holiday"] == 0)
        return (weekday == table["weekday"]) & (working == table["workingday"].astype(bool))

    @pa.dataframe_check(name="season_fits_the_date")
    @classmethod
    def season_fits_the_date(cls, table: pd.DataFrame) -> pd.Series:
        """UCI's season codes are easily read one season too far on."""
        day = table["dteday"].dt.month * 100 + table["dteday"].dt.day
        expected = pd.cut(day, SEASON_EDGES, right=False, labels=SEASON_OF_EDGE, ordered=False)
        return expected.astype(str) == table["season"]

    @pa.dataframe_check(name="in_time_order")
    @classmethod
    def in_time_order(cls, table: pd.DataFrame) -> pd.Series:
        """Row numbers follow the clock, so that "later" means the same by either."""
        elapsed = (table["dteday"] + pd.to_timedelta(table["hr"], unit="h")).diff()
        later = (elapsed > pd.Timedelta(0)) & (table["instant"].diff() > 0)
        return later | elapsed.isna()

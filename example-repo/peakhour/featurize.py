"""Stage `featurize`: turn cleaned hours into the numbers that the model sees.

Only what a forecast knows in advance is used: the calendar and the weather.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from peakhour import files, params
from peakhour.prepare import EVALUATION, HOURS, TRAIN

FEATURES = {part: Path(f"data/features/{part}.csv") for part in (TRAIN, EVALUATION)}

# "not recorded" is absent on purpose: it becomes NaN, and the model learns what to do with it.
SEVERITY = {"clear": 0, "mist": 1, "light rain or snow": 2, "heavy rain or snow": 3}
WET = 2

NAMES = [
    "hour",
    "working_day",
    "temperature",
    "humidity",
    "windspeed",
    "severity",
    "wet_lately",
]
TARGET = "peak"


@dataclass(frozen=True)
class FeaturizeParams:
    """Section `featurize` of params.yaml."""

    wet_hours: int


def wet_lately(time: pd.Series, severity: pd.Series, hours: int) -> pd.Series:
    """Return the share of wet hours among the last `hours` hours, this one included.

    The window is one of time, not of rows: hours without any rental have no row at all.
    """
    wet = pd.Series((severity >= WET).to_numpy(dtype=float), index=pd.DatetimeIndex(time))
    share = wet.rolling(f"{hours}h").mean()
    return pd.Series(share.round(3).to_numpy(), index=time.index)


def featurize(hours: pd.DataFrame, settings: FeaturizeParams) -> pd.DataFrame:
    """Return key, time, features and target, a row for each of the `hours` (in time order)."""
    severity = hours["weather"].map(SEVERITY)
    return pd.DataFrame(
        {
            "instant": hours["instant"],
            "time": hours["time"],
            "hour": hours["time"].dt.hour,
            "working_day": (hours["day"] == "working day").astype(int),
            "temperature": hours["temperature"],
            "humidity": hours["humidity"],
            "windspeed": hours["windspeed"],
            "severity": severity,
            "wet_lately": wet_lately(hours["time"], severity, settings.wet_hours),
            TARGET: hours[TARGET],
        }
    )


def main() -> None:
    """Run the stage."""
    hours = files.read_table(HOURS, times=("time",))
    table = featurize(hours, params.read("featurize", FeaturizeParams))
    for part, path in FEATURES.items():
        files.write_table(table[hours["part"] == part], path)


if __name__ == "__main__":
    main()

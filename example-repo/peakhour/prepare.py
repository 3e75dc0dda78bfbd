"""Stage `prepare`: clean the hours, say which are peaks, set the latest months aside."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from peakhour import files, params

RAW = Path("data/raw/2011.csv")
SINCE = Path("data/raw/2012.csv")
"""Hours that came later; none at first."""
HOURS = Path("data/prepared/hours.csv")
PEAK = Path("data/prepared/peak.json")

TRAIN, EVALUATION = "train", "evaluation"
NOT_RECORDED = "not recorded"
COLUMNS = [
    "instant",
    "time",
    "part",
    "season",
    "day",
    "weather",
    "temperature",
    "humidity",
    "windspeed",
    "peak",
]


@dataclass(frozen=True)
class PrepareParams:
    """Section `prepare` of params.yaml."""

    evaluate_from: str
    peak_before: str
    peak_quantile: float


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    """Return one row an hour, in time order, with names and values that read well."""
    day = np.select(
        [raw["workingday"] == 1, raw["holiday"] == 1],
        ["working day", "holiday"],
        default="weekend",
    )
    hours = pd.DataFrame(
        {
            "instant": raw["instant"],
            "time": raw["dteday"] + pd.to_timedelta(raw["hr"], unit="h"),
            "season": raw["season"],
            "day": day,
            "weather": raw["weathersit"].fillna(NOT_RECORDED),
            "temperature": raw["temp"],
            # A relative humidity of 0 % is a sensor that was off (all of 10 March 2011).
            "humidity": raw["hum"].mask(raw["hum"] == 0),
            "windspeed": raw["windspeed"],
            "rentals": raw["cnt"],
        }
    )
    return hours.sort_values("time", ignore_index=True)


def assign_part(time: pd.Series, evaluate_from: str) -> pd.Series:
    """Everything before `evaluate_from` trains, the rest evaluates: never the other way round."""
    earlier = time < pd.Timestamp(evaluate_from)
    return earlier.map({True: TRAIN, False: EVALUATION})


def read_raw(paths: tuple[Path, ...] = (RAW, SINCE)) -> pd.DataFrame:
    """Return the hours of all files; one without hours would turn numbers into text."""
    tables = [files.read_table(path, times=("dteday",)) for path in paths]
    return pd.concat([table for table in tables if len(table)], ignore_index=True)


def learn_peak(rentals: pd.Series, quantile: float) -> float:
    """Return the number of rentals from which on an hour counts as a peak."""
    return float(rentals.quantile(quantile, interpolation="higher"))


def main() -> None:
    """Run the stage."""
    settings = params.read("prepare", PrepareParams)
    hours = clean(read_raw())
    hours["part"] = assign_part(hours["time"], settings.evaluate_from)
    earlier = hours["time"] < pd.Timestamp(settings.peak_before)
    peak = learn_peak(hours.loc[earlier, "rentals"], settings.peak_quantile)
    hours["peak"] = (hours["rentals"] >= peak).astype(int)
    # The counts stop here: no later stage can mistake them for features.
    files.write_table(hours[COLUMNS], HOURS)
    files.write_json({"rentals": peak, "quantile": settings.peak_quantile}, PEAK)


if __name__ == "__main__":
    main()

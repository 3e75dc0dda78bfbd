"""Bring in the hours that came since, and move the dates of training and evaluation with them.

    python -m scripts.bring

`assay retrain` runs it. The newest month evaluates, because the model that answers now is compared
there with the new one; the three months before it train. A year ago bikes were rented less, so what
was learned then is what the new model has to unlearn.
"""

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd

from schema import Schema

IMPORTED = Path("data/raw/2012.csv.dvc")
SINCE = Path("data/raw/2012.csv")
PARAMS = Path("params.yaml")
TRAINING_MONTHS = 3


def moved(text: str, newest: pd.Timestamp) -> str:
    """Return params.yaml with the dates that `newest`, the last day there is, leads to."""
    evaluate_from = newest.replace(day=1)
    since = evaluate_from - pd.DateOffset(months=TRAINING_MONTHS)
    for key, day in (("evaluate_from", evaluate_from), ("since", since)):
        text, count = re.subn(
            rf'^(  {key}: )"[\d-]+"', rf'\g<1>"{day:%Y-%m-%d}"', text, flags=re.MULTILINE
        )
        if count != 1:
            raise ValueError(f"{PARAMS}: {key} stands there {count} times, and not once")
    return text


def main() -> None:
    """Update the data, then the dates; nothing moves where no hour came."""
    subprocess.run([sys.executable, "-m", "dvc", "update", "--quiet", str(IMPORTED)], check=True)
    hours = pd.read_csv(SINCE)
    if len(hours):
        days = Schema.validate(hours, lazy=True)["dteday"]  # it promises what the old data does
        text = PARAMS.read_text(encoding="utf-8")
        PARAMS.write_text(moved(text, days.max()), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()

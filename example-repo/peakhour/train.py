"""Stage `train`: fit the classifier on the training hours."""

from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from peakhour import files, params
from peakhour.featurize import FEATURES, NAMES, TARGET
from peakhour.prepare import TRAIN

MODEL = Path("models/model.joblib")


@dataclass(frozen=True)
class TrainParams:
    """Section `train` of params.yaml."""

    since: str
    day_off_weight: float
    max_iter: int
    learning_rate: float
    max_leaf_nodes: int
    min_samples_leaf: int
    seed: int


def select(table: pd.DataFrame, since: str) -> pd.DataFrame:
    """Return the hours that the model learns from."""
    return table[table["time"] >= pd.Timestamp(since)]


def weigh(working_day: pd.Series, day_off_weight: float) -> np.ndarray:
    """Return a weight an hour, with a mean of 1 whatever the balance of days is."""
    weight = np.where(working_day == 1, 1.0, day_off_weight)
    return np.asarray(weight / weight.mean())


def fit(table: pd.DataFrame, settings: TrainParams) -> HistGradientBoostingClassifier:
    """Fit on the hours of `table` that the settings select."""
    rows = select(table, settings.since)
    model = HistGradientBoostingClassifier(
        max_iter=settings.max_iter,
        learning_rate=settings.learning_rate,
        max_leaf_nodes=settings.max_leaf_nodes,
        min_samples_leaf=settings.min_samples_leaf,
        early_stopping=False,
        random_state=settings.seed,
    )
    weight = weigh(rows["working_day"], settings.day_off_weight)
    # The fitted model remembers how many threads there were. With one, which is plenty here, its
    # bytes are the same on every machine, and DVC sees that nothing has changed.
    with threadpool_limits(1, user_api="openmp"):
        return model.fit(rows[NAMES], rows[TARGET], sample_weight=weight)


def main() -> None:
    """Run the stage."""
    table = files.read_table(FEATURES[TRAIN], times=("time",))
    model = fit(table, params.read("train", TrainParams))
    MODEL.parent.mkdir(parents=True, exist_ok=True)
    joblib.dump(model, MODEL)


if __name__ == "__main__":
    main()

"""Stage `evaluate`: predict the hours that were set aside, and measure."""

from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn import metrics
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.inspection import permutation_importance

from peakhour import files, params
from peakhour.featurize import FEATURES, NAMES, TARGET
from peakhour.prepare import EVALUATION, HOURS, TRAIN
from peakhour.train import MODEL, TrainParams, select

PREDICTIONS = Path("reports/predictions.csv")
METRICS = Path("reports/metrics.json")
CURVE = Path("reports/plots/training_curve.csv")
IMPORTANCE = Path("reports/plots/importance.csv")

SLICES = ["season", "day", "weather"]


@dataclass(frozen=True)
class EvaluateParams:
    """Section `evaluate` of params.yaml."""

    threshold: float
    importance_repeats: int
    seed: int


def predict(
    model: HistGradientBoostingClassifier, table: pd.DataFrame, threshold: float
) -> pd.DataFrame:
    """Return truth, prediction and score of each hour, by its key."""
    # Eight digits survive a change of processor; the sixteenth does not.
    score = model.predict_proba(table[NAMES])[:, 1].round(8)
    return pd.DataFrame(
        {
            "instant": table["instant"].to_numpy(),
            "y_true": table[TARGET].to_numpy(),
            "y_pred": (score >= threshold).astype(int),
            "y_score": score,
        }
    )


def measure(predictions: pd.DataFrame) -> dict[str, float]:
    """Return scikit-learn's metrics of a table of predictions."""
    truth, label, score = (predictions[name] for name in ("y_true", "y_pred", "y_score"))
    values = {
        "accuracy": metrics.accuracy_score(truth, label),
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, label),
        "precision": metrics.precision_score(truth, label),
        "recall": metrics.recall_score(truth, label),
        "f1": metrics.f1_score(truth, label),
        "mcc": metrics.matthews_corrcoef(truth, label),
        "roc_auc": metrics.roc_auc_score(truth, score),
        "average_precision": metrics.average_precision_score(truth, score),
        "log_loss": metrics.log_loss(truth, score),
        "brier": metrics.brier_score_loss(truth, score),
    }
    return {name: float(value) for name, value in values.items()}


def training_curve(
    model: HistGradientBoostingClassifier, tables: dict[str, pd.DataFrame]
) -> pd.DataFrame:
    """Return the log loss on each table after each boosting iteration."""
    losses = {
        name: [
            metrics.log_loss(table[TARGET], np.round(score, 8))
            for score in model.staged_predict_proba(table[NAMES])
        ]
        for name, table in tables.items()
    }
    curve = pd.DataFrame(losses).round(6)
    curve.insert(0, "iteration", range(1, len(curve) + 1))
    return curve


def importance(
    model: HistGradientBoostingClassifier, table: pd.DataFrame, settings: EvaluateParams
) -> pd.DataFrame:
    """Return how much average precision is lost when one feature is shuffled."""
    result = permutation_importance(
        model,
        table[NAMES],
        table[TARGET],
        scoring="average_precision",
        n_repeats=settings.importance_repeats,
        random_state=settings.seed,
    )
    ranked = pd.DataFrame({"feature": NAMES, "importance": result.importances_mean.round(6)})
    return ranked.sort_values("importance", ascending=False, kind="stable")


def main() -> None:
    """Run the stage."""
    settings = params.read("evaluate", EvaluateParams)
    model: HistGradientBoostingClassifier = joblib.load(MODEL)
    since = params.read("train", TrainParams).since
    learned = select(files.read_table(FEATURES[TRAIN], times=("time",)), since)
    held_out = files.read_table(FEATURES[EVALUATION], times=("time",))

    predictions = predict(model, held_out, settings.threshold)
    described = files.read_table(HOURS)[["instant", *SLICES]]
    files.write_table(predictions.merge(described, on="instant", validate="1:1"), PREDICTIONS)
    files.write_json(measure(predictions), METRICS)
    files.write_table(training_curve(model, {"training": learned, "evaluation": held_out}), CURVE)
    files.write_table(importance(model, held_out, settings), IMPORTANCE)


if __name__ == "__main__":
    main()

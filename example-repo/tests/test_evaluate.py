import pandas as pd
import pytest

from peakhour.evaluate import measure, predict, training_curve
from peakhour.train import fit
from tests.build import feature_hours
from tests.test_train import SETTINGS


def test_measure_agrees_with_a_count_by_hand() -> None:
    predictions = pd.DataFrame(
        {"y_true": [0, 0, 1, 1], "y_pred": [0, 1, 1, 1], "y_score": [0.1, 0.6, 0.7, 0.9]}
    )

    values = measure(predictions)

    assert values["accuracy"] == 0.75
    assert values["precision"] == pytest.approx(2 / 3)
    assert values["recall"] == 1
    assert values["f1"] == pytest.approx(0.8)
    assert values["roc_auc"] == 1
    assert values["brier"] == pytest.approx((0.01 + 0.36 + 0.09 + 0.01) / 4)


def test_a_score_at_the_threshold_is_a_peak() -> None:
    table = feature_hours()
    model = fit(table, SETTINGS)
    highest = predict(model, table, 0.5)["y_score"].max()

    assert predict(model, table, highest)["y_pred"].sum() > 0
    assert predict(model, table, highest + 1e-6)["y_pred"].sum() == 0


def test_predictions_keep_the_key_of_each_hour() -> None:
    table = feature_hours(instant=range(1000, 1400))

    assert predict(fit(table, SETTINGS), table, 0.5)["instant"].tolist() == list(range(1000, 1400))


def test_training_curve_has_a_row_an_iteration_and_falls_on_what_was_learned() -> None:
    table = feature_hours()

    curve = training_curve(fit(table, SETTINGS), {"training": table})

    assert curve["iteration"].tolist() == list(range(1, SETTINGS.max_iter + 1))
    assert curve["training"].is_monotonic_decreasing

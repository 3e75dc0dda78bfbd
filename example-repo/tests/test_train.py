from dataclasses import replace

import numpy as np
import pandas as pd

from peakhour.evaluate import predict
from peakhour.train import TrainParams, fit, select, weigh
from tests.build import feature_hours

SETTINGS = TrainParams(
    since="2011-01-01",
    day_off_weight=1.0,
    max_iter=10,
    learning_rate=0.2,
    max_leaf_nodes=7,
    min_samples_leaf=10,
    seed=1,
)


def test_select_keeps_the_first_hour_of_the_day_named() -> None:
    assert len(select(feature_hours(48), "2011-06-02")) == 24


def test_weights_have_a_mean_of_one() -> None:
    weight = weigh(pd.Series([1, 1, 1, 0]), 0.2)

    assert weight.mean() == 1
    assert weight[3] / weight[0] == 0.2


def test_same_hours_and_seed_give_the_same_scores() -> None:
    table = feature_hours()

    first, second = (predict(fit(table, SETTINGS), table, 0.5)["y_score"] for _ in range(2))

    np.testing.assert_array_equal(first, second)


def test_hours_before_since_are_not_learned_from() -> None:
    table = feature_hours()
    spoiled = table.assign(peak=table["peak"].mask(table["time"] < "2011-06-08", 1))
    late = replace(SETTINGS, since="2011-06-08")

    scores = [predict(fit(hours, late), table, 0.5)["y_score"] for hours in (table, spoiled)]

    np.testing.assert_array_equal(scores[0], scores[1])


def test_missing_weather_can_be_learned_from_and_predicted() -> None:
    table = feature_hours(severity=[0.0, np.nan] * 200, humidity=[np.nan, 60.0] * 200)

    assert predict(fit(table, SETTINGS), table, 0.5)["y_score"].notna().all()

"""Intervals of one model's metrics, held against textbook formulas by others."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from assay.stats.alone import Interval, intervals
from assay.stats.catalogue import CATALOGUE
from assay.stats.difference import Settings
from assay.stats.metrics import compute
from assay.stats.predictions import Predictions, from_frame
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

SETTINGS = Settings(resamples=4000)


def binary(rows: int, seed: int = 1) -> Predictions:
    rng = np.random.default_rng(seed)
    truth = rng.integers(2, size=rows)
    score = 1 / (1 + np.exp(-(rng.normal(size=rows) + 2 * truth - 1)))
    frame = pd.DataFrame({"truth": truth, "score": score})
    return from_frame(frame, truth="truth", prediction=None, score="score", weight=None)


def regression(rows: int, seed: int = 1) -> Predictions:
    rng = np.random.default_rng(seed)
    truth = rng.normal(100, 10, size=rows)
    frame = pd.DataFrame({"truth": truth, "guess": truth + rng.normal(size=rows)})
    return from_frame(frame, truth="truth", prediction="guess", score=None, weight=None)


def one(predictions: Predictions, metric: str, **given: object) -> Interval:
    return intervals(predictions, metrics=[metric], settings=SETTINGS, **given)[metric]  # type: ignore[arg-type] # of the caller


def test_accuracy_as_wilson_has_it() -> None:
    rows = binary(400)
    right = round(400 * compute(rows, metrics=["accuracy"]).values["accuracy"])
    low, high = proportion_confint(right, 400, method="wilson")
    found = one(rows, "accuracy")
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.006)


@pytest.mark.parametrize("metric", ["mae", "mse"])
def test_means_as_student_has_them(metric: str) -> None:
    rows = regression(2000)
    error = np.abs(np.asarray(rows.prediction) - rows.truth) ** (1 if metric == "mae" else 2)
    low, high = DescrStatsW(error).tconfint_mean()
    found = one(rows, metric)
    assert (found.low, found.high) == pytest.approx((low, high), rel=0.005)


def test_area_as_delong_has_it() -> None:
    rows = binary(300)
    assert rows.score is not None
    above, below = rows.score[rows.is_positive], rows.score[~rows.is_positive]
    wins = (above[:, None] > below[None, :]).astype(float)
    area = wins.mean()
    variance = wins.mean(1).var(ddof=1) / len(above) + wins.mean(0).var(ddof=1) / len(below)
    reach = 1.96 * math.sqrt(variance) / (area * (1 - area))
    logit = math.log(area / (1 - area))
    expected = [1 / (1 + math.exp(-(logit + way * reach))) for way in (-1, 1)]
    found = one(rows, "roc_auc")
    assert (found.low, found.high) == pytest.approx(expected, abs=0.002)


@settings(max_examples=30)
@given(st.integers(2, 60), st.integers(0, 5))
def test_every_metric_lies_in_its_interval(rows: int, seed: int) -> None:
    for predictions in (binary(rows, seed), regression(rows, seed)):
        names = [n for n, one in CATALOGUE.items() if predictions.task in one.tasks]
        values = compute(predictions, metrics=names).values
        found = intervals(predictions, metrics=names, settings=Settings(resamples=200))
        for name, interval in found.items():
            assert interval.low - 1e-9 <= values[name] <= interval.high + 1e-9, name
            assert interval.high <= 1 or name not in ("accuracy", "roc_auc", "f1", "r2", "mcc")
            assert interval.low >= 0 or name in ("r2", "mcc")


def test_groups_make_it_wider_and_one_group_says_nothing() -> None:
    rows = regression(400)
    groups = np.arange(400) // 100
    alone, together = one(rows, "rmse"), one(rows, "rmse", groups=groups)
    assert together.high - together.low > alone.high - alone.low
    single = np.zeros(400, dtype=np.intp)
    assert intervals(rows, metrics=["rmse"], settings=SETTINGS, groups=single) == {}


def test_what_has_no_value_has_no_interval_and_a_perfect_model_is_not_certain() -> None:
    frame = pd.DataFrame({"truth": [0, 1] * 20, "score": [0.1, 0.9] * 20})
    perfect = from_frame(frame, truth="truth", prediction=None, score="score", weight=None)
    names = ["accuracy", "roc_auc", "average_precision", "mae"]
    found = intervals(perfect, metrics=names, settings=SETTINGS)
    assert set(found) == {"accuracy", "roc_auc", "average_precision"}
    for interval in found.values():
        assert interval.high == 1.0
        assert 0.5 < interval.low < 1.0


def test_the_same_seed_gives_the_same_bits() -> None:
    rows = binary(200)
    names = ["f1", "roc_auc", "log_loss"]
    assert intervals(rows, metrics=names, settings=SETTINGS) == intervals(
        rows, metrics=names, settings=SETTINGS
    )

"""Boosted trees of four libraries: missing values, categories, links of objectives."""

from __future__ import annotations

from functools import cache
from typing import Any

import catboost
import lightgbm
import numpy as np
import pandas as pd
import pytest
import threadpoolctl
import xgboost
from assay.packaging.conversion import NotConvertible
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.unit.packaging.conversions import agree, converted

SINGLE = 2e-6
"""XGBoost and CatBoost add up in float32."""
LIGHT = {"n_estimators": 6, "verbose": -1, "random_state": 0, "n_jobs": 1}
EXTREME = {"n_estimators": 6, "max_depth": 4, "random_state": 0, "n_jobs": 1}
CAT = {
    "iterations": 6,
    "depth": 3,
    "verbose": 0,
    "allow_writing_files": False,
    "random_seed": 0,
    "thread_count": 1,
}


@cache
def rows(*, categories: bool = False) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    count = 400
    found = pd.DataFrame(
        {
            "a": rng.normal(size=count),
            "b": rng.normal(size=count) * 100,
            "i": rng.integers(0, 50, count),
            "z": np.where(rng.random(count) < 0.3, 0.0, rng.normal(size=count)),
        }
    )
    found.loc[rng.random(count) < 0.1, "a"] = np.nan
    letters = pd.Series(pd.Categorical(rng.choice(list("abcdefgh"), count)))
    letters[rng.random(count) < 0.1] = np.nan
    if categories:
        found["c"] = letters
        found["k"] = pd.Categorical(rng.choice([1, 2, 5, 9], count))
    return found


@cache
def target() -> np.ndarray[Any, Any]:
    frame = rows(categories=True)
    effect = frame["a"].fillna(0) * 2 + frame["z"] + frame["c"].isin(["a", "c"]) * 2
    return np.asarray(effect - frame["k"].isin([2, 9]) * 1.5)


def labels(count: int) -> np.ndarray[Any, Any]:
    edges = np.quantile(target(), np.linspace(0, 1, count + 1)[1:-1])
    return np.digitize(target(), edges)


@pytest.fixture(autouse=True)
def one_thread():
    """So little work is not worth sharing: threads that wait for each other take seconds."""
    with threadpoolctl.threadpool_limits(1):
        yield


@pytest.mark.parametrize("categories", [False, True], ids=["numbers", "categories"])
class TestLibraries:
    def test_histogram_boosting(self, categories):
        frame, names = rows(categories=categories), np.array(["x", "y", "z"], dtype=object)
        options = {"categorical_features": "from_dtype", "max_iter": 6}
        for count in (2, 3):
            model = HistGradientBoostingClassifier(**options).fit(frame, names[labels(count)])
            agree(model, frame)
        for loss in ("squared_error", "poisson"):
            model = HistGradientBoostingRegressor(loss=loss, **options)
            agree(model.fit(frame, np.exp(target() / 4)), frame)

    def test_lightgbm(self, categories):
        frame = rows(categories=categories)
        for count in (2, 3):
            agree(lightgbm.LGBMClassifier(**LIGHT).fit(frame, labels(count)), frame)
        for options in (
            {"objective": "tweedie"},
            {"zero_as_missing": True},
            {"use_missing": False},
            {"reg_sqrt": True},
            {"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.7},
        ):
            model = lightgbm.LGBMRegressor(**LIGHT, **options)
            agree(model.fit(frame, np.exp(target() / 4)), frame)

    def test_xgboost(self, categories):
        frame = rows(categories=categories)
        options = {**EXTREME, "enable_categorical": True}
        for count in (2, 3):
            model = xgboost.XGBClassifier(**options).fit(frame, labels(count))
            agree(model, frame, tolerance=SINGLE)
        for more in (
            {"objective": "count:poisson"},
            {"booster": "dart", "rate_drop": 0.3},
            {"max_cat_to_onehot": 20},
        ):
            model = xgboost.XGBRegressor(**options, **more).fit(frame, np.exp(target() / 4))
            agree(model, frame, tolerance=SINGLE)


class TestCatBoost:
    def test_two_and_three_classes(self):
        for count in (2, 3):
            model = catboost.CatBoostClassifier(**CAT).fit(rows(), labels(count))
            agree(model, rows(), tolerance=SINGLE)

    @pytest.mark.parametrize(
        "options",
        [
            {"loss_function": "Poisson"},
            {"grow_policy": "Lossguide"},
            {"nan_mode": "Max"},
        ],
        ids=str,
    )
    def test_numbers(self, options):
        model = catboost.CatBoostRegressor(**CAT, **options)
        agree(model.fit(rows(), np.exp(target() / 4)), rows(), tolerance=SINGLE)

    def test_categories_are_refused(self):
        frame = rows()[["a", "i"]].assign(word=np.where(rows()["i"] > 20, "x", "y"))
        frame["word"] = frame["word"].astype(object)
        model = catboost.CatBoostRegressor(**CAT, cat_features=["word"]).fit(frame, target())
        with pytest.raises(NotConvertible, match="categorical or text features, which it hashes"):
            converted(model, frame)


class TestExactly:
    """Which side a value is on is decided in the precision of the library, behind a scaler too."""

    def test_lightgbm_in_float64(self):
        frame = rows()
        model = make_pipeline(StandardScaler(), lightgbm.LGBMClassifier(**LIGHT))
        agree(model.fit(frame.to_numpy(), labels(2)), frame.to_numpy(), tolerance=1e-12)

    def test_xgboost_at_its_thresholds_in_float32(self):
        frame = rows()[["a", "b"]]
        model = xgboost.XGBRegressor(**EXTREME).fit(frame, target())
        cuts = model.get_booster().trees_to_dataframe().dropna(subset=["Split"])
        asked = [
            {"a": 0.1, "b": 5.0, feature: float(value)}
            for feature, cut in zip(cuts["Feature"], cuts["Split"], strict=True)
            for value in (cut, np.nextafter(cut, -np.inf), cut * (1 + 1e-9), cut * (1 - 1e-9))
        ]
        agree(model, pd.DataFrame(asked), tolerance=SINGLE)

    def test_xgboost_with_categories_beyond_ascii(self):
        frame = rows(categories=True)[["a", "c"]]
        frame["c"] = frame["c"].cat.rename_categories({"b": "Zürich", "c": "Wien", "d": "ß"})
        model = xgboost.XGBRegressor(**EXTREME, enable_categorical=True).fit(frame, target())
        agree(model, frame, tolerance=SINGLE)

    def test_another_mark_for_missing(self):
        model = xgboost.XGBRegressor(missing=0.0, **EXTREME).fit(rows(), target())
        agree(model, rows(), tolerance=SINGLE)

    def test_trees_behind_the_best_round_are_not_used(self):
        fit, held = rows()[:300], rows()[300:]
        model = xgboost.XGBRegressor(
            **{**EXTREME, "n_estimators": 60}, early_stopping_rounds=2, learning_rate=0.9
        )
        model.fit(fit, target()[:300], eval_set=[(held, target()[300:])], verbose=False)
        assert model.best_iteration < 57
        agree(model, rows(), tolerance=SINGLE)

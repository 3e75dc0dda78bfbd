"""Permutation importance, against scikit-learn's; and both models side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from assay.rescoring import FeatureImportance
from assay.rescoring.weigh import side_by_side
from assay.stats.importance import (
    MOST_PREDICTED,
    MOST_ROWS,
    ImportanceError,
    Measured,
    permutation,
    sample,
)
from assay.stats.predictions import Predictions, from_frame
from hypothesis import given
from hypothesis import strategies as st
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression

if TYPE_CHECKING:
    from assay.stats.importance import Predict

RANDOM = np.random.default_rng(1)
TABLE = pd.DataFrame(RANDOM.normal(size=(600, 4)), columns=["much", "some", "little", "none"])
SIGNAL = 3 * TABLE["much"] + TABLE["some"] + 0.3 * TABLE["little"]
LABEL = (SIGNAL + RANDOM.normal(size=600) > 0).astype(int)
VALUE = SIGNAL + RANDOM.normal(size=600)
CLASSIFIER = LogisticRegression().fit(TABLE, LABEL)
REGRESSOR = LinearRegression().fit(TABLE, VALUE)


def classify(table: pd.DataFrame) -> Predictions:
    score = CLASSIFIER.predict_proba(table)[:, 1]
    frame = pd.DataFrame({"y": LABEL, "p": CLASSIFIER.predict(table), "s": score})
    return from_frame(frame, truth="y", prediction="p", score="s")


def regress(table: pd.DataFrame) -> Predictions:
    frame = pd.DataFrame({"y": VALUE, "p": REGRESSOR.predict(table)})
    return from_frame(frame, truth="y", prediction="p", task="regression")


@pytest.mark.parametrize(
    ("metric", "scoring"),
    [
        ("roc_auc", "roc_auc"),
        ("accuracy", "accuracy"),
        ("log_loss", "neg_log_loss"),
        ("f1", "f1"),
        ("r2", "r2"),
        ("mae", "neg_mean_absolute_error"),
    ],
)
def test_as_scikit_learn_measures_it(metric: str, scoring: str):
    regression = metric in {"r2", "mae"}
    predict: Predict = regress if regression else classify
    model, truth = (REGRESSOR, VALUE) if regression else (CLASSIFIER, LABEL)
    found = permutation(predict, TABLE, list(TABLE), metric=metric, repeats=15)
    theirs = permutation_importance(
        model, TABLE, truth, scoring=scoring, n_repeats=15, random_state=0
    )
    for at, name in enumerate(TABLE):
        # Two means of 15 shuffles each: they differ by chance alone.
        noise = np.hypot(theirs.importances_std[at], found.deviations[name]) / np.sqrt(15)
        assert abs(found.means[name] - theirs.importances_mean[at]) < 4 * noise + 1e-12
        assert found.deviations[name] == pytest.approx(theirs.importances_std[at], rel=1)
    assert list(found.means) == sorted(found.means, key=lambda n: -found.means[n])


def test_the_same_seed_gives_the_same_numbers_and_another_one_does_not():
    first, second, third = (
        permutation(classify, TABLE, ["much"], metric="roc_auc", seed=seed) for seed in (0, 0, 1)
    )
    assert first == second
    assert first.means != third.means


def test_a_column_is_shuffled_alike_whatever_other_columns_there_are():
    alone = permutation(classify, TABLE, ["some"], metric="roc_auc")
    among = permutation(classify, TABLE, list(TABLE)[::-1], metric="roc_auc")
    assert alone.means["some"] == among.means["some"]


def test_types_of_columns_survive_and_the_table_stays_as_it_was():
    table = pd.DataFrame(
        {"town": pd.Categorical(["a", "b"] * 300), "when": pd.Timestamp("2020-01-01"), **TABLE}
    )
    table.index = table.index + 7
    before, seen = table.copy(), set()

    def predict(rows: pd.DataFrame) -> Predictions:
        seen.add(tuple(rows.dtypes))
        return classify(rows[list(TABLE)])

    found = permutation(predict, table, ["town", "when"], metric="roc_auc", repeats=2)
    assert seen == {tuple(table.dtypes)}
    assert set(found.means.values()) == {0.0}
    pd.testing.assert_frame_equal(table, before)


def test_a_metric_that_has_no_value_on_these_rows():
    def predict(table: pd.DataFrame) -> Predictions:
        frame = pd.DataFrame({"y": 1, "s": CLASSIFIER.predict_proba(table)[:, 1]})
        return from_frame(frame, truth="y", score="s")

    with pytest.raises(ImportanceError, match=r"^roc_auc is undefined here: it needs rows of both"):
        permutation(predict, TABLE, ["much"], metric="roc_auc")


def test_a_metric_that_has_no_value_once_a_column_is_shuffled():
    def predict(table: pd.DataFrame) -> Predictions:
        sane = (table["much"].to_numpy() == TABLE["much"].to_numpy()).all()
        frame = pd.DataFrame({"y": VALUE, "p": 0.0 if sane else 1e300})
        return from_frame(frame, truth="y", prediction="p", task="regression")

    found = permutation(predict, TABLE, ["much", "some"], metric="mse")
    assert found.means == {"some": 0.0}
    assert "overflows" in found.undefined["much"]
    fact = side_by_side(found, None, rows=600, of_rows=600)
    assert [part.feature for part in fact.features] == ["some"]
    assert fact.notes[0].message.startswith("The importance of 'much' is not known: mse without it")


@given(st.integers(1, 3_000_000), st.integers(1, 400))
def test_a_sample_keeps_the_work_bounded(rows: int, features: int):
    found = sample(min(rows, 200_000), features)
    assert len(found) == min(rows, 200_000) or 100 <= len(found) <= MOST_ROWS
    if features <= 200 and len(found) > 100:
        assert len(found) * features * 5 <= MOST_PREDICTED or len(found) <= 1000
    assert (np.diff(found) > 0).all()


def test_the_same_rows_every_time():
    assert (sample(20_000, 3, seed=4) == sample(20_000, 3, seed=4)).all()
    assert (sample(20_000, 3, seed=4) != sample(20_000, 3, seed=5)).any()


def measured(**means: float) -> Measured:
    return Measured("roc_auc", means, dict.fromkeys(means, 0.01), {})


def test_the_largest_changes_come_first():
    fact = side_by_side(
        measured(a=0.5, b=0.1, new=0.2), measured(a=0.45, b=0.4, gone=0.03), rows=10, of_rows=20
    )
    assert [(part.feature, part.base, part.head) for part in fact.features] == [
        ("b", 0.4, 0.1),
        ("new", None, 0.2),
        ("a", 0.45, 0.5),
        ("gone", 0.03, None),
    ]
    assert fact.features[0].change == pytest.approx(-0.3)
    assert fact.features[1] == FeatureImportance(
        feature="new", head=0.2, head_deviation=0.01, base=None, base_deviation=None
    )
    assert (fact.rows, fact.of_rows, fact.has_base, fact.more) == (10, 20, True, 0)


def test_without_base_the_most_important_ones_come_first_and_the_rest_is_counted():
    fact = side_by_side(
        measured(**{f"f{at}": at / 100 for at in range(30)}), None, rows=1, of_rows=1
    )
    assert [part.feature for part in fact.features] == [f"f{at}" for at in range(29, 19, -1)]
    assert (fact.more, fact.has_base) == (20, False)

"""The table of estimators in the docs: complete, true, and as good as it is meant to be."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn.datasets
from assay.packaging.conversion import NotConvertible
from estimator_cases import Fitted, classification, foreign, predictors, regression
from estimators import KINDS, PAGE, SEVERAL, Outcome, Row, exported, tried
from lightgbm import LGBMRegressor
from sklearn.cluster import BisectingKMeans
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import StackingClassifier
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern
from sklearn.impute import SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import KFold
from sklearn.multiclass import OutputCodeClassifier
from sklearn.neighbors import KNeighborsClassifier, RadiusNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier, XGBRegressor

from tests.unit.packaging.conversions import agree, converted


@cache
def table() -> dict[str, dict[str, str]]:
    """Cell by data set, by estimator."""
    found: dict[str, dict[str, str]] = {}
    heads: list[str] = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] == "Estimator":
            heads = cells[1:]
        elif line.startswith("| `"):
            found[cells[0].strip("`")] = dict(zip(heads, cells[1:], strict=True))
    return found


def result(cell: str) -> str:
    return cell.partition(",")[0].lower() or "no fit"


class TestThePage:
    def test_it_has_every_predictor_that_is_installed(self):
        known = [name for kind in KINDS for name in predictors(kind)]
        assert sorted(table()) == sorted([*known, *foreign()])

    def test_none_is_wrong_or_refused(self):
        cells = {cell for row in table().values() for cell in row.values()}
        assert {result(cell) for cell in cells} <= {"onnx", "native", "no fit"}

    def test_the_goal_is_met(self):
        """All that scikit-learn has, on three data sets or more; issue 6 asks for 70 of 74."""
        known = [*predictors("classifier"), *predictors("regressor")]
        results = {name: [result(cell) for cell in table()[name].values()] for name in known}
        good = [name for name, found in results.items() if found.count("onnx") >= 3]
        assert sum("native" not in results[name] for name in good) == 99

    def test_why_one_is_native_is_said(self):
        text = PAGE.read_text(encoding="utf-8")
        for name, row in table().items():
            if "native" in [result(cell) for data, cell in row.items() if data != SEVERAL]:
                assert f"\n`{name}` on " in text


SAMPLE = [
    ("Ridge", "diabetes"),
    ("LinearSVC", "wine"),
    ("SVC", "mixed"),
    ("AdaBoostRegressor", "friedman"),
    ("DummyClassifier", SEVERAL),
    ("MLPClassifier", SEVERAL),
    ("KMeans", "iris"),
    ("CatBoostClassifier", "mixed"),
]


@pytest.mark.parametrize(("name", "data"), SAMPLE)
def test_the_table_is_true(name: str, data: str):
    """Of some: `make estimators` tries all of them."""
    kinds = {one: found for kind in KINDS for one, found in predictors(kind).items()}
    sets = regression() if "Regress" in name or name == "Ridge" else classification()
    known = next(iter(sets.values())) if data == SEVERAL else sets[data]
    kind = kinds.get(name) or foreign()[name]
    outcome = tried(kind, known, several=data == SEVERAL)
    assert outcome.cell.partition(",")[0] == table()[name][data].partition(",")[0]


IRIS = sklearn.datasets.load_iris(as_frame=True)
ROWS = IRIS.data[::4]
THREE = IRIS.target_names[IRIS.target][::4]
TWO_EACH = np.column_stack([THREE == "setosa", THREE == "virginica"]).astype(int)
FAR = pd.concat([ROWS[:3], ROWS[:3] * -1e30, ROWS[:3] * 1e200])
"""Rows like those that were fitted, and rows beyond all of them."""


class TestFarFromAllThatWasFitted:
    """The answers there are scikit-learn's too, though squares of such numbers are none."""

    @pytest.mark.parametrize(
        "estimator",
        [
            RadiusNeighborsClassifier(radius=0.5, outlier_label="nowhere"),
            RadiusNeighborsClassifier(radius=0.5, outlier_label="virginica"),
            SVC(decision_function_shape="ovo"),
            SGDClassifier(loss="log_loss", random_state=0),
            SGDClassifier(loss="modified_huber", random_state=0),
        ],
        ids=lambda one: str(one)[:40],
    )
    def test_of_three_classes(self, estimator):
        agree(estimator.fit(ROWS, THREE), FAR)

    @pytest.mark.parametrize(
        "estimator",
        [
            RadiusNeighborsClassifier(radius=0.5, outlier_label=0),
            RadiusNeighborsClassifier(radius=0.5, outlier_label=[7, 1], weights="distance"),
            DummyClassifier(strategy="most_frequent"),
            DummyClassifier(strategy="constant", constant=[1, 0]),
        ],
        ids=lambda one: str(one)[:60],
    )
    def test_of_two_targets(self, estimator):
        agree(estimator.fit(ROWS, TWO_EACH), FAR)


@pytest.mark.parametrize("indicator", [False, True])
def test_an_imputer_leaves_float32_what_it_is(indicator: bool):
    """The ends of what was fitted are float32; a number beside them is out of bounds."""
    rows = ROWS.astype(np.float32)[["petal length (cm)"]]
    rows.iloc[3] = np.nan
    front = make_pipeline(SimpleImputer(add_indicator=indicator), StandardScaler())
    last = ColumnTransformer([("first", "passthrough", [0])])
    model = make_pipeline(front, last, IsotonicRegression())
    agree(model.fit(rows, np.arange(len(rows)) / 3), rows)


def test_a_stack_of_two_labels():
    """Its probabilities are that a label does not hold; and that is what scikit-learn gives."""
    members = [
        ("a", KNeighborsClassifier()),
        ("b", DecisionTreeClassifier(max_depth=2, random_state=0)),
    ]
    last = DecisionTreeClassifier(max_depth=3, random_state=0)
    folds = KFold(2, shuffle=True, random_state=0)
    agree(StackingClassifier(members, last, cv=folds).fit(ROWS, TWO_EACH), ROWS)


@pytest.mark.parametrize(
    ("inner", "rows"),
    [
        (DecisionTreeClassifier(max_depth=2, random_state=0), pd.concat([ROWS, ROWS * np.nan])),
        (LogisticRegression(max_iter=200), pd.concat([ROWS, ROWS * 1e30, ROWS * -1e30])),
    ],
)
def test_codes_that_are_as_near(inner: Any, rows: pd.DataFrame):
    model = OutputCodeClassifier(inner, code_size=3, random_state=0)
    agree(model.fit(ROWS, THREE), rows)


def test_boosted_trees_of_two_labels():
    agree(XGBClassifier(n_estimators=3).fit(ROWS, TWO_EACH), ROWS, tolerance=1e-6)


@pytest.mark.parametrize("count", [1, 5])
def test_clusters_of_clusters(count: int):
    agree(BisectingKMeans(count, random_state=0).fit(ROWS), FAR[:6])


def test_a_process_for_each_pair_of_classes():
    model = GaussianProcessClassifier(multi_class="one_vs_one", optimizer=None)
    agree(model.fit(ROWS, THREE), ROWS)


@pytest.mark.parametrize(
    ("estimator", "what"),
    [
        (GaussianProcessRegressor(Matern(nu=0.7), optimizer=None), "`nu=0.7`"),
        (KNeighborsClassifier(metric=lambda a, b: abs(a - b).max()), "`metric="),
        (LGBMRegressor(min_child_samples=5, linear_tree=True, verbose=-1), "`linear_tree=True`"),
        (XGBRegressor(n_estimators=2, booster="gblinear"), "`booster='gblinear'`"),
        (DummyClassifier(strategy="uniform"), "`strategy='uniform'`, which draws at random"),
    ],
    ids=["process", "metric", "linear trees", "no trees", "random"],
)
def test_what_the_page_says_is_native(estimator: Any, what: str):
    with pytest.raises(NotConvertible, match=re.escape(what)):
        converted(estimator.fit(ROWS.to_numpy(), IRIS.target[::4]), ROWS.to_numpy())


class TestWhatComesOfAnEstimator:
    def test_one_that_draws_at_random_is_native(self):
        model = DummyClassifier(strategy="uniform", random_state=0).fit(ROWS, THREE)
        outcome = exported(Fitted(model, ROWS[:1]))
        assert outcome.cell == "native"
        assert "draws at random" in outcome.why

    def test_answers_that_are_others_each_time_are_wrong(self):
        model = DummyClassifier(strategy="stratified").fit(ROWS, THREE)
        outcome = exported(Fitted(model, ROWS))
        assert outcome.cell == "wrong"
        assert "disagree" in outcome.why

    def test_one_that_no_signature_describes_is_refused(self):
        rows = ROWS.assign(day=pd.Timestamp("2026-01-01"))
        outcome = exported(Fitted(DummyClassifier().fit(rows, THREE), rows))
        assert outcome.cell == "refused"
        assert "which no served model takes" in outcome.why

    def test_the_difference_is_shown_where_there_is_one(self):
        assert Outcome("onnx", 1.2e-7).cell == "ONNX, 1e-07"

    def test_good_is_onnx_wherever_it_was_fitted(self):
        onnx, none = Outcome("onnx"), Outcome("no fit")
        assert Row("A", {"a": onnx, "b": onnx, "c": onnx, "d": none}).good
        assert not Row("A", {"a": onnx, "b": onnx, "c": none}).good
        assert not Row("A", {"a": onnx, "b": onnx, "c": onnx, "d": Outcome("native")}).good

"""The thresholds of trees, found again as values of the columns."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from assay.packaging.parity import inverting, thresholds
from assay.packaging.parity.answers import Original
from assay.packaging.parity.rows import around
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    AdaBoostRegressor,
    BaggingRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
    VotingRegressor,
)
from sklearn.feature_selection import RFE
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    OneHotEncoder,
    QuantileTransformer,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

RANDOM = np.random.default_rng(3)
FRAME = pd.DataFrame(
    {
        "size": RANDOM.normal(70, 30, size=60),
        "age": RANDOM.integers(0, 90, size=60),
        "town": RANDOM.choice(["Bonn", "Ulm"], size=60),
        "weight": RANDOM.normal(0, 1e-3, size=60),
    }
)
NUMBERS = ["size", "age", "weight"]
Y = FRAME["size"] + 3 * FRAME["age"] + 1e4 * FRAME["weight"]
TREE = DecisionTreeRegressor(max_depth=3, random_state=0)


def find(estimator: Any, frame: pd.DataFrame = FRAME[NUMBERS]) -> list[tuple[str, float]]:
    return thresholds.find(estimator, frame, NUMBERS, Original(estimator, None).given)


def inner(tree: Any) -> list[tuple[int, float]]:
    kept = tree.tree_.children_left != -1
    return list(zip(tree.tree_.feature[kept], tree.tree_.threshold[kept], strict=True))


class TestDirect:
    def test_every_threshold_of_a_tree_the_root_first(self):
        tree = TREE.fit(FRAME[NUMBERS], Y)
        found = find(tree)
        expected = [(NUMBERS[feature], threshold) for feature, threshold in inner(tree)]
        assert found[0] == expected[0]
        assert sorted(found) == sorted(set(expected))

    @pytest.mark.parametrize(
        "model",
        [
            RandomForestRegressor(3, random_state=0),
            GradientBoostingRegressor(n_estimators=3),
            AdaBoostRegressor(n_estimators=3, random_state=0),
            BaggingRegressor(TREE, 3, max_features=2, random_state=0),
            VotingRegressor([("a", TREE), ("b", LinearRegression())]),
            GridSearchCV(TREE, {"max_depth": [2]}, cv=2),
            RFE(TREE, n_features_to_select=2),
        ],
        ids=lambda model: type(model).__name__,
    )
    def test_every_one_changes_the_answer_of_some_row(self, model: Any):
        model.fit(FRAME[NUMBERS], Y)
        found = find(model)
        assert len(found) >= 3
        live = 0
        for name, value in found[:15]:
            rows = FRAME[NUMBERS].astype(float)
            said = [model.predict(rows.assign(**{name: n})) for n in around(value, "float64")]
            live += any((one != said[0]).any() for one in said)
        assert live >= 0.9 * min(len(found), 15)

    def test_of_histograms_without_categories(self):
        frame = FRAME.assign(town=FRAME["town"].astype("category"))
        model = HistGradientBoostingRegressor(
            max_iter=4, categorical_features="from_dtype", min_samples_leaf=5
        ).fit(frame, Y)
        nodes = np.concatenate([tree.nodes for one in model._predictors for tree in one])
        nodes = nodes[(nodes["is_leaf"] == 0) & (nodes["is_categorical"] == 0)]
        expected = sorted(set(nodes["num_threshold"].tolist()))
        assert sorted({value for _, value in find(model, frame)}) == expected
        assert {name for name, _ in find(model, frame)} <= set(NUMBERS)

    def test_a_model_without_trees_has_none(self):
        assert find(LinearRegression().fit(FRAME[NUMBERS], Y)) == []

    def test_a_model_with_other_insides_has_none(self):
        class Strange:
            tree_ = property(lambda self: 1 / 0)
            estimators_ = 3

            def predict(self, rows: Any) -> Any:
                return rows

        assert find(Strange()) == []


class TestBehindTransformers:
    """The value found is the last float on the side of the smaller ones."""

    def straddles(self, transform: Any, tree: Any, found: list[tuple[str, float]]) -> int:
        """How many of the tree's thresholds lie between a found value and the next float."""
        row = FRAME[NUMBERS].astype(float).iloc[[0]]
        hits = set()
        for name, value in found:
            pair = [value, np.nextafter(value, np.inf)]
            rows = pd.concat([row.assign(**{name: one}) for one in pair])
            made = np.asarray(transform(rows)).astype(np.float32)
            for feature, threshold in inner(tree):
                if (made[0, feature] <= threshold) != (made[1, feature] <= threshold):
                    hits.add((feature, threshold))
        return len(hits)

    def test_a_scaler(self):
        model = make_pipeline(StandardScaler(), TREE).fit(FRAME[NUMBERS], Y)
        found = find(model)
        # Of float64 and of float32, where the two are not the same.
        distinct = len(set(inner(model[-1])))
        assert distinct <= len(found) <= 2 * distinct
        assert self.straddles(model[0].transform, model[-1], found) == distinct

    def test_one_that_turns_numbers_round(self):
        turned = FunctionTransformer(np.negative)
        model = make_pipeline(turned, StandardScaler(), TREE).fit(FRAME[NUMBERS], Y)
        distinct = len(set(inner(model[-1])))
        assert self.straddles(model[:-1].transform, model[-1], find(model)) == distinct

    def test_one_that_is_not_linear(self):
        steps = QuantileTransformer(n_quantiles=20)
        model = make_pipeline(steps, TREE).fit(FRAME[NUMBERS], Y)
        distinct = len(set(inner(model[-1])))
        # Between two quantiles all floats near an end become one number.
        found = self.straddles(model[0].transform, model[-1], find(model))
        assert found >= 0.8 * distinct

    def test_columns_of_several_types(self):
        model = make_pipeline(
            ColumnTransformer(
                [("town", OneHotEncoder(), ["town"]), ("rest", StandardScaler(), NUMBERS)]
            ),
            TREE,
        ).fit(FRAME, Y)
        found = find(model, FRAME)
        assert {name for name, _ in found} <= set(NUMBERS)
        assert len(found) >= 5

    def test_a_number_that_is_made_of_several_columns_is_left_out(self):
        rotated = FunctionTransformer(lambda rows: np.asarray(rows) @ np.ones((3, 1)))
        assert find(make_pipeline(rotated, TREE).fit(FRAME[NUMBERS], Y)) == []

    def test_a_union(self):
        union = FeatureUnion([("a", StandardScaler()), ("b", "passthrough")])
        assert find(make_pipeline(union, TREE).fit(FRAME[NUMBERS], Y))

    def test_inside_of_a_meta_estimator(self):
        inner_model = make_pipeline(StandardScaler(), DecisionTreeClassifier(max_depth=2))
        model = CalibratedClassifierCV(inner_model, cv=2, method="sigmoid")
        assert find(model.fit(FRAME[NUMBERS], Y > 100))

    def test_bins(self):
        bins = KBinsDiscretizer(3, encode="ordinal", strategy="uniform", subsample=None)
        model = make_pipeline(bins, LinearRegression()).fit(FRAME[NUMBERS], Y)
        edges = {edge for one in model[0].bin_edges_ for edge in one}
        assert {value for _, value in find(model)} == edges


class TestLibraries:
    @pytest.mark.parametrize("library", ["lightgbm", "xgboost", "catboost"])
    def test_thresholds_decide(self, library: str):
        module: Any = pytest.importorskip(library)
        model: Any = {
            "lightgbm": lambda: module.LGBMRegressor(n_estimators=3, verbose=-1, n_jobs=1),
            "xgboost": lambda: module.XGBRegressor(n_estimators=3, n_jobs=1),
            "catboost": lambda: module.CatBoostRegressor(
                iterations=3, verbose=0, allow_writing_files=False, thread_count=1
            ),
        }[library]()
        rows = FRAME[NUMBERS].astype(float)
        model.fit(rows, Y)
        found = find(model)[:15]
        assert found
        live = 0
        for name, value in found:
            near = around(value, "float64")
            said = [model.predict(rows.assign(**{name: one})) for one in near]
            live += any((one != said[0]).any() for one in said)
        # CatBoost has borders that no tree uses.
        assert live >= (0.05 if library == "catboost" else 0.9) * len(found)


class TestFloatsInOrder:
    FLOATS = st.floats(allow_nan=False)

    @given(FLOATS, FLOATS)
    def test_whole_numbers_have_the_order_of_floats(self, first: float, second: float):
        one, other = inverting._ordered(np.asarray([first, second]))
        assert (one < other) == (first < second)
        assert (one == other) == (first == second)

    @given(FLOATS)
    def test_there_and_back(self, value: float):
        assert inverting._floats(inverting._ordered(np.asarray([value])))[0] == value

    @given(st.floats(allow_nan=False, max_value=1e300))
    def test_neighbours_are_neighbours(self, value: float):
        pair = np.asarray([value, math.nextafter(value, math.inf)])
        assert np.diff(inverting._ordered(pair)) == 1


class TestAround:
    @given(st.floats(allow_nan=False, allow_infinity=False))
    def test_float64_has_the_value_and_both_neighbours(self, value: float):
        near = around(value, "float64")
        assert value in near
        ends = [math.nextafter(value, end) for end in (-math.inf, math.inf)]
        assert all(end in near for end in ends if math.isfinite(end))

    @given(st.floats(-1e38, 1e38))
    def test_float32_has_only_numbers_of_float32(self, value: float):
        near = around(value, "float32")
        assert all(float(np.float32(one)) == one for one in near)
        assert min(near) <= value <= max(near)

    @given(st.floats(-200, 300))
    def test_whole_numbers_stay_in_their_type(self, value: float):
        near = around(value, "int8")
        assert all(isinstance(one, int) and -128 < one < 127 for one in near)
        if -126 < value < 125:
            assert min(near) <= value <= max(near)

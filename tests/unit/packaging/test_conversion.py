"""A fitted estimator as ONNX: the graph that comes of it, and what is refused."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from typing import Any

import joblib
import numpy as np
import onnx
import pandas as pd
import pytest
from assay.packaging.conversion import NotConvertible, convert
from assay.packaging.conversion.registry import converts
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import AdaBoostRegressor, BaggingRegressor, RandomForestRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from tests.unit.packaging.conversions import agree, classes, converted, signed_for, table, target

DIGESTS = """
import hashlib, sys
import joblib
from assay.packaging.conversion import convert
for one in joblib.load(sys.argv[1]):
    print(hashlib.sha256(convert(*one).model).hexdigest())
"""


@pytest.fixture(scope="module")
def mixed() -> Pipeline:
    """A classifier over the mixed table, by columns."""
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    words = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
    )
    columns = ColumnTransformer(
        [
            ("numbers", numbers, ["age", "income", "change"]),
            ("words", words, ["city", "job"]),
            ("rest", "passthrough", ["owner"]),
        ]
    )
    frame = table()
    return make_pipeline(columns, LogisticRegression()).fit(frame, classes(frame, 3))


class TestConvert:
    def test_a_pipeline_over_columns_of_several_types(self, mixed):
        made = agree(mixed, table())
        assert made.conversion.precision == "float64"
        assert made.conversion.opset == {"": 21, "ai.onnx.ml": 3}
        assert made.conversion.bytes == len(made.model)
        assert made.conversion.changes == ()

    def test_missing_text_and_unseen_categories(self, mixed):
        frame = table().iloc[:3].assign(city=["Rom", None, "Wien"], job=["x", None, np.nan])
        agree(mixed, frame)

    def test_inputs_and_outputs_are_those_of_the_signature(self, mixed):
        made, signed = converted(mixed, table())
        graph = onnx.load_from_string(made.model).graph
        assert [one.name for one in graph.input] == [one.name for one in signed.inputs]
        assert [one.name for one in graph.output] == ["label", "probabilities"]
        types = {one.name: one.type.tensor_type.elem_type for one in graph.input}
        assert types["city"] == onnx.TensorProto.STRING
        assert types["owner"] == onnx.TensorProto.BOOL
        assert types["age"] == onnx.TensorProto.INT64

    def test_the_graph_is_valid_onnx_and_has_no_node_that_no_output_needs(self, mixed):
        made, _ = converted(mixed, table())
        onnx.checker.check_model(onnx.load_from_string(made.model), full_check=True)
        graph = onnx.load_from_string(made.model).graph
        used = {name for node in graph.node for name in node.input}
        used |= {one.name for one in graph.output}
        assert all(used.intersection(node.output) for node in graph.node)
        assert {one.name for one in graph.initializer} <= used

    def test_the_same_model_gives_the_same_bytes(self, mixed):
        assert converted(mixed, table())[0].model == converted(mixed, table())[0].model

    def test_a_process_that_orders_sets_otherwise_gives_the_same_bytes(self, mixed, tmp_path):
        text = pd.DataFrame({"text": ["a big house", "a small red house", "big and red"]})
        words = ColumnTransformer([("text", TfidfVectorizer(ngram_range=(1, 2)), "text")])
        given = [
            (mixed, table()),
            (make_pipeline(words, LinearRegression()).fit(text, [1.0, 2.0, 3.0]), text),
        ]
        asked = [(model, signed_for(model, rows), rows) for model, rows in given]
        here = [hashlib.sha256(convert(*one).model).hexdigest() for one in asked]
        joblib.dump(asked, tmp_path / "asked")
        process = subprocess.run(
            [sys.executable, "-c", DIGESTS, str(tmp_path / "asked")],
            env={**os.environ, "PYTHONHASHSEED": "77", "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert process.stdout.split() == here

    def test_a_matrix_of_a_model_that_knows_no_names(self):
        rows = table()[["age", "income"]].to_numpy(dtype=np.float64)
        model = make_pipeline(StandardScaler(), LinearRegression()).fit(rows, target(table()))
        made = agree(model, rows)
        (one,) = onnx.load_from_string(made.model).graph.input
        assert (one.name, one.type.tensor_type.shape.dim[1].dim_value) == ("X", 2)

    def test_columns_are_found_by_name_wherever_they_stand(self, mixed):
        frame = table()
        signed = signed_for(mixed, frame)
        turned = signed.model_copy(update={"inputs": signed.inputs[::-1]})
        made = convert(mixed, turned, frame)
        plain = convert(mixed, signed, frame)
        assert {one.name for one in onnx.load_from_string(made.model).graph.input} == set(frame)
        assert made.conversion.nodes == plain.conversion.nodes

    @pytest.mark.parametrize("dropped", [[("day", "drop", ["day"])], []], ids=["named", "rest"])
    def test_a_column_that_is_dropped_need_not_be_there(self, dropped):
        frame = table()[["age", "income"]].assign(day=pd.Timestamp("2024-01-01"))
        scaled = ("scaled", StandardScaler(), ["age", "income"])
        model = make_pipeline(ColumnTransformer([*dropped, scaled]), LinearRegression())
        agree(model.fit(frame, target(table())), frame[["income", "age"]])

    def test_columns_called_like_nodes(self):
        rows = pd.DataFrame({"MatMul_1": [1.0, 2.0, 4.0], "constant_0": [0.0, 1.0, 0.5]})
        agree(LinearRegression().fit(rows, [1.0, 2.0, 3.0]), rows)


@pytest.fixture(scope="module")
def forests() -> list[tuple[Any, np.ndarray[Any, Any]]]:
    rng = np.random.default_rng(0)
    rows = rng.normal(loc=1000.0, scale=0.001, size=(120, 3))
    values = rows[:, 0] * 1e5 + rng.normal(size=120)
    made = []
    for model in (
        RandomForestRegressor(8, random_state=0),
        BaggingRegressor(n_estimators=5, random_state=0),
        AdaBoostRegressor(n_estimators=8, random_state=0),
    ):
        fitted = make_pipeline(StandardScaler(), model).fit(rows, values)
        made.append((fitted, _on_thresholds(fitted, rows)))
    return made


class TestThresholds:
    """What falls on the other side of a threshold in float32 must not, in the export."""

    def test_behind_a_scaler_rows_at_every_threshold(self, forests):
        for model, rows in forests:
            agree(model, rows, tolerance=1e-12)

    def test_float32_would_answer_differently(self, forests):
        model, rows = forests[0]
        assert (model.predict(rows) != model.predict(rows.astype(np.float32))).any()


def _on_thresholds(model: Any, rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Rows whose scaled value is a threshold, or the number before or after it."""
    scaler, ensemble = model[0], model[-1]
    found = []
    for member in ensemble.estimators_:
        tree = member.tree_
        for feature, threshold in zip(tree.feature, tree.threshold, strict=True):
            if feature < 0:
                continue
            base = threshold * scaler.scale_[feature] + scaler.mean_[feature]
            for value in (base, np.nextafter(base, -np.inf), np.nextafter(base, np.inf)):
                row = rows[len(found) % len(rows)].copy()
                row[feature] = value
                found.append(row)
    return np.array(found)


class OwnTransformer(TransformerMixin, BaseEstimator):
    """A user's own, without a converter."""

    def fit(self, X, y=None):  # noqa: N803 (scikit-learn's name)
        self.fitted_ = True
        return self

    def transform(self, X):  # noqa: N803 (as above)
        return np.asarray(X) * 2.0


class RegisteredTransformer(OwnTransformer):
    """A user's own, with a converter in skl2onnx."""


class TestRefused:
    def test_a_transformer_without_converter_is_named_with_what_to_register(self):
        rows = table()[["age", "income"]]
        model = make_pipeline(OwnTransformer(), LinearRegression()).fit(rows, target(table()))
        with pytest.raises(NotConvertible, match="`OwnTransformer` of the module") as caught:
            converted(model, rows)
        assert __name__ in caught.value.message
        assert "skl2onnx.update_registered_converter" in (caught.value.hint or "")
        assert caught.value.exit_code == 2

    def test_a_subclass_may_do_something_else(self):
        class Other(LinearRegression):
            def predict(self, X):  # noqa: N803 (scikit-learn's name)
                return super().predict(X) + 1.0

        rows = table()[["age", "income"]]
        with pytest.raises(NotConvertible, match="Other` of the module"):
            converted(Other().fit(rows, target(table())), rows)

    def test_a_function_that_is_no_formula(self):
        rows = table()[["age", "income"]]
        function = FunctionTransformer(_sorted)
        model = make_pipeline(function, LinearRegression()).fit(rows, target(table()))
        with pytest.raises(NotConvertible, match="the function `_sorted`"):
            converted(model, rows)

    def test_a_column_called_like_an_output(self):
        rows = table()[["age"]].rename(columns={"age": "value"})
        with pytest.raises(NotConvertible, match="A column is called `value`"):
            converted(LinearRegression().fit(rows, target(table())), rows)

    def test_categories_that_the_export_could_not_tell_from_missing(self):
        rows = pd.DataFrame({"job": np.array(["a", "", None, "a"], dtype=object)})
        model = make_pipeline(OneHotEncoder(), LinearRegression()).fit(rows, [1.0, 2.0, 3.0, 1.5])
        with pytest.raises(NotConvertible, match="both the empty text and a missing value"):
            converted(model, rows)


def _sorted(values):
    return np.sort(values, axis=1)


class TestConverters:
    def test_a_class_has_one_a_method(self):
        agree(LinearRegression().fit([[0.0], [1.0]], [1.0, 3.0]), np.array([[2.0]]))
        with pytest.raises(ValueError, match=r"`predict` of `sklearn.LinearRegression` has two"):
            converts("sklearn.LinearRegression", method="predict")(lambda model, data: data)


class TestOwnConverters:
    @pytest.fixture
    def registered(self, monkeypatch):
        import skl2onnx
        from skl2onnx import _supported_operators as known
        from skl2onnx.algebra.onnx_ops import OnnxMul
        from skl2onnx.common import _registration

        def shapes(operator):
            operator.outputs[0].type = operator.inputs[0].type.__class__([None, 2])

        def write(scope, operator, container):
            two = np.array([2.0])
            node = OnnxMul(
                operator.inputs[0], two, op_version=21, output_names=operator.outputs[:1]
            )
            node.add_to(scope, container)

        for module, name in (
            (known, "sklearn_operator_name_map"),
            (_registration, "_converter_pool"),
            (_registration, "_shape_calculator_pool"),
        ):
            monkeypatch.setattr(module, name, dict(getattr(module, name)))
        skl2onnx.update_registered_converter(
            RegisteredTransformer, "OwnRegistered", shapes, write, overwrite=True
        )

    @pytest.mark.usefixtures("registered")
    def test_a_converter_that_is_registered_in_skl2onnx_is_used(self):
        rows = table()[["age", "income"]].to_numpy(dtype=np.float64)
        model = make_pipeline(RegisteredTransformer(), StandardScaler(), LinearRegression())
        made = agree(model.fit(rows, target(table())), rows)
        assert made.conversion.changes == ("RegisteredTransformer was converted by skl2onnx.",)

    @pytest.mark.usefixtures("registered")
    def test_a_converter_that_raises_is_named(self, monkeypatch):
        import skl2onnx

        def broken(*_, **__):
            message = "no such luck"
            raise ZeroDivisionError(message)

        monkeypatch.setattr(skl2onnx, "convert_sklearn", broken)
        rows = table()[["age", "income"]].to_numpy(dtype=np.float64)
        model = make_pipeline(RegisteredTransformer(), LinearRegression()).fit(
            rows, target(table())
        )
        with pytest.raises(NotConvertible, match=r"RegisteredTransformer.*no such luck"):
            converted(model, rows)


def _features(d):
    made = d[["age", "income"]].copy()
    made["share"] = d["income"] / d["age"] ** 0.5 + 0.25
    made["old"] = (d["age"] >= 60).astype(int)
    made["near"] = (d["city"].isin(["Wien", "Berlin"]) & (d["city"] != "Berlin")).astype(float)
    made["change"] = d["change"].fillna(-1.0)
    return made.assign(both=lambda t: np.where(t["old"] == 1, t["share"], t["age"])).drop(
        columns="age"
    )


def _halves(d):
    old = (d["age"] >= 60).astype(int)
    return np.column_stack(
        [np.where(d["owner"], 0.5, old), np.minimum(old, 0.5), old > 0.5, d["owner"] * 1.5]
    )


def _stacked(d):
    return np.column_stack([d["age"], np.sqrt(d["income"])])


class TestFunctions:
    @pytest.mark.parametrize(
        "function",
        [
            np.log1p,
            np.sqrt,
            lambda x: np.log(x) * 2 - x**0.5 / 3,
            lambda x: np.clip(x, 20.0, 1000.0),
            lambda x: np.where(x > 50, x, 0.0),
            lambda x: np.minimum(np.maximum(x, 30.0), 2000.0),
            None,
        ],
    )
    def test_formulas_of_numpy(self, function):
        rows = table()[["age", "income"]]
        transformer = FunctionTransformer(function)
        agree(make_pipeline(transformer, LinearRegression()).fit(rows, target(table())), rows)

    @pytest.mark.parametrize(
        "function",
        [_features, lambda d: np.log1p(d[["age", "income"]]) * 2 - 1, _halves, _stacked],
        ids=["features", "frame", "halves", "stacked"],
    )
    def test_formulas_of_columns_by_name(self, function):
        frame = table()
        model = make_pipeline(FunctionTransformer(function), LinearRegression())
        agree(model.fit(frame, target(frame)), frame)

    @pytest.mark.parametrize(
        "function",
        [
            lambda d: d[["age"]] - d[["age"]].mean(),
            lambda d: pd.DataFrame({"a": d["age"].to_numpy()}),
            lambda d: d[["age"]].assign(one=1.0),
            lambda d: np.sort(d[["age", "income"]]),
            lambda d: np.asarray(d[["age"]], dtype=float) * 2,
            lambda d: d[["age"]] if (d["age"] > 18).all() else d[["age"]] * 2,
        ],
        ids=["mean", "new", "constant", "sort", "array", "branch"],
    )
    def test_what_depends_on_the_rows_is_refused(self, function):
        frame = table()
        model = make_pipeline(FunctionTransformer(function), LinearRegression())
        model.fit(frame, target(frame))
        with pytest.raises(NotConvertible, match="the function `<lambda>`, which"):
            converted(model, frame)

    def test_a_target_that_was_transformed(self):
        rows = table()[["age", "income"]]
        model = TransformedTargetRegressor(LinearRegression(), func=np.log, inverse_func=np.exp)
        agree(model.fit(rows, target(table())), rows)


@pytest.fixture(scope="module")
def forest() -> tuple[Any, Any]:
    from assay.packaging.parity.session import Session

    frame = table()[["age", "income", "change"]]
    model = RandomForestRegressor(5, max_depth=6, random_state=0).fit(frame, target(table()))
    made, signed = converted(model, frame)
    return model, Session(made.model, signed)


numbers = st.floats(allow_nan=True, allow_infinity=False, width=64)


class TestForestProperty:
    @settings(max_examples=40)
    @given(
        st.lists(st.tuples(st.integers(-(2**62), 2**62), numbers, numbers), min_size=1, max_size=8)
    )
    @example([(2**24 + 1, 0.1, float("nan"))])
    def test_any_row_gets_the_model_s_answer(self, forest, rows):
        model, session = forest
        frame = pd.DataFrame(rows, columns=["age", "income", "change"])
        small = frame[["income", "change"]].abs().fillna(0).max(axis=1) < 3e38
        frame = frame[small]  # scikit-learn refuses what float32 does not hold
        if len(frame):
            np.testing.assert_allclose(session.ask(frame)["value"], model.predict(frame), 1e-13)

"""What a model takes and gives, and tables that do not fit it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from assay.models import Model, ModelError
from assay.packaging import signature
from assay.packaging.facts import InputSpec, Signature
from assay.packaging.signature import SignatureError, dtype_of
from assay.packaging.structure import described, encoded
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    StackingRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import SVC

RANDOM = np.random.default_rng(1)
ROWS = 30
FRAME = pd.DataFrame(
    {
        "size": RANDOM.normal(size=ROWS),
        "age": RANDOM.integers(0, 9, size=ROWS),
        "flag": RANDOM.random(ROWS) < 0.5,
        "town": ["Bonn", "Ulm", "Köln"] * 10,
        "grade": [1, 2, 3] * 10,
    }
)
NUMBERS = FRAME[["size", "age"]]
BINARY = (FRAME["size"] > 0).astype(int)
MULTI = np.where(FRAME["age"] < 3, "a", np.where(FRAME["age"] < 6, "b", "c"))


def of(estimator: Any, frame: pd.DataFrame = NUMBERS, **options: Any) -> Signature:
    return signature.of(estimator, frame, **({"matrix": False, "shown": "table.csv"} | options))


def outputs(found: Signature) -> list[tuple[Any, ...]]:
    return [(one.name, one.meaning, one.dtype, one.shape) for one in found.outputs]


class TestOutputs:
    @pytest.mark.parametrize(
        ("model", "truth", "task", "expected"),
        [
            (
                LogisticRegression(),
                BINARY,
                "binary",
                [
                    ("label", "label", "int64", (None,)),
                    ("probabilities", "probability", "float64", (None, 2)),
                ],
            ),
            (
                LogisticRegression(),
                BINARY == 1,
                "binary",
                [
                    ("label", "label", "bool", (None,)),
                    ("probabilities", "probability", "float64", (None, 2)),
                ],
            ),
            (
                RidgeClassifier(),
                BINARY * 1.0,
                "binary",
                [("label", "label", "float64", (None,)), ("scores", "score", "float64", (None,))],
            ),
            (
                SVC(),
                MULTI,
                "multiclass",
                [("label", "label", "string", (None,)), ("scores", "score", "float64", (None, 3))],
            ),
            (
                SVC(decision_function_shape="ovo"),
                MULTI,
                "multiclass",
                [("label", "label", "string", (None,))],
            ),
            (
                LinearRegression(),
                FRAME["size"],
                "regression",
                [("value", "value", "float64", (None,))],
            ),
            (
                LinearRegression(),
                NUMBERS * 2,
                "regression",
                [("value", "value", "float64", (None, 2))],
            ),
            (
                LinearRegression(),
                NUMBERS[["size"]],
                "regression",
                [("value", "value", "float64", (None,))],
            ),
            (
                RandomForestClassifier(2),
                np.column_stack([BINARY, 1 - BINARY]),
                "multilabel",
                [
                    ("label", "label", "int64", (None, 2)),
                    ("probabilities", "probability", "float64", (None, 2)),
                ],
            ),
            (
                MultiOutputClassifier(LogisticRegression()),
                np.column_stack([BINARY, FRAME["grade"]]),
                "multilabel",
                [("label", "label", "int64", (None, 2))],
            ),
            (KMeans(2, n_init=1), None, "clustering", [("label", "label", "int64", (None,))]),
            (
                make_pipeline(StandardScaler(), IsolationForest(n_estimators=3)),
                None,
                "outliers",
                [("label", "label", "int64", (None,)), ("scores", "score", "float64", (None,))],
            ),
        ],
        ids=lambda value: type(value).__name__ if hasattr(value, "fit") else None,
    )
    def test_outputs(self, model: Any, truth: Any, task: str, expected: list[Any]):
        found = of(model.fit(NUMBERS, truth))
        assert (found.task, outputs(found)) == (task, expected)

    def test_classes_in_their_order_and_spelling(self):
        assert of(LogisticRegression().fit(NUMBERS, MULTI)).classes == ("a", "b", "c")
        assert of(LogisticRegression().fit(NUMBERS, BINARY == 1)).classes == (False, True)
        assert of(LinearRegression().fit(NUMBERS, BINARY)).classes is None

    def test_of_other_libraries(self):
        catboost: Any = pytest.importorskip("catboost")
        quiet = {"iterations": 2, "verbose": 0, "allow_writing_files": False}
        model = catboost.CatBoostClassifier(**quiet).fit(NUMBERS, MULTI)
        # It gives labels as a column.
        assert outputs(of(model))[0] == ("label", "label", "string", (None,))
        xgboost: Any = pytest.importorskip("xgboost")
        found = of(xgboost.XGBRegressor(n_estimators=2).fit(NUMBERS, BINARY))
        assert outputs(found) == [("value", "value", "float32", (None,))]
        lightgbm: Any = pytest.importorskip("lightgbm")
        found = of(lightgbm.LGBMClassifier(n_estimators=2, verbose=-1).fit(NUMBERS, BINARY))
        assert found.task == "binary"

    def test_predict_of_another_length(self):
        class Short:
            def predict(self, rows: Any) -> Any:
                return np.zeros(2)

        with pytest.raises(SignatureError) as caught:
            of(Short())
        assert caught.value.message == (
            "table.csv: of 30 rows, `predict` gives an array of shape (2,)."
        )


class TestTypes:
    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            (pd.Series([1, 2]), "int64"),
            (pd.Series([1, 2], dtype="uint8"), "uint8"),
            (pd.Series([1.0, 2.0], dtype="float32"), "float32"),
            (pd.Series([1.0, 2.0], dtype="float16"), "float32"),
            (pd.Series([1.0, np.nan]), "float64"),
            (pd.Series([True, False]), "bool"),
            (pd.Series([1, 2], dtype="Int32"), "int32"),
            (pd.Series([1, None], dtype="Int32"), "float64"),
            (pd.Series([True, None], dtype="boolean"), "float64"),
            (pd.Series([1.5, None], dtype="Float32"), "float32"),
            (pd.Series(["a", None]), "string"),
            (pd.Series(["a", np.nan], dtype=object), "string"),
            (pd.Series([True, None], dtype=object), "float64"),
            (pd.Series([1, 2.5], dtype=object), "float64"),
            (pd.Series([Decimal(1)], dtype=object), "float64"),
            (pd.Series([None, None], dtype=object), "float64"),
            (pd.Series(["a", None], dtype="category"), "string"),
            (pd.Series([1, 2], dtype="category"), "int64"),
            (pd.Series([1, None], dtype="category"), "float64"),
        ],
        ids=lambda value: str(value.dtype) if isinstance(value, pd.Series) else value,
    )
    def test_types(self, values: pd.Series, expected: str):
        assert dtype_of(values, "x") == expected

    def test_arrow(self):
        pytest.importorskip("pyarrow")
        assert dtype_of(pd.Series([1, 2], dtype="int16[pyarrow]"), "x") == "int16"
        assert dtype_of(pd.Series(["a"], dtype="string[pyarrow]"), "x") == "string"

    @pytest.mark.parametrize(
        "values", [pd.Series(pd.to_datetime(["2026-01-01"])), pd.Series(["a", 1], dtype=object)]
    )
    def test_what_no_model_takes(self, values: pd.Series):
        with pytest.raises(SignatureError) as caught:
            dtype_of(values, "table.csv: `day`")
        assert caught.value.message.startswith("table.csv: `day` holds ")
        assert caught.value.exit_code == 2


class TestInputs:
    ENCODED = ColumnTransformer(
        [
            (
                "town",
                make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()),
                ["town"],
            ),
            ("grade", OrdinalEncoder(), ["grade"]),
            ("rest", "passthrough", ["size", "flag"]),
        ]
    )

    def test_named_columns_of_several_types(self):
        model = make_pipeline(self.ENCODED, LogisticRegression()).fit(FRAME, BINARY)
        frame = FRAME.assign(town=FRAME["town"].where(FRAME.index != 0))
        assert of(model, frame).inputs == (
            InputSpec(name="size", dtype="float64"),
            InputSpec(name="age", dtype="int64"),
            InputSpec(name="flag", dtype="bool"),
            InputSpec(
                name="town", dtype="string", nullable=True, categories=("Bonn", "Köln", "Ulm")
            ),
            InputSpec(name="grade", dtype="int64", categories=(1, 2, 3)),
        )

    def test_categories_of_sensitive_columns_are_not_told(self):
        model = make_pipeline(self.ENCODED, LogisticRegression()).fit(FRAME, BINARY)
        found = of(model, FRAME, sensitive=["town"])
        assert found.inputs[3].categories is None
        assert "Köln" not in found.model_dump_json()

    def test_categories_of_the_columns_own_type(self):
        frame = FRAME.assign(town=FRAME["town"].astype("category"))
        model = HistGradientBoostingClassifier(categorical_features="from_dtype", max_iter=2)
        found = of(model.fit(frame, BINARY), frame)
        assert found.inputs[3].categories == ("Bonn", "Köln", "Ulm")

    def test_categories_behind_a_union_and_without_the_missing_one(self):
        frame = pd.DataFrame({"town": ["a", None, "b"], "grade": [1.0, np.nan, 2.0]})
        union = FeatureUnion([("one", OrdinalEncoder())]).fit(frame)
        found = {name: values for name, (values, _) in encoded(union, ["town", "grade"])}
        assert found == {"town": ("a", "b"), "grade": (1.0, 2.0)}

    def test_an_encoder_of_what_another_step_made_is_not_the_columns_own(self):
        changes = make_pipeline(OneHotEncoder(sparse_output=False), OrdinalEncoder())
        found = dict(encoded(changes.fit(FRAME[["town"]]), ["town"]))
        assert found["town"][0] == ("Bonn", "Köln", "Ulm")
        assert found["town"][1] == "OneHotEncoder"

    def test_a_matrix(self):
        model = LinearRegression().fit(NUMBERS.to_numpy(), BINARY)
        found = of(model, NUMBERS, matrix=True)
        assert found.inputs == (InputSpec(name="X", dtype="float64", shape=(None, 2)),)

    def test_a_matrix_of_text(self):
        towns = FRAME[["town"]].to_numpy(dtype=object)
        model = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(towns, BINARY)
        found = of(model, FRAME[["town"]], matrix=True)
        assert found.inputs == (InputSpec(name="X", dtype="string", shape=(None, 1)),)


class TestTablesThatDoNotFit:
    def problem(self, model: Any, frame: pd.DataFrame, **options: Any) -> SignatureError:
        with pytest.raises(SignatureError) as caught:
            of(model, frame, **options)
        return caught.value

    def test_no_rows(self):
        error = self.problem(LinearRegression().fit(NUMBERS, BINARY), NUMBERS[:0])
        assert error.message == (
            "table.csv has no rows: there is nothing to show on that the export is right."
        )
        assert "package.features" in (error.hint or "")

    def test_a_missing_column(self):
        model = Model(LinearRegression().fit(NUMBERS, BINARY), "m.pkl")
        with pytest.raises(ModelError) as caught:
            signature.rows_of(model, FRAME[["size", "town"]], apart=[])
        assert caught.value.message == (
            "m.pkl was fitted with the column 'age', which the table of features does not have; "
            "it has 'size', 'town'."
        )

    def test_two_columns_of_a_name(self):
        model = Model(LinearRegression().fit(NUMBERS, BINARY), "m.pkl")
        twice = pd.concat([NUMBERS, NUMBERS[["age"]]], axis=1)
        with pytest.raises(SignatureError) as caught:
            signature.rows_of(model, twice, apart=[])
        assert caught.value.message == (
            "The table of features has several columns that are called `age`."
        )

    def test_text_for_numbers(self):
        frame = NUMBERS.assign(size="large")
        error = self.problem(LinearRegression().fit(NUMBERS, BINARY), frame)
        assert error.message == (
            "table.csv does not fit the model: it raises ValueError: could not convert string to "
            "float: 'large'."
        )

    def test_without_the_value_where_a_column_is_sensitive(self):
        frame = NUMBERS.assign(size="large")
        model = LinearRegression().fit(NUMBERS, BINARY)
        error = self.problem(model, frame, sensitive=["size"])
        assert error.message == "table.csv does not fit the model: it raises ValueError."

    @pytest.mark.parametrize(
        ("column", "values", "kinds"),
        [("town", 3, ("numbers", "text")), ("grade", "one", ("text", "numbers"))],
    )
    def test_another_type_than_the_encoder_knows(
        self, column: str, values: Any, kinds: tuple[str, str]
    ):
        # With `ignore` the model would not raise, and mean nothing.
        encoder = OneHotEncoder(handle_unknown="ignore")
        model = make_pipeline(encoder, LogisticRegression()).fit(FRAME[["town", "grade"]], BINARY)
        error = self.problem(model, FRAME[["town", "grade"]].assign(**{column: values}))
        assert error.message == (
            f"table.csv: `{column}` holds {kinds[0]}, and the model's OneHotEncoder was fitted "
            f"with {kinds[1]}."
        )

    def test_a_matrix_of_text_and_numbers(self):
        model = KNeighborsClassifier().fit(NUMBERS.to_numpy(), BINARY)
        error = self.problem(model, FRAME[["size", "town"]], matrix=True)
        assert "fitted without names of columns" in error.message

    def test_a_date_that_the_model_does_not_look_at_is_left_out(self):
        frame = FRAME.assign(day=pd.Timestamp("2026-01-01"), note="text")
        chosen = ColumnTransformer([("a", "passthrough", ["size", "age"])])
        model = make_pipeline(chosen, LinearRegression()).fit(frame, BINARY)
        kept = signature.rows_of(Model(model, "m.pkl"), frame, apart=[])
        assert list(kept) == [name for name in frame if name != "day"]

    def test_a_date_that_it_looks_at(self):
        frame = pd.DataFrame({"day": pd.to_datetime(["2026-01-01"] * 2)})
        assert "holds datetime64" in self.problem(object(), frame).message


ENCODED_AND_SVC = (
    "Pipeline(ColumnTransformer(Pipeline(SimpleImputer, OneHotEncoder), OrdinalEncoder), SVC)"
)


class TestDescribed:
    @pytest.mark.parametrize(
        ("model", "expected"),
        [
            (SVC(), "SVC"),
            (make_pipeline(StandardScaler(), SVC()), "Pipeline(StandardScaler, SVC)"),
            (
                make_pipeline(TestInputs.ENCODED, SVC()).fit(FRAME, BINARY),
                ENCODED_AND_SVC,
            ),
            (GridSearchCV(SVC(), {}), "GridSearchCV(SVC)"),
            (
                StackingRegressor([("a", LinearRegression()), ("b", "drop")]),
                "StackingRegressor(LinearRegression)",
            ),
            (make_pipeline("passthrough", SVC()), "Pipeline(SVC)"),
        ],
    )
    def test_described(self, model: Any, expected: str):
        assert described(model) == expected

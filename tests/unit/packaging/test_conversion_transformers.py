"""Transformers as ONNX: their columns are scikit-learn's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from assay.packaging.conversion import Graph, NotConvertible
from assay.packaging.conversion.frame import Frame, matrix
from assay.packaging.conversion.registry import apply
from assay.packaging.facts import InputSpec, OutputSpec, Signature
from assay.packaging.parity.session import Session
from assay.packaging.signature import dtype_of
from sklearn import (
    compose,
    decomposition,
    discriminant_analysis,
    ensemble,
    feature_selection,
    impute,
    kernel_approximation,
    pipeline,
    preprocessing,
    random_projection,
)
from sklearn.cluster import KMeans
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 (it registers itself)
from sklearn.feature_extraction import text

from tests.unit.packaging.conversions import classes, table, target


def transformed(transformer: Any, frame: pd.DataFrame) -> np.ndarray[Any, Any]:
    """What the export of a fitted transformer gives."""
    graph = Graph(sample=frame)
    inputs = tuple(
        InputSpec(name=name, dtype=dtype_of(frame[name], name)) for name in map(str, frame)
    )
    blocks = tuple(graph.input(one.name, one.dtype, one.shape) for one in inputs)
    made = apply(transformer, "transform", Frame(blocks, (1,) * len(blocks), tuple(frame)))
    made = matrix(made) if isinstance(made, Frame) else made
    output = OutputSpec(name="value", meaning="value", dtype="float64", shape=(None, None))
    graph.output(made, output.name, output.shape)
    signed = Signature(task="regression", inputs=inputs, outputs=(output,))
    session = Session(graph.model().SerializeToString(), signed)
    return session.ask(frame)["value"]


def same(transformer: Any, frame: pd.DataFrame, asked: pd.DataFrame | None = None) -> None:
    """Fit to one table, and compare on it or on another."""
    transformer.fit(frame, target(table())[: len(frame)])
    rows = frame if asked is None else asked
    expected = transformer.transform(rows)
    expected = np.asarray(expected.toarray() if hasattr(expected, "toarray") else expected)
    expected = expected[:, 0] if expected.shape[1] == 1 else expected
    got = transformed(transformer, rows)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected.astype(float), 1e-8, 1e-9)


def numbers() -> pd.DataFrame:
    return table()[["age", "income"]].astype(float).assign(third=np.arange(160.0) % 7)


def gaps() -> pd.DataFrame:
    return table()[["change", "age", "income"]]


def beyond() -> pd.DataFrame:
    """Rows beyond what was fitted."""
    return numbers() * 1.3 - 5.0


def words() -> pd.DataFrame:
    return table()[["city", "job"]]


def unseen() -> pd.DataFrame:
    found = words().copy()
    found.iloc[:9, 0] = "Rom"
    found.iloc[5:20, 1] = "zz"
    return found


NORMAL = {"n_quantiles": 20, "output_distribution": "normal"}
BINS = {"quantile_method": "averaged_inverted_cdf"}


class TestNumbers:
    @pytest.mark.parametrize(
        "transformer",
        [
            preprocessing.MinMaxScaler(clip=True, feature_range=(-1, 2)),
            preprocessing.MaxAbsScaler(),
            preprocessing.RobustScaler(),
            preprocessing.Normalizer("l1"),
            preprocessing.Binarizer(threshold=40),
            preprocessing.PowerTransformer(),
            preprocessing.QuantileTransformer(n_quantiles=20),
            preprocessing.QuantileTransformer(**NORMAL),
            preprocessing.KBinsDiscretizer(4, encode="onehot", **BINS),
            preprocessing.PolynomialFeatures(3, interaction_only=True),
            preprocessing.SplineTransformer(),
            preprocessing.SplineTransformer(extrapolation="linear", degree=2),
            preprocessing.SplineTransformer(extrapolation="continue", include_bias=False),
            preprocessing.SplineTransformer(extrapolation="periodic"),
            decomposition.PCA(2, whiten=True),
            decomposition.FactorAnalysis(2),
            decomposition.KernelPCA(2, kernel="rbf", gamma=1e-6),
            kernel_approximation.RBFSampler(gamma=1e-6, n_components=5, random_state=0),
            kernel_approximation.Nystroem(gamma=1e-6, n_components=5, random_state=0),
            random_projection.SparseRandomProjection(2, random_state=0),
            feature_selection.VarianceThreshold(10.0),
            ensemble.RandomTreesEmbedding(3, random_state=0),
            KMeans(3, n_init=1, random_state=0),
        ],
        ids=lambda one: type(one).__name__,
    )
    def test_beyond_what_was_fitted(self, transformer):
        same(transformer, numbers(), beyond())

    def test_selection_and_axes_by_class(self):
        frame, known = numbers(), classes(table(), 3)
        for transformer in (
            feature_selection.SelectKBest(k=2),
            discriminant_analysis.LinearDiscriminantAnalysis(),
        ):
            fitted = transformer.fit(frame, known)
            np.testing.assert_allclose(transformed(fitted, frame), fitted.transform(frame), 1e-8)

    def test_float32_is_scaled_in_float32(self):
        frame = numbers().astype(np.float32)
        scaler = preprocessing.StandardScaler().fit(frame)
        assert (transformed(scaler, frame) == scaler.transform(frame)).all()


class TestMissing:
    @pytest.mark.parametrize(
        "transformer",
        [
            preprocessing.StandardScaler(),
            preprocessing.QuantileTransformer(n_quantiles=20),
            impute.SimpleImputer(strategy="median", add_indicator=True),
            impute.KNNImputer(n_neighbors=3, weights="distance"),
            impute.IterativeImputer(max_iter=3, random_state=0),
            impute.MissingIndicator(features="all"),
        ],
        ids=lambda one: type(one).__name__,
    )
    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
    def test_numbers(self, transformer):
        same(transformer, gaps())

    def test_a_mark_that_is_a_number(self):
        same(impute.SimpleImputer(missing_values=18), table()[["age"]])

    @pytest.mark.filterwarnings("ignore:Skipping features")
    @pytest.mark.parametrize("keep", [False, True])
    def test_a_column_that_never_had_a_value(self, keep):
        same(impute.SimpleImputer(keep_empty_features=keep), gaps().assign(none=np.nan))


class TestCategories:
    @pytest.mark.parametrize(
        "encoder",
        [
            preprocessing.OneHotEncoder(handle_unknown="ignore"),
            preprocessing.OneHotEncoder(drop="if_binary", handle_unknown="ignore"),
            preprocessing.OneHotEncoder(max_categories=2, handle_unknown="infrequent_if_exist"),
            preprocessing.OneHotEncoder(max_categories=2, drop="first", handle_unknown="ignore"),
            preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
            preprocessing.OrdinalEncoder(
                handle_unknown="use_encoded_value",
                unknown_value=99,
                max_categories=2,
                encoded_missing_value=-5,
            ),
            preprocessing.TargetEncoder(random_state=0),
        ],
        ids=lambda one: type(one).__name__,
    )
    @pytest.mark.filterwarnings("ignore:Found unknown categories")
    def test_text(self, encoder):
        same(encoder, words(), unseen())

    def test_integers_booleans_and_floats(self):
        frame = table()[["owner"]].assign(
            small=(table()["age"] % 3).astype(np.int8),
            rounded=table()["change"].round(),
            large=2**53 + table()["age"] % 2,
        )
        same(preprocessing.OneHotEncoder(), frame)
        same(preprocessing.OrdinalEncoder(), frame)

    @pytest.mark.parametrize("kind", ["binary", "multiclass"])
    def test_a_target_that_is_a_class(self, kind):
        frame, known = words(), classes(table(), 2 if kind == "binary" else 3)
        encoder = preprocessing.TargetEncoder(random_state=0).fit(frame, known)
        np.testing.assert_allclose(
            transformed(encoder, unseen()), encoder.transform(unseen()), 1e-12
        )


SENTENCES = [
    "Hello wörld, a bc x_1 Ünï",
    "the cat sat on the mat. The CAT!",
    "ÉCOLE école",
    "   ",
    "don't stop-me now 12 3.5 ab",
    "new\nline\ttab the cat",
    "x",
]


class TestText:
    @pytest.mark.parametrize(
        "vectorizer",
        [
            text.CountVectorizer(ngram_range=(2, 3)),
            text.CountVectorizer(binary=True, lowercase=False, token_pattern=r"(?u)\b\w+\b"),
            text.TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
            text.TfidfVectorizer(stop_words="english", norm="l1"),
            text.HashingVectorizer(n_features=32, ngram_range=(1, 2)),
        ],
        ids=lambda one: type(one).__name__,
    )
    def test_words(self, vectorizer):
        frame = pd.DataFrame({"text": SENTENCES})
        same(compose.ColumnTransformer([("text", vectorizer, "text")]), frame)

    @pytest.mark.parametrize(
        ("vectorizer", "why"),
        [
            (text.CountVectorizer(analyzer="char"), "analyzer='char'"),
            (text.TfidfVectorizer(tokenizer=str.split, token_pattern=None), "a `tokenizer`"),
            (text.CountVectorizer(token_pattern=r"[a-z]{3,9}"), "token_pattern="),
            (text.HashingVectorizer(), "n_features=1048576"),
        ],
    )
    def test_what_is_refused(self, vectorizer, why):
        frame = pd.DataFrame({"text": SENTENCES})
        columns = compose.ColumnTransformer([("text", vectorizer, "text")]).fit(frame)
        with pytest.raises(NotConvertible, match=why):
            transformed(columns, frame)


class TestColumns:
    def test_by_position_mask_slice_and_type(self):
        frame = numbers()
        scaler, tight = preprocessing.StandardScaler(), preprocessing.MinMaxScaler()
        by_type = compose.make_column_selector(dtype_include=np.number)
        for chosen in ([0, -1], slice(1, 3), [True, False, True], by_type):
            columns = compose.ColumnTransformer([("a", scaler, chosen), ("b", tight, [1])])
            same(columns, frame)

    def test_what_is_left_is_passed_on_or_dropped(self):
        for rest in ("passthrough", "drop", preprocessing.MinMaxScaler()):
            columns = compose.ColumnTransformer(
                [("a", preprocessing.StandardScaler(), ["income"]), ("b", "drop", ["third"])],
                remainder=rest,
            )
            same(columns, numbers())

    @pytest.mark.parametrize("form", ["default", "pandas"])
    def test_text_and_numbers_between_two_steps(self, form):
        first = compose.ColumnTransformer(
            [
                ("n", impute.SimpleImputer(), ["age", "change"]),
                ("w", impute.SimpleImputer(strategy="most_frequent"), ["city", "job"]),
            ],
            verbose_feature_names_out=False,
        ).set_output(transform=form)
        second = compose.ColumnTransformer(
            [
                ("n", preprocessing.StandardScaler(), ["age"] if form == "pandas" else [0]),
                ("w", preprocessing.OneHotEncoder(), ["job"] if form == "pandas" else [3]),
            ]
        )
        same(pipeline.make_pipeline(first, second), table())

    def test_a_union_with_weights(self):
        union = pipeline.FeatureUnion(
            [("a", preprocessing.StandardScaler()), ("b", decomposition.PCA(1)), ("c", "drop")],
            transformer_weights={"b": 3.0},
        )
        same(union, numbers())

    def test_text_for_a_scaler_names_the_scaler(self):
        columns = compose.ColumnTransformer([("a", preprocessing.StandardScaler(), ["age"])])
        fitted = columns.fit(table())
        with pytest.raises(NotConvertible, match=r"`StandardScaler`.*columns of text"):
            transformed(fitted, table().assign(age="young"))

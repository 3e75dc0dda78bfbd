"""Exports that are wrong in one way each: what is found, on which rows, and which cause is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from assay.errors import DataError
from assay.packaging import conversion, parity
from assay.packaging import signature as signatures
from assay.packaging.facts import Parity, Signature, Tolerance
from assay.packaging.parity.answers import Answers, Original, ask_each
from assay.packaging.parity.cells import changed, features
from assay.packaging.parity.session import Session
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

if TYPE_CHECKING:
    from collections.abc import Callable

RANDOM = np.random.default_rng(5)
ROWS = 60
FRAME = pd.DataFrame(
    {
        "size": RANDOM.normal(70, 30, size=ROWS),
        "age": RANDOM.integers(0, 90, size=ROWS),
        "town": RANDOM.choice(["Bonn", "Köln", "Ulm"], size=ROWS),
    }
)
NUMBERS = FRAME[["size", "age"]]
TRUTH = np.where(FRAME["size"] + FRAME["age"] > 110, "yes", "no")
MIXED = make_pipeline(
    ColumnTransformer(
        [
            ("number", make_pipeline(SimpleImputer(), StandardScaler()), ["size", "age"]),
            ("town", OneHotEncoder(handle_unknown="ignore"), ["town"]),
        ]
    ),
    LogisticRegression(),
).fit(FRAME, TRUTH)


@dataclass(frozen=True, eq=False)
class Wrong:
    """The model itself, with something changed before or after it."""

    model: Original
    before: Callable[[pd.DataFrame], pd.DataFrame] = lambda frame: frame
    after: Callable[[Answers], Answers] = lambda answers: answers

    def ask(self, frame: pd.DataFrame) -> Answers:
        return self.after(self.model.ask(self.before(frame)))


@dataclass(frozen=True, eq=False)
class Asked:
    """A model, ready to be held against."""

    model: Original
    signature: Signature
    questions: parity.Questions

    def hold(self, export: Any = None, tolerance: float = 1e-5, **more: Any) -> Parity:
        exact = Tolerance(absolute=tolerance, relative=tolerance)
        return parity.hold(self.questions, self.model, export or self.model, exact, **more)


def ask(estimator: Any, frame: pd.DataFrame, *, matrix: bool = False) -> Asked:
    signed = signatures.of(estimator, frame, matrix=matrix, shown="table")
    dtype = signed.inputs[0].dtype if matrix else None
    model = Original(estimator, dtype, tuple(one.name for one in signed.outputs))
    return Asked(model, signed, parity.questions(model, frame, signed))


@pytest.fixture(scope="module")
def mixed() -> Asked:
    return ask(MIXED, FRAME)


@pytest.fixture(scope="module")
def tree() -> Asked:
    model = make_pipeline(StandardScaler(), DecisionTreeRegressor(max_depth=4, random_state=0))
    return ask(model.fit(NUMBERS, NUMBERS["size"] * 2), NUMBERS)


@pytest.fixture(scope="module")
def line() -> Asked:
    frame = NUMBERS.astype(float)
    return ask(LinearRegression().fit(frame, frame["age"]), frame)


def mismatches(found: Parity) -> dict[str, int]:
    return {
        one.name: most
        for one in found.rows
        if (most := max(output.mismatches for output in one.outputs))
    }


class TestTheSame:
    def test_a_model_is_its_own_export(self, mixed: Asked, tree: Asked):
        for asked in (mixed, tree):
            found = asked.hold(tolerance=0)
            assert found.passed
            assert (found.mismatches, found.cause) == ((), None)

    def test_what_was_asked_is_told(self, mixed: Asked):
        counts = {one.name: (one.count, one.undefined) for one in mixed.hold().rows}
        assert counts["evaluation"] == (ROWS, 0)
        # Missing: `size` and `town`; whole numbers have none. 8 rows each.
        assert counts["nulls"] == (16, 0)
        assert mixed.questions.nullable == {"size", "town"}
        assert counts["unseen categories"][0] > 10
        # Both infinities of `size`, and what overflows in the scaler.
        assert 2 <= counts["extremes"][1] <= 4
        assert counts["float32 edges"][0] > 5
        assert "thresholds" not in counts

    def test_how_far_apart_they_are(self, tree: Asked):
        near = Wrong(tree.model, after=lambda said: {"value": said["value"] + 0.00123})
        (value,) = tree.hold(near, tolerance=0.01).rows[0].outputs
        assert value.mismatches == 0
        assert value.max_absolute == 0.0013


class TestWrong:
    def test_float32_inputs(self, tree: Asked):
        def single(frame: pd.DataFrame) -> pd.DataFrame:
            return frame.assign(size=frame["size"].astype(np.float32).astype(float))

        found = tree.hold(Wrong(tree.model, before=single))
        assert not found.passed
        assert "thresholds" in mismatches(found)
        assert (found.cause or "").startswith("The export computes with float32: with the inputs")
        assert found.mismatches[0].inputs.keys() == {"size", "age"}

    def test_the_other_side_of_a_threshold(self):
        model = DecisionTreeClassifier(max_depth=3).fit(NUMBERS, TRUTH)
        asked = ask(model, NUMBERS)

        def less(frame: pd.DataFrame) -> pd.DataFrame:
            """As if `<` were asked in place of `<=`, of what a tree of float32 sees."""
            up = np.nextafter(frame["size"].to_numpy(np.float32), np.float32(np.inf))
            return frame.assign(size=up.astype(np.float64))

        found = asked.hold(Wrong(asked.model, before=less))
        assert mismatches(found).keys() == {"thresholds"}
        assert "threshold, in `size`" in (found.cause or "")

    def test_one_last_digit_of_float64_beside_a_threshold(self):
        model = HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=3)
        asked = ask(model.fit(NUMBERS, TRUTH), NUMBERS)

        def less(frame: pd.DataFrame) -> pd.DataFrame:
            return frame.assign(size=np.nextafter(frame["size"].to_numpy(), np.inf))

        found = asked.hold(Wrong(asked.model, before=less))
        assert mismatches(found).keys() == {"thresholds"}

    def test_missing_values(self, mixed: Asked):
        def zero(frame: pd.DataFrame) -> pd.DataFrame:
            return frame.assign(size=frame["size"].fillna(0.0))

        found = mixed.hold(Wrong(mixed.model, before=zero))
        assert mismatches(found) == {"nulls": 8}
        assert found.cause == "A missing value in `size` is treated in another way."
        assert found.mismatches[0].inputs["size"] == "nan"

    def test_categories_that_nobody_knows(self, mixed: Asked):
        def first(frame: pd.DataFrame) -> pd.DataFrame:
            known = frame["town"].isin(["Bonn", "Köln", "Ulm"]) | frame["town"].isna()
            return frame.assign(town=frame["town"].where(known, "Bonn"))

        found = mixed.hold(Wrong(mixed.model, before=first))
        assert mismatches(found).keys() == {"unseen categories"}
        assert "in `town`, means something else" in (found.cause or "")

    def test_a_category_that_is_spelled_differently(self, mixed: Asked):
        def ascii_only(frame: pd.DataFrame) -> pd.DataFrame:
            return frame.assign(town=frame["town"].replace("Köln", "K?ln"))

        found = mixed.hold(Wrong(mixed.model, before=ascii_only))
        assert found.cause == "The text 'Köln' in `town` means something else."
        assert found.mismatches[0].rows == "evaluation"
        assert next(iter(found.mismatches[0].inputs.items())) == ("town", "'Köln'")

    def test_extremes(self, tree: Asked):
        def clipped(frame: pd.DataFrame) -> pd.DataFrame:
            return frame.assign(age=frame["age"].clip(None, 2**60))

        # A tree sees no difference between large numbers; a line does.
        asked = ask(LinearRegression().fit(NUMBERS, NUMBERS["age"] * 1.0), NUMBERS)
        found = asked.hold(Wrong(asked.model, before=clipped))
        assert mismatches(found) == {"extremes": 1}
        assert found.cause == (
            "The extreme value 9223372036854775807 in `age` is computed in another way."
        )

    def test_numbers_that_float32_does_not_have(self):
        def single(frame: pd.DataFrame) -> pd.DataFrame:
            return frame.assign(age=frame["age"].clip(-(2**24), 2**24))

        asked = ask(LinearRegression().fit(NUMBERS, NUMBERS["age"] * 1.0), NUMBERS)
        evaluation = parity.Questions(
            (asked.questions.each[0], asked.questions.each[-1]), frozenset()
        )
        found = Asked(asked.model, asked.signature, evaluation).hold(
            Wrong(asked.model, before=single), tolerance=1e-12
        )
        assert found.cause == (
            "A number that float32 does not have, in `age`, is computed in another way."
        )

    def test_labels(self, mixed: Asked):
        def swapped(said: Answers) -> Answers:
            return said | {"label": np.where(said["label"] == "yes", "no", "yes")}

        found = mixed.hold(Wrong(mixed.model, after=swapped))
        assert mismatches(found)["evaluation"] == ROWS
        assert found.mismatches[0].output == "label"
        assert {found.mismatches[0].expected, found.mismatches[0].got} == {"'yes'", "'no'"}
        assert len(found.mismatches) <= 10

    def test_another_shape(self, mixed: Asked):
        def one(said: Answers) -> Answers:
            return said | {"probabilities": said["probabilities"][:, 1]}

        found = mixed.hold(Wrong(mixed.model, after=one))
        assert found.cause == (
            "`probabilities` of the export is of the shape (60,), the model's (60, 2)."
        )

    def test_rows_that_the_export_refuses(self, mixed: Asked):
        def picky(frame: pd.DataFrame) -> pd.DataFrame:
            if frame["town"].isin(["Ulm"]).any():
                raise DataError("it knows no Ulm")
            return frame

        found = mixed.hold(Wrong(mixed.model, before=picky))
        assert mismatches(found)["evaluation"] == int((FRAME["town"] == "Ulm").sum())
        assert found.mismatches[0].got == "it knows no Ulm"
        assert found.cause == "The export refuses rows that the model answers: it knows no Ulm."

    def test_every_row_refused(self, mixed: Asked):
        def never(frame: pd.DataFrame) -> pd.DataFrame:
            raise DataError("no")

        assert mismatches(mixed.hold(Wrong(mixed.model, before=never)))["evaluation"] == ROWS

    def test_nothing_that_explains_it(self, mixed: Asked):
        def off(said: Answers) -> Answers:
            return said | {"probabilities": said["probabilities"] + 0.1}

        assert mixed.hold(Wrong(mixed.model, after=off)).cause == (
            "Rows differ by several columns at once; rounding to float32 does not explain it."
        )

    def test_the_operators_that_round(self, mixed: Asked):
        def off(said: Answers) -> Answers:
            return said | {"probabilities": said["probabilities"] + 0.1}

        nodes = [
            helper.make_node("Scaler", ["x"], ["scaled"], domain="ai.onnx.ml", scale=[1.0]),
            helper.make_node("Cast", ["x"], ["small"], to=TensorProto.FLOAT),
            helper.make_node("Add", ["scaled", "small"], ["sum"]),
            helper.make_node("Cast", ["sum"], ["y"], to=TensorProto.DOUBLE),
        ]
        ends = [helper.make_tensor_value_info(n, TensorProto.DOUBLE, [None]) for n in "xy"]
        made = helper.make_graph(nodes, "test", ends[:1], ends[1:])
        opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 3)]
        graph = helper.make_model(made, opset_imports=opsets).SerializeToString()
        cause = mixed.hold(Wrong(mixed.model, after=off), graph=graph).cause or ""
        assert cause.endswith("Numbers are rounded to float32 (in Cast, Scaler).")
        cause = mixed.hold(Wrong(mixed.model, after=off), graph=b"none").cause or ""
        assert cause.endswith("rounding to float32 does not explain it.")

    def test_sensitive_values_are_hidden(self, mixed: Asked):
        def ascii_only(frame: pd.DataFrame) -> pd.DataFrame:
            return frame.assign(town=frame["town"].replace("Köln", "K?ln"))

        found = mixed.hold(Wrong(mixed.model, before=ascii_only), sensitive=["town"])
        assert found.mismatches[0].inputs["town"] == "(sensitive)"
        assert "Köln" not in found.model_dump_json()


class TestAnyDifference:
    @settings(max_examples=40)
    @given(
        st.integers(0, 5),
        st.integers(0, 10_000),
        st.floats(1e-7, 1e3),
        st.sampled_from([-1.0, 1.0]),
    )
    def test_one_number_of_one_row_is_found(
        self, line: Asked, which: int, row: int, apart: float, sign: float
    ):
        asked = [one for one in line.questions.each if len(one.rows.frame)]
        chosen = asked[which % len(asked)]
        row %= len(chosen.rows.frame)
        wanted = chosen.expected["value"][row] + sign * apart

        class Off:
            def ask(self, frame: pd.DataFrame) -> Answers:
                said = line.model.ask(frame)
                if frame.equals(chosen.rows.frame):
                    said["value"][row] = wanted
                return said

        found = parity.hold(line.questions, line.model, Off(), Tolerance(absolute=0.5, relative=0))
        difference = abs(wanted - chosen.expected["value"][row])
        assert found.passed == (difference <= 0.5)
        if not found.passed:
            assert mismatches(found) == {chosen.rows.name: 1}
            assert (found.mismatches[0].rows, found.mismatches[0].row) == (chosen.rows.name, row)


class TestUndecided:
    """Where two labels are as good, the export may say either."""

    @pytest.fixture
    def tied(self) -> Asked:
        frame = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0] * 3})
        model = DecisionTreeClassifier(max_depth=1).fit(frame, [0, 1, 1, 1, 0, 0, 1, 1, 0, 0, 0, 1])
        # The leaf above 0.5 has as many of both: 4 ... and the other is sure.
        model.tree_.value[:] = [[[0.5, 0.5]], [[1.0, 0.0]], [[0.5, 0.5]]]
        return ask(model, frame)

    def other(self, where: float) -> Any:
        def swap(said: Answers) -> Answers:
            chosen = said["probabilities"][:, 0] == where
            return said | {"label": np.where(chosen, 1 - said["label"], said["label"])}

        return swap

    def test_a_tie(self, tied: Asked):
        assert tied.hold(Wrong(tied.model, after=self.other(0.5))).passed

    def test_no_tie(self, tied: Asked):
        assert not tied.hold(Wrong(tied.model, after=self.other(1.0))).passed

    def test_a_label_that_there_is_not(self, tied: Asked):
        def seven(said: Answers) -> Answers:
            return said | {"label": np.full_like(said["label"], 7)}

        assert not tied.hold(Wrong(tied.model, after=seven)).passed

    @pytest.mark.parametrize(
        "way",
        [
            lambda imputer: imputer,
            lambda imputer: ColumnTransformer([("fill", imputer, ["age", "size"])]),
            lambda imputer: make_pipeline(ColumnTransformer([("fill", imputer, [0, 1])])),
        ],
        ids=["step", "columns", "nested"],
    )
    def test_neighbours_that_an_imputer_takes_a_value_of(self, way: Any):
        frame = pd.DataFrame({"age": [1.0, 3, 1, 3, 9, 2, 8], "size": [0.0, 4, 1, 7, 9, 5, 9]})
        holes = frame.assign(size=frame["size"].where(frame.index < 5))
        imputer = KNNImputer(n_neighbors=1)
        model = make_pipeline(way(imputer), LinearRegression()).fit(holes, frame["size"])
        asked = ask(model, holes)
        # The row of age 2 is as far from age 1 as from age 3; that of age 8 is nearest to age 9.
        said = asked.model.ask(holes)["value"]
        for row, passed in ((5, True), (6, False)):
            wrong = Wrong(
                asked.model,
                before=lambda rows, row=row: rows.assign(
                    size=rows["size"].mask(
                        rows["size"].isna() & (rows["age"] == frame["age"][row]), 40.0
                    )
                ),
            )
            assert said[row] != wrong.ask(holes)["value"][row]
            assert asked.hold(wrong).passed == passed

    def test_an_exported_imputer_of_rows_that_are_alike(self):
        random = np.random.default_rng(0)
        age = random.integers(0, 20, 200).astype(np.float64)
        frame = pd.DataFrame({"age": age, "size": random.normal(size=200).round(2)})
        frame.loc[random.choice(200, 30), "size"] = np.nan
        model = make_pipeline(KNNImputer(n_neighbors=3), LinearRegression())
        asked = ask(model.fit(frame, random.normal(size=200)), frame)
        made = conversion.convert(asked.model.estimator, asked.signature, frame)
        found = asked.hold(Session(made.model, asked.signature))
        assert found.passed
        assert found.rows[0].undecided

    def test_outliers_by_their_score(self):
        model = IsolationForest(n_estimators=5, random_state=0).fit(NUMBERS)
        model.offset_ = model.score_samples(NUMBERS)[0]  # the first row is just no outlier
        asked = ask(model, NUMBERS)

        def out(said: Answers) -> Answers:
            near = np.abs(said["scores"]) < 1e-9
            return said | {"label": np.where(near, -1, said["label"])}

        assert asked.hold(Wrong(asked.model, after=out)).passed
        flipped = Wrong(asked.model, after=lambda said: said | {"label": -said["label"]})
        assert not asked.hold(flipped).passed

    def test_clusters_by_their_distance(self):
        frame = pd.DataFrame({"a": [0.0, 2.0, 1.0, 0.1]})
        model = KMeans(2, init=np.asarray([[0.0], [2.0]]), n_init=1, max_iter=1).fit(frame)
        model.cluster_centers_ = np.asarray([[0.0], [2.0]])
        asked = ask(model, frame)

        def other(said: Answers) -> Answers:
            return {"label": np.where(asked_at(said, 1.0), 1, said["label"])}

        def asked_at(said: Answers, _: float) -> Any:
            return np.arange(len(said["label"])) == 2

        assert asked.signature.task == "clustering"
        evaluation = parity.Questions(asked.questions.each[:1], frozenset())
        assert (
            Asked(asked.model, asked.signature, evaluation)
            .hold(Wrong(asked.model, after=other))
            .passed
        )

    @pytest.mark.parametrize("kind", [KNeighborsClassifier, KNeighborsRegressor])
    def test_neighbours_as_far_as_each_other(self, kind: Any):
        frame = pd.DataFrame({"a": [0.0, 0.0, 4.0, 5.0, 9.0]})
        model = kind(n_neighbors=1).fit(frame, [0, 1, 0, 1, 1])
        asked = ask(model, frame)

        def other(which: list[int]) -> Any:
            def change(said: Answers) -> Answers:
                at = np.isin(np.arange(len(next(iter(said.values())))), which)
                return {
                    name: np.where(at if values.ndim == 1 else at[:, None], 1 - values, values)
                    for name, values in said.items()
                }

            return change

        evaluation = parity.Questions(asked.questions.each[:1], frozenset())
        alone = Asked(asked.model, asked.signature, evaluation)
        assert alone.hold(Wrong(asked.model, after=other([0, 1]))).passed
        assert not alone.hold(Wrong(asked.model, after=other([2]))).passed

    def test_several_targets(self):
        two = np.column_stack([FRAME["size"] > 70, FRAME["age"] > 50]).astype(int)
        model = OneVsRestClassifier(LogisticRegression()).fit(NUMBERS, two)
        asked = ask(model, NUMBERS)
        assert asked.signature.task == "multilabel"
        flipped = Wrong(asked.model, after=lambda said: said | {"label": 1 - said["label"]})
        assert not asked.hold(flipped).passed
        assert asked.hold(flipped, tolerance=1.0).passed  # all are within it


class TestQuestions:
    def test_the_evaluation_data_must_be_answered(self):
        broken = FRAME.assign(size=FRAME["size"].where(FRAME.index != 3, np.inf))
        with pytest.raises(DataError) as caught:
            ask(MIXED, broken)
        assert "Input X contains infinity" in caught.value.message

    def test_a_row_far_down(self):
        frame = pd.concat([NUMBERS] * 5, ignore_index=True).astype(float)
        frame.loc[290, "age"] = np.inf
        with pytest.raises(DataError) as caught:
            ask(LinearRegression().fit(NUMBERS, NUMBERS["age"]), frame)
        assert caught.value.message.startswith(
            "The model refuses 1 of 300 rows of the evaluation data, first row 291: it raises "
            "ValueError: Input X contains infinity"
        )

    def test_a_matrix(self):
        model = LinearRegression().fit(NUMBERS.to_numpy(), NUMBERS["age"])
        asked = ask(model, NUMBERS.astype(float), matrix=True)
        assert asked.signature.inputs[0].shape == (None, 2)
        assert asked.hold().passed
        assert len(asked.questions.each[-1].rows.frame) > 5

    @pytest.mark.parametrize("dtype", ["Int64", "boolean", "Float32", "category"])
    def test_columns_with_nulls_of_their_own(self, dtype: str):
        values = pd.Series([0, 1, None] * 10).astype("category" if dtype == "category" else dtype)
        frame = pd.DataFrame({"x": values, "size": NUMBERS["size"][:30]})
        model = HistGradientBoostingClassifier(
            max_iter=2, min_samples_leaf=2, categorical_features="from_dtype"
        )
        asked = ask(model.fit(frame, TRUTH[:30]), frame)
        assert asked.hold().passed
        assert asked.signature.inputs[0].nullable
        assert asked.questions.nullable == {"x", "size"}
        assert len({name for one in asked.questions.each for name in one.rows.changed}) == 2

    def test_the_same_every_time(self, mixed: Asked):
        again = ask(MIXED, FRAME)
        for one, other in zip(mixed.questions.each, again.questions.each, strict=True):
            pd.testing.assert_frame_equal(one.rows.frame, other.rows.frame)

    def test_many_columns_and_thresholds_stay_bounded(self):
        wide = pd.DataFrame(RANDOM.normal(size=(60, 300))).rename(columns="c{}".format)
        model = HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=3).fit(wide, TRUTH)
        counts = [len(one.rows.frame) for one in ask(model, wide).questions.each]
        assert sum(counts) < 60 + 8192 + 64 * (8 + 12 + 2 * 9)


class TestAtOnce:
    """No array of a row's numbers grows beyond what memory holds."""

    @pytest.mark.parametrize(
        ("model", "rows"),
        [
            (MIXED, 16_384),
            (KernelRidge().fit(np.eye(2000, 1), np.zeros(2000)), 8_388),
            (
                make_pipeline(StandardScaler(), KNeighborsRegressor()).fit(
                    np.eye(4096, 2), np.zeros(4096)
                ),
                4_096,
            ),
            (CountVectorizer().fit([" ".join(map(hex, range(4096)))]), 4_096),
        ],
        ids=["narrow", "kernel", "inside", "words"],
    )
    def test_wide_models_are_asked_about_fewer_rows(self, model: Any, rows: int):
        assert Original(model, None).at_once == rows

    def test_model_and_export_are_asked_about_no_more(self):
        sizes: set[int] = set()

        class Watched:
            def __init__(self) -> None:
                self.coef_ = np.zeros((1, 2**23))

            def get_params(self) -> dict[str, Any]:
                return {}

            def predict(self, rows: pd.DataFrame) -> Any:
                sizes.add(len(rows))
                return np.zeros(len(rows))

        model = Original(Watched(), None, ("value",))
        frame = NUMBERS.iloc[:5]
        signed = signatures.of(model.estimator, frame, matrix=False, shown="rows")
        sizes.clear()
        asked = parity.questions(model, frame, signed)
        parity.hold(asked, model, model, Tolerance())
        assert max(sizes) == 2


class TestAskEach:
    def test_only_what_is_refused_is_left_out(self):
        bad = {3, 4, 17, 59}

        class Picky:
            calls = 0

            def ask(self, frame: pd.DataFrame) -> Answers:
                self.calls += 1
                if bad & set(frame.index):
                    raise DataError(f"bad {min(bad & set(frame.index))}")
                return {"value": frame["size"].to_numpy()}

        picky = Picky()
        said, refused, why = ask_each(picky, NUMBERS)
        assert set(np.flatnonzero(refused)) == bad
        assert said["value"].tolist() == NUMBERS["size"].drop(list(bad)).tolist()
        assert why == "bad 3"
        assert picky.calls < 50

    def test_no_rows(self):
        said, refused, why = ask_each(Original(MIXED, None, ("label",)), FRAME.iloc[:0])
        assert (said, refused.size, why) == ({}, 0, None)


class TestChanged:
    FRAME = pd.DataFrame(
        {
            "int": pd.array([1, 2, 3], dtype="int64"),
            "single": np.asarray([1, 2, 3], dtype=np.float32),
            "whole": pd.array([1, None, 3], dtype="Int64"),
            "flag": [True, False, True],
            "text": ["a", "b", None],
            "category": pd.Categorical(["a", "b", None], ordered=True),
        }
    )

    def test_one_value_of_a_row_and_every_type_stays(self):
        cells = [
            ("int", 2**53 + 1),
            ("single", 1e30),
            ("whole", None),
            ("flag", False),
            ("text", "new"),
            ("category", "new"),
            ("category", np.nan),
        ]
        found = changed(self.FRAME, cells, each=2)
        assert len(found) == 14
        assert found["int"].tolist()[:4] == [2**53 + 1] * 2 + [1, 3]
        assert found["single"].tolist()[2:4] == [float(np.float32(1e30))] * 2
        assert found["whole"].isna().tolist()[4:6] == [True, True]
        assert found["text"].tolist()[8:10] == ["new", "new"]
        assert found["category"].tolist()[10:12] == ["new", "new"]
        assert found["category"].isna().tolist()[12:14] == [True, True]
        assert found["category"].cat.ordered
        same = [name for name in self.FRAME if name != "category"]
        assert (found[same].dtypes == self.FRAME[same].dtypes).all()

    def test_names_of_a_matrix(self):
        signed = signatures.of(
            LinearRegression().fit(NUMBERS.to_numpy(), [1.0] * ROWS),
            NUMBERS,
            matrix=True,
            shown="table",
        )
        assert [one.name for one in features(signed, NUMBERS)] == ["size", "age"]

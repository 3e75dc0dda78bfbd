"""Reading a predictions table: dtypes, inference, and what is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from assay.stats.metrics import compute
from assay.stats.predictions import Predictions, PredictionsError, from_frame


def frame_of(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(columns)


TRUTH = [0, 1, 1, 0, 1]
SAME = {
    "int64": pd.Series(TRUTH, dtype="int64"),
    "int8": pd.Series(TRUTH, dtype="int8"),
    "uint8": pd.Series(TRUTH, dtype="uint8"),
    "float32": pd.Series(TRUTH, dtype="float32"),
    "Int64": pd.Series(TRUTH, dtype="Int64"),
    "Float64": pd.Series(TRUTH, dtype="Float64"),
    "bool": pd.Series(TRUTH, dtype="bool"),
    "boolean": pd.Series(TRUTH, dtype="bool").astype("boolean"),
    "object of int": pd.Series(TRUTH, dtype="object"),
    "object of bool": pd.Series([bool(v) for v in TRUTH], dtype="object"),
    "object of Decimal": pd.Series([Decimal(v) for v in TRUTH], dtype="object"),
    "category of int": pd.Series(TRUTH).astype("category"),
    "category of bool": pd.Series(TRUTH, dtype="bool").astype("category"),
    "arrow": pd.Series(TRUTH, dtype="int64[pyarrow]"),
    "arrow bool": pd.Series(TRUTH, dtype="bool").astype("bool[pyarrow]"),
}


@pytest.mark.parametrize("truth", SAME.values(), ids=SAME.keys())
@pytest.mark.parametrize("prediction", ["int64", "bool", "object of int", "Int64"])
def test_spellings_of_zero_and_one_are_one_thing(truth: pd.Series, prediction: str) -> None:
    frame = frame_of(y=truth, p=SAME[prediction])
    predictions = from_frame(frame, truth="y", prediction="p")
    assert predictions.task == "binary"
    assert predictions.truth.tolist() == TRUTH
    assert predictions.truth.dtype == np.intp
    assert predictions.positive == 1
    assert compute(predictions).values["f1"] == 1.0


TEXT = ["no", "yes", "yes", "no", "yes"]
SAME_TEXT = {
    "str": pd.Series(TEXT),
    "object": pd.Series(TEXT, dtype="object"),
    "string": pd.Series(TEXT, dtype="string"),
    "category": pd.Series(TEXT).astype("category"),
    "unused category": pd.Series(pd.Categorical(TEXT, categories=["maybe", "yes", "no"])),
    "arrow": pd.Series(TEXT, dtype="string[pyarrow]"),
}


@pytest.mark.parametrize("truth", SAME_TEXT.values(), ids=SAME_TEXT.keys())
@pytest.mark.parametrize("prediction", SAME_TEXT.values(), ids=SAME_TEXT.keys())
def test_spellings_of_text_are_one_thing(truth: pd.Series, prediction: pd.Series) -> None:
    predictions = from_frame(
        frame_of(y=truth, p=prediction), truth="y", prediction="p", positive="yes"
    )
    assert predictions.classes == ("no", "yes")
    assert predictions.truth.tolist() == TRUTH
    assert compute(predictions).values["f1"] == 1.0


@pytest.mark.parametrize("dtype", ["int64", "object", "Int64", "bool", "Float32", "category"])
def test_scores_of_any_numeric_dtype(dtype: str) -> None:
    frame = frame_of(y=TRUTH, s=pd.Series([0, 1, 1, 1, 0]).astype(dtype))
    predictions = from_frame(frame, truth="y", score="s")
    assert predictions.score is not None
    assert predictions.score.dtype == np.float64
    assert predictions.prediction is not None
    assert predictions.prediction.tolist() == [0, 1, 1, 1, 0]


@pytest.mark.parametrize(
    ("columns", "task"),
    [
        ({"y": [0, 1, 0], "p": [1, 1, 0]}, "binary"),
        ({"y": [1, 2, 1], "p": [1, 1, 1]}, "binary"),
        ({"y": ["a", "b", "a"], "p": ["a", "a", "a"]}, "binary"),
        ({"y": ["a", "a", "a"], "p": ["a", "a", "a"]}, "binary"),
        ({"y": [True, False, True], "p": [True, True, True]}, "binary"),
        ({"y": ["a", "b", "c"], "p": ["a", "a", "a"]}, "multiclass"),
        ({"y": [0, 1, 2], "p": [1, 1, 1]}, "multiclass"),
        ({"y": [0, 1, 1], "p": [2, 1, 1]}, "multiclass"),
        ({"y": [3, 1, 4], "p": [2.5, 1, 4]}, "regression"),
        ({"y": [0.5, 1, 4], "p": [1, 1, 4]}, "regression"),
        ({"y": range(30), "p": range(30)}, "regression"),
        ({"y": [0.5], "p": [0.5]}, "regression"),
    ],
)
def test_the_task_is_inferred(columns: dict[str, Any], task: str) -> None:
    assert from_frame(frame_of(**columns), truth="y", prediction="p").task == task


def test_the_task_can_be_said() -> None:
    frame = frame_of(y=range(30), p=range(30))
    assert from_frame(frame, truth="y", prediction="p", task="multiclass").task == "multiclass"
    few = frame_of(y=[0, 1], p=[0, 1])
    assert from_frame(few, truth="y", prediction="p", task="regression").task == "regression"


def test_a_mapping_with_one_class_names_the_positive() -> None:
    frame = frame_of(y=TEXT, s=[0.1, 0.9, 0.9, 0.1, 0.5])
    predictions = from_frame(frame, truth="y", score={"yes": "s"})
    assert predictions.positive == "yes"
    assert predictions.prediction is not None
    assert predictions.prediction.tolist() == TRUTH


def test_a_mapping_with_both_classes_takes_the_positive() -> None:
    frame = frame_of(y=TEXT, n=[0.9, 0.1, 0.1, 0.9, 0.5], s=[0.1, 0.9, 0.9, 0.1, 0.5])
    predictions = from_frame(frame, truth="y", score={"no": "n", "yes": "s"}, positive="no")
    assert predictions.score is not None
    assert predictions.score.tolist() == frame["n"].tolist()
    assert predictions.is_positive.tolist() == [True, False, False, True, False]


def test_keys_of_a_mapping_are_read_as_the_truth_is() -> None:
    frame = frame_of(y=[1, 2, 3], a=[0.8, 0.1, 0.1], b=[0.1, 0.8, 0.1], c=[0.1, 0.1, 0.8])
    predictions = from_frame(frame, truth="y", score={"3": "c", "1": "a", 2: "b"})
    assert predictions.classes == (1, 2, 3)
    assert compute(predictions).values["accuracy"] == 1.0


def test_a_class_that_is_missing_in_the_truth() -> None:
    frame = frame_of(y=["a", "b"], a=[0.6, 0.1], b=[0.2, 0.8], c=[0.2, 0.1])
    predictions = from_frame(frame, truth="y", score={"a": "a", "b": "b", "c": "c"})
    assert predictions.classes == ("a", "b", "c")
    found = compute(predictions)
    assert found.values["f1_macro"] == 1.0
    assert found.undefined == {"roc_auc_ovr": "it needs rows of every class; none is 'c'"}


def test_one_observed_class_is_filled_up() -> None:
    def classes(truth: list[Any], **more: Any) -> tuple[Any, ...]:
        return from_frame(frame_of(y=truth, p=truth), truth="y", prediction="p", **more).classes

    assert classes([1, 1]) == (0, 1)
    assert classes([-1, -1]) == (-1, 1)
    assert classes([True]) == (False, True)
    assert classes(["b"], positive="a") == ("a", "b")
    assert classes(["b"]) == ("b",)


def test_the_unnamed_class_of_a_lone_score() -> None:
    frame = frame_of(y=["spam", "spam"], s=[0.9, 0.1])
    predictions = from_frame(frame, truth="y", score="s", positive="spam")
    assert predictions.classes == ("not spam", "spam")
    assert compute(predictions).values["recall"] == 0.5


def test_a_column_whose_name_pandas_holds_as_a_number() -> None:
    frame = pd.DataFrame({0: [0, 1], 1: [0, 1]})
    assert from_frame(frame, truth="0", prediction="1").task == "binary"


def test_hostile_names_and_labels_are_quoted() -> None:
    name = "$(touch x)\n`y`"
    with pytest.raises(PredictionsError) as caught:
        from_frame(pd.DataFrame({name: [1, None], "p": [1, 0]}), truth=name, prediction="p")
    assert repr(name) in caught.value.message


def test_a_subset_keeps_classes() -> None:
    frame = frame_of(y=TEXT, s=[0.1, 0.9, 0.9, 0.1, 0.5], w=[1, 2, 3, 4, 5])
    whole = from_frame(frame, truth="y", score="s", weight="w", positive="yes")
    part = whole.subset(np.array([False, True, True, False, False]))
    assert len(part) == 2
    assert part.classes == whole.classes
    assert part.weight is not None
    assert part.weight.tolist() == [2, 3]
    assert part.is_positive.all()


GOOD: dict[str, Any] = {"y": [0, 1, 1], "p": [0, 1, 0], "s": [0.2, 0.9, 0.4], "w": [1, 2, 3]}
REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "missing column": (
        {},
        {"prediction": "nope"},
        r"no column 'nope'; the table has 'y', 'p', 's'",
    ),
    "nothing to compare": ({}, {"prediction": None}, "a prediction column, a score column"),
    "NaN in truth": ({"y": [0, None, np.nan]}, {}, r"truth column 'y' has 2 missing .*rows 2, 3"),
    "NaN in prediction": ({"p": [0, 1, None]}, {}, r"prediction column 'p' has 1 missing .*row 3"),
    "NaN in score": ({"s": [np.nan, 1, 0]}, {"score": "s"}, "score column 's' has 1 missing"),
    "NaN in weight": ({"w": [np.nan, 1, 0]}, {"weight": "w"}, "weight column 'w' has 1 missing"),
    "infinite score": ({"s": [np.inf, 1, 0]}, {"score": "s"}, "1 infinite values .*row 1"),
    "infinite class": ({"y": [np.inf, 1, 0]}, {}, "truth column 'y' has 1 infinite values"),
    "positive that is no number": ({}, {"positive": "nan"}, "'nan' is none of the labels"),
    "positive beyond numbers": ({}, {"positive": 10**400}, "is none of the labels"),
    "text score": ({"s": ["a", "b", "c"]}, {"score": "s"}, "must hold numbers; found text: 'a'"),
    "negative weight": ({"w": [1, -1, -2]}, {"weight": "w"}, r"2 negative values \(rows 2, 3\)"),
    "other labels": ({"p": ["0", "1", "0"]}, {}, "holds numbers and .* holds text"),
    "booleans and twos": ({"y": [True, False, True], "p": [2, 1, 0]}, {}, "the same classes"),
    "probabilities as prediction": ({"p": [0.2, 0.9, 0.4]}, {}, "0 and 1 but .* fractions"),
    "fractional class": (
        {"y": [0.5, 1, 2]},
        {"task": "multiclass"},
        "0.5, which cannot be a class",
    ),
    "dates": ({"y": pd.to_datetime(["2020-01-01"] * 3)}, {}, "datetime64"),
    "mixed": ({"y": pd.Series([1, "a", 2], dtype="object")}, {}, "mixed-integer"),
    "complex": ({"y": [1j, 2j, 3j]}, {}, "complex"),
    "third class": ({"y": [0, 1, 2]}, {"score": "s"}, "two classes; found 0, 1, 2"),
    "unknown positive": ({}, {"positive": 7}, "positive class 7 is none of the labels: 0, 1"),
    "unreadable positive": ({}, {"positive": "x"}, "positive class 'x' is none of the labels"),
    "whose score": ({"y": list("aba"), "p": list("aba")}, {"score": "s"}, "which class the score"),
    "score of another class": ({}, {"score": {0: "s", 1: "w", "x": "p"}}, "'x' is no label"),
    "score twice": ({}, {"score": {1: "s", "1": "w"}}, "'1' is given twice"),
    "score of the negative": (
        {},
        {"score": {0: "s"}, "positive": 1},
        "no score column for the positive class 1",
    ),
    "one score for three": ({"y": [0, 1, 2]}, {"score": "s", "task": "multiclass"}, "not enough"),
    "class without score": (
        {"y": ["a", "b", "d"], "p": ["a", "b", "d"]},
        {"score": {"a": "s", "b": "s", "c": "s"}},
        "no score column for class 'd'; given for 'a', 'b', 'c'",
    ),
    "score of a regression": ({}, {"score": "s", "task": "regression"}, "and no score"),
    "regression of text": (
        {"y": ["a", "b", "c"]},
        {"task": "regression"},
        "truth column 'y' must hold numbers",
    ),
}


@pytest.mark.parametrize(("columns", "arguments", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(columns: dict[str, Any], arguments: dict[str, Any], message: str) -> None:
    frame = pd.DataFrame({**GOOD, **columns})
    with pytest.raises(PredictionsError, match=message) as caught:
        from_frame(frame, **{"truth": "y", "prediction": "p", **arguments})
    assert caught.value.exit_code == 2


def test_refused_empty_and_repeated_columns() -> None:
    with pytest.raises(PredictionsError, match="no rows"):
        from_frame(pd.DataFrame({"y": [], "p": []}), truth="y", prediction="p")
    twice = pd.DataFrame([[0, 1, 0]], columns=["y", "p", "y"])
    with pytest.raises(PredictionsError, match="more than one column 'y'"):
        from_frame(twice, truth="y", prediction="p")


def test_refused_more_classes_than_can_be() -> None:
    names = [f"customer {number}" for number in range(1001)]
    with pytest.raises(PredictionsError, match="1,001 distinct labels"):
        from_frame(frame_of(y=names, p=names), truth="y", prediction="p")


def test_predictions_can_be_built_from_arrays() -> None:
    built = Predictions(
        task="binary",
        truth=np.array([0, 1]),
        prediction=np.array([0, 1]),
        score=None,
        classes=(0, 1),
        positive=1,
    )
    assert compute(built).values["accuracy"] == 1.0

"""Metrics, held against scikit-learn's own functions."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk
from assay.stats.catalogue import CATALOGUE
from assay.stats.metrics import MetricError, compute
from assay.stats.predictions import Predictions, from_frame
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

if TYPE_CHECKING:
    from collections.abc import Callable

bounded = settings(max_examples=60, deadline=None, derandomize=True)
EVERY = list(CATALOGUE)


def oracle(function: Callable[..., Any], *args: Any, **kwargs: Any) -> float:
    """What scikit-learn says; it warns where it makes a number up."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(function(*args, **kwargs))


def averages(truth: Any, predicted: Any, weight: Any) -> dict[str, float]:
    found = {}
    for name, function in (
        ("precision", sk.precision_score),
        ("recall", sk.recall_score),
        ("f1", sk.f1_score),
    ):
        for average in ("macro", "micro", "weighted"):
            found[f"{name}_{average}"] = oracle(
                function, truth, predicted, average=average, sample_weight=weight, zero_division=0
            )
    return found


def assert_same(found: dict[str, float], expected: dict[str, float], *, rel: float = 1e-9) -> None:
    assert set(expected) <= set(found)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=rel, abs=1e-9), name


@st.composite
def binary_rows(draw: st.DrawFn) -> dict[str, Any]:
    n = draw(st.integers(1, 60))
    return {
        "truth": draw(hnp.arrays(np.int64, n, elements=st.integers(0, 1))),
        "prediction": draw(hnp.arrays(np.int64, n, elements=st.integers(0, 1))),
        # Few distinct scores, so that ties are the rule.
        "score": draw(hnp.arrays(np.int64, n, elements=st.integers(0, 8))) / 8,
        "weight": draw(st.none() | hnp.arrays(np.int64, n, elements=st.integers(0, 4))),
    }


@bounded
@given(binary_rows())
def test_binary_metrics_are_those_of_scikit_learn(rows: dict[str, Any]) -> None:
    truth, predicted, score, weight = (rows[k] for k in ("truth", "prediction", "score", "weight"))
    frame = pd.DataFrame({k: v for k, v in rows.items() if v is not None})
    predictions = from_frame(
        frame,
        truth="truth",
        prediction="prediction",
        score="score",
        weight=None if weight is None else "weight",
    )
    found = compute(predictions, metrics=EVERY)
    assert all(math.isfinite(value) for value in found.values.values())
    assert set(found.values).isdisjoint(found.undefined)
    if weight is not None and not weight.any():
        assert found.values == {}
        return
    w = {"sample_weight": weight}
    expected = {
        "accuracy": oracle(sk.accuracy_score, truth, predicted, **w),
        "balanced_accuracy": oracle(sk.balanced_accuracy_score, truth, predicted, **w),
        "precision": oracle(sk.precision_score, truth, predicted, zero_division=0, **w),
        "recall": oracle(sk.recall_score, truth, predicted, zero_division=0, **w),
        "f1": oracle(sk.f1_score, truth, predicted, zero_division=0, **w),
        "mcc": oracle(sk.matthews_corrcoef, truth, predicted, **w),
        "brier": oracle(sk.brier_score_loss, truth, score, pos_label=1, **w),
        "log_loss": oracle(sk.log_loss, truth, score, labels=[0, 1], **w),
        **averages(truth, predicted, weight),
    }
    mass = np.ones(len(truth)) if weight is None else weight
    positive, negative = mass[truth == 1].sum(), mass[truth == 0].sum()
    if positive:
        expected["average_precision"] = oracle(sk.average_precision_score, truth, score, **w)
    if positive and negative:
        expected["roc_auc"] = oracle(sk.roc_auc_score, truth, score, **w)
    assert ("roc_auc" in found.undefined) == (not (positive and negative))
    assert ("average_precision" in found.undefined) == (not positive)
    assert_same(found.values, expected)


@st.composite
def multiclass_rows(draw: st.DrawFn) -> dict[str, Any]:
    n, k = draw(st.integers(2, 50)), draw(st.integers(3, 5))
    parts = draw(hnp.arrays(np.int64, (n, k), elements=st.integers(1, 4)))
    return {
        "k": k,
        "truth": draw(hnp.arrays(np.int64, n, elements=st.integers(0, k - 1))),
        "prediction": draw(hnp.arrays(np.int64, n, elements=st.integers(0, k - 1))),
        "score": parts / parts.sum(axis=1, keepdims=True),
        "weight": draw(st.none() | hnp.arrays(np.int64, n, elements=st.integers(0, 4))),
    }


@bounded
@given(multiclass_rows())
def test_multiclass_metrics_are_those_of_scikit_learn(rows: dict[str, Any]) -> None:
    k, score, weight = rows["k"], rows["score"], rows["weight"]
    names = np.array([f"class {code}" for code in range(k)])
    truth, predicted = names[rows["truth"]], names[rows["prediction"]]
    frame = pd.DataFrame(score, columns=[f"p{code}" for code in range(k)])
    frame = frame.assign(truth=truth, prediction=predicted)
    if weight is not None:
        frame["weight"] = weight
    predictions = from_frame(
        frame,
        truth="truth",
        prediction="prediction",
        score={name: f"p{code}" for code, name in enumerate(names.tolist())},
        weight=None if weight is None else "weight",
    )
    assert predictions.task == "multiclass"
    found = compute(predictions, metrics=EVERY)
    if weight is not None and not weight.any():
        assert found.values == {}
        return
    w = {"sample_weight": weight}
    one_hot = np.eye(k)[rows["truth"]]
    expected = {
        "accuracy": oracle(sk.accuracy_score, truth, predicted, **w),
        "balanced_accuracy": oracle(sk.balanced_accuracy_score, truth, predicted, **w),
        "mcc": oracle(sk.matthews_corrcoef, truth, predicted, **w),
        "log_loss": oracle(sk.log_loss, truth, score, labels=names, **w),
        # scikit-learn has it for several classes from 1.7 on.
        "brier": float(np.average(((one_hot - score) ** 2).sum(axis=1), weights=weight)),
        **averages(truth, predicted, weight),
    }
    mass = np.bincount(rows["truth"], weights=weight, minlength=k)
    area = {"labels": names, "average": "macro"}
    if (mass > 0).all():
        expected["roc_auc_ovr"] = oracle(
            sk.roc_auc_score, truth, score, multi_class="ovr", **area, **w
        )
    if weight is None and np.count_nonzero(mass) > 1:
        expected["roc_auc_ovo"] = oracle(sk.roc_auc_score, truth, score, multi_class="ovo", **area)
    assert ("roc_auc_ovr" in found.undefined) == (not (mass > 0).all())
    if weight is not None:
        assert "weighted" in found.undefined["roc_auc_ovo"]
    assert_same(found.values, expected)


@st.composite
def regression_rows(draw: st.DrawFn) -> dict[str, Any]:
    n = draw(st.integers(1, 60))
    number = st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda value: round(value, 3))
    return {
        "truth": draw(hnp.arrays(np.float64, n, elements=number)),
        "prediction": draw(hnp.arrays(np.float64, n, elements=number)),
        "weight": draw(st.none() | hnp.arrays(np.int64, n, elements=st.integers(0, 4))),
    }


@bounded
@given(regression_rows())
def test_regression_metrics_are_those_of_scikit_learn(rows: dict[str, Any]) -> None:
    truth, predicted, weight = (rows[k] for k in ("truth", "prediction", "weight"))
    frame = pd.DataFrame({k: v for k, v in rows.items() if v is not None})
    predictions = from_frame(
        frame,
        truth="truth",
        prediction="prediction",
        weight=None if weight is None else "weight",
        task="regression",
    )
    found = compute(predictions, metrics=[*EVERY, "pinball_0.9"])
    if weight is not None and not weight.any():
        assert found.values == {}
        return
    w = {"sample_weight": weight}
    counted = truth if weight is None else truth[weight > 0]
    expected = {
        "mae": oracle(sk.mean_absolute_error, truth, predicted, **w),
        "mse": oracle(sk.mean_squared_error, truth, predicted, **w),
        "rmse": oracle(sk.root_mean_squared_error, truth, predicted, **w),
        "pinball": oracle(sk.mean_pinball_loss, truth, predicted, **w),
        "pinball_0.9": oracle(sk.mean_pinball_loss, truth, predicted, alpha=0.9, **w),
        # Releases of scikit-learn differ in the weighted median; a weight of 3 is three rows.
        "median_absolute_error": oracle(
            sk.median_absolute_error,
            np.repeat(truth, 1 if weight is None else weight),
            np.repeat(predicted, 1 if weight is None else weight),
        ),
    }
    if (counted != 0).all():
        expected["mape"] = oracle(sk.mean_absolute_percentage_error, truth, predicted, **w)
    constant = counted.min() == counted.max()
    if not constant:
        expected["r2"] = oracle(sk.r2_score, truth, predicted, **w)
    assert ("mape" in found.undefined) == bool((counted == 0).any())
    assert ("r2" in found.undefined) == constant
    assert_same(found.values, expected, rel=1e-7)


def binary(**columns: Any) -> Predictions:
    frame = pd.DataFrame(columns)
    named = {name: name for name in ("prediction", "score", "weight") if name in columns}
    return from_frame(frame, truth="truth", positive=1, **named)  # type: ignore[arg-type]


def test_one_class_says_which_metric_and_why() -> None:
    found = compute(binary(truth=[1, 1, 1], score=[0.9, 0.2, 0.6]))
    assert found.undefined == {"roc_auc": "it needs rows of both classes; all 3 are 1"}
    assert found.values["average_precision"] == 1.0
    assert found.values["recall"] == pytest.approx(2 / 3)
    none = compute(binary(truth=[0, 0], score=[0.9, 0.2]))
    assert set(none.undefined) == {"roc_auc", "average_precision"}
    assert none.values["precision"] == none.values["recall"] == 0.0


def test_scores_that_are_no_probabilities_still_rank() -> None:
    predictions = binary(truth=[0, 1, 1, 0], score=[-3, 2, 40, 1], prediction=[0, 1, 1, 1])
    found = compute(predictions)
    assert found.values["roc_auc"] == 1.0
    assert "from -3 to 40" in found.undefined["log_loss"]
    assert "from -3 to 40" in found.undefined["brier"]


def test_no_threshold_on_scores_that_are_no_probabilities() -> None:
    found = compute(binary(truth=[0, 1], score=[-3, 2]), metrics=["roc_auc", "accuracy"])
    assert found.values == {"roc_auc": 1.0}
    assert "prediction column" in found.undefined["accuracy"]


def test_probabilities_that_do_not_sum_to_one() -> None:
    frame = pd.DataFrame({"y": ["a", "b", "c"], "a": [0.5] * 3, "b": [0.3] * 3, "c": [0.3] * 3})
    predictions = from_frame(frame, truth="y", score={"a": "a", "b": "b", "c": "c"})
    found = compute(predictions)
    assert "3 rows do not sum to 1" in found.undefined["log_loss"]
    assert set(found.undefined) == {"roc_auc_ovr", "log_loss", "brier"}
    assert found.values["accuracy"] == pytest.approx(1 / 3)


def test_constant_predictions() -> None:
    found = compute(binary(truth=[0, 1, 0, 1], prediction=[1] * 4, score=[0.7] * 4))
    assert found.undefined == {}
    assert found.values["roc_auc"] == 0.5
    assert found.values["average_precision"] == 0.5
    assert found.values["mcc"] == 0.0


def test_constant_predictions_with_fractional_weights_have_no_correlation() -> None:
    weight = [0.1, 0.2, 0.3, 0.7]
    found = compute(binary(truth=[0, 1, 0, 1], prediction=[1] * 4, weight=weight), metrics=["mcc"])
    assert found.values == {"mcc": 0.0}


def test_certain_and_wrong_probabilities_have_a_finite_log_loss() -> None:
    found = compute(binary(truth=[0, 1], score=[1.0, 0.0]), metrics=["log_loss"])
    assert found.values["log_loss"] == pytest.approx(oracle(sk.log_loss, [0, 1], [1.0, 0.0]))


def test_a_rare_class_keeps_its_digits() -> None:
    truth = np.zeros(1_000_000, dtype=np.int64)
    predicted = truth.copy()
    truth[:3], predicted[1:4] = 1, 1
    found = compute(binary(truth=truth, prediction=predicted), metrics=["mcc"])
    assert found.values["mcc"] == pytest.approx(sk.matthews_corrcoef(truth, predicted), rel=1e-9)


def regression(truth: list[float], predicted: list[float], **more: Any) -> Predictions:
    frame = pd.DataFrame({"y": truth, "p": predicted, **more})
    return from_frame(frame, truth="y", prediction="p", task="regression")


def test_a_single_row() -> None:
    found = compute(regression([2.0], [3.0]))
    assert found.values == {"mae": 1.0, "rmse": 1.0, "mape": 0.5, "median_absolute_error": 1.0}
    assert found.undefined == {"r2": "it needs at least two rows"}
    one = compute(binary(truth=[1], prediction=[1]))
    assert one.values["accuracy"] == one.values["balanced_accuracy"] == 1.0


def test_a_constant_truth_has_no_r2() -> None:
    # 0.1 is not exact in binary: its mean differs from it, and R² would be a huge number.
    found = compute(regression([0.1] * 7, [0.2] * 7), metrics=["r2"])
    assert "constant (0.1)" in found.undefined["r2"]


def test_mape_of_a_zero() -> None:
    found = compute(regression([0.0, 0.0, 1.0], [1.0, 1.0, 1.0]), metrics=["mape"])
    assert found.undefined == {"mape": "it divides by the true value, which is 0 in 2 rows"}


def test_huge_values_overflow_with_a_reason() -> None:
    found = compute(regression([1e300, -1e300], [-1e300, 1e300]))
    assert set(found.undefined) == {"r2", "rmse"}
    assert "overflow" in found.undefined["rmse"]
    assert found.values["mae"] == pytest.approx(2e300)


def test_unweighted_and_equal_weights_agree() -> None:
    rng = np.random.default_rng(3)
    columns = {"truth": rng.integers(0, 2, 500), "score": rng.random(500)}
    plain, weighted = compute(binary(**columns)), compute(binary(**columns, weight=[2.5] * 500))
    assert_same(weighted.values, plain.values)


def test_metrics_of_another_task_and_without_their_column() -> None:
    found = compute(binary(truth=[0, 1], prediction=[0, 1]), metrics=["r2", "roc_auc"])
    assert found.values == {}
    assert "regression" in found.undefined["r2"]
    assert "score" in found.undefined["roc_auc"]
    assert "roc_auc" not in compute(binary(truth=[0, 1], prediction=[0, 1])).undefined


def test_no_positive_class() -> None:
    frame = pd.DataFrame({"y": ["a", "b"], "p": ["a", "b"]})
    found = compute(from_frame(frame, truth="y", prediction="p"))
    assert found.values["accuracy"] == 1.0
    assert "'a' or 'b'" in found.undefined["f1"]


def test_no_rows_after_subsetting() -> None:
    empty = binary(truth=[0, 1], score=[0.1, 0.2]).subset(np.array([False, False]))
    found = compute(empty)
    assert found.values == {}
    assert set(found.undefined.values()) == {"there are no rows"}


def test_an_unknown_metric_is_named_with_what_is_allowed() -> None:
    with pytest.raises(MetricError, match=r"'f1_score'.*known are accuracy") as caught:
        compute(binary(truth=[0, 1], prediction=[0, 1]), metrics=["f1_score"])
    assert caught.value.exit_code == 2
    assert caught.value.hint == "Did you mean 'f1'?"


def test_the_order_asked_for_is_kept() -> None:
    found = compute(binary(truth=[0, 1], prediction=[0, 1]), metrics=["f1", "accuracy", "f1"])
    assert list(found.values) == ["f1", "accuracy"]

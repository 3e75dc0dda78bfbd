"""Curves: their shape against scikit-learn's, their size, and their JSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk
from assay.stats.curves import (
    MAX_POINTS,
    OTHER,
    Calibration,
    ConfusionMatrix,
    Curve,
    PrecisionRecallCurve,
    Residuals,
    RocCurve,
    curves,
    thin,
)
from assay.stats.predictions import Predictions, from_frame
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from sklearn.calibration import calibration_curve

bounded = settings(max_examples=40, deadline=None, derandomize=True)


def binary(truth: Any, score: Any, **more: Any) -> Predictions:
    frame = pd.DataFrame({"y": truth, "s": score, **more})
    return from_frame(frame, truth="y", score="s", weight="w" if "w" in more else None, positive=1)


def only(kind: type[Any], found: tuple[Any, ...]) -> Any:
    (one,) = [curve for curve in found if isinstance(curve, kind)]
    return one


def area_between(x: Any, y: Any) -> float:
    return float(sk.auc(np.asarray(x), np.asarray(y)))


@st.composite
def rankings(draw: st.DrawFn) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Rankings of every quality, prevalence and coarseness; up to 20,000 rows."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.sampled_from([2, 10, 300, 3000, 20_000]))
    prevalence = draw(st.sampled_from([0.001, 0.02, 0.3, 0.5, 0.98]))
    truth = (rng.random(n) < prevalence).astype(int)
    truth[0], truth[-1] = 0, 1
    noise = draw(st.sampled_from([0.01, 0.5, 1.0, 3.0, 100.0]))
    sign = draw(st.sampled_from([1, -1]))
    score = sign * truth + rng.normal(scale=noise, size=n)
    score = 1 / (1 + np.exp(-score))
    digits = draw(st.sampled_from([1, 2, 16]))
    return truth, score.round(digits)


@bounded
@given(rankings())
def test_few_points_keep_the_area(rows: tuple[Any, Any]) -> None:
    truth, score = rows
    found = curves(binary(truth, score))
    roc, pr = only(RocCurve, found), only(PrecisionRecallCurve, found)
    assert len(roc.threshold) <= MAX_POINTS
    assert len(pr.threshold) <= MAX_POINTS
    assert roc.area == pytest.approx(sk.roc_auc_score(truth, score))
    assert pr.average_precision == pytest.approx(sk.average_precision_score(truth, score))
    drawn = area_between(roc.false_positive_rate, roc.true_positive_rate)
    assert drawn == pytest.approx(roc.area, abs=0.005)
    precision, recall, _ = sk.precision_recall_curve(truth, score)
    assert area_between(pr.recall, pr.precision) == pytest.approx(
        area_between(recall, precision), abs=0.005
    )
    assert (np.diff(roc.false_positive_rate) >= 0).all()
    assert (np.diff(roc.true_positive_rate) >= 0).all()
    assert (np.diff(pr.recall) >= 0).all()
    assert (np.diff(roc.threshold) < 0).all()
    assert (roc.false_positive_rate[0], roc.true_positive_rate[0]) == (0, 0)
    assert (roc.false_positive_rate[-1], roc.true_positive_rate[-1]) == (1, 1)
    assert pr.recall[-1] == 1


@bounded
@given(rankings())
def test_every_point_is_what_its_threshold_gives(rows: tuple[Any, Any]) -> None:
    truth, score = rows
    roc = only(RocCurve, curves(binary(truth, score)))
    for right, threshold in zip(roc.true_positive_rate, roc.threshold, strict=True):
        assert right == pytest.approx((score[truth == 1] >= threshold).mean(), abs=1e-6)


@bounded
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 3, 5000]))
def test_thinning_any_line_keeps_its_ends_and_area(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = np.sort(rng.random(size).round(2)), np.cumsum(rng.normal(size=size))
    y = (y - y.min()) / max(float(np.ptp(y)), 1e-9)
    kept = thin(x, y)
    assert kept[0] == 0
    assert kept[-1] == size - 1
    assert len(kept) <= MAX_POINTS
    assert (np.diff(kept) > 0).all()
    if size > 1:
        assert area_between(x[kept], y[kept]) == pytest.approx(area_between(x, y), abs=0.005)


def test_an_adversarial_saw_keeps_its_area() -> None:
    # Blocks of negatives, then of positives: precision falls and rises as often as it can.
    truth = np.concatenate([[0] * (size // 2) + [1] * size for size in range(1, 150)])
    score = np.linspace(1, 0, len(truth))
    pr = only(PrecisionRecallCurve, curves(binary(truth, score)))
    precision, recall, _ = sk.precision_recall_curve(truth, score)
    assert area_between(pr.recall, pr.precision) == pytest.approx(
        area_between(recall, precision), abs=0.005
    )


def test_weighted_curves() -> None:
    rng = np.random.default_rng(5)
    truth, score, weight = rng.integers(0, 2, 400), rng.random(400).round(2), rng.random(400)
    weight[:50] = 0
    found = curves(binary(truth, score, w=weight))
    assert only(RocCurve, found).area == pytest.approx(
        sk.roc_auc_score(truth, score, sample_weight=weight)
    )
    matrix = only(ConfusionMatrix, found)
    expected = sk.confusion_matrix(truth, score >= 0.5, sample_weight=weight)
    assert np.array(matrix.counts) == pytest.approx(expected)


def test_calibration_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(5)
    score = rng.random(5000).round(3)
    truth = (rng.random(5000) < score).astype(int)
    found = only(Calibration, curves(binary(truth, score)))
    fraction, predicted = calibration_curve(truth, score, n_bins=10)
    assert found.fraction_positive == pytest.approx(fraction, abs=1e-6)
    assert found.mean_predicted == pytest.approx(predicted, abs=1e-6)
    assert sum(found.count) == 5000


def test_confusion_matrix_of_labels() -> None:
    frame = pd.DataFrame({"y": ["b", "a", "c", "c"], "p": ["b", "b", "c", "a"]})
    found = curves(from_frame(frame, truth="y", prediction="p"))
    assert found == (
        ConfusionMatrix(labels=("a", "b", "c"), counts=((0, 1, 0), (0, 1, 0), (1, 0, 1))),
    )
    assert all(isinstance(count, int) for row in found[0].counts for count in row)


def test_a_large_confusion_matrix_folds_the_smallest_classes() -> None:
    names = [f"{code:03}" for code in range(100)]
    truth = names + names[:29] * 3
    frame = pd.DataFrame({"y": truth, "p": truth})
    matrix = only(ConfusionMatrix, curves(from_frame(frame, truth="y", prediction="p")))
    assert matrix.labels == (*names[:29], OTHER)
    assert [matrix.counts[i][i] for i in range(30)] == [4] * 29 + [71]
    assert sum(map(sum, matrix.counts)) == len(truth)


def test_a_curve_for_each_of_the_most_frequent_classes() -> None:
    rng = np.random.default_rng(2)
    k = 12
    truth = np.concatenate([np.arange(k), rng.integers(0, 10, 500)])
    score = rng.dirichlet(np.ones(k), len(truth))
    frame = pd.DataFrame(score, columns=[f"p{code}" for code in range(k)]).assign(y=truth)
    found = curves(from_frame(frame, truth="y", score={code: f"p{code}" for code in range(k)}))
    rocs = [curve for curve in found if isinstance(curve, RocCurve)]
    assert [roc.label for roc in rocs] == [str(code) for code in range(10)]
    for code, roc in enumerate(rocs):
        assert roc.area == pytest.approx(sk.roc_auc_score(truth == code, score[:, code]))


def test_what_is_undefined_is_left_out() -> None:
    kinds = [curve.kind for curve in curves(binary([1, 1], [0.2, 0.8]))]
    assert kinds == ["precision-recall", "confusion-matrix", "calibration"]
    kinds = [curve.kind for curve in curves(binary([0, 0], [0.2, 0.8]))]
    assert kinds == ["confusion-matrix", "calibration"]
    kinds = [curve.kind for curve in curves(binary([0, 1], [-5, 5]))]
    assert kinds == ["roc", "precision-recall"]
    assert curves(binary([0, 1], [0.2, 0.8], w=[0, 0])) == ()
    assert curves(binary([0, 1], [0.2, 0.8]).subset(np.array([False, False]))) == ()


def regression(truth: Any, predicted: Any) -> tuple[Curve, ...]:
    frame = pd.DataFrame({"y": truth, "p": predicted})
    return curves(from_frame(frame, truth="y", prediction="p", task="regression"))


def test_residuals_do_not_depend_on_the_order_of_rows() -> None:
    rng = np.random.default_rng(7)
    truth, predicted = rng.normal(size=3000), rng.normal(size=3000).round(1)
    found = only(Residuals, regression(truth, predicted))
    order = rng.permutation(3000)
    assert regression(truth[order], predicted[order]) == (found,)
    assert len(found.predicted) == len(found.residual) == 500
    assert (min(found.predicted), max(found.predicted)) == (predicted.min(), predicted.max())
    counts, edges = np.histogram(truth - predicted, bins=40)
    assert found.counts == tuple(counts.tolist())
    assert found.edges == pytest.approx(edges)
    assert found.rows == 3000


@pytest.mark.parametrize(
    ("truth", "predicted"),
    [([1.0], [1.0]), ([2.0, 2.0], [1.0, 1.0]), ([1e300, 1e300], [1.0, 2.0]), ([0, 5e-324], [0, 0])],
)
def test_residuals_without_a_range(truth: list[float], predicted: list[float]) -> None:
    found = only(Residuals, regression(truth, predicted))
    assert sum(found.counts) == len(truth)
    assert len(found.edges) == len(found.counts) + 1


def test_residuals_that_overflow_are_left_out() -> None:
    assert regression([1.7e308, 0.5], [-1.7e308, 0.5]) == ()


def test_curves_survive_json() -> None:
    adapter: TypeAdapter[tuple[Curve, ...]] = TypeAdapter(tuple[Curve, ...])
    rng = np.random.default_rng(7)
    found = (
        *curves(binary(rng.integers(0, 2, 300), rng.random(300))),
        *curves(binary([0, 1], [np.finfo(np.float64).max, 0])),
        *regression(rng.normal(size=30), rng.normal(size=30)),
    )
    text = adapter.dump_json(found)
    assert adapter.validate_json(text) == found
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))

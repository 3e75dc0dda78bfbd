"""What a bundle keeps for a monitor: learned from predictions, and read again as it was."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from assay.packaging import kept
from assay.packaging.kept import Kept
from assay.rescoring.facts import FeatureImportance, Importance
from assay.stats.metrics import compute
from assay.stats.predictions import Predictions, from_frame

CHANCE = np.random.default_rng(3)
ROWS = 2000


def binary() -> Predictions:
    score = CHANCE.random(ROWS)
    truth = (CHANCE.random(ROWS) < score).astype(int)
    frame = pd.DataFrame({"y": truth, "p": score})
    return from_frame(frame, truth="y", score="p", positive=1)


def multiclass() -> Predictions:
    scores = CHANCE.dirichlet([1, 1, 1], ROWS)
    truth = [CHANCE.choice(["a", "b", "c"], p=row) for row in scores]
    frame = pd.DataFrame({"y": truth, "pa": scores[:, 0], "pb": scores[:, 1], "pc": scores[:, 2]})
    return from_frame(frame, truth="y", score={"a": "pa", "b": "pb", "c": "pc"})


IMPORTANCE = Importance(
    metric="roc_auc",
    rows=100,
    of_rows=100,
    repeats=5,
    features=(
        FeatureImportance(feature="hour", head=0.2),
        FeatureImportance(feature="age", head=0.1),
        FeatureImportance(feature="old", base=0.3),
    ),
)


def test_importance_is_kept_without_sensitive_columns_and_those_of_base() -> None:
    found = kept.of(None, IMPORTANCE, sensitive={"age"})
    assert found.importance == {"hour": 0.2}
    assert found.importance_metric == "roc_auc"
    assert found.calibrations == ()


@pytest.mark.parametrize(
    ("rows", "classes"), [(binary(), (1,)), (multiclass(), ("a", "b", "c"))], ids=["two", "three"]
)
def test_what_is_read_again_is_what_was_learned(rows: Predictions, classes: tuple) -> None:
    found = Kept.model_validate_json(kept.of(rows, None).model_dump_json())
    assert found.classes == classes
    assert len(found.calibrations) == len(classes)
    _, learned, expected = kept.learned(rows)
    for one, other in zip(kept.calibrations(found), learned, strict=True):
        assert np.array_equal(one.rates, other.rates)
        assert np.array_equal(one.upper, other.upper)
    assert kept.estimates(found) == expected


def test_estimates_where_it_was_tested_are_the_metrics_themselves() -> None:
    rows = binary()
    found = kept.of(rows, None).estimates
    real = compute(rows, metrics=list(found)).values
    for name, one in found.items():
        assert one.value == pytest.approx(real[name], abs=0.02), name


@pytest.mark.parametrize("score", [None, "margin"])
def test_without_probabilities_nothing_is_estimated(score: str | None) -> None:
    frame = pd.DataFrame({"y": [0, 1] * 50, "label": [0, 1] * 50, "margin": [-3.0, 2.0] * 50})
    rows = from_frame(frame, truth="y", prediction="label", score=score, positive=1)
    assert kept.of(rows, None).calibrations == ()


def test_a_regression_keeps_no_estimate() -> None:
    frame = pd.DataFrame({"y": [0.5, 1.5], "value": [0.4, 1.4]})
    rows = from_frame(frame, truth="y", prediction="value", task="regression")
    assert kept.of(rows, IMPORTANCE).classes == ()

"""Performance of a window for every task: with labels, by slices, and estimated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import ibis
import numpy as np
import pandas as pd
import pytest
from assay import config as configs
from assay.config import Column
from assay.evaluation import Found as Read
from assay.monitor import frames, measuring, model
from assay.monitor.baseline import Side
from assay.monitor.measuring import Asked
from assay.monitor.model import TRUTH, Model
from assay.monitor.performance import Known
from assay.packaging import kept
from assay.packaging.facts import OutputSpec, Signature
from assay.packaging.profile import Categories, Profile
from assay.stats.difference import Settings
from assay.stats.metrics import compute
from assay.stats.predictions import from_frame

if TYPE_CHECKING:
    from assay.packaging.facts import Task

ROWS = 1500
EMPTY = Profile(rows=5000, features=(), predictions=())


def subject(task: Task, classes: tuple[Any, ...] | None = None, **given: Any) -> Model:
    outputs = (OutputSpec(name="label", meaning="label", dtype="string", shape=(None,)),)
    signature = Signature(task=task, inputs=(), outputs=outputs, classes=classes)
    return Model("m", "v1", "d" * 64, signature, EMPTY, **given)


def asked(watched: Model, slices: tuple[Column, ...] = (), **allowed: float) -> Asked:
    return Asked(watched, allowed, Settings(resamples=500), slices, least_rows=300)


def binary(rows: int = ROWS, seed: int = 0, classes: tuple[Any, Any] = (0, 1)) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    score = chance.random(rows)
    truth = np.where(chance.random(rows) < score, classes[1], classes[0])
    return pd.DataFrame(
        {
            "season": chance.choice(["warm", "cold"], rows),
            "prediction.label": np.where(score > 0.5, classes[1], classes[0]),
            f"prediction.probabilities[{classes[0]}]": 1 - score,
            f"prediction.probabilities[{classes[1]}]": score,
            TRUTH: truth,
        }
    )


@pytest.mark.parametrize("classes", [(0, 1), (False, True), ("no", "yes")])
def test_two_classes_of_any_type_have_the_metrics_of_scikit_learns_definitions(
    classes: tuple[Any, Any],
) -> None:
    frame = binary(classes=classes)
    watched = subject("binary", classes)
    found = measuring.with_labels(
        asked(watched, roc_auc=0.05, accuracy=0.05), frame, Side(EMPTY, labelled=frame)
    )
    values = {one.metric: one.value for one in found.metrics}
    rows = from_frame(
        frame,
        truth=TRUTH,
        prediction="prediction.label",
        score=f"prediction.probabilities[{classes[1]}]",
        positive=classes[1],
    )
    assert values == compute(rows, metrics=["roc_auc", "accuracy"]).values
    assert all(one.effect == 0 and one.p_value > 0.5 for one in found.questions)


def test_a_positive_class_of_the_configuration_is_taken() -> None:
    watched = subject("binary", (0, 1), positive=0)
    assert model.predictions(binary(), watched).positive == 0


def test_several_classes_are_measured_and_estimated() -> None:
    chance = np.random.default_rng(2)
    classes = ("a", "b", "c")
    scores = chance.dirichlet([0.5, 0.5, 0.5], ROWS)
    truth = np.array([chance.choice(classes, p=row) for row in scores])
    frame = pd.DataFrame(
        {f"prediction.probabilities[{c}]": scores[:, n] for n, c in enumerate(classes)}
    )
    frame["prediction.label"] = np.array(classes)[scores.argmax(axis=1)]
    frame[TRUTH] = truth
    watched = subject("multiclass", classes)
    side = Side(EMPTY, labelled=frame)
    real = measuring.with_labels(asked(watched, accuracy=0.05), frame, side)
    guessed = measuring.without_labels(asked(watched, accuracy=0.05), frame, side)
    assert guessed.metrics[0].value == pytest.approx(real.metrics[0].value, abs=0.02)
    assert guessed.metrics[0].estimated
    assert guessed.questions[0].about == "estimate"


def test_a_regression_is_held_against_what_the_bundle_knows() -> None:
    chance = np.random.default_rng(5)
    truth = chance.normal(size=ROWS)
    frame = pd.DataFrame({"prediction.value": truth + chance.normal(0, 0.5, ROWS), TRUTH: truth})
    watched = subject("regression", known={"mae": Known(0.4, 0.39, 0.41, 0.95, 5000)})
    good = measuring.with_labels(asked(watched, mae=0.05), frame, Side(EMPTY))
    assert good.questions[0].p_value > 0.5
    worse = frame.assign(**{"prediction.value": truth + chance.normal(0, 1.5, ROWS)})
    bad = measuring.with_labels(asked(watched, mae=0.05), worse, Side(EMPTY))
    assert bad.questions[0].effect > 0.5
    assert bad.questions[0].p_value < 1e-6
    # Without labels nobody knows, and that is said.
    assert measuring.without_labels(asked(watched, mae=0.05), frame, Side(EMPTY)).notes == (
        measuring.UNKNOWN,
    )


def test_slices_are_held_against_what_the_bundle_keeps_of_them() -> None:
    config = configs.parse(
        "metrics: {accuracy: {}}\n"
        "predictions: {path: p.csv, truth: y, prediction: said, positive: 1, slices: [season, age]}"
    )
    old = binary(6000, seed=8)
    renamed = {TRUTH: "y", "prediction.label": "said"}
    tested = old.rename(columns=renamed).assign(age=["old", "new"] * 3000)
    rows = from_frame(tested, truth="y", prediction="said", positive=1)
    keeps = kept.sliced(Read(frame=tested, predictions=rows), config, sensitive={"age"})
    assert [one.name for one in keeps.slices] == ["season = cold", "season = warm"]
    frame = binary()
    cold = frame["season"] == "cold"
    frame.loc[cold, TRUTH] = 1 - frame.loc[cold, TRUTH]
    overall = {"accuracy": Known(0.75, 0.74, 0.76, 0.95, 6000)}
    watched = subject("binary", (0, 1), known=overall, kept=keeps)
    season = (Column(column="season"), Column(column="gone"))
    found = measuring.with_labels(asked(watched, season, accuracy=0.05), frame, Side(EMPTY))
    lost = {one.name: one.effect for one in found.questions}
    assert lost["accuracy (season = cold)"] > 0.4
    assert abs(lost["accuracy (season = warm)"]) < 0.05
    assert found.notes == ("There are no slices by gone: the model has no such feature.",)


def test_a_metric_that_the_reference_lacks_is_a_doubt() -> None:
    found = measuring.with_labels(asked(subject("binary", (0, 1)), mcc=0.1), binary(), Side(EMPTY))
    assert found.doubts == (
        "mcc of the labelled rows is not known: the reference has no value of it",
    )


def test_scores_that_are_no_numbers_are_left_out_of_the_estimate() -> None:
    learned = binary(3000, seed=4)
    watched = subject("binary", (0, 1))
    frame = binary()
    frame.loc[:99, "prediction.probabilities[1]"] = [np.nan, np.inf] * 50
    found = measuring.without_labels(
        asked(watched, accuracy=0.05), frame, Side(EMPTY, labelled=learned)
    )
    assert found.metrics[0].rows == ROWS - 100


@pytest.mark.parametrize(
    ("values", "is_text"),
    [(("1", "2"), False), (("01",), True), (("True", "False"), False), (("1.5",), False)],
)
def test_categories_that_a_reader_would_change_are_read_as_text(
    values: tuple[str, ...], is_text: bool
) -> None:
    one = Categories(name="x", count=9, nulls=0, values=values, counts=(1,) * len(values))
    signature = subject("binary").signature
    watched = Model("m", "v", "d", signature, EMPTY.model_copy(update={"features": (one,)}))
    assert (watched.texts == {"x"}) is is_text


def test_of_too_many_rows_whole_requests_are_taken() -> None:
    connection = duckdb.connect(config={"threads": 1})
    table = pd.DataFrame({"id": np.arange(4000) // 2, "x": 1.0, "at": np.arange(4000)[::-1]})
    connection.register("given", table)
    connection.execute("CREATE TABLE log AS SELECT * FROM given")
    rows = ibis.duckdb.from_connection(connection).table("log")
    found = frames.of(rows, {"id": "id", "at": "at"}, key=("id",), time="at", most=400)
    assert 250 < len(found) < 550
    assert (found["id"].value_counts() == 2).all()
    assert found["at"].is_monotonic_increasing
    assert len(frames.of(rows, {"id": "id"}, most=4000)) == 4000
    nothing = frames.of(rows.filter(rows["x"] > 1), {"id": "id"})
    assert list(nothing.columns) == ["id"]
    assert nothing.empty

"""Late labels, what they say of the model, and what can be said before they come."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from assay.errors import DataError
from assay.monitor import estimated, estimatedclasses, performance
from assay.monitor.calibration import Calibration, fitted
from assay.monitor.labels import joined
from assay.monitor.multivariate import LEAST_ROWS, separation
from assay.monitor.performance import Known
from assay.monitor.verdict import judge
from assay.stats.difference import Settings
from assay.stats.metrics import compute
from assay.stats.predictions import Predictions
from hypothesis import given, settings
from hypothesis import strategies as st

# Labels -----------------------------------------------------------------------------------------

KEY = ["id", "row"]


def predicted(*ids: object) -> pd.DataFrame:
    return pd.DataFrame({"id": list(ids), "row": 0})


def told(*labels: tuple[object, object]) -> pd.DataFrame:
    return pd.DataFrame({"id": [i for i, _ in labels], "row": 0, "truth": [t for _, t in labels]})


def test_labels_in_any_order_and_late_ones() -> None:
    found = joined(predicted("a", "b", "c"), told(("c", 1), ("a", 0)), key=KEY, truth="truth")
    assert dict(zip(found.predictions.tolist(), found.labels.tolist(), strict=True)) == {0: 1, 2: 0}
    assert (found.unlabelled, found.unknown, found.repeated, found.disagreeing) == (1, 0, 0, 0)


def test_labels_that_come_twice_and_labels_that_disagree() -> None:
    labels = told(("a", 1), ("a", 1), ("b", 0), ("b", 1), ("x", 1), ("c", None), (None, 1))
    found = joined(predicted("a", "b", "c", "a"), labels, key=KEY, truth="truth")
    assert found.predictions.tolist() == [0]
    assert found.labels.tolist() == [0]
    assert (found.repeated, found.disagreeing, found.unknown, found.empty) == (1, 1, 1, 2)
    assert (found.unlabelled, found.duplicates) == (2, 1)


def test_a_label_that_came_empty_first_counts_when_it_comes() -> None:
    found = joined(predicted("a"), told(("a", None), ("a", 1)), key=KEY, truth="truth")
    assert (found.labels.tolist(), found.disagreeing) == ([1], 0)


@pytest.mark.parametrize("ids", [[7, 8], [7.0, 8.0], ["7", "8"]])
def test_an_id_of_digits_is_found_whatever_its_type(ids: list[object]) -> None:
    found = joined(predicted("7", "8"), told(*[(i, 1) for i in ids]), key=KEY, truth="truth")
    assert found.predictions.tolist() == [0, 1]


def test_a_prediction_without_an_id_has_no_label_and_is_no_duplicate() -> None:
    found = joined(predicted(None, "a", None), told(("a", 1)), key=KEY, truth="truth")
    assert (found.predictions.tolist(), found.unlabelled, found.duplicates) == ([1], 2, 0)


def test_no_labels_at_all() -> None:
    labels = told(("a", 1)).iloc[:0]
    found = joined(predicted("a", "b"), labels, key=KEY, truth="truth")
    assert (len(found.predictions), found.unlabelled) == (0, 2)


@settings(max_examples=40)
@given(
    st.lists(st.sampled_from("abcdef"), max_size=8),
    st.lists(st.tuples(st.sampled_from("abcdefg"), st.sampled_from([0, 1, None])), max_size=12),
)
def test_every_prediction_and_label_is_accounted_for(
    ids: list[str], labels: list[tuple[str, int | None]]
) -> None:
    given_labels = told(*labels).astype({"id": object})
    found = joined(predicted(*ids).astype({"id": object}), given_labels, key=KEY, truth="truth")
    by_id: dict[str, set[int]] = {}
    for ident, truth in labels:
        if truth is not None:
            by_id.setdefault(ident, set()).add(truth)
    certain = {ident for ident, truths in by_id.items() if len(truths) == 1}
    assert len(found.predictions) == len(set(ids) & certain)
    assert found.unlabelled == len(set(ids) - certain)
    assert found.duplicates == len(ids) - len(set(ids))
    assert found.disagreeing == sum(len(truths) == 2 for truths in by_id.values())
    assert found.unknown == len(set(by_id) - set(ids))
    assert found.empty == sum(truth is None for _, truth in labels)
    for at, label in zip(found.predictions.tolist(), found.labels.tolist(), strict=True):
        assert ids[at] == labels[label][0]


def test_a_missing_key_is_an_error() -> None:
    with pytest.raises(DataError, match="The labels have no column 'truth'"):
        joined(predicted("a"), predicted("a"), key=KEY, truth="truth")
    with pytest.raises(DataError, match="The predictions have no column 'row'"):
        joined(predicted("a")[["id"]], told(("a", 1)), key=KEY, truth="truth")


# Performance ------------------------------------------------------------------------------------


def world(rows: int, seed: int, *, noise: float = 0.0, shift: float = 0.0) -> Predictions:
    """Calibrated scores; `noise` is how often the truth has nothing to do with them."""
    chance = np.random.default_rng(seed)
    score = 1 / (1 + np.exp(-chance.normal(shift, 1.5, size=rows)))
    honest = chance.random(rows) < score
    truth = np.where(chance.random(rows) < noise, chance.random(rows) < 0.5, honest)
    return Predictions(
        task="binary",
        truth=truth.astype(np.intp),
        prediction=(score >= 0.5).astype(np.intp),
        score=score,
        classes=(0, 1),
        positive=1,
    )


ALLOWED = {"roc_auc": 0.03, "accuracy": 0.03, "log_loss": 0.05}


@pytest.mark.parametrize(("noise", "outcome"), [(0.0, "quiet"), (0.02, "quiet"), (0.4, "drift")])
def test_a_model_that_got_worse(noise: float, outcome: str) -> None:
    window, reference = world(4000, 1, noise=noise), world(4000, 2)
    asked, without = performance.questions(
        window, reference, allowed=ALLOWED, settings=Settings(resamples=500)
    )
    assert without == {}
    assert [one.name for one in asked] == list(ALLOWED)
    for one in asked:
        now, then = (compute(p, metrics=[one.name]).values[one.name] for p in (window, reference))
        lost = now - then if one.name == "log_loss" else then - now
        assert one.effect == pytest.approx(lost)
        assert one.low < lost < one.high
        assert (one.p_value < 0.5) == (lost > one.bound)
    assert judge(asked, rows=4000).outcome == outcome


def test_a_model_that_got_better_is_quiet() -> None:
    asked, _ = performance.questions(
        world(4000, 1), world(4000, 2, noise=0.4), allowed=ALLOWED, settings=Settings(resamples=500)
    )
    assert all(one.effect < 0 for one in asked)
    assert judge(asked, rows=4000).outcome == "quiet"


def test_a_window_of_one_class_has_no_area() -> None:
    window = world(800, 1)
    window = window.subset(window.truth == 1)
    asked, without = performance.questions(
        window, world(800, 2), allowed={"roc_auc": 0.1}, settings=Settings()
    )
    assert asked == []
    assert "roc_auc" in without


@pytest.mark.parametrize(("value", "outcome"), [(0.68, "quiet"), (0.9, "drift")])
def test_against_an_interval_of_the_reference(value: float, outcome: str) -> None:
    window = world(4000, 1)
    known = {"accuracy": Known(value, value - 0.01, value + 0.01, 0.95, 4000)}
    asked, without = performance.against_known(
        window,
        known,
        allowed={"accuracy": 0.05, "roc_auc": 0.1},
        settings=Settings(resamples=500),
    )
    assert without == {"roc_auc": "the reference has no value of it"}
    assert judge(asked, rows=4000).outcome == outcome
    width = asked[0].high - asked[0].low
    assert width == pytest.approx(2 * math.hypot(0.01, 0.0135), rel=0.1)


# Before labels come -----------------------------------------------------------------------------


def test_calibration_as_scikit_learn() -> None:
    from sklearn.isotonic import IsotonicRegression

    labelled = world(3000, 5)
    score = np.round(np.asarray(labelled.score), 2)  # many equal scores
    found = fitted(score, labelled.is_positive, least=1)
    known = IsotonicRegression().fit(score, labelled.truth).predict(score)
    assert found.rates[found.block(score)] == pytest.approx(known, abs=1e-12)
    assert found.rows.sum() == 3000
    assert (np.diff(found.chance(np.sort(score))) >= 0).all()


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=40))
def test_calibration_of_any_rows(rows: list[tuple[int, bool]]) -> None:
    score = np.array([s / 9 for s, _ in rows])
    found = fitted(score, np.array([p for _, p in rows]), least=5)
    assert found.rows.sum() == len(rows)
    assert (np.diff(found.rates) > 0).all()
    assert (found.rows * found.rates).sum() == pytest.approx(sum(p for _, p in rows))
    chance = found.chance(np.linspace(-1, 2, 50))
    assert ((chance >= 0) & (chance <= 1)).all()


def test_overconfident_scores_are_calibrated() -> None:
    labelled = world(20_000, 6)
    honest = np.asarray(labelled.score)
    over = honest**3 / (honest**3 + (1 - honest) ** 3)
    found = fitted(over, labelled.is_positive).chance(over)
    assert np.abs(found - honest).mean() < 0.02


EVERY = list(estimated.METRICS)


def test_estimates_are_the_metrics_where_labels_are_certain() -> None:
    """With probabilities of 0 and 1 there is nothing to estimate."""
    some = world(500, 3)
    rows = estimated.OneClass(
        np.asarray(some.score), some.truth.astype(float), np.asarray(some.prediction) == 1
    )
    known = compute(some, metrics=EVERY).values
    for name in EVERY:
        assert estimated.METRICS[name](rows)[0] == pytest.approx(known[name], rel=1e-9)


@pytest.mark.parametrize("name", EVERY)
def test_gradients_are_those_of_the_estimates(name: str) -> None:
    some = world(60, 3)
    score, said = np.asarray(some.score), np.asarray(some.prediction) == 1

    def at(chance: np.ndarray) -> tuple[float, np.ndarray]:
        return estimated.METRICS[name](estimated.OneClass(score, chance, said))

    _, gradient = at(score)
    for row in (0, 7, 31):
        step = np.zeros(60)
        step[row] = 1e-6
        slope = (at(score + step)[0] - at(score - step)[0]) / 2e-6
        assert gradient[row] == pytest.approx(slope, rel=1e-4, abs=1e-8)


def test_intervals_of_estimates_hold_what_labels_say_later() -> None:
    """Calibrated on 2,000 rows, asked about 1,500 others whose scores lie elsewhere."""
    held = dict.fromkeys(EVERY, 0)
    for seed in range(80):
        labelled = world(2000, 1000 + seed)
        later = world(1500, 5000 + seed, shift=0.5)
        calibration = estimated.calibrated(np.asarray(labelled.score), labelled.is_positive)
        said = np.asarray(later.prediction) == 1
        found = estimated.estimates(np.asarray(later.score), said, calibration, metrics=EVERY)
        real = compute(later, metrics=EVERY).values
        for name in EVERY:
            held[name] += abs(found[name].value - real[name]) <= 1.96 * found[name].error
    # 76 of 80 are promised.
    assert min(held.values()) >= 70, held


def test_scores_that_became_unsure_are_estimated_to_be_worse() -> None:
    labelled = world(5000, 1)
    score = np.asarray(labelled.score)
    calibration = estimated.calibrated(score, labelled.is_positive)
    unsure = 0.5 + (score - 0.5) * 0.3
    allowed = {"accuracy": 0.03, "roc_auc": 0.03, "brier": 0.03}

    def of(scores: np.ndarray) -> dict[str, estimated.Estimate]:
        return estimated.estimates(scores, scores >= 0.5, calibration, metrics=list(allowed))

    for scores, outcome in ((score, "quiet"), (unsure, "drift")):
        asked = estimated.questions(of(scores), of(score), allowed=allowed)
        assert [one.name for one in asked] == list(allowed)
        assert judge(asked, rows=5000).outcome == outcome


def test_scores_of_one_class_have_no_area() -> None:
    calibration = fitted(np.linspace(0, 1, 100), np.zeros(100, dtype=bool))
    said = np.zeros(50, dtype=bool)
    found = estimated.estimates(np.linspace(0, 1, 50), said, calibration, metrics=EVERY)
    assert "roc_auc" not in found
    assert found["accuracy"].value == 1
    assert found["accuracy"].error > 0


def several(rows: int, seed: int, shift: float = 0.0) -> Predictions:
    """Four classes, with calibrated scores."""
    chance = np.random.default_rng(seed)
    score = np.exp(chance.normal((shift, 0, 0, -0.5), 1.2, size=(rows, 4)))
    score /= score.sum(axis=1, keepdims=True)
    truth = (score.cumsum(axis=1)[:, :-1] < chance.random((rows, 1))).sum(axis=1)
    return Predictions(
        task="multiclass",
        truth=truth.astype(np.intp),
        prediction=score.argmax(axis=1),
        score=score,
        classes=tuple("abcd"),
    )


def test_several_classes_whose_labels_are_certain() -> None:
    some = several(400, 1)
    certain = np.eye(4)[some.truth]
    known = compute(some, metrics=list(estimatedclasses.NAMES)).values
    for name in estimatedclasses.NAMES:
        found, _ = estimatedclasses._metric(
            name, np.asarray(some.score), certain, np.asarray(some.prediction)
        )
        assert found == pytest.approx(known[name], rel=1e-9)


def test_intervals_of_several_classes_hold_what_labels_say_later() -> None:
    held = dict.fromkeys(estimatedclasses.NAMES, 0)
    for seed in range(60):
        labelled, later = several(2000, 100 + seed), several(1500, 900 + seed, shift=0.4)
        calibrations = estimatedclasses.calibrated(np.asarray(labelled.score), labelled.truth)
        found = estimatedclasses.estimates(
            np.asarray(later.score),
            np.asarray(later.prediction),
            calibrations,
            metrics=estimatedclasses.NAMES,
        )
        real = compute(later, metrics=list(estimatedclasses.NAMES)).values
        for name in held:
            held[name] += abs(found[name].value - real[name]) <= 1.96 * found[name].error
    # 57 of 60 are promised.
    assert min(held.values()) >= 51, held


def certain_of_itself() -> Calibration:
    """Scores are probabilities, and there is no doubt of it."""
    places = np.linspace(0, 1, 1001)
    return Calibration(upper=places, middles=places, rates=places, rows=np.full(1001, 1e15))


@pytest.mark.parametrize("name", estimatedclasses.NAMES)
def test_the_error_is_how_far_labels_scatter(name: str) -> None:
    some = several(300, 2)
    score, said = np.asarray(some.score), np.asarray(some.prediction)
    found = estimatedclasses.estimates(score, said, [certain_of_itself()] * 4, metrics=[name])
    chance = np.random.default_rng(0)
    values = []
    for _ in range(300):
        truth = (score.cumsum(axis=1)[:, :-1] < chance.random((300, 1))).sum(axis=1)
        drawn = replace(some, truth=truth.astype(np.intp))
        values.append(compute(drawn, metrics=[name]).values[name])
    assert found[name].error == pytest.approx(np.std(values), rel=0.12)
    assert found[name].value == pytest.approx(np.mean(values), abs=0.01)


def test_scores_that_no_class_ever_had_leave_all_classes_alike() -> None:
    never = fitted(np.linspace(0, 1, 100), np.zeros(100, dtype=bool))
    some = several(50, 2)
    found = estimatedclasses.estimates(
        np.asarray(some.score), np.asarray(some.prediction), [never] * 4, metrics=["accuracy"]
    )
    assert found["accuracy"].value == pytest.approx(0.25)


# All features together --------------------------------------------------------------------------


def together(rows: int, seed: int, *, correlation: float = 0.0) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    one, other = chance.normal(size=(2, rows))
    mixed = correlation * one + math.sqrt(1 - correlation**2) * other
    return pd.DataFrame({"x": one, "y": mixed, "k": chance.choice(list("abc"), size=rows)})


def test_what_no_feature_shows_alone() -> None:
    found = separation(together(1500, 1), together(1500, 2, correlation=0.9))
    assert found is not None
    assert found.auc > 0.7
    assert judge([found.question()], rows=1500).outcome == "drift"


def test_equal_features_are_not_told_apart() -> None:
    found = separation(together(1500, 1), together(1500, 2))
    assert found is not None
    assert abs(found.auc - 0.5) < 4 * found.error
    assert judge([found.question()], rows=1500).outcome == "quiet"


def test_new_categories_and_missing_values_are_told_apart() -> None:
    window = together(600, 2).assign(k="new")
    window.loc[:100, "x"] = math.nan
    found = separation(together(600, 1), window)
    assert found is not None
    assert found.auc == pytest.approx(1.0)
    assert judge([found.question()], rows=600).outcome == "drift"


def test_few_rows_train_nothing() -> None:
    assert separation(together(LEAST_ROWS - 1, 1), together(500, 2)) is None

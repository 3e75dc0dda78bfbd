"""How a predictions file follows from a model: learnt from the file, and checked on every row."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest
from assay.config import PredictionsSpec
from assay.evaluation import parse
from assay.models import Said
from assay.rescoring.rule import File, NotReproducedError, Rule, learn, moved, roundest
from hypothesis import given
from hypothesis import strategies as st

ROWS = 200
RANDOM = np.random.default_rng(3)
SCORE = RANDOM.uniform(0.01, 0.99, ROWS)
TRUTH = (RANDOM.uniform(size=ROWS) < SCORE).astype(int)
SAID = Said((SCORE >= 0.5).astype(int), np.column_stack([1 - SCORE, SCORE]), (0, 1))
OTHER = np.clip(SCORE[::-1] * 0.9 + 0.03, 0, 1)
SAID_BY_BASE = Said((OTHER >= 0.5).astype(int), np.column_stack([1 - OTHER, OTHER]), (0, 1))


def spec(**given: Any) -> PredictionsSpec:
    return PredictionsSpec(path="p.csv", **({"prediction": "y_pred", "score": "y_score"} | given))


def file(spec: PredictionsSpec, **columns: Any) -> File:
    frame = pd.DataFrame({"y_true": TRUTH, **columns})
    return File(frame, parse(frame, spec, like=None))


class TestBinary:
    def test_labels_of_predict(self):
        wanted = spec()
        found = learn(SAID, file(wanted, y_pred=SAID.labels, y_score=SCORE), wanted)
        assert found.threshold is None
        columns = found.apply(SAID_BY_BASE)
        assert (columns["y_pred"] == SAID_BY_BASE.labels).all()
        assert (columns["y_score"] == OTHER).all()
        assert (found.asks_labels, found.asks_scores) == (True, True)

    def test_labels_of_a_threshold_and_rounded_scores(self):
        wanted, rounded = spec(), SCORE.round(8)
        labels = (rounded >= 0.6).astype(int)
        found = learn(SAID, file(wanted, y_pred=labels, y_score=rounded), wanted)
        assert (found.threshold, found.decimals) == (0.6, 8)
        columns = found.apply(SAID_BY_BASE)
        assert (columns["y_score"] == OTHER.round(8)).all()
        assert (columns["y_pred"] == (OTHER.round(8) >= 0.6)).all()
        assert columns["y_pred"].dtype.kind == "i"
        assert (found.asks_labels, found.asks_scores) == (False, True)

    @given(st.integers(5, 95))
    def test_any_threshold_of_two_decimals_is_told_or_lies_in_its_margin(self, percent: int):
        wanted, threshold = spec(), percent / 100
        labels = (threshold <= SCORE).astype(int)
        found = learn(SAID, file(wanted, y_pred=labels, y_score=SCORE), wanted)
        if found.threshold is None:
            assert (labels == SAID.labels).all()
        else:
            low, high = found.margin
            assert low < threshold <= high
            assert low < found.threshold <= high
            assert ((found.threshold <= SCORE) == labels).all()

    def test_how_many_rows_lie_where_the_threshold_is_not_known(self):
        wanted = spec()
        rough = np.where(SCORE < 0.5, SCORE * 0.4, 0.8 + 0.2 * (SCORE - 0.5))
        said = dataclasses.replace(SAID, scores=np.column_stack([1 - rough, rough]), labels=TRUTH)
        labels = (rough >= 0.7).astype(int)
        found = learn(said, file(wanted, y_pred=labels, y_score=rough), wanted)
        low, high = found.margin
        assert found.unsure(SAID) == ((low < SCORE) & (high > SCORE)).sum() > 0
        assert found.unsure(said) == 0

    def test_a_score_on_the_threshold_is_positive(self):
        wanted, rounded = spec(), SCORE.round(2)
        found = learn(SAID, file(wanted, y_pred=rounded >= 0.7, y_score=rounded), wanted)
        assert found.threshold == 0.7
        on_it = Said(None, np.array([[0.3, 0.7], [0.31, 0.69]]), (0, 1))
        assert found.apply(on_it)["y_pred"].tolist() == [1, 0]

    def test_some_rows_look_like_predict_and_the_whole_file_does_not(self):
        wanted = spec()
        whole = file(wanted, y_pred=(SCORE >= 0.6).astype(int), y_score=SCORE)
        some = np.flatnonzero((SCORE < 0.5) | (SCORE >= 0.6))
        said = Said(SAID.labels[some], SAID.scores[some], (0, 1))  # type: ignore[index]
        found = learn(said, whole.rows(some), wanted, whole=whole)
        assert found.threshold is not None
        low, high = found.margin
        assert 0.5 < low < 0.6 <= high

    def test_labels_without_a_score(self):
        wanted = spec(score=None)
        found = learn(SAID, file(wanted, y_pred=SAID.labels), wanted)
        assert (found.asks_labels, found.asks_scores) == (True, False)
        unsaid = dataclasses.replace(SAID_BY_BASE, scores=None)
        assert list(found.apply(unsaid)) == ["y_pred"]

    def test_labels_of_a_threshold_whose_score_is_not_in_the_file(self):
        wanted = spec(score=None)
        found = learn(SAID, file(wanted, y_pred=(SCORE >= 0.3).astype(int)), wanted)
        low, high = found.margin
        assert low < 0.3 <= high
        assert (found.asks_labels, found.asks_scores) == (False, True)

    def test_a_score_alone(self):
        wanted = spec(prediction=None)
        found = learn(SAID, file(wanted, y_score=SCORE), wanted)
        assert list(found.apply(SAID_BY_BASE)) == ["y_score"]
        assert not found.asks_labels

    def test_decisions_are_scores_too(self):
        decision = (SCORE - 0.5) * 7
        said = Said(SAID.labels, np.column_stack([-decision, decision]), (0, 1), probability=False)
        wanted = spec()
        found = learn(said, file(wanted, y_pred=SAID.labels, y_score=decision), wanted)
        assert (found.apply(said)["y_score"] == decision).all()

    @pytest.mark.parametrize("positive", ["late", "on time"])
    def test_classes_that_the_file_names(self, positive: str):
        names = np.array(["on time", "late"] if positive == "late" else ["late", "on time"])
        wanted = spec(positive=positive)
        frame = {"y_true": names[TRUTH], "y_pred": names[SAID.labels], "y_score": SCORE}
        found = learn(SAID, file(wanted, **frame), wanted)
        assert found.labels == tuple(names)
        assert (found.apply(SAID_BY_BASE)["y_pred"] == names[SAID_BY_BASE.labels]).all()

    def test_booleans_in_the_file_and_numbers_in_the_model(self):
        wanted = spec()
        frame = {"y_true": TRUTH == 1, "y_pred": SCORE >= 0.6, "y_score": SCORE}
        found = learn(SAID, file(wanted, **frame), wanted)
        assert found.apply(SAID_BY_BASE)["y_pred"].dtype == bool

    def test_a_column_for_each_class(self):
        wanted = spec(score={"0": "none", "1": "some"})
        frame = {"y_pred": SAID.labels, "none": 1 - SCORE, "some": SCORE}
        columns = learn(SAID, file(wanted, **frame), wanted).apply(SAID_BY_BASE)
        assert (columns["none"] == 1 - OTHER).all()
        assert (columns["some"] == OTHER).all()

    def test_float32_and_text_lose_no_match(self):
        wanted = spec()
        found = learn(
            SAID, file(wanted, y_pred=SAID.labels, y_score=SCORE.astype(np.float32)), wanted
        )
        assert found.decimals is None


class TestNotReproduced:
    def test_other_scores_say_how_many_and_by_how_much(self):
        wanted, changed = spec(), SCORE.copy()
        changed[:7] -= 0.005
        with pytest.raises(
            NotReproducedError, match=r"^7 of 200 values of 'y_score' differ, by up to 0\.005$"
        ):
            learn(SAID, file(wanted, y_pred=SAID.labels, y_score=changed), wanted)

    def test_labels_of_no_threshold(self):
        labels = SAID.labels.copy()  # type: ignore[union-attr]
        labels[[0, 5]] = 1 - labels[[0, 5]]
        wanted = spec()
        with pytest.raises(
            NotReproducedError, match=r"^2 of 200 labels are not those of `predict`, and no thresh"
        ):
            learn(SAID, file(wanted, y_pred=labels, y_score=SCORE), wanted)

    def test_one_score_with_both_labels(self):
        wanted, scores = spec(), SCORE.copy()
        labels = (scores >= 0.6).astype(int)
        low, high = (np.flatnonzero(labels == one)[:1] for one in (0, 1))
        scores[low], labels[low], scores[high] = 0.6, 0, 0.6
        said = dataclasses.replace(SAID, scores=np.column_stack([1 - scores, scores]))
        with pytest.raises(NotReproducedError, match=r"no threshold of the score gives them$"):
            learn(said, file(wanted, y_pred=labels, y_score=scores), wanted)

    def test_all_rows_of_one_label_tell_no_threshold(self):
        wanted = spec()
        with pytest.raises(NotReproducedError, match=r"labels are not those of `predict`, and no"):
            learn(SAID, file(wanted, y_pred=np.zeros(ROWS, dtype=int), y_score=SCORE), wanted)

    def test_so_few_digits_that_nothing_can_be_checked(self):
        wanted = spec()
        with pytest.raises(NotReproducedError, match=r"'y_score' has 1 decimals, too few to tell"):
            learn(SAID, file(wanted, y_pred=SAID.labels, y_score=SCORE.round(1)), wanted)

    def test_a_model_that_gives_no_scores(self):
        wanted, said = spec(), dataclasses.replace(SAID, scores=None)
        with pytest.raises(NotReproducedError, match=r"file has scores, and the model gives none"):
            learn(said, file(wanted, y_pred=SAID.labels, y_score=SCORE), wanted)

    def test_a_model_of_other_classes(self):
        wanted = spec(score=None)
        said = Said(np.array(["a", "b", "c", "a"] * 50), None, ("a", "b", "c"))
        with pytest.raises(
            NotReproducedError, match=r"the model's classes are 'a', 'b', 'c' and the file's 0, 1"
        ):
            learn(said, file(wanted, y_pred=SAID.labels), wanted)

    def test_a_model_that_says_nan(self):
        wanted, scores = spec(), SAID.scores.copy()  # type: ignore[union-attr]
        scores[3] = np.nan
        with pytest.raises(NotReproducedError, match=r"^1 of 200 values of 'y_score' differ"):
            learn(
                dataclasses.replace(SAID, scores=scores),
                file(wanted, y_pred=SAID.labels, y_score=SCORE),
                wanted,
            )


SHARES = RANDOM.dirichlet([1, 1, 1], ROWS)
SAID_OF_THREE = Said(np.array(["a", "b", "c"])[SHARES.argmax(1)], SHARES, ("a", "b", "c"))
THREE = {
    "y_true": np.array(["a", "b", "c"])[RANDOM.integers(0, 3, ROWS)],
    "y_pred": SAID_OF_THREE.labels,
    "p_a": SHARES[:, 0],
    "p_b": SHARES[:, 1],
    "p_c": SHARES[:, 2],
}
OF_THREE = {"score": {"a": "p_a", "b": "p_b", "c": "p_c"}}


class TestMulticlass:
    def test_by_name_in_any_order(self):
        wanted = spec(**OF_THREE)
        order = [2, 0, 1]
        said = Said(SAID_OF_THREE.labels, SHARES[:, order], ("c", "a", "b"))
        columns = learn(said, file(wanted, **THREE), wanted).apply(said)
        assert (columns["p_b"] == SHARES[:, 1]).all()
        assert (columns["y_pred"] == SAID_OF_THREE.labels).all()

    def test_numbers_in_the_model_and_names_in_the_file(self):
        wanted = spec(**OF_THREE)
        said = Said(SHARES.argmax(1), SHARES, (0, 1, 2))
        found = learn(said, file(wanted, **THREE), wanted)
        assert found.labels == ("a", "b", "c")

    def test_a_class_that_base_did_not_know_has_no_chance(self):
        wanted = spec(**OF_THREE)
        found = learn(SAID_OF_THREE, file(wanted, **THREE), wanted)
        of_two = dataclasses.replace(found, labels=("a", "b"))
        shares = SHARES[:, :2] / SHARES[:, :2].sum(1, keepdims=True)
        columns = of_two.apply(Said(np.array(["a", "b"])[shares.argmax(1)], shares, ("a", "b")))
        assert (columns["p_c"] == 0).all()

    def test_labels_that_are_not_those_of_predict(self):
        wanted = spec(**OF_THREE)
        with pytest.raises(NotReproducedError, match=r"labels are not those of `predict`$"):
            learn(SAID_OF_THREE, file(wanted, **{**THREE, "y_pred": THREE["y_true"]}), wanted)


VALUES = RANDOM.normal(50, 20, ROWS)


class TestRegression:
    def regress(self, written: np.ndarray, said: np.ndarray) -> Rule:
        wanted = spec(score=None)
        truth = VALUES + 0.5
        return learn(Said(said, None), file(wanted, y_true=truth, y_pred=written), wanted)

    def test_values(self):
        found = self.regress(VALUES, VALUES)
        assert (found.apply(Said(VALUES + 1, None))["y_pred"] == VALUES + 1).all()

    def test_whole_numbers_are_rounded_for_base_as_well(self):
        found = self.regress(VALUES.round(), VALUES)
        assert found.decimals == 0
        assert (found.apply(Said(VALUES + 1, None))["y_pred"] == (VALUES + 1).round()).all()

    def test_values_that_code_changed_after_the_model(self):
        with pytest.raises(NotReproducedError, match=r"200 of 200 values of 'y_pred' differ"):
            self.regress(np.exp(VALUES / 50), VALUES)

    def test_a_model_that_predicts_text(self):
        with pytest.raises(NotReproducedError, match=r"^the model does not predict numbers$"):
            self.regress(VALUES, np.array(["a"] * ROWS))


class TestMoved:
    """The rule of head, for a base whose model cannot be asked about rows of its own."""

    def rule(self, threshold: float) -> tuple[Rule, PredictionsSpec]:
        wanted = spec()
        labels = (threshold <= SCORE).astype(int)
        return learn(SAID, file(wanted, y_pred=labels, y_score=SCORE), wanted), wanted

    def test_base_keeps_its_own_threshold(self):
        rule, wanted = self.rule(0.6)
        base = file(wanted, y_pred=(OTHER >= 0.3).astype(int), y_score=OTHER)
        found = moved(rule, base)
        assert found.threshold is not None
        assert ((found.threshold <= OTHER) == (OTHER >= 0.3)).all()

    def test_both_by_predict(self):
        rule, wanted = self.rule(0.5)
        assert moved(rule, file(wanted, y_pred=SAID_BY_BASE.labels, y_score=OTHER)) is rule

    def test_base_by_a_threshold_and_head_by_predict(self):
        rule, wanted = self.rule(0.5)
        base = file(wanted, y_pred=(OTHER >= 0.8).astype(int), y_score=OTHER)
        assert moved(rule, base).threshold is not None


class TestRoundest:
    @pytest.mark.parametrize(
        ("low", "high", "expected"),
        [
            (0.5998, 0.6003, 0.6),
            (0.45, 0.7, 0.6),
            (0.2, 0.3, 0.3),
            (0.61, 0.6103, 0.6101),
            (-3.0, 2.0, 0.0),
            (0.0, 1e-9, 1e-9),
        ],
    )
    def test_examples(self, low: float, high: float, expected: float):
        assert roundest(low, high) == pytest.approx(expected)

    @given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
    def test_it_is_always_inside(self, first: float, second: float):
        low, high = sorted((first, second))
        if low < high:
            assert low < roundest(low, high) <= high

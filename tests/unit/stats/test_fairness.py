"""Fairness measures: the same as fairlearn's, and what is left out and why."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, get_args

import fairlearn.metrics
import numpy as np
import pytest
from assay.config import FairnessMeasure
from assay.stats import fairness
from assay.stats.fairness import Excluded
from assay.stats.predictions import Predictions
from hypothesis import assume, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

MEASURES: tuple[FairnessMeasure, ...] = get_args(FairnessMeasure)


def predictions(
    truth: ArrayLike, label: ArrayLike, weight: NDArray[np.float64] | None = None, **more: Any
) -> Predictions:
    made: dict[str, Any] = {
        "task": "binary",
        "truth": np.asarray(truth, dtype=np.intp),
        "prediction": np.asarray(label, dtype=np.intp),
        "score": None,
        "classes": ("no", "yes"),
        "positive": "yes",
        "weight": weight,
    }
    return Predictions(**(made | more))


def measured(
    truth: ArrayLike, label: ArrayLike, groups: ArrayLike, *, min_rows: int = 1, **more: Any
) -> fairness.Fairness:
    codes = np.asarray(groups, dtype=np.intp)
    names = [f"g{code}" for code in range(codes.max() + 1)]
    return fairness.measure(
        predictions(truth, label, **more), codes, names, MEASURES, min_rows=min_rows
    )


def by_name(found: fairness.Fairness) -> dict[str, fairness.Disparity]:
    assert [one.measure for one in found.disparities] == list(MEASURES)
    return {one.measure: one for one in found.disparities}


def test_every_measure_has_its_rates() -> None:
    assert set(fairness.RATES) == set(MEASURES)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(30, 120), st.booleans())
def test_the_same_as_fairlearn(seed: int, groups: int, rows: int, weighted: bool) -> None:
    random = np.random.default_rng(seed)
    group = random.integers(0, groups, rows)
    truth = random.random(rows) < random.random(groups)[group]
    label = random.random(rows) < random.random(groups)[group]
    weight = random.exponential(1, rows) if weighted else None
    # Elsewhere fairlearn and Assay differ on purpose; see below.
    assume(all(len(set(truth[group == one].tolist())) == 2 for one in range(groups)))
    assume(label[truth].any() and label[~truth].any())
    found = by_name(measured(truth, label, group, weight=weight))
    for name in MEASURES:
        expected = getattr(fairlearn.metrics, name)(
            truth.astype(int),
            label.astype(int),
            sensitive_features=group,
            sample_weight=weight,
        )
        assert found[name].value == pytest.approx(expected, abs=1e-12), name


def test_rates_and_the_two_groups_furthest_apart() -> None:
    truth = [1, 1, 0, 0, 1, 1, 0, 0, 1, 0]
    label = [1, 1, 1, 0, 1, 0, 0, 0, 0, 0]
    group = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]
    found = measured(truth, label, group)
    assert [asdict(one) for one in found.groups[:2]] == [
        {
            "name": "g0",
            "rows": 4,
            "positives": 2,
            "selection_rate": 0.75,
            "true_positive_rate": 1.0,
            "false_positive_rate": 0.5,
        },
        {
            "name": "g1",
            "rows": 4,
            "positives": 2,
            "selection_rate": 0.25,
            "true_positive_rate": 0.5,
            "false_positive_rate": 0.0,
        },
    ]
    disparities = by_name(found)
    parity = disparities["demographic_parity_difference"]
    assert (parity.value, parity.rate) == (0.75, "selection rate")
    assert (parity.highest, parity.lowest) == ("g0", "g2")
    odds = disparities["equalized_odds_difference"]
    assert (odds.value, odds.rate, odds.highest, odds.lowest) == (
        1.0,
        "true positive rate",
        "g0",
        "g2",
    )
    assert disparities["equalized_odds_ratio"].value == 0
    assert all(one.undefined is None and one.excluded == () for one in found.disparities)


def test_a_group_without_positive_rows_is_named() -> None:
    truth, label, group = [1, 0, 1, 0, 0, 0], [1, 0, 0, 0, 1, 1], [0, 0, 1, 1, 2, 2]
    found = by_name(measured(truth, label, group))
    one = found["equal_opportunity_difference"]
    reason = "no rows whose true class is the positive one"
    assert one.excluded == (Excluded("g2", "true positive rate", reason),)
    assert (one.value, one.highest, one.lowest) == (1.0, "g0", "g1")
    assert found["equalized_odds_difference"].excluded == one.excluded
    assert found["equalized_odds_difference"].value == 1.0
    assert found["demographic_parity_difference"].excluded == ()


def test_a_small_group_is_named() -> None:
    truth, label, group = [1, 0, 1, 0, 1], [1, 0, 0, 0, 1], [0, 0, 1, 1, 2]
    found = by_name(measured(truth, label, group, min_rows=2))
    one = found["demographic_parity_ratio"]
    assert one.excluded == (Excluded("g2", "selection rate", "it has 1 of at least 2 rows"),)
    assert (one.value, one.highest, one.lowest) == (0.0, "g0", "g1")


def test_a_group_without_weight_is_named() -> None:
    weight = np.array([1.0, 1.0, 0.0])
    found = by_name(measured([1, 0, 1], [1, 0, 1], [0, 1, 2], weight=weight))
    (excluded,) = found["demographic_parity_difference"].excluded
    assert (excluded.group, excluded.reason) == ("g2", "no rows of any weight")


def test_rows_of_no_group_do_not_count() -> None:
    found = measured([1, 1, 0, 1], [1, 1, 0, 0], [0, 1, 0, -1])
    assert [one.rows for one in found.groups] == [2, 1]
    assert by_name(found)["equal_opportunity_difference"].value == 0


@pytest.mark.parametrize("name", MEASURES)
def test_one_group_cannot_be_compared(name: FairnessMeasure) -> None:
    one = by_name(measured([1, 0], [1, 0], [0, 0]))[name]
    assert one.value is None
    assert (
        one.undefined == f"fewer than two groups can be compared by their {fairness.RATES[name][0]}"
    )


def test_a_ratio_of_nothing() -> None:
    found = by_name(measured([1, 0, 1, 0], [0, 0, 0, 0], [0, 0, 1, 1]))
    assert (
        found["demographic_parity_ratio"].undefined
        == "0 / 0: every group has a selection rate of 0"
    )
    assert found["demographic_parity_difference"].value == 0
    assert found["equalized_odds_ratio"].value is None
    assert "a true positive rate and a false positive rate of 0" in str(
        found["equalized_odds_ratio"].undefined
    )


def test_a_rate_of_zero_everywhere_leaves_the_other() -> None:
    # No false alarm in any group: by that rate they are even.
    found = by_name(measured([1, 0, 1, 1, 0], [1, 0, 1, 0, 0], [0, 0, 1, 1, 1]))
    one = found["equalized_odds_ratio"]
    assert (one.value, one.rate) == (0.5, "true positive rate")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (
            {"task": "regression"},
            "fairness is measured for a binary classification; this is regression",
        ),
        (
            {"positive": None},
            "which class is positive is not known: say 'no' or 'yes'",
        ),
        (
            {"prediction": None},
            "there are no predicted labels, and the score is no probability",
        ),
    ],
)
def test_predictions_that_do_not_fit(more: dict[str, Any], reason: str) -> None:
    found = measured([1, 0], [1, 0], [0, 1], **more)
    assert found.groups == ()
    assert {one.undefined for one in found.disparities} == {reason}


def test_too_many_groups() -> None:
    codes = np.arange(60)
    found = measured(codes % 2, codes % 2, codes)
    assert {one.undefined for one in found.disparities} == {
        "there are 60 groups; at most 50 are held against each other"
    }


def test_the_positive_class_may_come_first() -> None:
    found = by_name(
        measured([0, 1, 0, 1], [0, 0, 1, 1], [0, 0, 1, 1], classes=("bad", "good"), positive="bad")
    )
    one = found["equal_opportunity_difference"]
    assert (one.value, one.highest) == (1.0, "g0")

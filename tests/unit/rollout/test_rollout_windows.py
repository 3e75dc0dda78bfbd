"""Differences and sums of what servers count."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from assay.rollout import windows
from assay.rollout.latency import BINS as LATENCY_BINS
from assay.rollout.snapshot import Counted, Labelled, Shadowed, Snapshot
from assay.rollout.windows import Interval
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.rollout_counts import latency, scores, window

BASE: dict[str, Any] = {"process": "p", "version": "v1", "digest": "d", "requests": 10}


def _snapshot(**facts: Any) -> Snapshot:
    return Snapshot(**{**BASE, **facts})


def test_what_happened_between_two_snapshots() -> None:
    before = _snapshot(
        errors={"timeout": 1},
        refused=2,
        latency=latency([0.01] * 10),
        predictions={"score": scores([0.05])},
        shadow=Shadowed(rows=5, agreed=4, failed=1, dropped=1),
        labelled=Labelled(rows=4, correct=3),
    )
    after = _snapshot(
        requests=25,
        errors={"timeout": 1, "internal": 2},
        refused=3,
        latency=latency([0.01] * 25),
        predictions={"score": scores([0.05, 0.15]), "new": scores([0.5])},
        shadow=Shadowed(rows=9, agreed=7, failed=1, dropped=3),
        labelled=Labelled(rows=6, correct=4),
    )
    found = windows.difference(before, after, 30.0)
    assert found is not None
    assert (found.requests, found.errors, found.failed, found.refused) == (
        15,
        {"internal": 2},
        2,
        1,
    )
    assert found.latency == latency([0.01] * 15)
    assert found.predictions == {"score": scores([0.15]), "new": scores([0.5])}
    assert found.shadow == Shadowed(rows=4, agreed=3, failed=0, dropped=2)
    assert found.labelled == Labelled(rows=2, correct=1)
    assert found.seconds == 30.0


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"process": "q"}),
        ({"requests": 11}, {}),
        ({"errors": {"internal": 1}}, {}),
        ({"refused": 1}, {}),
        ({"latency": latency([0.01])}, {}),
        ({"predictions": {"a": scores([0.1])}}, {"predictions": {"a": scores([])}}),
        ({"predictions": {"a": scores([])}}, {"predictions": {"a": scores([], (0.5,))}}),
        ({"shadow": Shadowed(dropped=1)}, {"shadow": Shadowed()}),
        ({"labelled": Labelled(rows=2, correct=1)}, {"labelled": Labelled(rows=2, correct=0)}),
        (
            {"labelled": Labelled(rows=2, correct=1)},
            {"labelled": Labelled(rows=2, absolute_error=latency([1, 1]))},
        ),
    ],
)
def test_a_restart_is_seen_by_any_count_that_went_backwards(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert windows.difference(_snapshot(**before), _snapshot(**after), 1.0) is None


NUMBERS = st.lists(st.integers(0, 9), min_size=LATENCY_BINS, max_size=LATENCY_BINS)


@given(st.lists(st.integers(0, 50), min_size=2, max_size=6))
def test_differences_add_up(grown: list[int]) -> None:
    """Consecutive windows together are the difference of the ends."""
    totals = [sum(grown[: i + 1]) for i in range(len(grown))]
    shots = [
        _snapshot(
            requests=n,
            errors={"internal": n // 3},
            latency=latency([0.01] * n),
            predictions={"s": scores([0.3] * n)},
            labelled=Labelled(rows=n, absolute_error=latency([0.1] * n)),
        )
        for n in totals
    ]
    parts = [windows.difference(a, b, 1.0) for a, b in pairwise(shots)]
    whole = windows.difference(shots[0], shots[-1], float(len(parts)))
    assert windows.together([one for one in parts if one is not None]) == whole


def test_different_bins_add_up_to_none() -> None:
    one, other = (
        window(predictions={"a": scores([0.1])}),
        window(predictions={"a": scores([0.1], (0.5,))}),
    )
    assert windows.together([one, other]).predictions == {"a": None}
    assert windows.together([one, other, one]).predictions == {"a": None}


def test_the_fewest_latest_intervals_with_enough_of_both() -> None:
    stable, small = window(1000), window(40)
    row = [Interval(small, stable)] * 5
    assert windows.latest(row, 100) == 3
    assert windows.latest(row, 200) == 5
    assert windows.latest(row, 201) == 5
    assert windows.latest([Interval(stable, small)] * 5, 100) == 3
    assert windows.latest([Interval(stable, None)] * 5, 100) == 5
    assert windows.latest([Interval(stable, None)] * 5, 100, alone=True) == 1


@pytest.mark.parametrize(
    "facts",
    [
        {"latency": (1, 2)},
        {"requests": -1},
        {"shadow": {"rows": -1}},
        {"labelled": {"rows": 1}},
        {"labelled": {"rows": 1, "correct": 1, "absolute_error": [1]}},
        {"predictions": {"a": {"counts": [1]}}},
        {"predictions": {"a": {"counts": [1, 2], "edges": [1.0], "values": ["x"]}}},
        {"predictions": {"a": {"counts": [1], "edges": [1.0]}}},
        {"unknown": 1},
    ],
)
def test_what_is_no_snapshot(facts: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        _snapshot(**facts)


def test_categories_have_a_bin_for_others() -> None:
    assert Counted(values=("a", "b"), counts=(1, 2, 3)).bins == (None, ("a", "b"))


@pytest.mark.parametrize("count", [-1, 2**53 + 1, 10**400])
@pytest.mark.parametrize(
    "facts",
    [
        {"requests": "N"},
        {"errors": {"internal": "N"}},
        {"latency": [0] * (LATENCY_BINS - 1) + ["N"]},
        {"predictions": {"score": {"edges": [], "counts": ["N"]}}},
        {"labelled": {"rows": "N", "correct": 0}},
    ],
)
def test_counts_that_nobody_could_have_counted_are_no_snapshot(
    facts: dict[str, Any], count: int
) -> None:
    text = json.dumps({**BASE, **facts})
    assert Snapshot.model_validate_json(text.replace('"N"', "7"))

    with pytest.raises(ValidationError):
        Snapshot.model_validate_json(text.replace('"N"', str(count)))


@pytest.mark.parametrize(
    "facts",
    [
        {"labelled": {"rows": 3, "correct": 4}},
        {"labelled": {"rows": 300, "absolute_error": [0] * LATENCY_BINS}},
        {"labelled": {"rows": 1, "absolute_error": [1]}},
        {"shadow": {"rows": 3, "agreed": 4}},
    ],
)
def test_counts_that_do_not_fit_together_are_no_snapshot(facts: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        _snapshot(**facts)


def test_counts_whose_difference_does_not_fit_together_are_of_another_process() -> None:
    before = _snapshot(labelled=Labelled(rows=9, correct=0))
    after = _snapshot(labelled=Labelled(rows=10, correct=5))

    assert windows.difference(before, after, 1.0) is None


def test_sums_of_the_largest_counts_are_sums() -> None:
    many = window(shadow=Shadowed(rows=2**53), labelled=Labelled(rows=2**53, correct=2**53))

    found = windows.together([many, many])

    assert found.shadow is not None
    assert found.labelled is not None
    assert (found.shadow.rows, found.labelled.correct) == (2**54, 2**54)

"""Drawing anew: as often as it should be, and from streams of its own."""

from __future__ import annotations

import numpy as np
import pytest
from assay.stats.margins import FORMULAS, Margins
from assay.stats.metrics import compute
from assay.stats.predictions import Predictions
from assay.stats.resampling import MOST_UNITS, counts, deal, effective, stream, weigh
from hypothesis import given, settings
from hypothesis import strategies as st


def test_streams_are_repeatable_and_their_own() -> None:
    one, again, other, later = (
        stream(seed, name).random(4).tolist()
        for seed, name in ((1, "a"), (1, "a"), (1, "b"), (2, "a"))
    )
    assert one == again
    assert one not in (other, later)


def test_counts_are_those_of_a_multinomial() -> None:
    mass = np.array([80.0, 15.0, 5.0])
    drawn = np.concatenate(list(counts(mass, 20_000, stream(0, "x"))))
    assert drawn.shape == (20_000, 3)
    assert set(drawn.sum(axis=1)) == {100}
    share = mass / 100
    assert drawn.mean(axis=0) == pytest.approx(mass, rel=0.01)
    assert drawn.var(axis=0) == pytest.approx(100 * share * (1 - share), rel=0.05)


def test_counts_come_in_bounded_chunks() -> None:
    sizes = [chunk.shape for chunk in counts(np.ones(500), 10_000, stream(0, "x"))]
    assert sum(rows for rows, _ in sizes) == 10_000
    assert max(rows * units for rows, units in sizes) <= 2_000_000


def test_units_are_dealt_evenly() -> None:
    assert deal(7, stream(0, "x")).tolist() == list(range(7))
    packs = np.bincount(deal(10_007, stream(0, "x")))
    assert packs.size == MOST_UNITS
    assert set(packs) == {5, 6}


def test_units_and_their_weights() -> None:
    weight = np.array([1.0, 2.0, 3.0])
    assert weigh(3, None, None)[0] is None
    assert weigh(3, weight, None)[1].tolist() == [1, 2, 3]
    codes, unit_weight = weigh(3, weight, np.array([70, 5, 70]))
    assert codes is not None
    assert (codes.tolist(), unit_weight.tolist()) == ([1, 0, 1], [2, 4])
    assert effective(np.ones(40)) == 40
    assert effective(np.array([1.0, 0.0])) == 1


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(0, 100_000), st.integers(2, 5))
def test_formulas_over_resamples_are_the_metrics(seed: int, k: int) -> None:
    chance = np.random.default_rng(seed)
    n = int(chance.integers(1, 50))
    truth, told = chance.integers(k, size=(2, n))
    predictions = Predictions(
        task="binary" if k == 2 else "multiclass",
        truth=truth,
        prediction=told,
        score=None,
        classes=tuple(range(k)),
        positive=1 if k == 2 else None,
    )
    wanted = compute(predictions, metrics=list(FORMULAS)).values
    one = Margins(
        true=np.bincount(truth, minlength=k)[:, None].astype(float),
        predicted=np.bincount(told, minlength=k)[:, None].astype(float),
        correct=np.bincount(truth[truth == told], minlength=k)[:, None].astype(float),
        positive=predictions.positive_code,
    )
    assert {name: FORMULAS[name](one)[0] for name in wanted} == pytest.approx(wanted, abs=1e-12)

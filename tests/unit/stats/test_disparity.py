"""Intervals of fairness measures: how often they hold the truth, and what they rest on."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import numpy as np
import pytest
from assay.config import FairnessMeasure
from assay.stats import groupdraws
from assay.stats.difference import Settings
from assay.stats.disparity import Compared, Sample, compare
from assay.stats.predictions import Predictions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MEASURES: tuple[FairnessMeasure, ...] = get_args(FairnessMeasure)
FEW = Settings(resamples=1000)


def sample(
    truth: NDArray[np.bool_],
    label: NDArray[np.bool_],
    codes: NDArray[np.intp],
    weight: NDArray[np.float64] | None = None,
    clusters: NDArray[np.intp] | None = None,
) -> Sample:
    made = Predictions(
        task="binary",
        truth=truth.astype(np.intp),
        prediction=label.astype(np.intp),
        score=None,
        classes=(0, 1),
        positive=1,
        weight=weight,
    )
    return Sample(predictions=made, codes=codes, clusters=clusters)


def held(
    head: Sample,
    base: Sample | None = None,
    *,
    paired: bool = True,
    settings: Settings = FEW,
    min_rows: int = 1,
    measures: Sequence[FairnessMeasure] = MEASURES,
) -> dict[str, Compared]:
    groups = int(max(one.codes.max() for one in (head, base) if one is not None)) + 1
    names = [f"g{code}" for code in range(groups)]
    found = compare(
        head, base, names, measures, paired=paired, min_rows=min_rows, settings=settings
    )
    return {one.head.measure: one for one in found}


class World:
    """Groups with known rates, and two models whose errors go together."""

    def __init__(self, sizes: Sequence[int], head: Sequence[float], base: Sequence[float]) -> None:
        self.sizes, self.head, self.base = np.array(sizes), np.array(head), np.array(base)
        self.codes = np.repeat(np.arange(len(sizes)), sizes)

    def draw(self, random: np.random.Generator, *, again: int = 1) -> tuple[Sample, Sample]:
        """Every group is half positive; false positives are at 20 %; rows come `again` times."""
        codes = self.codes[::again]
        truth = random.random(codes.size) < 0.5
        one = random.random(codes.size)
        other = np.where(random.random(codes.size) < 0.5, one, random.random(codes.size))
        labels = [
            chance < np.where(truth, rates[codes], 0.2)
            for chance, rates in ((one, self.head), (other, self.base))
        ]
        size = self.codes.size
        rows = np.arange(size) // again
        clusters = rows if again > 1 else None
        head, base = (
            sample(truth[rows], label[rows], codes[rows], None, clusters) for label in labels
        )
        return head, base

    def true(self, measure: str, rates: NDArray[np.float64]) -> float:
        if measure.startswith("demographic"):
            rates = (rates + 0.2) / 2
        if measure.endswith("ratio"):
            return float(rates.min() / rates.max())
        return float(np.ptp(rates))


def covered(
    world: World, *, paired: bool = True, again: int = 1, times: int = 60
) -> tuple[dict[str, float], dict[str, float]]:
    """By measure how often the interval of head, and that of the change, holds the truth."""
    random = np.random.default_rng(7)
    value, change = dict.fromkeys(MEASURES, 0), dict.fromkeys(MEASURES, 0)
    for _ in range(times):
        head, base = world.draw(random, again=again)
        for name, one in held(head, base, paired=paired, settings=Settings(resamples=400)).items():
            assert one.low is not None
            assert one.high is not None
            assert one.change_low is not None
            assert one.change_high is not None
            truth, before = world.true(name, world.head), world.true(name, world.base)
            value[name] += one.low <= truth + 1e-9 and truth <= one.high + 1e-9
            moved = truth - before
            change[name] += one.change_low <= moved + 1e-9 and moved <= one.change_high + 1e-9
    return (
        {name: count / times for name, count in value.items()},
        {name: count / times for name, count in change.items()},
    )


@pytest.mark.parametrize(
    ("world", "paired", "again"),
    [
        (World([300, 300], [0.7, 0.7], [0.7, 0.7]), True, 1),
        (World([300, 300], [0.7, 0.85], [0.7, 0.7]), True, 1),
        (World([200, 100, 200, 60], [0.7, 0.9, 0.7, 0.7], [0.7, 0.7, 0.7, 0.7]), True, 1),
        (World([200, 100, 200, 60], [0.7, 0.9, 0.7, 0.7], [0.7, 0.7, 0.7, 0.7]), False, 1),
        (World([400, 400], [0.7, 0.85], [0.7, 0.8]), True, 4),
    ],
    ids=["even", "two groups", "four groups", "unpaired", "clusters"],
)
def test_intervals_hold_the_truth(world: World, paired: bool, again: int) -> None:
    value, change = covered(world, paired=paired, again=again)
    # Of 60 times, two standard errors of 95 % are 5.6 %.
    assert min(value.values()) >= 0.89, value
    assert min(change.values()) >= 0.89, change


def test_of_two_groups_the_interval_is_that_of_two_proportions() -> None:
    world = World([5000, 5000], [0.6, 0.8], [0.6, 0.8])
    head, _ = world.draw(np.random.default_rng(0))
    one = held(head, settings=Settings(resamples=20_000))["equal_opportunity_difference"]
    truth = head.predictions.is_positive
    rates, errors = [], []
    for group in range(2):
        label = np.asarray(head.predictions.prediction)[truth & (head.codes == group)]
        rates.append(label.mean())
        errors.append(label.mean() * (1 - label.mean()) / label.size)
    reach = 1.959964 * np.sqrt(sum(errors))
    assert one.head.value == pytest.approx(rates[1] - rates[0])
    assert one.low == pytest.approx(rates[1] - rates[0] - reach, abs=0.001)
    assert one.high == pytest.approx(rates[1] - rates[0] + reach, abs=0.001)


def test_rows_of_one_weight_are_rows_without() -> None:
    head, base = World([300, 200], [0.6, 0.8], [0.6, 0.7]).draw(np.random.default_rng(0))
    ones = np.full(500, 3.0)
    weighed = [
        sample(one.predictions.truth == 1, one.predictions.prediction == 1, one.codes, ones)
        for one in (head, base)
    ]
    plain, same = held(head, base), held(*weighed)
    for name in MEASURES:
        for end in ("low", "high", "change_low", "change_high"):
            assert getattr(same[name], end) == pytest.approx(getattr(plain[name], end), abs=0.04)


def test_rows_that_come_again_are_no_evidence() -> None:
    world = World([1600, 1600], [0.4, 0.9], [0.6, 0.8])
    head, _ = world.draw(np.random.default_rng(1), again=4)
    alone = sample(head.predictions.truth == 1, head.predictions.prediction == 1, head.codes)
    name = "equal_opportunity_difference"
    wide, narrow = held(head)[name], held(alone)[name]
    ratio = (wide.high - wide.low) / (narrow.high - narrow.low)  # type: ignore[operator]
    assert ratio == pytest.approx(2, rel=0.15)


def test_what_pairing_is_worth() -> None:
    world = World([2000, 2000], [0.6, 0.8], [0.6, 0.8])
    head, _ = world.draw(np.random.default_rng(2))
    label = np.asarray(head.predictions.prediction).copy()
    label[::50] = 1 - label[::50]
    base = sample(head.predictions.truth == 1, label == 1, head.codes)
    name = "demographic_parity_difference"
    paired, unpaired = held(head, base)[name], held(head, base, paired=False)[name]
    assert paired.change_high - paired.change_low < 0.3 * (  # type: ignore[operator]
        unpaired.change_high - unpaired.change_low  # type: ignore[operator]
    )


def test_the_same_seed_gives_the_same_ends() -> None:
    head, base = World([300, 200], [0.6, 0.8], [0.6, 0.7]).draw(np.random.default_rng(0))
    assert held(head, base) == held(head, base)
    other = held(head, base, settings=Settings(resamples=1000, seed=1))
    assert other != held(head, base)


def test_more_confidence_is_wider() -> None:
    head, _ = World([300, 200], [0.6, 0.8], [0.6, 0.7]).draw(np.random.default_rng(0))
    wide = held(head, settings=Settings(resamples=1000, confidence=0.99))
    for name, one in held(head).items():
        assert wide[name].low <= one.low <= one.head.value <= one.high <= wide[name].high  # type: ignore[operator]


def test_where_nobody_is_selected_not_all_is_sure() -> None:
    truth = np.arange(80) % 2 == 0
    label = truth & (np.arange(80) < 40)
    found = held(sample(truth, label, np.repeat([0, 1], 40)))
    one = found["equal_opportunity_difference"]
    assert (one.head.value, one.high) == (1.0, 1.0)
    assert 0.7 < one.low < 0.98  # type: ignore[operator]
    assert found["equal_opportunity_ratio"].low == 0
    assert 0.01 < found["equal_opportunity_ratio"].high < 0.5  # type: ignore[operator]


def test_without_a_baseline() -> None:
    head, _ = World([300, 200], [0.6, 0.8], [0.6, 0.7]).draw(np.random.default_rng(0))
    for one in held(head).values():
        assert one.base is None
        assert one.low is not None
        assert (one.change_low, one.change_high, one.no_change) == (None, None, None)


def test_a_baseline_without_labels() -> None:
    head, base = World([300, 200], [0.6, 0.8], [0.6, 0.7]).draw(np.random.default_rng(0))
    object.__setattr__(base.predictions, "prediction", None)
    for one in held(head, base).values():
        assert one.low is not None
        assert one.change_low is None
        assert one.no_change == (
            "base: there are no predicted labels, and the score is no probability"
        )


def test_other_groups_at_base() -> None:
    world = World([300, 200, 100], [0.6, 0.8, 0.7], [0.6, 0.7, 0.7])
    head, base = world.draw(np.random.default_rng(0))
    fewer = Sample(predictions=base.predictions, codes=np.where(base.codes == 2, -1, base.codes))
    one = held(head, fewer, paired=False)["demographic_parity_difference"]
    assert one.low is not None
    assert one.change_low is None
    assert one.no_change == "not the same groups can be compared at head and base"


def test_a_small_group_does_not_widen() -> None:
    world = World([300, 200, 5], [0.6, 0.8, 0.7], [0.6, 0.7, 0.7])
    head, base = world.draw(np.random.default_rng(0))
    with_it = held(head, base)["demographic_parity_difference"]
    without = held(head, base, min_rows=30)["demographic_parity_difference"]
    assert [one.group for one in without.head.excluded] == ["g2"]
    assert without.high - without.low < with_it.high - with_it.low  # type: ignore[operator]


def test_no_row_is_in_a_group() -> None:
    truth = np.array([True, False])
    found = compare(
        sample(truth, truth, np.array([-1, -1]), np.array([1.0, 2.0])),
        None,
        ["a", "b"],
        MEASURES,
        paired=True,
        min_rows=1,
        settings=FEW,
    )
    assert {one.head.value for one in found} == {None}
    assert all("fewer than two groups" in str(one.head.undefined) for one in found)


def test_more_resamples_than_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groupdraws, "MOST_DRAWS", 1000)
    head, base = World([300, 200], [0.6, 0.8], [0.6, 0.7]).draw(np.random.default_rng(0))
    assert held(head, base, settings=Settings(resamples=500_000)) == held(head, base)

"""How often the intervals of differences of areas hold the true one, by simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from assay.stats.areas import compare_areas, compare_areas_unpaired
from assay.stats.difference import Settings
from assay.stats.predictions import Predictions
from scipy.special import ndtr, ndtri

if TYPE_CHECKING:
    from assay.stats.difference import Difference

BINARY = ("roc_auc", "average_precision")
CLASSES = ("roc_auc_ovr", "roc_auc_ovo")
Rng = np.random.Generator


def of_scores(truth: Any, score: Any, weight: Any = None) -> Predictions:
    single = score.ndim == 1
    return Predictions(
        task="binary" if single else "multiclass",
        truth=truth.astype(np.intp),
        prediction=None,
        score=score,
        classes=(0, 1) if single else tuple(range(score.shape[1])),
        weight=weight,
        positive=1 if single else None,
    )


def shift(area: float) -> float:
    """How far apart two normal distributions are whose ROC curve has this area."""
    return float(np.sqrt(2) * ndtri(area))


def true_average_precision(area: float, share: float) -> float:
    """Of normal scores, by integrating precision over the scores of positive rows."""
    apart = shift(area)
    score = np.linspace(-8, 8 + apart, 40_001)
    found, false = share * ndtr(apart - score), (1 - share) * ndtr(-score)
    density = np.exp(-((score - apart) ** 2) / 2) / np.sqrt(2 * np.pi)
    precision = found / np.maximum(found + false, np.finfo(np.float64).tiny)
    return float((precision * density).sum() * (score[1] - score[0]))


def truths(head: float, base: float, share: float) -> dict[str, float]:
    precision = true_average_precision(head, share) - true_average_precision(base, share)
    return {"roc_auc": head - base, "average_precision": precision}


def two_models(rng: Rng, n: int, *, head: float, base: float, share: float) -> tuple[Any, Any, Any]:
    """Truth and the scores of two models with these true areas."""
    truth = rng.random(n) < share
    common = rng.normal(size=n) * 0.75
    own = np.sqrt(1 - 0.75**2)
    scores = (common + own * rng.normal(size=n) + shift(area) * truth for area in (head, base))
    return truth, *scores


class Tally:
    """Shares of simulations, by metric."""

    def __init__(self, truth: dict[str, float]) -> None:
        self.truth = truth
        self.held = dict.fromkeys(truth, 0)
        self.alarms = dict.fromkeys(truth, 0)
        self.times = 0

    def add(self, found: dict[str, Difference]) -> None:
        self.times += 1
        for name, one in found.items():
            self.held[name] += one.low <= self.truth[name] <= one.high
            self.alarms[name] += one.p_value < 0.05

    def assert_coverage(self, low: float = 0.93, high: float = 0.97) -> None:
        for name, held in self.held.items():
            assert low <= held / self.times <= high, (name, held / self.times)


@pytest.mark.parametrize(
    ("n", "share", "head", "base", "times"),
    [
        (200, 0.1, 0.86, 0.8, 1500),
        (200, 0.1, 0.85, 0.85, 1500),
        (200, 0.5, 0.8, 0.86, 1000),
        (2000, 0.02, 0.86, 0.8, 1000),
        (2000, 0.1, 0.9, 0.9, 1000),
    ],
)
def test_intervals_hold_the_true_difference(
    n: int, share: float, head: float, base: float, times: int
) -> None:
    rng = np.random.default_rng(1)
    tally = Tally(truths(head, base, share))
    for _ in range(times):
        truth, new, old = two_models(rng, n, head=head, base=base, share=share)
        found, _ = compare_areas(
            of_scores(truth, new), of_scores(truth, old), metrics=BINARY, settings=Settings()
        )
        tally.add(found)
    tally.assert_coverage()
    for name, alarms in tally.alarms.items():
        if head == base:
            assert alarms / times < 0.07, name
        else:
            assert alarms / times > 0.15, name


def test_a_few_rows_that_make_all_of_the_difference_widen_the_interval() -> None:
    rng = np.random.default_rng(2)
    tally, normal = Tally(truths(0.99, 0.995, 0.3)), 0
    for _ in range(1000):
        truth, new, old = two_models(rng, 200, head=0.99, base=0.995, share=0.3)
        found, _ = compare_areas(
            of_scores(truth, new), of_scores(truth, old), metrics=BINARY, settings=Settings()
        )
        tally.add(found)
        error = abs(found["roc_auc"].difference - tally.truth["roc_auc"])
        normal += error <= 1.96 * found["roc_auc"].standard_error
    tally.assert_coverage(low=0.925, high=0.98)
    assert normal + 15 < tally.held["roc_auc"]


def test_weighted_rows() -> None:
    rng = np.random.default_rng(3)
    tally = Tally(truths(0.86, 0.8, 0.2))
    for _ in range(1000):
        truth, new, old = two_models(rng, 400, head=0.86, base=0.8, share=0.2)
        weight = rng.exponential(size=400)
        head, base = of_scores(truth, new, weight), of_scores(truth, old, weight)
        tally.add(compare_areas(head, base, metrics=BINARY, settings=Settings())[0])
    tally.assert_coverage()


def test_unpaired_rows() -> None:
    rng = np.random.default_rng(4)
    tally = Tally(truths(0.86, 0.8, 0.1))
    for _ in range(1000):
        truth, new, _ = two_models(rng, 200, head=0.86, base=0.8, share=0.1)
        other, _, old = two_models(rng, 300, head=0.86, base=0.8, share=0.1)
        head, base = of_scores(truth, new), of_scores(other, old)
        tally.add(compare_areas_unpaired(head, base, metrics=BINARY, settings=Settings())[0])
    tally.assert_coverage()


def test_groups_of_rows() -> None:
    rng = np.random.default_rng(5)
    groups = np.repeat(np.arange(100), 4)
    tally, ungrouped = Tally(dict.fromkeys(BINARY, 0.0)), Tally(dict.fromkeys(BINARY, 0.0))
    for _ in range(1000):
        likely = np.where(rng.random(100) < 0.2, 0.8, 0.05)
        truth = rng.random(400) < likely[groups]
        head, base = (
            of_scores(
                truth,
                rng.normal(size=400) * 0.5 + 1.2 * truth + rng.normal(size=100)[groups],
            )
            for _ in range(2)
        )
        options: dict[str, Any] = {"metrics": BINARY, "settings": Settings()}
        tally.add(compare_areas(head, base, groups=groups, **options)[0])
        ungrouped.add(compare_areas(head, base, **options)[0])
    tally.assert_coverage(low=0.925)
    # As independent rows they would promise too much.
    ungrouped.assert_coverage(low=0.5, high=0.88)


def test_several_classes() -> None:
    rng = np.random.default_rng(6)
    tally = Tally(dict.fromkeys(CLASSES, 0.0))
    for _ in range(1000):
        truth = rng.choice(3, 200, p=[0.5, 0.4, 0.1])
        common = rng.normal(size=(200, 3)) + 1.6 * (truth[:, None] == np.arange(3))
        raws = [np.exp(common + rng.normal(size=(200, 3))) for _ in range(2)]
        head, base = (of_scores(truth, raw / raw.sum(axis=1, keepdims=True)) for raw in raws)
        tally.add(compare_areas(head, base, metrics=CLASSES, settings=Settings())[0])
    tally.assert_coverage()

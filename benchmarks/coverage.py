"""How often the 95 % interval holds the true difference, and how often equal models raise an alarm.

By simulation: two models that differ, or two that are equally good and not the same, predict rows
that are drawn anew each time. The true difference is that on two million rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import TYPE_CHECKING

import numpy as np
from assay.stats.difference import Settings
from assay.stats.metrics import compute
from assay.stats.paired import compare, compare_unpaired
from assay.stats.predictions import Predictions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from assay.stats.difference import Difference
    from numpy.typing import NDArray

    from benchmarks.harness import Bench

Pair = tuple[Predictions, Predictions]
MANY = 2_000_000
SETTINGS = Settings(resamples=1000)
LABELS = ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "mcc")
SCORES = ("log_loss", "brier", "roc_auc", "average_precision")
SEVERAL = ("accuracy", "balanced_accuracy", "precision_macro", "f1_macro", "f1_weighted", "mcc")
ERRORS = ("r2", "mae", "mse", "rmse", "mape", "median_absolute_error", "pinball_0.9")


@dataclass(frozen=True)
class World:
    """Where rows come from."""

    name: str
    rows: Callable[[int, np.random.Generator, tuple[float, float]], Pair]
    """(how many, chance, noise of head and of base): their predictions of the same rows."""
    metrics: Sequence[str]
    grouped: int = 0
    """Rows of a group, if they come in groups."""
    paired: bool = True


def binary(n: int, chance: np.random.Generator, noise: tuple[float, float]) -> Pair:
    """One row in ten is positive; models know the log odds, with noise."""
    odds = 2.5 * chance.normal(size=n) - 4.0
    truth = (chance.random(n) < _share(odds)).astype(np.intp)

    def model(level: float) -> Predictions:
        # Overconfident, so that the log loss has a heavy tail; a third predicted positive too many.
        score = _share(1.5 * (odds + 0.7 + level * chance.normal(size=n)))
        return _labelled(truth, score)

    return model(noise[0]), model(noise[1])


def weighted(n: int, chance: np.random.Generator, noise: tuple[float, float]) -> Pair:
    """As `binary`, with weights from about 0.2 to 5."""
    head, base = binary(n, chance, noise)
    weight = np.exp(0.8 * chance.normal(size=n))
    return replace(head, weight=weight), replace(base, weight=weight)


GROUP = 3


def grouped(n: int, chance: np.random.Generator, noise: tuple[float, float]) -> Pair:
    """As `binary`, but each is a group of three rows with one truth and most of the noise."""
    groups = n
    odds = np.repeat(2.5 * chance.normal(size=groups) - 4.0, GROUP)
    truth = (np.repeat(chance.random(groups), GROUP) < _share(odds)).astype(np.intp)

    def model(level: float) -> Predictions:
        shared = np.repeat(chance.normal(size=groups), GROUP)
        own = chance.normal(size=odds.size)
        return _labelled(truth, _share(1.5 * (odds + 0.7 + level * (shared + 0.3 * own))))

    return model(noise[0]), model(noise[1])


def several(n: int, chance: np.random.Generator, noise: tuple[float, float]) -> Pair:
    """Five classes, the rarest with one row in twenty."""
    truth = chance.choice(5, size=n, p=[0.4, 0.25, 0.2, 0.1, 0.05]).astype(np.intp)
    shared = chance.normal(size=(n, 5))
    shared[np.arange(n), truth] += 2.0

    def model(level: float) -> Predictions:
        score = np.exp(shared + level * chance.normal(size=(n, 5)))
        score /= score.sum(axis=1, keepdims=True)
        return Predictions(
            task="multiclass",
            truth=truth,
            prediction=score.argmax(axis=1),
            score=score,
            classes=tuple("abcde"),
        )

    return model(noise[0]), model(noise[1])


def regression(n: int, chance: np.random.Generator, noise: tuple[float, float]) -> Pair:
    """Positive values with a long tail, as prices have; errors grow with them."""
    known = chance.normal(size=n)
    truth = np.exp(2 + 0.3 * known + 0.2 * chance.normal(size=n))

    def model(level: float) -> Predictions:
        told = np.exp(2.05 + 0.3 * known + 0.2 * level * chance.normal(size=n))
        return Predictions(task="regression", truth=truth, prediction=told, score=None)

    return model(noise[0]), model(noise[1])


WORLDS = (
    World("binary", binary, (*LABELS, *SCORES)),
    World("weighted", weighted, (*LABELS, *SCORES)),
    World("groups", grouped, (*LABELS, *SCORES), grouped=GROUP),
    World("five classes", several, (*SEVERAL, "log_loss", "roc_auc_ovr")),
    World("regression", regression, ERRORS),
    World("binary, unpaired", binary, (*LABELS, *SCORES), paired=False),
    World("regression, unpaired", regression, ERRORS, paired=False),
)
DIFFERENT, EQUAL = (0.6, 1.2), (1.0, 1.0)


@dataclass(frozen=True)
class Held:
    """How often an interval did what it promises."""

    world: str
    rows: int
    metric: str
    coverage: float
    """Of two models that differ: the share of intervals that hold the true difference."""
    alarms: float
    """Of two equal ones: the share of p-values below 0.05."""


def measure(world: World, rows: int, *, runs: int, seed: int = 1) -> Iterator[Held]:
    truth = true_difference(world, DIFFERENT)
    inside = dict.fromkeys(world.metrics, 0)
    alarms = dict.fromkeys(world.metrics, 0)
    known = dict.fromkeys(world.metrics, 0)
    for run in range(runs):
        for noise in (DIFFERENT, EQUAL):
            chance = np.random.default_rng([seed, rows, run, int(noise == EQUAL)])
            for name, found in _compared(world, rows, chance, noise).items():
                if noise == EQUAL:
                    alarms[name] += found.p_value < 0.05
                else:
                    known[name] += 1
                    inside[name] += found.low <= truth[name] <= found.high
    for name in world.metrics:
        yield Held(world.name, rows, name, inside[name] / known[name], alarms[name] / runs)


def true_difference(world: World, noise: tuple[float, float]) -> dict[str, float]:
    head, base = world.rows(MANY, np.random.default_rng(99), noise)
    new, old = (compute(one, metrics=world.metrics).values for one in (head, base))
    return {name: new[name] - old[name] for name in world.metrics}


def _compared(
    world: World, rows: int, chance: np.random.Generator, noise: tuple[float, float]
) -> dict[str, Difference]:
    head, base = world.rows(rows, chance, noise)
    if not world.paired:
        _, base = world.rows(rows, chance, noise)
        return compare_unpaired(head, base, metrics=world.metrics, settings=SETTINGS).differences
    groups = np.arange(len(head)) // world.grouped if world.grouped else None
    return compare(head, base, metrics=world.metrics, settings=SETTINGS, groups=groups).differences


def _share(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-odds))


def _labelled(truth: NDArray[np.intp], score: NDArray[np.float64]) -> Predictions:
    return Predictions(
        task="binary",
        truth=truth,
        prediction=(score >= 0.5).astype(np.intp),
        score=score,
        classes=(0, 1),
        positive=1,
    )


def _job(job: tuple[int, int, int]) -> list[Held]:
    world, rows, runs = job
    return list(measure(WORLDS[world], rows, runs=runs))


def run(bench: Bench, runs: int = 2000) -> None:
    jobs = [(w, n, runs) for n in (200, 2000, 20_000) for w in range(len(WORLDS))]
    with get_context("spawn").Pool() as pool:
        for held in pool.imap(_job, jobs):
            for one in held:
                name = f"{one.world}, n = {one.rows:,}: {one.metric}"
                print(f"   {name:<60} {one.coverage:7.1%} {one.alarms:7.1%}", flush=True)
                off = 100 * abs(one.coverage - 0.95)
                bench.number(f"coverage, {name}", off, limit=2.0, unit="points off 95 %")

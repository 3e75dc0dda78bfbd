"""How often a monitor cries wolf: windows in which nothing drifts, from 500 to 10 million rows.

`make bench NAME=alarms`; minutes. Columns are drawn as counts of bins, so that ten million rows
cost no more than five hundred. A world is the shape of a column: ten equal bins, few, many, a rare
one.

Three promises are held against simulation:

- A window of 25 columns between which and the reference there is no difference is called drift at
  most at the rate that was asked for: practically never at the default bound, and about at that
  rate even where no difference at all is allowed (bound 0; at most at twice the rate where many
  bins have few rows).
- Columns that differ by exactly the bound, which is still allowed, are called drift no more often.
- The interval of the distance holds the true one at the promised rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING

import numpy as np
from assay.monitor import sureness
from assay.monitor.bounds import FLOOR
from assay.monitor.verdict import Question, judge

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.harness import Bench

_WHAT = ("no bound", "equal", "at the bound")
COLUMNS = 25
ALPHA = 0.05
SIZES = ((500, 500), (500, 100_000), (20_000, 500), (20_000, 20_000), (1_000_000, 10_000_000))
"""Rows of the window and of the reference; in the last, the other way round too."""


@dataclass(frozen=True)
class World:
    name: str
    shares: tuple[float, ...]


WORLDS = (
    World("deciles", (0.1,) * 10),
    World("two values", (0.3, 0.7)),
    World("categories of a fiftieth", (0.4, 0.2, *(0.02,) * 20)),
    World("a value that is rarely missing", (*(0.0999,) * 10, 0.001)),
)


@dataclass(frozen=True)
class Held:
    world: str
    rows: int
    reference: int
    unbounded: float
    """Share of windows without any difference called drift, where none is allowed."""
    bounded: float
    """The same at the default bound."""
    at_bound: float
    """Share of windows whose columns all differ by the bound."""
    coverage: float
    """Share of intervals of 95 % that hold the true distance, of columns at the bound."""


def measure(world: World, rows: int, reference: int, *, runs: int, seed: int = 1) -> Held:
    chance = np.random.default_rng([seed, rows, reference])
    same = np.asarray(world.shares)
    moved = at_distance(same, FLOOR)
    found = [0, 0, 0, 0]
    for _ in range(runs):
        known = chance.multinomial(reference, same, COLUMNS)
        equal = _columns(known, chance.multinomial(rows, same, COLUMNS))
        apart = _columns(known, chance.multinomial(rows, moved, COLUMNS))
        found[0] += _drifts(equal, rows, reference, 0.0)
        found[1] += _drifts(equal, rows, reference, FLOOR)
        found[2] += _drifts(apart, rows, reference, FLOOR)
        around = [sureness.rooted(one.spread(0.95)) for one in apart]
        found[3] += sum(one.low <= FLOOR <= one.high for one in around)
    shares = [count / runs for count in found]
    return Held(world.name, rows, reference, *shares[:3], coverage=shares[3] / COLUMNS)


def _columns(known: NDArray[np.int64], drawn: NDArray[np.int64]) -> list[sureness.Chi]:
    pairs = zip(known.tolist(), drawn.tolist(), strict=True)
    return [sureness.of_divergence(one, other) for one, other in pairs]


def _drifts(columns: list[sureness.Chi], rows: int, reference: int, bound: float) -> bool:
    asked = [
        Question(
            name=str(number),
            about="feature",
            effect=one.unbiased**0.5,
            low=0,
            high=1,
            bound=bound,
            p_value=one.beyond(bound**2),
            rows=rows,
            reference_rows=reference,
        )
        for number, one in enumerate(columns)
    ]
    return judge(asked, rows=rows, alpha=ALPHA).outcome == "drift"


def at_distance(shares: NDArray[np.float64], wanted: float) -> NDArray[np.float64]:
    """Shares so far from the given ones, tilted from the first to the last."""
    slope = np.linspace(-1, 1, shares.size)
    low, high = 0.0, 20.0
    for _ in range(100):
        middle = (low + high) / 2
        moved = shares * np.exp(middle * slope)
        moved /= moved.sum()
        if _distance(shares, moved) < wanted:
            low = middle
        else:
            high = middle
    return np.asarray(moved)


def _distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    middle = (one + other) / 2
    return float(np.sqrt(sum((side * np.log2(side / middle)).sum() for side in (one, other)) / 2))


def _job(job: tuple[int, int, int, int]) -> Held:
    world, rows, reference, runs = job
    return measure(WORLDS[world], rows, reference, runs=runs)


def run(bench: Bench, runs: int = 1000) -> None:
    sizes = [*SIZES, (10_000_000, 1_000_000)]
    jobs = [(w, n, m, runs) for n, m in sizes for w in range(len(WORLDS))]
    # Three standard errors of a rate of 5 %.
    slack = 300 * (ALPHA * (1 - ALPHA) / runs) ** 0.5
    with get_context("spawn").Pool() as pool:
        for one in pool.imap(_job, jobs):
            name = f"{one.world}, {one.rows:,} rows of {one.reference:,}"
            print(
                f"   {name:<60} {one.unbounded:7.1%} {one.bounded:7.1%} {one.at_bound:7.1%}"
                f" {one.coverage:7.1%}",
                flush=True,
            )
            limits = (200 * ALPHA, 0.0, 100 * ALPHA + slack)
            rates = (one.unbounded, one.bounded, one.at_bound)
            for what, rate, limit in zip(_WHAT, rates, limits, strict=True):
                bench.number(f"alarms, {name}, {what}", 100 * rate, limit=limit, unit="%")
            missed = 100 * max(0.0, 0.95 - one.coverage)
            bench.number(f"alarms, {name}, intervals", missed, limit=2.0, unit="points under 95 %")

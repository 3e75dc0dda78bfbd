"""How often a rollout is judged wrongly, by simulation: versions that are alike, and worse ones.

Latencies are log-normal around 20 ms, 0.1 % of the requests fail, scores fall evenly into ten bins.
Both versions share a load that changes from interval to interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from assay.configrollout import AnalysisSpec
from assay.rollout import analysis
from assay.rollout.latency import BINS as LATENCY_BINS
from assay.rollout.plan import Stage
from assay.rollout.snapshot import Counted
from assay.rollout.windows import Interval, Window, together

if TYPE_CHECKING:
    from assay.rollout.outcome import Decision

    from benchmarks.harness import Bench

SPEC = AnalysisSpec()
EDGES = tuple(float(edge) for edge in np.arange(1, 10) / 10)
BAKE = 20
"""Intervals: 10 minutes of 30 s."""
PATIENCE = 10


@dataclass(frozen=True)
class Version:
    """How a version answers."""

    latency: float = 0.02
    """Median in seconds."""
    tail: float = 0.0
    """Share of requests that take ten times as long."""
    errors: float = 0.001
    shift: float = 0.0
    """Of the scores: the total variation distance to a version without it."""


WORSE = {
    "latency twice as long": Version(latency=0.04),
    "latency 1.5 times as long": Version(latency=0.03),
    "3 % of the requests ten times as long": Version(tail=0.03),
    "5 % errors": Version(errors=0.05),
    "3 % errors": Version(errors=0.03),
    "30 % of the predictions moved": Version(shift=0.3),
    "50 % of the predictions moved": Version(shift=0.5),
}


def window(
    chance: np.random.Generator, requests: int, version: Version, load: float = 1.0
) -> Window:
    """What a version does in an interval of `requests` requests."""
    seconds = chance.lognormal(math.log(version.latency * load), 0.5, requests)
    seconds = np.where(chance.random(requests) < version.tail, 10 * seconds, seconds)
    bins = np.clip(np.floor(8 * np.log2(seconds * 1e6)), 0, LATENCY_BINS - 1).astype(int)
    scores = np.minimum(chance.random(requests) + version.shift, 0.999)
    counts = np.bincount((scores * 10).astype(int), minlength=10)
    failed = int(chance.binomial(requests, version.errors))
    return Window(
        requests=requests,
        errors={"internal": failed} if failed else {},
        latency=tuple(np.bincount(bins, minlength=LATENCY_BINS).tolist()),
        predictions={"score": Counted(edges=EDGES, counts=tuple(counts.tolist()))},
        seconds=30.0,
    )


def rollout(chance: np.random.Generator, requests: int, candidate: Version) -> tuple[Decision, str]:
    """How a rollout of 5, 25 and 100 % ends, and where, with so many requests an interval."""
    earlier: Window | None = None
    for percent in (5, 25, 100):
        stage = Stage(f"{percent} %", percent)
        needed = BAKE if percent == 100 else 1
        intervals: list[Interval] = []
        while True:
            mine, load = int(chance.binomial(requests, percent / 100)), chance.normal(1, 0.03)
            stable = window(chance, requests - mine, Version(), load)
            intervals.append(Interval(window(chance, mine, candidate, load), stable))
            found = analysis.judge(intervals, stage, SPEC, earlier=earlier).decision
            if found == "failed" or len(intervals) >= needed + PATIENCE:
                return found, stage.name
            if found == "passed" and len(intervals) >= needed:
                break
        earlier = together([one.stable for one in intervals if one.stable])
    return "passed", ""


def alike(requests: int, runs: int) -> dict[str, int]:
    """How rollouts end of a version that is as good as stable."""
    chance = np.random.default_rng(requests)
    ends = [rollout(chance, requests, Version())[0] for _ in range(runs)]
    return {name: ends.count(name) for name in ("passed", "failed", "inconclusive")}


def found_at_once(name: str, requests: int, runs: int) -> float:
    """The share of worse versions that fail by one window of `requests` requests at 5 %."""
    chance = np.random.default_rng(len(name) * requests)
    spec = SPEC.model_copy(update={"samples": min(requests, SPEC.samples)})
    stage, failed = Stage("5 %", 5), 0
    for _ in range(runs):
        mine = window(chance, requests, WORSE[name])
        verdict = analysis.judge(
            [Interval(mine, window(chance, 19 * requests, Version()))], stage, spec
        )
        failed += verdict.decision == "failed"
    return failed / runs


def run(bench: Bench, runs: int = 4000) -> None:
    """The tables of docs/judging.md."""
    for requests in (1000, 5000, 20_000):
        many = runs // (requests // 1000)
        ends = alike(requests, many)
        print(f"   alike, {requests:,} requests an interval, {many} rollouts: {ends}", flush=True)
        bench.number(
            f"false alarms, {requests:,} requests an interval",
            100 * ends["failed"] / many,
            limit=1.0,
            unit="%",
        )
    for name in WORSE:
        shares = {n: found_at_once(name, n, 1000) for n in (300, 1000)}
        told = ", ".join(f"{n} requests: {share:.1%}" for n, share in shares.items())
        print(f"   {name}: {told}", flush=True)

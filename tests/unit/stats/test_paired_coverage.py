"""Intervals hold the true difference as often as they say: the reduced form of a benchmark.

`benchmarks/coverage.py` runs thousands of samples of every kind; here are as many as tell a method
that is wrong, such as percentiles of the plain table, or a normal for groups as if they were rows.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.coverage import WORLDS, World, measure

BY_NAME = {world.name: world for world in WORLDS}
KINDS = {
    "binary": ("accuracy", "recall", "mcc", "log_loss"),
    "groups": ("accuracy", "log_loss"),
    "regression": ("mse", "median_absolute_error"),
    "binary, unpaired": ("recall", "log_loss"),
}


@pytest.mark.parametrize(
    ("name", "rows", "runs"),
    [
        ("binary", 200, 300),
        ("binary", 2000, 200),
        ("binary", 20_000, 120),
        ("groups", 200, 100),
        ("regression", 200, 400),
        ("regression", 20_000, 120),
        ("binary, unpaired", 200, 250),
    ],
)
def test_coverage_and_false_alarms(name: str, rows: int, runs: int) -> None:
    world: World = replace(BY_NAME[name], metrics=KINDS[name])
    for held in measure(world, rows, runs=runs):
        # Four standard errors of a share of 95 % to either side: 0.90 to 1 for 300 runs.
        slack = 4 * (0.05 * 0.95 / runs) ** 0.5
        assert held.coverage >= 0.95 - slack, held
        assert held.alarms <= 0.05 + slack, held

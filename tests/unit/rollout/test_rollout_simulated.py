"""How often the defaults judge wrongly: the simulation of `make bench NAME=judging`, made small."""

from __future__ import annotations

import pytest

from benchmarks import judging


def test_versions_that_are_alike_are_not_sent_back() -> None:
    """Less than 1 % of rollouts fail: of 40 more than two would be one in a hundred tests."""
    ends = judging.alike(1000, 40)
    assert ends["failed"] <= 2
    assert ends["passed"] >= 36


@pytest.mark.parametrize(
    "name", ["latency twice as long", "5 % errors", "50 % of the predictions moved"]
)
def test_worse_versions_are_found_by_the_first_window(name: str) -> None:
    assert judging.found_at_once(name, 1000, 60) == 1.0


def test_few_requests_find_less() -> None:
    """The simulation can fail, too."""
    assert judging.found_at_once("3 % errors", 100, 60) < 0.6

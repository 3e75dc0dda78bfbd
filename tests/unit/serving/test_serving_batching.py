"""Micro-batching: who is asked together, and that nobody suffers for another's row."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from assay.serving.batching import Batcher, parted
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.serving.protocols.base import Answers, Feeds


class Model:
    """Doubles what it is given; a negative number it refuses."""

    def __init__(self) -> None:
        self.asked: list[list[float]] = []

    def __call__(self, feeds: Feeds) -> Answers:
        values = feeds["x"][:, 0]
        self.asked.append(values.tolist())
        if (values < 0).any():
            raise ArithmeticError("a negative number")
        return {"value": values * 2}


def feeds(*values: float) -> Feeds:
    return {"x": np.array(values, dtype=np.float64).reshape(-1, 1)}


async def together(batcher: Batcher, *requests: tuple[float, ...]) -> list[Any]:
    asked = [batcher.ask(feeds(*one), len(one)) for one in requests]
    found = await asyncio.gather(*asked, return_exceptions=True)
    return [one if isinstance(one, BaseException) else one["value"].tolist() for one in found]


def run(model: Callable[[Feeds], Answers], *requests: tuple[float, ...], most: int = 10) -> Any:
    async def main() -> Any:
        return await together(Batcher(model, most, 0.001), *requests)

    return asyncio.run(main())


def test_requests_that_come_together_are_asked_together() -> None:
    model = Model()

    assert run(model, (1,), (2, 3), (4,)) == [[2], [4, 6], [8]]
    assert model.asked == [[1, 2, 3, 4]]


def test_a_batch_has_at_most_so_many_rows_and_no_request_is_split() -> None:
    model = Model()

    assert run(model, (1, 2), (3, 4), (5,), (6, 7, 8, 9), most=3) == [
        [2, 4],
        [6, 8],
        [10],
        [12, 14, 16, 18],
    ]
    assert model.asked == [[1, 2], [3, 4, 5], [6, 7, 8, 9]]


def test_one_that_fails_fails_alone() -> None:
    model = Model()

    first, second, third = run(model, (1,), (-1,), (3,))

    assert (first, third) == ([2], [6])
    assert isinstance(second, ArithmeticError)


def test_one_row_waits_no_longer_than_it_may() -> None:
    model = Model()

    assert run(model, (1,)) == [[2]]


def test_who_gave_up_is_not_asked_for() -> None:
    model = Model()

    async def main() -> list[Any]:
        batcher = Batcher(model, 10, 0.02)
        gone = asyncio.ensure_future(batcher.ask(feeds(-1), 1))
        await asyncio.sleep(0)
        gone.cancel()
        return await together(batcher, (2,))

    assert asyncio.run(main()) == [[4]]
    assert model.asked == [[2]]


def test_one_batch_at_a_time() -> None:
    inside = 0
    most = 0

    def slow(given: Feeds) -> Answers:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.005)
        inside -= 1
        return {"value": given["x"][:, 0]}

    run(slow, *[(float(at),) for at in range(6)], most=2)

    assert most == 1


def test_a_model_that_gives_too_few_answers_is_asked_one_by_one() -> None:
    with pytest.raises(ValueError, match="another number of rows"):
        parted({"value": np.zeros(2)}, [1, 2])
    found = run(lambda given: {"value": np.zeros(1)}, (1,), (2,))
    assert found == [[0], [0]]


@settings(max_examples=40)
@given(sizes=st.lists(st.integers(1, 4), min_size=1, max_size=8), most=st.integers(1, 6))
def test_everybody_gets_their_own_answers(sizes: list[int], most: int) -> None:
    numbers = iter(range(100))
    requests = [tuple(float(next(numbers)) for _ in range(size)) for size in sizes]

    assert run(Model(), *requests, most=most) == [
        [2 * value for value in request] for request in requests
    ]

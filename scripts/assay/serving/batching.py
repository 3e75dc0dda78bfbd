"""Micro-batching: requests that come at the same time are asked of the model as one table.

Off unless it is asked for. It pays where a model takes long a call and little a row (a large
forest, a native model); a small graph answers a row faster than a request waits for company.

A batch is closed by whichever comes first: it has `most` rows, or its first request has waited
`wait` seconds. A request is never split, and never answered later because another one in its batch
is wrong: where the batch raises, every request is asked by itself.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from assay.serving.protocols.base import Answers, Feeds


@dataclass(eq=False)
class _Waiting:
    """A request that waits: its rows, and where its answer goes."""

    feeds: Feeds
    rows: int
    answer: asyncio.Future[Answers]


@dataclass(eq=False)
class Batcher:
    """Collects requests of one event loop.

    Args:
        predict: Asks the model; runs in a thread, one call at a time.
        most: Rows of a batch.
        wait: Seconds that the first request of a batch waits.
    """

    predict: Callable[[Feeds], Answers]
    most: int
    wait: float
    _waiting: list[_Waiting] = field(default_factory=list, init=False)
    _rows: int = field(default=0, init=False)
    _timer: asyncio.TimerHandle | None = field(default=None, init=False)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set, init=False)

    async def ask(self, feeds: Feeds, rows: int) -> Answers:
        """What the model says of the rows of one request.

        Args:
            feeds: Input to array (rows, ...).
            rows: Of the request.

        Raises:
            Exception: What the model raises of these rows alone.
        """
        loop = asyncio.get_running_loop()
        if self._waiting and self._rows + rows > self.most:
            self._close()
        one = _Waiting(feeds, rows, loop.create_future())
        self._waiting.append(one)
        self._rows += rows
        if self._rows >= self.most:
            self._close()
        elif self._timer is None:
            self._timer = loop.call_later(self.wait, self._close)
        return await one.answer

    def _close(self) -> None:
        """Send off what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        batch, self._waiting, self._rows = self._waiting, [], 0
        # Who gave up (a time limit, a client that hung up) has nothing asked for them.
        batch = [one for one in batch if not one.answer.done()]
        if batch:
            task = asyncio.get_running_loop().create_task(self._run(batch))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _run(self, batch: Sequence[_Waiting]) -> None:
        async with self._turn:
            outcomes = await asyncio.to_thread(_outcomes, self.predict, batch)
        for one, outcome in zip(batch, outcomes, strict=True):
            if one.answer.done():
                continue
            if isinstance(outcome, Exception):
                one.answer.set_exception(outcome)
            else:
                one.answer.set_result(outcome)


def _outcomes(
    predict: Callable[[Feeds], Answers], batch: Sequence[_Waiting]
) -> list[Answers | Exception]:
    """The answer of each request, or what was raised of it."""
    if len(batch) == 1:
        return [_outcome(predict, batch[0].feeds)]
    try:
        answers = predict(joined([one.feeds for one in batch]))
        return list(parted(answers, [one.rows for one in batch]))
    except Exception:  # noqa: BLE001 (whose fault it is shows when each is asked by itself)
        return [_outcome(predict, one.feeds) for one in batch]


def _outcome(predict: Callable[[Feeds], Answers], feeds: Feeds) -> Answers | Exception:
    try:
        return predict(feeds)
    except Exception as error:  # noqa: BLE001 (raised again where the request waits)
        return error


def joined(several: Sequence[Feeds]) -> Answers:
    """Requests as one: arrays (n_i, ...) as (sum of n_i, ...)."""
    import numpy as np

    return {name: np.concatenate([feeds[name] for feeds in several]) for name in several[0]}


def parted(answers: Answers, sizes: Sequence[int]) -> list[Answers]:
    """The answers of a batch, by request.

    Raises:
        ValueError: There is not one answer a row.
    """
    total = sum(sizes)
    if wrong := [name for name, values in answers.items() if len(values) != total]:
        raise ValueError(f"the model gives {wrong[0]} for another number of rows than it was asked")
    parts: list[Answers] = []
    start = 0
    for size in sizes:
        parts.append({name: values[start : start + size] for name, values in answers.items()})
        start += size
    return parts

"""Ctrl-C and SIGTERM while a rollout runs: the first one ends it, and nothing ends its way back."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def once() -> Iterator[None]:
    """Turn the first SIGINT or SIGTERM within the block into `KeyboardInterrupt`.

    Those that follow are not heard: a runner that cancels a job sends several, and people press
    Ctrl-C again. SIGKILL still ends the process; then the target's watchdog goes back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []

    def hear(number: int, _: object) -> None:
        heard.append(number)
        if len(heard) == 1:
            raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, hear) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""Ctrl-C and SIGTERM: the first one ends a rollout, and nothing ends its way back."""

from __future__ import annotations

import os
import signal
import threading

import pytest
from assay.rollout import interrupt


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_one_interrupts_and_the_next_are_not_heard(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    heard = 0
    with interrupt.once():
        try:
            os.kill(os.getpid(), number)
        except KeyboardInterrupt:
            heard += 1
            os.kill(os.getpid(), number)
            os.kill(os.getpid(), signal.SIGTERM)
            heard += 1
    assert heard == 2
    assert signal.getsignal(number) is before


def test_in_another_thread_nothing_is_changed() -> None:
    before = signal.getsignal(signal.SIGTERM)
    found: list[object] = []

    def inside() -> None:
        with interrupt.once():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert found == [before]

"""Ending a process without taking it apart first."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@contextlib.contextmanager
def at_once() -> Iterator[None]:
    """Have this process end soon after the block.

    Freeing each object of a run takes Python a quarter of a second, for which people wait.
    """
    ended: list[object] = []
    atexit.register(_leave, ended)  # the first to be registered is the last to be called
    try:
        yield
    except SystemExit as ending:
        ended.append(ending.code)
        raise
    ended.append(0)


def _leave(ended: Sequence[object]) -> None:
    """End this process, unless there is still something for Python to say."""
    if not ended or not isinstance(ended[0], int):
        return
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        return
    os._exit(ended[0])

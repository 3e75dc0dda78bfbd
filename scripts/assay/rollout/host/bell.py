"""Waiting, until time is up or a signal comes."""

from __future__ import annotations

import os
import select
import signal

_END = (signal.SIGTERM, signal.SIGINT)


class Bell:
    """Wakes the daemon up when a signal comes.

    Signals are not blocked, for what we start would inherit that.
    """

    def __init__(self) -> None:
        self.ended = False
        self.ear, mouth = os.pipe()
        for end in (self.ear, mouth):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(mouth, warn_on_full_buffer=False)
        for one in (signal.SIGHUP, signal.SIGCHLD):
            signal.signal(one, lambda *_: None)
        for one in _END:
            signal.signal(one, self._end)

    def _end(self, *_: object) -> None:
        self.ended = True

    def wait(self, seconds: float) -> None:
        """Wait so long, or until a signal comes."""
        if select.select([self.ear], [], [], seconds)[0]:
            os.read(self.ear, 4096)

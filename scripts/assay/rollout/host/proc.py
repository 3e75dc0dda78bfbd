"""Processes of this machine by /proc: whether one still is the one that was started."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """One process. Its number alone is not enough: numbers are given again."""

    pid: int
    born: int
    """Clock ticks since the boot."""

    @property
    def alive(self) -> bool:
        """Whether it still runs; one that only waits to be collected does not."""
        return _stat(self.pid) == (self.born, True)

    @property
    def memory(self) -> int:
        """Resident bytes; 0 where it has ended."""
        try:
            fields = (_PROC / str(self.pid) / "statm").read_text().split()
        except OSError:
            return 0
        return int(fields[1]) * _PAGE if len(fields) > 1 else 0


def found(pid: int) -> Process | None:
    """The process of that number."""
    stat = _stat(pid)
    return Process(pid, stat[0]) if stat is not None else None


def _stat(pid: int) -> tuple[int, bool] | None:
    """(when it began, whether it runs), by proc_pid_stat(5)."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The second field is the name in brackets, which may hold anything, brackets too.
    fields = text.rpartition(")")[2].split()
    return int(fields[19]), fields[0] not in "ZX"

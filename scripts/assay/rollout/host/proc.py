"""Processes of this machine by /proc: whether one still is the one that was started."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

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
        stat = _stat(self.pid)
        return stat is not None and stat.born == self.born and stat.runs

    @property
    def memory(self) -> int:
        """Resident bytes; 0 where it has ended."""
        try:
            fields = (_PROC / str(self.pid) / "statm").read_text().split()
        except OSError:
            return 0
        return int(fields[1]) * _PAGE if len(fields) > 1 else 0

    @property
    def title(self) -> str:
        """Its command line, which programs change to say what they do; empty where it has ended."""
        try:
            return (_PROC / str(self.pid) / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            return ""


def children(pid: int) -> list[Process]:
    """The processes that a process has started."""
    every = (int(path.name) for path in _PROC.iterdir() if path.name.isdigit())
    return [Process(one, stat.born) for one in every if (stat := _stat(one)) and stat.parent == pid]


def found(pid: int) -> Process | None:
    """The process of that number."""
    stat = _stat(pid)
    return Process(pid, stat.born) if stat is not None else None


class _Stat(NamedTuple):
    """What proc_pid_stat(5) tells."""

    parent: int
    born: int
    runs: bool


def _stat(pid: int) -> _Stat | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The second field is the name in brackets, which may hold anything, brackets too.
    fields = text.rpartition(")")[2].split()
    return _Stat(parent=int(fields[1]), born=int(fields[19]), runs=fields[0] not in "ZX")

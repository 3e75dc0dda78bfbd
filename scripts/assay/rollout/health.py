"""Whether a candidate lives: looked at every second, apart from how well it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.rollout.snapshot import NOT_FINITE

if TYPE_CHECKING:
    from assay.rollout.snapshot import Snapshot
    from assay.rollout.targets.base import Seen

MISSES = 2
"""So many looks in a row without an answer mean that it hangs."""


@dataclass
class Health:
    """What is remembered of a version from look to look."""

    name: str
    """For people."""
    first: Snapshot | None = None
    restarts: int = 0
    misses: int = 0

    def look(self, seen: Seen | None) -> str | None:
        """What is wrong with it, if anything is."""
        if seen is None:
            return f"{self.name} does not run: its target knows of no such process."
        if not seen.alive:
            return f"{self.name} died{_because(seen.problem)}"
        if seen.restarts > self.restarts and self.first is not None:
            return f"{self.name} died and was started again{_because(seen.problem)}"
        if seen.snapshot is None:
            self.misses += 1
            if self.misses < MISSES:
                return None
            return (
                f"{self.name} gave no answer {self.misses} times in a row{_because(seen.problem)}"
            )
        self.misses = 0
        return self._counts(seen.snapshot, seen.restarts)

    def _counts(self, now: Snapshot, restarts: int) -> str | None:
        if self.first is None:
            self.first, self.restarts = now, restarts
        if now.process != self.first.process or now.requests < self.first.requests:
            return f"{self.name} died and was started again."
        broken = now.errors.get(NOT_FINITE, 0) - self.first.errors.get(NOT_FINITE, 0)
        if broken:
            return f"{self.name} gave no finite number for {broken} requests."
        return None


def _because(problem: str) -> str:
    return f": {problem.rstrip('.')}." if problem else "."

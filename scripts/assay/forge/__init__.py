"""Where results are published on GitHub.

The domain (`comment.py`, `sticky.py`: which comment is ours, what to do with it) knows nothing of
the transport (`github.py`, `transport.py`). This module imports none of them, so it costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal


@dataclass(frozen=True)
class Posted:
    """What became of a report."""

    action: Literal["created", "updated", "unchanged"]
    url: str
    """Where a person can read it."""


def stamp(moment: datetime) -> str:
    """A time as GitHub and our hidden lines write it: `2026-01-05T09:00:00Z`."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def moment(text: object) -> datetime | None:
    """The time that was written so; `None` of anything else."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else None

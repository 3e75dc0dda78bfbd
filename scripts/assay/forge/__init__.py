"""Where results are published on GitHub.

The domain (`comment.py`, `sticky.py`: which comment is ours, what to do with it) knows nothing of
the transport (`github.py`, `transport.py`). This module imports none of them, so it costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Posted:
    """What became of a report."""

    action: Literal["created", "updated", "unchanged"]
    url: str
    """Where a person can read it."""

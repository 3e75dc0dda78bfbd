"""Where results are published: a pull request's comment on GitHub, or a plain file.

The domain (`comment.py`: which comment is ours, what to do with it) knows nothing of the
transports (`github.py`, `local.py`). This module imports none of them, so it costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True)
class Posted:
    """What became of a report."""

    action: Literal["created", "updated", "unchanged"]
    url: str
    """Where a person can read it: `https://...` or `file://...`."""


class Forge(Protocol):
    """A place that shows a pull request's report."""

    def upsert_comment(
        self, *, pull_request: int, body: str, marker: str, sha: str | None = None
    ) -> Posted:
        """Show `body` as the one report that carries `marker`, replacing an earlier one.

        Args:
            pull_request: The number of the pull request.
            body: Markdown, without the marker.
            marker: What tells this report from other comments; see `comment.marker`.
            sha: The commit that the report is about.

        Raises:
            ForgeError: The place cannot be reached or refuses; message and hint say why.
        """
        ...

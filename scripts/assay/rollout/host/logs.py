"""Logs that do not fill the disk."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 20_000_000
"""Bytes."""


def cut(folder: Path) -> None:
    """Keep one older part of each log that has grown large.

    It is copied and emptied, not renamed: those who write it have it open to append. What they
    write between the two is lost.
    """
    for path in folder.glob("*.log"):
        with contextlib.suppress(OSError):
            if path.stat().st_size > LARGEST:
                path.with_suffix(".log.1").write_bytes(path.read_bytes())
                os.truncate(path, 0)

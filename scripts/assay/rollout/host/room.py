"""Room on the disk for what a way back writes: kept in good times, used when the disk is full."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from assay.rollout.host.layout import Layout

RESERVE = 1_000_000
"""Bytes: leases, routes, the journal's lines and state of many changes are a small part of it."""
_PLENTY = 20 * RESERVE
"""Bytes that must be free before some are put aside."""


def _free(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def keep(place: Layout) -> None:
    """Put a reserve aside, where there is plenty of room."""
    if place.reserve.exists() or _free(place.folder) < _PLENTY:
        return
    with contextlib.suppress(OSError):
        place.reserve.write_bytes(os.urandom(RESERVE))  # what is all zeros, a disk may not keep


def use(place: Layout) -> None:
    """Give it up, where the disk is full."""
    with contextlib.suppress(OSError):
        if _free(place.folder) < RESERVE:
            place.reserve.unlink(missing_ok=True)

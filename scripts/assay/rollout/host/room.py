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
_PIECE = 32_000
"""Bytes that are given up at a time: one change writes less, and whoever filled the disk, or a
bundle that is brought there, takes all that is free."""
_PLENTY = 20 * RESERVE
"""Bytes that must be free before some are put aside."""


def _free(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def _kept(place: Layout) -> int:
    return place.reserve.stat().st_size if place.reserve.exists() else 0


def keep(place: Layout) -> None:
    """Put a reserve aside, where there is plenty of room."""
    if _kept(place) == RESERVE or _free(place.folder) < _PLENTY:
        return
    with contextlib.suppress(OSError):
        place.reserve.write_bytes(os.urandom(RESERVE))  # what is all zeros, a disk may not keep


def use(place: Layout) -> None:
    """Give a piece of it up for the change that follows, where the disk is full."""
    with contextlib.suppress(OSError):
        if _free(place.folder) < _PIECE:
            os.truncate(place.reserve, max(_kept(place) - _PIECE, 0))

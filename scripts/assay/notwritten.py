"""What is said of a file that could not be written.

A module of its own: what else writes files takes long to import.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from assay.console import printable
from assay.errors import OutsideError

if TYPE_CHECKING:
    from pathlib import Path


def not_written(path: Path, error: OSError) -> OutsideError:
    """The error of a file that could not be written."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return OutsideError(
        f"{printable(str(path))} cannot be written: {error.strerror or error}.",
        hint="Free some space, or use a larger runner."
        if full
        else "Check the permissions of the folder.",
    )

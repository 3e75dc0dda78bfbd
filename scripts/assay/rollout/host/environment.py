"""The environment of the processes of a host: little, and nothing of whoever deployed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from assay.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# A runner's secrets are in its environment, and so is the mark by which it ends what a job leaves.
_KEPT = (
    *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR", "XDG_RUNTIME_DIR"),
    "PYTHONPATH",  # Assay itself may be there
)


def clean(environ: Mapping[str, str]) -> dict[str, str]:
    """What a process may know of the one that started it."""
    return {name: environ[name] for name in _KEPT if name in environ}


def of_file(path: Path) -> dict[str, str]:
    """`NAME=value` lines that the owner wrote; empty lines and those with `#` say nothing.

    Raises:
        UsageError: A line is neither; its text is not shown, for it may be a secret.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"{path} cannot be read as text.") from None
    found = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals or not name.strip().isidentifier():
            raise UsageError(f"{path}:{number} is no `NAME=value`.")
        found[name.strip()] = value.strip()
    return found


def ours() -> dict[str, str]:
    """`clean` of this process."""
    return clean(os.environ)

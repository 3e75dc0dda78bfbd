"""Files that say how a host is: written whole or not at all; unreadable ones are errors."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from assay.errors import OutsideError

if TYPE_CHECKING:
    from pathlib import Path


class StateError(OutsideError):
    """A file of a host's state cannot be read or written."""


def write_whole(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write a file under a temporary name, have it on disk, then rename it.

    Raises:
        StateError: The disk refused it; the old file stays as it is.
    """
    scratch = path.with_name(f".{path.name}.part")
    try:
        handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise StateError(
            f"{path} cannot be written: {error.strerror}.",
            hint="Nothing was changed. Make room on the disk, or give the user write access.",
        ) from error


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on disk, too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, value: object) -> None:
    """See `write_whole`."""
    write_whole(path, json.dumps(value, indent=1).encode() + b"\n")


def read_json(path: Path) -> dict[str, Any] | None:
    """An object of JSON; `None` where there is no file.

    Raises:
        StateError: It is no object of JSON: nothing is guessed in its place.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        found = json.loads(data)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise unreadable(path)
    return found


def unreadable(path: Path) -> StateError:
    """The error of a state that is none."""
    return StateError(
        f"{path} is damaged: it is not what Assay writes.",
        hint="Users are answered as before. Put a copy of the file back; or move it away, and "
        "deploy again.",
    )

"""Compressed files: opened as what is inside of them, and unpacked."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import shutil
import zlib
from functools import partial
from typing import IO, TYPE_CHECKING, Any, cast

from assay.errors import DataError, OutsideError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

SPARED = 500_000_000
"""Bytes of the disk that are left to others: a small file may hold more than there is room for."""
_CHUNK = 1 << 20
_LOOKED_AT = 64
"""After so many chunks the free space is looked at again."""


def opened(path: Path, compression: str) -> IO[bytes]:
    """A file's bytes, decompressed."""
    if compression == ".gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    if compression == ".bz2":
        return bz2.open(path, "rb")
    if compression == ".zst":
        import pyarrow as pa

        stream: Any = pa.input_stream(str(path), compression="zstd")
        return cast("IO[bytes]", io.BufferedReader(stream))
    return path.open("rb")


def unpacked(path: Path, compression: str, target: Path, *, shown: str) -> None:
    """Write the file as it is inside to `target`.

    To the end, with its checksums: not every reader notices that a file was cut off.

    Raises:
        DataError: It is damaged.
        OutsideError: There is no space for it.
    """
    try:
        with opened(path, compression) as source, target.open("wb") as file:
            file.writelines(_spared(iter(partial(source.read, _CHUNK), b""), target.parent))
    except (OSError, EOFError, ValueError, zlib.error) as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise OutsideError(
                f"There is no space to unpack {shown}.",
                hint="Free some space in the temporary folder.",
            ) from error
        raise damaged(shown, compression) from error


def holds_at_most(path: Path, compression: str, most: int) -> bool:
    """Whether a file is no larger inside than so many bytes; looks at no more than these.

    One that is damaged says so to whoever reads it.
    """
    left = most
    try:
        with opened(path, compression) as source:
            while left >= 0 and (chunk := source.read(_CHUNK)):
                left -= len(chunk)
    except (OSError, EOFError, ValueError, zlib.error):
        return True
    return left >= 0


def _spared(chunks: Iterable[bytes], folder: Path) -> Iterator[bytes]:
    """The chunks, as long as writing them leaves the disk some room."""
    for number, chunk in enumerate(chunks, start=1):
        if number % _LOOKED_AT == 0 and shutil.disk_usage(folder).free < SPARED:
            raise OSError(errno.ENOSPC, "the disk is nearly full")
        yield chunk


def damaged(shown: str, compression: str) -> DataError:
    """A compressed file does not decompress."""
    form = {".gz": "gzip", ".bz2": "bzip2", ".zst": "Zstandard"}[compression]
    return DataError(
        f"{shown} is not a complete {form} file.",
        hint="It is damaged or was cut off: write it again, or run `dvc pull --force`.",
    )

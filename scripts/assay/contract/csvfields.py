"""The fields of a CSV file, counted without parsing it where that can be."""

from __future__ import annotations

import csv
import itertools
from typing import IO, TYPE_CHECKING, NamedTuple

from assay.contract.sources import packed
from assay.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A quote that is never closed must not pull the rest of a large file into memory.
LONGEST_RECORD = 1 << 20


class Csv(NamedTuple):
    """A CSV file."""

    path: Path
    shown: str
    separator: str
    compression: str = ""
    """`.gz`, `.zst`, `.bz2`, or nothing."""

    def open(self) -> IO[bytes]:
        """The file's bytes, decompressed."""
        return packed.opened(self.path, self.compression)


def counts(source: Csv) -> Iterator[tuple[int, int]]:
    """The line on which each record starts, and its number of fields.

    Lines without quotes, which are nearly all, are counted without being parsed.
    """
    separator = source.separator.encode()
    pending: list[bytes] = []
    quotes, start, size = 0, 1, 0
    with source.open() as file:
        for number, line in enumerate(itertools.chain(file, (b"",)), start=1):
            if not quotes and b'"' not in line:
                if line.strip(b"\r\n"):
                    yield number, line.count(separator) + 1
                start = number + 1
                continue
            pending.append(line)
            quotes += line.count(b'"')
            size += len(line)
            if quotes % 2 and line and size < LONGEST_RECORD:
                continue  # a quoted field goes on in the next line
            text = [part.decode("utf-8", errors="replace") for part in pending]
            rows = csv.reader(text, delimiter=source.separator)
            before = 0
            try:
                for row in rows:
                    if row:
                        yield start + before, len(row)
                    before = rows.line_num
            except csv.Error:
                pass  # a field of more than 128 KiB: a stray quote, whose lines cannot be counted
            pending, quotes, start, size = [], 0, number + 1, 0


def ragged(source: Csv) -> DataError | None:
    """The first line whose number of fields is not that of the header."""
    expected = None
    for number, found in counts(source):
        if expected is None:
            expected = found
        elif found != expected:
            return DataError(
                f"{source.shown} is ragged: line {number} has {_fields(found)}, where the header"
                f" has {expected}.",
                hint="Look for a cut-off line, or a separator in a value that is not quoted.",
                file=source.shown,
                line=number,
            )
    return None


def _fields(count: int) -> str:
    return f"{count} field{'' if count == 1 else 's'}"


def is_even(source: Csv, fields: int) -> bool:
    """Whether there are as many separators as there must be; false also where that is not plain."""
    separators = lines = 0
    last = b"\n"
    with source.open() as file:
        while block := file.read(LONGEST_RECORD):
            block += file.read(1) if block.endswith(b"\r") else b""
            around = last[-1:] + block
            if any(odd in around for odd in (b'"', b"\n\n", b"\n\r")):
                return False  # a quote may hold what parts fields, and blank lines do not count
            separators += block.count(source.separator.encode())
            lines += block.count(b"\n")
            if b"\r" in block and block.count(b"\r\n") != block.count(b"\r"):
                return False
            last = block
    return separators == (lines + (not last.endswith(b"\n"))) * (fields - 1)

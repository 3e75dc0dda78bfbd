"""What data takes in memory, and what there is: looked at before a whole column is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.contract.sources.base import Layout

COPIES = 6
"""Pandera works on copies, and a check makes masks of its own. Peaks, as a multiple of the data
where a check holds: 5.9 (20 million floats), 1.8 (4 million texts), 6.0 (2 million objects), 5.4
(the table, 40 columns of a million floats). Where half of the rows fail it is 16, 6, 7 and 14, but
that is not known beforehand."""
BATCH = 64 << 20
"""Bytes of a batch, about."""
MOST_ROWS = 500_000
_SAMPLE = 10_000
_UNPACKED = 2
"""Data in memory is so many times larger than in a file."""
_OBJECT = 60
"""Bytes of a Python object beside what it holds."""

_LIMITS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def width(layout: Layout, columns: Sequence[str]) -> int:
    """The bytes that a row of some columns takes in a data frame, about.

    The length of text is the mean of the first rows.
    """
    texts = [name for name in columns if layout.table[name].type().is_string()]
    lengths = _lengths(layout.table, texts) if texts else {}
    return sum(_cell(layout, name, lengths.get(name, 0)) for name in columns)


def _cell(layout: Layout, name: str, length: int) -> int:
    dtype = getattr(layout.empty[name], "dtype", None)
    if str(dtype) == "object":
        return _OBJECT + length
    if layout.table[name].type().is_string():
        return 8 + length
    return int(getattr(dtype, "itemsize", 8))


def _lengths(table: Any, texts: Sequence[str]) -> dict[str, int]:
    sample = table.limit(_SAMPLE)
    # Cast: PostgreSQL's mean of whole numbers is a decimal, whatever type Ibis says.
    means = {
        f"c{number}": sample[name].length().cast("float64").mean()
        for number, name in enumerate(texts)
    }
    found = sample.aggregate(**means).to_pyarrow().to_pylist()[0]
    return {name: int(found[key] or 0) + 1 for key, name in zip(means, texts, strict=True)}


def available() -> int | None:
    """The bytes that this process may still take; `None` where nothing tells."""
    free = [_proc_available(), *(_left(limit, used) for limit, used in _LIMITS)]
    known = [number for number in free if number is not None]
    return min(known) if known else None


def _proc_available() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [line.split() for line in lines if line.startswith("MemAvailable:")]
    return int(found[0][1]) * 1024 if found else None


def _left(limit: str, used: str) -> int | None:
    """What a control group allows beyond what it uses."""
    try:
        most, now = (Path(file).read_text(encoding="ascii").strip() for file in (limit, used))
    except OSError:
        return None
    return max(int(most) - int(now), 0) if most.isdigit() and now.isdigit() else None


def refuse_whole(size: int) -> None:
    """Refuse a table that memory cannot hold, by its size on disk.

    Raises:
        DataError: It takes more than there is.
    """
    room, needed = available(), size * _UNPACKED * COPIES
    if room is not None and needed > room:
        raise DataError(
            f"The table must be read whole, which takes about {in_words(needed)} of memory, where "
            f"{in_words(room)} are free.",
            hint="Rename columns whose names differ only in case, or use a larger machine.",
        )


def in_words(size: int) -> str:
    """`1.2 GB`."""
    return f"{size / 1e9:,.1f} GB" if size >= 1e8 else f"{max(size / 1e6, 0.1):,.1f} MB"

"""What data takes in memory, and what there is: looked at before a whole column is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.contract.sources.base import LEVEL
from assay.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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


def width(layout: Layout, columns: Sequence[str], *, numbers: bool = False) -> int:
    """The bytes that a row of some columns takes in a data frame, about, with a stored index.

    The length of text is the mean of the first rows.

    Args:
        layout: Of the table.
        columns: Those of the frame.
        numbers: Whether an index that only counts is looked at too, which makes values of it.
    """
    dtypes = {name: getattr(layout.empty[name], "dtype", None) for name in columns}
    return _width(layout.table, dtypes) + _of_index(layout, numbers=numbers)


def _of_index(layout: Layout, *, numbers: bool) -> int:
    if not hasattr(layout.empty, "iloc"):
        return 0
    index = layout.empty.index
    if type(index).__name__ == "RangeIndex" and not numbers:
        return 0
    dtypes = {
        LEVEL.format(number): index.get_level_values(number).dtype
        for number in range(index.nlevels)
    }
    return _width(layout.numbered, dtypes)


def _width(table: Any, dtypes: Mapping[str, Any]) -> int:
    """The bytes of values of these types, by the columns of a table that hold them."""
    stored = () if table is None else table.columns
    texts = [name for name in dtypes if name in stored and table[name].type().is_string()]
    lengths = _lengths(table, texts) if texts else {}
    return sum(_cell(dtype, lengths.get(name)) for name, dtype in dtypes.items())


def _cell(dtype: Any, length: int | None) -> int:
    """The bytes of a value; `length` is that of a text."""
    if str(dtype) == "object":
        return _OBJECT + (length or 0)
    return int(getattr(dtype, "itemsize", 8)) if length is None else 8 + length


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

"""Failing rows as a file: the first of each check, as a CSV that a spreadsheet opens safely."""

from __future__ import annotations

import csv
import functools
import io
import math
import os
import re
import stat
import zipfile
import zlib
from numbers import Number
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from assay.console import printable
from assay.contract.privacy import INDEX, cut, has_plain_rows, index_names

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from assay.contract.check import Findings
    from assay.contract.job import Outcome
    from assay.contract.sources.base import Layout, Source

FOLDER = "failing-rows"
"""Below the folder of the record."""
BUNDLE = "failing-rows.zip"
"""All of them in one file of a fixed name, for an artifact."""
MOST_POSITIONS = 1_000
"""Rows of one check."""
MOST_ROWS = 10_000
"""Of one file, shared out among the checks."""
MOST_BYTES = 5_000_000
"""Of one file."""
MOST_BUNDLED = 50_000_000
"""Bytes of all files of a run; a file beyond it says that its rows are left out."""
LONGEST_CELL = 1_000
BATCH = 500_000
"""Rows that are read at once, where a query cannot give their values."""

# What makes a spreadsheet take a text for a formula:
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


class Rows(NamedTuple):
    """A table of which rows can be taken by their numbers."""

    columns: tuple[str, ...]
    take: Callable[[Sequence[int], Sequence[int]], Iterable[tuple[int, Sequence[Any]]]]
    """From numbers of rows, ascending, and places in `columns`: each row's number and values."""
    hidden: tuple[str, ...] = ()
    """Columns that are there and are not shown."""


def write(
    rows: Rows, findings: Findings, folder: Path, *, sensitive: Collection[str], name: str
) -> str | None:
    """Write the first rows that fail.

    A row names each check that it is known to fail; of a check that more than `MOST_POSITIONS`
    rows fail, only the first are known.

    Args:
        rows: The table; see `of_frame` and `of_layout`.
        findings: What is wrong with it.
        folder: The folder of the record.
        sensitive: Columns that are left out.
        name: From `file_name`.

    Returns:
        The file, relative to `folder`; `None` where no row is known to fail, or where a sensitive
        column is missing: its values may then stand in any other.

    Raises:
        OutsideError: The file cannot be written.
    """
    from assay.workspace import write_atomically

    failing = _by_row(findings)
    if not failing or not set(sensitive) <= {*rows.columns, *rows.hidden}:
        return None
    kept = [at for at, column in enumerate(rows.columns) if column not in sensitive]
    lines = [_line(["(row)", "(fails)", *(rows.columns[at] for at in kept)])]
    size = len(lines[0])
    for number, values in rows.take(sorted(failing), kept):
        line = _line([number, "; ".join(failing[number]), *values])
        size += len(line)
        if size > MOST_BYTES:
            break
        lines.append(line)
    write_atomically(folder / FOLDER / name, b"".join(lines))
    return f"{FOLDER}/{name}"


def file_name(path: str, number: int) -> str:
    """A name for the failing rows of a data file that the entry `number` of `data` is about."""
    stem = re.sub(r"[^\w.-]+", "-", PurePosixPath(path).name, flags=re.ASCII).strip("-.")
    told_apart = zlib.crc32(f"{number}:{path}".encode(errors="surrogateescape"))
    return f"{stem[:60] or 'data'}-{told_apart:08x}.csv"


def of_frame(frame: Any, *, sensitive: Collection[str] = ()) -> Rows:
    """The rows of a data frame of pandas or polars.

    An index that is more than row numbers comes first; not beside sensitive columns, since a
    sensitive one may have become the index.
    """
    names = tuple(map(str, frame.columns))
    if hasattr(frame, "with_row_index"):
        return Rows(names, functools.partial(_from_polars, frame))
    if has_plain_rows(frame):
        return Rows(names, functools.partial(_from_pandas, frame))
    if sensitive:
        take = functools.partial(_from_pandas, frame)
        return Rows(names, take, hidden=tuple(index_names(frame)))
    levels = tuple(INDEX if name is None else str(name) for name in frame.index.names)
    return Rows((*levels, *names), functools.partial(_with_index, frame))


def of_layout(layout: Layout, source: Source | None = None) -> Rows | None:
    """The rows of a table that is scanned; `None` where its rows have no numbers.

    Args:
        layout: Of the table.
        source: Where the values are of which the layout's table holds only whether they are there.
    """
    from assay.contract.sources.base import POSITION

    table = layout.numbered
    if table is None:
        return None
    columns = tuple(layout.table.columns)
    objects = [name for name in columns if source is not None and _stands_in(layout, name)]

    def take(numbers: Sequence[int], kept: Sequence[int]) -> Iterator[tuple[int, list[Any]]]:
        chosen = [columns[at] for at in kept]
        wanted = _numbered(table, POSITION, numbers).select(POSITION, *chosen)
        found = wanted.order_by(POSITION).to_pyarrow()
        cells = [found.column(name).to_pylist() for name in (POSITION, *chosen)]
        for at, name in enumerate(chosen, start=1):
            if source is not None and name in objects:
                cells[at] = _read(source, layout, name, cells[0])
        for number, *values in zip(*cells, strict=True):
            yield number, values

    return Rows(columns, take)


def _stands_in(layout: Layout, name: str) -> bool:
    """Whether the scanned table may have something else in place of the frame's objects."""
    return hasattr(layout.empty, "iloc") and bool(layout.table[name].type().is_binary())


def _read(source: Source, layout: Layout, name: str, numbers: Sequence[int]) -> list[Any]:
    """A column's values in some rows, ascending, as the frame has them."""
    values: list[Any] = []
    start = 0
    for frame in source.frames(layout, [name], rows=BATCH):
        end = start + len(frame)
        values += frame[name].iloc[[n - start for n in numbers if start <= n < end]].tolist()
        start = end
        if numbers and start > numbers[-1]:
            break
    return values


def _numbered(table: Any, position: str, numbers: Sequence[int]) -> Any:
    """The rows with these numbers."""
    import ibis
    import pyarrow as pa

    if ibis.get_backend(table).name != "duckdb":
        return table.filter(table[position].isin(list(numbers)))  # a database may take no table
    # Joined, DuckDB skips the parts of a file that have none of them: 0.8 s in place of 5 s for
    # 10,000 of 10 million rows.
    wanted = pa.table({position: pa.array(numbers, pa.int64())})
    return table.semi_join(ibis.memtable(wanted), position)


def clear(folder: Path) -> None:
    """Remove what an earlier run left, so that nobody takes it for this one's."""
    (folder / BUNDLE).unlink(missing_ok=True)
    inside = folder / FOLDER
    if inside.is_symlink():
        inside.unlink()
    for file in inside.glob("*.csv") if inside.is_dir() else ():
        file.unlink(missing_ok=True)


def limited(folder: Path, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """Outcomes; those whose failing rows the archive has no room for say so, and have none.

    Args:
        folder: The folder of the record.
        outcomes: Of each table, in order.
    """
    left = MOST_BUNDLED
    for outcome in outcomes:
        file = outcome.file
        if file is None or file.failing_rows is None:
            yield outcome
            continue
        path = folder / FOLDER / PurePosixPath(file.failing_rows).name
        size = path.lstat().st_size if path.exists() else 0
        if size <= left:
            left -= size
            yield outcome
            continue
        said = (
            f"Its failing rows are left out: with them there are over {MOST_BUNDLED // 10**6} MB."
        )
        facts = {"failing_rows": None, "warnings": (*file.warnings, said)}
        yield outcome.model_copy(update={"file": file.model_copy(update=facts)})


def bundle(folder: Path, files: Iterable[str]) -> Path | None:
    """Put the files of a run into one archive, whose name an artifact can be told in advance.

    The user's code ran in between, and may have put links to files of the runner there: only plain
    files are taken.

    Args:
        folder: The folder of the record.
        files: `FileResult.failing_rows` of each file.

    Returns:
        The archive; `None` where there is nothing to put into it.

    Raises:
        OutsideError: It cannot be written.
    """
    from assay.workspace import write_atomically

    archive = io.BytesIO()
    left = MOST_BUNDLED
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in dict.fromkeys(files):
            content = _plain_file(folder, file)
            if content is not None and len(content) <= left:
                left -= len(content)
                packed.writestr(file, content)
        if not packed.namelist():
            return None
    write_atomically(folder / BUNDLE, archive.getvalue())
    return folder / BUNDLE


def _plain_file(folder: Path, file: str) -> bytes | None:
    """The content of a file of ours; `None` for a link, a pipe, or a name that we do not give."""
    name = PurePosixPath(file).name
    inside = folder / FOLDER
    if file != f"{FOLDER}/{name}" or inside.is_symlink():
        return None
    try:
        # Not blocking: a pipe would wait for somebody who writes.
        opened = os.open(inside / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (OSError, ValueError):
        return None
    found = os.fstat(opened)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1 or found.st_size > MOST_BYTES:
        os.close(opened)
        return None
    with os.fdopen(opened, "rb") as source:
        return source.read(MOST_BYTES)


def _by_row(findings: Findings) -> dict[int, list[str]]:
    """The checks that each row fails; every check has its share of the rows."""
    told = [
        (failure, numbers)
        for failure, numbers in zip(findings.failures, findings.positions, strict=False)
        if numbers
    ]
    share = min(MOST_ROWS // max(len(told), 1), MOST_POSITIONS)
    wanted = {number for _, numbers in told for number in numbers[:share]}
    failing: dict[int, list[str]] = {number: [] for number in wanted}
    for failure, numbers in told:
        said = failure.check if failure.column is None else f"{failure.column}: {failure.check}"
        for number in wanted.intersection(numbers):
            failing[number].append(said)
    return failing


def _from_pandas(
    frame: Any, numbers: Sequence[int], kept: Sequence[int]
) -> Iterator[tuple[int, tuple[Any, ...]]]:
    chosen = frame.iloc[list(numbers), list(kept)]
    yield from zip(numbers, chosen.itertuples(index=False, name=None), strict=True)


def _with_index(
    frame: Any, numbers: Sequence[int], kept: Sequence[int]
) -> Iterator[tuple[int, tuple[Any, ...]]]:
    for number, row in zip(numbers, frame.iloc[list(numbers)].itertuples(name=None), strict=True):
        labels = row[0] if frame.index.nlevels > 1 else row[:1]
        cells = (*labels, *row[1:])
        yield number, tuple(cells[at] for at in kept)


def _from_polars(
    frame: Any, numbers: Sequence[int], kept: Sequence[int]
) -> Iterator[tuple[int, tuple[Any, ...]]]:
    chosen = frame[list(numbers)].select([frame.columns[at] for at in kept])
    yield from zip(numbers, chosen.iter_rows(), strict=True)


def _line(cells: Iterable[Any]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([_cell(value) for value in cells])
    return out.getvalue().encode("utf-8", errors="backslashreplace")


def _cell(value: Any) -> str:
    """A value as text that is no formula; what is missing is empty."""
    missing = type(value).__name__ in {"NoneType", "NAType", "NaTType"}
    if missing or (isinstance(value, float) and math.isnan(value)):
        return ""
    text = value if isinstance(value, str) else str(value)
    # A negative number is no formula; a text that looks like one may be the beginning of one.
    risky = not isinstance(value, Number) and text.startswith(_FORMULA)
    return cut(printable(f"'{text}" if risky else text), LONGEST_CELL)

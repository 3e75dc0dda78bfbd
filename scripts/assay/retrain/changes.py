"""What a retraining changed: the data that came in, and the files that say so."""

from __future__ import annotations

import csv
from itertools import islice
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from assay.section import Fact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from assay.workspace import Workspace
    from assay.workspace.dvcfiles import DvcFiles, Output

LOCK = "dvc.lock"
LARGEST = 200_000_000
"""Bytes of a CSV file whose rows are counted, at some 100 MB a second."""
MOST = 50
"""Files that are told of."""


class Arrival(Fact):
    """A file or folder of data that is new, or another one than before."""

    path: str
    bytes_before: int | None = None
    bytes_now: int | None = None
    rows_before: int | None = None
    """Of a CSV or Parquet file that is at hand."""
    rows_now: int | None = None
    first: str | None = None
    """The smallest value of the column that puts rows in order, in the new file."""
    last: str | None = None
    """The largest."""


def locks(workspace: Workspace) -> dict[str, bytes | None]:
    """All `dvc.lock` of the project, as they lie there."""
    git = workspace.git
    names = (path for path in git.working_files() if PurePosixPath(path).name == LOCK)
    return {path: workspace.read(path) for path in names}


def to_commit(workspace: Workspace) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The files that say what was trained, and those that a training changed and should not have.

    The first are DVC's own, parameters, and outputs that git keeps, as metrics. Nothing else is
    committed, whatever a training writes: code is changed by people. Which they are the commit
    says, for a training could write another `dvc.yaml`.
    """
    git = workspace.git
    files = workspace.files_at(git.head())
    uncached = (out.path for out in files.outputs if not out.cached)
    ours = {"params.yaml", *files.param_files, *files.metrics, *uncached}

    def says(path: str) -> bool:
        name = PurePosixPath(path).name
        named = name in (LOCK, ".gitignore") or (name.endswith(".dvc") and name != ".dvc")
        return named or path in ours

    changed = _listed(git.run("diff", "--name-only", "--relative", "-z", "HEAD").stdout)
    new = [path for path in git.untracked("*") if says(path)]
    wanted = [path for path in changed if says(path)]
    return tuple(dict.fromkeys([*wanted, *new])), tuple(p for p in changed if not says(p))


def _listed(answer: bytes) -> list[str]:
    return answer.decode(errors="surrogateescape").split("\0")[:-1]


def arrivals(workspace: Workspace, time: str | None = None) -> tuple[Arrival, ...]:
    """The data that is another than at the commit that is checked out.

    Args:
        workspace: The project, after the new data was brought in.
        time: The column that puts rows in order.
    """
    before = workspace.files_at(workspace.git.head())
    now = workspace.head_files()
    old = {out.path: out for out in _data(before)}
    found = (
        _arrival(workspace, out, old.get(out.path), time)
        for out in _data(now)
        if out.path not in old or old[out.path].md5 != out.md5
    )
    return tuple(islice(found, MOST))


def _data(files: DvcFiles) -> Sequence[Output]:
    return [out for out in files.outputs if out.kind == "data"]


def _arrival(workspace: Workspace, new: Output, old: Output | None, time: str | None) -> Arrival:
    cache = workspace.dvc.cache_dir()
    kept = None if old is None or old.object_path is None else cache / old.object_path
    rows, first, last = _looked_at(workspace.root / new.path, new.path, time)
    return Arrival(
        path=new.path,
        bytes_before=None if old is None else old.size,
        bytes_now=new.size,
        rows_before=None if kept is None else _looked_at(kept, new.path, None)[0],
        rows_now=rows,
        first=first,
        last=last,
    )


def _looked_at(
    file: Path, name: str, time: str | None
) -> tuple[int | None, str | None, str | None]:
    """Rows, and the first and last value of a column; nothing of what cannot be read quickly."""
    try:
        if name.endswith(".parquet"):
            from pyarrow import parquet

            return parquet.ParquetFile(file).metadata.num_rows, None, None
        if name.endswith(".csv") and file.stat().st_size <= LARGEST:
            with file.open(encoding="utf-8", newline="") as lines:
                return _counted(csv.reader(lines), time)
    except (OSError, ValueError, ImportError, csv.Error):
        return None, None, None
    return None, None, None


def _counted(rows: Iterator[list[str]], time: str | None) -> tuple[int, str | None, str | None]:
    header: list[str] = next(rows, [])
    at = header.index(time) if time is not None and time in header else None
    count, first, last = 0, None, None
    for row in rows:
        if not row:
            continue
        count += 1
        if at is None or at >= len(row) or not row[at]:
            continue
        value = row[at]
        first = value if first is None or _before(value, first) else first
        last = value if last is None or _before(last, value) else last
    return count, first, last


def _before(one: str, other: str) -> bool:
    """Whether a value comes before another: as numbers where both are, else as ISO dates sort."""
    try:
        return float(one) < float(other)
    except ValueError:
        return one < other

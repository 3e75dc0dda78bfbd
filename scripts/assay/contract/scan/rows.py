"""Rows that fail: counted by a query, and the first of them as the data frame would show them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from assay.contract import check as contract_check
from assay.contract.check import EXAMPLES, MOST_POSITIONS, Finding
from assay.contract.privacy import Sight, as_text, has_plain_rows
from assay.contract.scan import memory
from assay.contract.scan.query import fetch
from assay.contract.sources.base import POSITION
from assay.stages.validate import CheckFailure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from assay.contract.scan.plan import Repeats, Rows
    from assay.contract.schema import LoadedSchema
    from assay.contract.sources.base import Layout, Source


@dataclass(frozen=True)
class Scan:
    """All that the steps of a scan share."""

    source: Source
    layout: Layout
    loaded: LoadedSchema
    root: Path
    sight: Sight
    rows: int

    @property
    def private(self) -> bool:
        """Whether messages must not quote values."""
        return bool(self.sight.sensitive)


def of_rows(one: Rows, count: int, scan: Scan) -> Finding:
    """A failure of single rows, with the first of them."""
    table = scan.layout.table if scan.layout.numbered is None else scan.layout.numbered
    failing = table.filter(one.fails(table).fill_null(False))  # noqa: FBT003 (Ibis)
    counted = count if one.most is None else min(count, one.most)
    found = finding_of(one, counted, first_of(failing, one, scan), scan)
    if one.labelled:
        return found
    failure = found.failure.model_copy(update={"share": None, "examples": ()})
    return replace(found, failure=failure)


def first_of(failing: Any, one: Rows | Repeats, scan: Scan) -> list[dict[str, Any]]:
    """The first rows of some that fail: their position, and the values that are shown."""
    values = [failing[name] for name in one.shown] if one.values is None else one.values(failing)
    shown = dict(zip(one.shown, values, strict=True))
    of_objects = one.column is not None and _dtypes(one, scan) == ["object"]
    if scan.layout.numbered is not None and of_objects:
        shown = {}  # they come from a data frame, and no database has to bring them along
    if scan.layout.numbered is None:
        return fetch(failing.select(**shown).limit(EXAMPLES), private=scan.private)
    ordered = failing.select(failing[POSITION], **shown).order_by(POSITION).limit(MOST_POSITIONS)
    return fetch(ordered, private=scan.private)


def finding_of(one: Rows | Repeats, count: int, first: list[dict[str, Any]], scan: Scan) -> Finding:
    """A failure of single rows: how many they are, and the first of them."""
    sight, column = scan.sight, one.column
    first = first[:count]
    positions = tuple(int(row[POSITION]) for row in first if POSITION in row)
    some = first[:EXAMPLES]
    labels = _labels(positions[:EXAMPLES], scan) if sight.labels else []
    labels = labels or [None] * len(some)
    cells = {
        name: _texts([row[name] for row in some], dtype)
        if str(dtype) != "object" or not positions
        else _texts_of_objects(name, positions[:EXAMPLES], scan)
        for name, dtype in zip(one.shown, _dtypes(one, scan), strict=True)
    }
    if column is not None:
        values: list[str | None] = list(cells[one.shown[0]])
    elif sight.hides(None):
        values = [None] * len(some)
    else:
        values = [_row(cells, number, row) for number, row in enumerate(some)]
    shown = sight.column(column)
    failure = CheckFailure(
        check=sight.check(one.check, column),
        column=shown,
        count=count,
        share=contract_check.share(count, scan.rows) if count else None,
        examples=contract_check.examples(
            labels, values, hidden=sight.hides(column) and column is not None
        ),
    )
    return Finding(failure, positions=positions)


def _dtypes(one: Rows | Repeats, scan: Scan) -> list[Any]:
    """The types of what is shown, in the data frame; `None` for a table of Ibis or of Spark."""
    empty = scan.layout.empty
    if one.dtypes:
        return list(one.dtypes)
    if not type(empty).__module__.startswith(("pandas", "polars")):
        return [None] * len(one.shown)
    return [empty[name].dtype for name in one.shown]


def _labels(positions: Sequence[int], scan: Scan) -> list[Any]:
    """What the data frame calls some of its first rows, in their order."""
    layout = scan.layout
    if has_plain_rows(layout.empty) or not positions:
        return list(positions)
    import pandas as pd
    from pandera.backends.pandas.error_formatters import reshape_failure_cases

    parts = _taken(scan, layout.empty.columns[:1], positions)
    index = parts[0].index.append([part.index for part in parts[1:]])
    named = reshape_failure_cases(pd.Series(0, index=index), ignore_na=False)
    labels: list[Any] = named["index"].tolist()
    return labels


def _taken(scan: Scan, columns: Sequence[str], positions: Sequence[int]) -> list[Any]:
    """Some rows as pandas reads them, in ascending order, as parts of a data frame."""
    parts: list[Any] = []
    start = 0
    for frame in scan.source.frames(scan.layout, columns, rows=memory.MOST_ROWS):
        end = start + len(frame)
        parts.append(frame.iloc[[p - start for p in positions if start <= p < end]])
        start = end
        if start > positions[-1]:
            break
    return parts


def _row(cells: dict[str, list[str]], number: int, row: dict[str, Any]) -> str:
    """The cells of a row that are not missing."""
    named = [(name, texts[number]) for name, texts in cells.items() if row[name] is not None]
    return contract_check.joined(named)


def _texts(values: list[Any], dtype: Any) -> list[str]:
    """Values as a data frame shows them: a whole number in a column of floats as `24.0`."""
    if not type(dtype).__module__.startswith("polars") and dtype is not None:
        import pandas as pd

        try:
            values = list(pd.Series(values, dtype=dtype))  # of `Float32` 0.1, not its digits
        except (TypeError, ValueError, OverflowError):
            values = list(values)  # as the database shows them
    return [as_text(value) for value in values]


def _texts_of_objects(name: str, positions: Sequence[int], scan: Scan) -> list[str]:
    """Python objects: only pandas knows which ones it makes of what is stored."""
    parts = _taken(scan, [name], positions)
    return [as_text(value) for part in parts for value in part[name].tolist()]

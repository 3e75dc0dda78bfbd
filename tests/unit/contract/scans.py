"""Pandas frames as sources of a scan, and both answers about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import ibis
import pandas as pd
import pyarrow as pa
from assay.contract import check, scan
from assay.contract.schema import LoadedSchema
from assay.contract.sources.base import LEVEL, POSITION, Layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.contract.check import Findings

ROOT = Path("/nowhere")


@dataclass
class FrameSource:
    """A pandas frame as a source, which notes what is asked of it.

    Args:
        frame: The data.
        numbered: Whether rows have a number.
    """

    frame: pd.DataFrame
    numbered: bool = True
    shown: str = "data.parquet"
    bytes: int = 1000
    looked: int = 0
    loaded: list[tuple[tuple[str, ...], int | None]] = field(default_factory=list)

    def layout(self, backend: str, *, has_index: bool) -> Layout:
        table = pa.Table.from_pandas(self.frame, preserve_index=False)
        numbered = table.append_column(POSITION, pa.array(range(len(self.frame)), pa.int64()))
        index = self.frame.index
        if not isinstance(index, pd.RangeIndex):
            for number in range(index.nlevels):
                level = pa.array(index.get_level_values(number), from_pandas=True)
                numbered = numbered.append_column(LEVEL.format(number), level)
        connection = _home().cursor()
        connection.register("rows", table)
        connection.register("numbered", numbered)
        backend = ibis.duckdb.from_connection(connection)
        rows, numbered = backend.table("rows"), backend.table("numbered")
        return Layout(
            empty=self.frame.iloc[:0],
            table=rows,
            numbered=numbered if self.numbered else None,
        )

    def frames(
        self, layout: Layout, columns: Sequence[str] | None = None, *, rows: int | None = None
    ) -> Iterator[pd.DataFrame]:
        names = tuple(self.frame.columns if columns is None else columns)
        self.loaded.append((names, rows))
        step = rows or len(self.frame)
        for start in range(0, len(self.frame), step):
            yield self.frame.iloc[start : start + step][list(names)]

    def check_unchanged(self) -> None:
        self.looked += 1

    def close(self) -> None:
        pass


@cache
def _home() -> duckdb.DuckDBPyConnection:
    """One for all tests: to open one takes longer than to ask it."""
    return duckdb.connect()


def scanned(schema: Any, data: Any, *, sensitive: tuple[str, ...] = (), **options: Any) -> Findings:
    """What the scan says of a frame or of columns."""
    source = FrameSource(pd.DataFrame(data), **options)
    return scan.findings(source, loaded(schema), root=ROOT, sensitive=sensitive)


def asked(schema: Any, data: Any, *, sensitive: tuple[str, ...] = ()) -> Findings:
    """What Pandera says of it."""
    return check.check(pd.DataFrame(data), loaded(schema), root=ROOT, sensitive=sensitive)


def agree(schema: Any, data: Any, *, sensitive: tuple[str, ...] = ()) -> Findings:
    """What the scan says, which is what Pandera says, to the order and examples of failures."""
    ours = scanned(schema, data, sensitive=sensitive)
    theirs = asked(schema, data, sensitive=sensitive)
    assert ours.failures == theirs.failures
    assert sorted(ours.warnings) == sorted(theirs.warnings)
    assert ours.positions == theirs.positions
    return ours


def loaded(schema: Any) -> LoadedSchema:
    """A schema, as if it had been found in the user's code."""
    return LoadedSchema(name="Schema", schema=schema, backend="pandas")


def hows(findings: Findings) -> dict[str, str]:
    """How each check was looked at."""
    return {planned.check: planned.how for planned in findings.plan}

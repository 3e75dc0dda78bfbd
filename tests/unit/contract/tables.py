"""Tables in memory as sources of a contract, and what relations say of them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import duckdb
import ibis
import yaml
from assay import config
from assay.contract import relations
from assay.contract.sources.base import POSITION, Layout
from assay.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd
    from assay.configdata import DataSpec
    from assay.contract.check import Findings

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@functools.cache
def home(shown: str) -> Any:
    """A DuckDB for each name of a table: to open one takes longer than most tests."""
    return ibis.duckdb.from_connection(duckdb.connect(":memory:"))


@dataclass
class Table:
    """A pandas frame as a source.

    Args:
        frame: With its default index.
        shown: What messages call it.
        backend: Of Ibis; by default one of its own, as the sources of files have.
        numbered: Whether rows have a number.
    """

    frame: pd.DataFrame
    shown: str = "data/orders.parquet"
    backend: Any = None
    numbered: bool = True
    bytes: int = 0
    closed: bool = False
    checked: bool = False

    def layout(self, backend: str, *, has_index: bool) -> Layout:
        assert backend == "pandas"
        assert not has_index
        own = self.backend = self.backend or home(self.shown)
        name = f"t{id(self)}"
        own.con.register("given", self.frame.assign(**{POSITION: range(len(self.frame))}))
        own.con.execute(f'CREATE OR REPLACE TABLE "{name}" AS SELECT * FROM given')
        own.con.unregister("given")
        table = own.table(name)
        return Layout(
            empty=self.frame.head(0),
            table=table.drop(POSITION),
            numbered=table if self.numbered else None,
        )

    def check_unchanged(self) -> None:
        self.checked = True

    def close(self) -> None:
        self.closed = True


def spec(text: str) -> DataSpec:
    """An entry of `data` that promises what a piece of YAML says."""
    entry = {"path": "data/orders.parquet", "schema": "schema.py:S", **yaml.safe_load(text)}
    return config.parse(yaml.safe_dump({"data": [entry]}, sort_keys=False)).data[0]


def look(
    frame: pd.DataFrame | Table,
    promises: str,
    *,
    others: Mapping[str, pd.DataFrame | Table] | None = None,
    base: relations.BaseFacts | None = None,
    now: datetime = NOW,
) -> Findings:
    """What relations find in a table."""
    source = frame if isinstance(frame, Table) else Table(frame)
    wanted = spec(promises)
    return relations.findings(
        source,
        wanted,
        number=0,
        backend="pandas",
        others=opener(others or {}),
        base=base,
        now=now,
        sensitive=wanted.sensitive,
    )


def opener(others: Mapping[str, pd.DataFrame | Table]) -> Callable[[str], Table]:
    """What opens other tables."""

    def opened(path: str) -> Table:
        if path not in others:
            raise DataError(f"{path} does not exist.")
        found = others[path]
        return found if isinstance(found, Table) else Table(found, shown=path)

    return opened


def told(findings: Findings) -> list[tuple[str, str | None, int]]:
    """Check, column and count of each failure."""
    return [(one.check, one.column, one.count) for one in findings.failures]

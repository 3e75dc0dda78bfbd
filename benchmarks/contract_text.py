"""The contract's data as text: what parsing it costs, and that memory does not grow with it.

`python -m benchmarks.contract_text NAME FILE` holds a file against the contract in this process.
The last line that it prints are seconds of the processor: pandas parses with one thread, DuckDB
with all, and a runner has other work for the rest.
"""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import contract_data as data
from benchmarks.harness import ROOT, Bench, Command

if TYPE_CHECKING:
    from collections.abc import Callable

SIZES = {"csv": 6_000_000, "jsonl": 2_000_000}
"""Rows: 1.0 and 0.6 GB."""
MEMORY = 600
"""MB, of the whole process."""
LIMITS = {"duckdb": 1.5, "read_csv": math.inf}
"""The largest share of a peer's seconds, for CSV and pandas."""


def run(bench: Bench) -> None:
    """Add the rows of CSV and JSON lines to the contract's."""
    file = data.file(SIZES["csv"], "csv")
    sides = {name: _command(name, file) for name in ("pandas", *LIMITS)}
    taken = bench.take_turns("contract, CSV", sides, runs=3, warmup=False)
    for peer, limit in LIMITS.items():
        bench.ratio(f"contract, CSV, processor, {peer}", taken["pandas"], taken[peer], limit=limit)
    for suffix, rows in SIZES.items():
        for backend in ("pandas", "polars", "ibis"):
            name = f"contract, {backend}, {rows // 1_000_000} million rows of {suffix}"
            sides = {backend: _command(backend, data.file(rows, suffix))}
            [one] = bench.take_turns(name, sides, runs=1, warmup=False)[backend]
            bench.number(f"{name}, peak memory", one.peak / 1e6, limit=MEMORY, unit="MB")


def _command(name: str, file: Path) -> Command:
    args = [sys.executable, "-m", "benchmarks.contract_text", name, file]
    return Command(args, cwd=ROOT, says_seconds=True)


def _schema(backend: str) -> Any:
    """The contract, without the column that pandas and polars read as text."""
    types: dict[str, Any] = {"int": int, "float": float, "str": str, "time": str, "bool": bool}
    if backend == "pandas":
        import pandera.pandas as pa

        return data.pandera_schema(pa, types).remove_columns(["day"])
    if backend == "polars":
        return data.polars_schema().remove_columns(["day"])
    return data.ibis_schema()


def _ours(backend: Any, file: Path) -> Callable[[], bool]:
    import ibis
    from assay.contract import scan
    from assay.contract.schema import LoadedSchema
    from assay.contract.sources import open_source

    loaded = LoadedSchema(name="Schema", schema=_schema(backend), backend=backend)
    ibis.duckdb.connect()  # Ibis imports its backends when they are needed

    def validate() -> bool:
        source = open_source(file, shown=file.name, private=False)
        try:
            return not scan.findings(source, loaded, root=file.parent, sensitive=()).failures
        finally:
            source.close()

    return validate


def _duckdb(file: Path) -> Callable[[], bool]:
    import duckdb

    from benchmarks.contract_peers import SQL

    def validate() -> bool:
        found = duckdb.connect().execute(SQL.replace("read_parquet", "read_csv"), [str(file)])
        row = found.fetchone()
        return row is not None and not any(row[1:])

    return validate


def _read_csv(file: Path) -> Callable[[], bool]:
    import pandas as pd

    return lambda: not pd.read_csv(file).empty


def main(name: str, file: Path) -> None:
    peers = {"duckdb": _duckdb, "read_csv": _read_csv}
    validate = peers[name](file) if name in peers else _ours(name, file)
    start = time.process_time()
    passed = validate()
    seconds = time.process_time() - start
    if not passed:
        sys.exit(f"{name}: the data does not pass")
    print(seconds)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

"""What changed between two Parquet files of 10 million rows and 20 columns, with a key.

The peer is DuckDB reading both once: every column counted, with its least and largest value. Of
numbers it also gives the sum, because the rest stands in the footer of a Parquet file, and nothing
would be read. A second row is held against the same without the sum.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.harness import CACHE, Bench, Command

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 10_000_000
FOLDER = CACHE / "bench" / "datadiff"
MEMORY = 1000
"""MB."""

MAKE = """
import sys
import duckdb

rows, folder = int(sys.argv[1]), sys.argv[2]
connection = duckdb.connect(config={"memory_limit": "2GB"})
connection.execute("SET enable_progress_bar = false")
for name, start, edited in (("base", 0, 0), ("head", rows // 100, 1)):
    # One row in fifty is edited, in three columns; one in a hundred is new, one gone.
    edit = f"(hash(id, 999) % 50 = 0)::INTEGER * {edited}"
    columns = [f"round(hash(id, {i}) % 1000000 / 1000.0 + {edit if i < 3 else 0}, 3)::DOUBLE"
        f" AS f{i}" for i in range(8)]
    columns += [f"(hash(id, {20 + i}) % {10 ** (i + 1)})::BIGINT AS n{i}" for i in range(5)]
    columns += [f"'category ' || hash(id, {30 + i}) % {many} AS c{i}"
        for i, many in enumerate((3, 12, 200, 5000))]
    columns += ["DATE '2020-01-01' + (hash(id, 41) % 1500)::INTEGER AS day",
        "CASE WHEN hash(id, 42) % 10 < 9 THEN hash(id, 43) % 2 = 0 END AS flag"]
    connection.execute(f"COPY (SELECT id, {', '.join(columns)} FROM range({start}, {start + rows})"
        f" AS t(id)) TO '{folder}/{name}.parquet' (FORMAT parquet)")
"""

OURS = """
import sys
from pathlib import Path
from assay.datadiff.compare import compare

folder = Path(sys.argv[1])
found = compare(
    folder / "head.parquet", folder / "base.parquet", key=["id"], label="flag", shown="data.parquet"
)
rows = found.rows
assert (rows.added, rows.removed) == (rows.head // 100, rows.head // 100), rows
assert 0.019 < rows.changed / rows.head < 0.021, rows
changed = {column.name for column in found.columns if column.changed_rows}
assert changed == {"f0", "f1", "f2"}, changed
"""

SCAN = """
import sys
import duckdb

connection = duckdb.connect()
for name in ("head", "base"):
    table = f"read_parquet('{sys.argv[1]}/{name}.parquet')"
    asked = []
    for column, kind, *_ in connection.execute(f"DESCRIBE SELECT * FROM {table}").fetchall():
        asked += [f"count({column})", f"min({column})", f"max({column})"]
        if sys.argv[2] == "read" and kind in ("BIGINT", "DOUBLE"):
            asked.append(f"sum({column})")
    connection.execute(f"SELECT {', '.join(asked)} FROM {table}").fetchall()
"""


def run(bench: Bench) -> None:
    data = _data()
    ours = Command([sys.executable, "-c", OURS, data])
    for name, how in (("data diff", "read"), ("data diff, footers", "footers")):
        row = bench.compare(
            name, ours, Command([sys.executable, "-c", SCAN, data, how]), limit=3.0, runs=3
        )
        if how == "read":
            peak = float(row.memory.split(" /")[0]) * 2**20 / 1e6
            bench.number("data diff, peak memory", peak, limit=MEMORY, unit="MB")


def _data() -> Path:
    """Both files, made once; 1.2 GB."""
    folder = FOLDER / str(ROWS)
    if not (folder / "done").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        print(f"   making 2 files of {ROWS:,} rows in {folder}", flush=True)
        subprocess.run([sys.executable, "-c", MAKE, str(ROWS), str(folder)], check=True)
        (folder / "done").touch()
    return folder

"""A window against its reference: 1 million x 25 beside Evidently and NannyML; 100 million rows.

Peers are given the same Parquet files, 20 columns of numbers and 5 of categories, and what they do
by default; all of each process counts, its imports too. Evidently's preset computes one statistic a
column, NannyML four for a chunk that is the whole window, as we report several. Ours makes the
profile of the reference as well, which in production comes with the bundle.

The other row: the window is 100 million rows of 17 columns, on disk, and the profile comes from a
bundle. The peer is DuckDB reading them once: count, least, most and, of numbers, the sum.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks import contract_data
from benchmarks.harness import CACHE, Bench, Command

if TYPE_CHECKING:
    from pathlib import Path

ROWS, MANY = 1_000_000, 100_000_000
# Neither runs with pandas 3; NannyML imports statsmodels and does not ask for it.
EVIDENTLY_TOOLS = ("monitor-evidently", "evidently==0.7.23", "pandas<3", "pyarrow")
NANNYML_TOOLS = ("monitor-nannyml", "nannyml==0.13.1", "pandas<3", "pyarrow", "statsmodels")
FOLDER = CACHE / "bench" / "monitor"
MEMORY = 1000
"""MB."""
FASTER_THAN_EVIDENTLY, FASTER_THAN_NANNYML, LESS_MEMORY, SCANS = 25.0, 3.0, 8.0, 4.0

MAKE = """
import sys
import numpy as np
import pandas as pd

rows, folder = int(sys.argv[1]), sys.argv[2]
for seed, name in enumerate(("reference", "current")):
    chance = np.random.default_rng(seed)
    table = {f"n{i}": chance.normal(0.5 * seed * (i < 3), 1, rows) for i in range(10)}
    table |= {f"n{i}": chance.gamma(2, 1 + seed * (i == 10), rows) for i in range(10, 20)}
    for i, many in enumerate((3, 8, 20, 50, 100)):
        weight = np.arange(1, many + 1.0) ** (1 + seed * (i == 2))
        weight /= weight.sum()
        codes = chance.choice(many, rows, p=weight)
        table[f"c{i}"] = np.array([f"kind {code}" for code in range(many)])[codes]
    pd.DataFrame(table).to_parquet(f"{folder}/{name}.parquet", row_group_size=100_000)
"""

OURS = """
import sys
import duckdb
import ibis
from assay.monitor import reference, scan
from assay.monitor.comparing import compared
from assay.monitor.verdict import judge, of_column

connection = duckdb.connect(config={"memory_limit": "250MB", "threads": 1})
connection.execute("SET disable_parquet_prefetching = true")
engine = ibis.duckdb.from_connection(connection)
tables = [scan.Table(engine.read_parquet(f"{sys.argv[1]}/{n}.parquet")) for n in
    ("reference", "current")]
known = reference.of_table(tables[0], features=tables[0].rows.columns)
window = scan.profile(tables[1], known)
found = [compared(one, other, role="feature", bound=0.1) for one, other in
    zip(known.features, window.features, strict=True)]
verdict = judge([of_column(one) for one in found], rows=window.rows)
drifting = {one.question.name for one in verdict.answers if one.outcome == "drift"}
assert drifting == {"n0", "n1", "n2", "n10", "c2"}, drifting
"""

EVIDENTLY = """
import sys
import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset

before, now = (pd.read_parquet(f"{sys.argv[1]}/{n}.parquet") for n in ("reference", "current"))
found = Report([DataDriftPreset()]).run(now, before).dict()
assert len(found["metrics"]) == 26
"""

NANNYML = """
import sys
import nannyml
import pandas as pd

before, now = (pd.read_parquet(f"{sys.argv[1]}/{n}.parquet") for n in ("reference", "current"))
calculator = nannyml.UnivariateDriftCalculator(
    column_names=list(before.columns),
    continuous_methods=["jensen_shannon", "kolmogorov_smirnov", "wasserstein"],
    categorical_methods=["jensen_shannon", "chi2"],
    chunk_size=len(now),
)
assert len(calculator.fit(before).calculate(now).to_df()) == 2
"""

WINDOW = """
import sys
import duckdb
import ibis
from assay.monitor import scan
from assay.packaging.profile import Profile

known = Profile.model_validate_json(open(sys.argv[1]).read())
connection = duckdb.connect(config={"memory_limit": "400MB"})
connection.execute("SET disable_parquet_prefetching = true; SET preserve_insertion_order = false")
connection.execute(f"SET temp_directory = '{sys.argv[3]}'")
table = ibis.duckdb.from_connection(connection).read_parquet(sys.argv[2])
found = scan.profile(scan.Table(table, key=sys.argv[4:]), known)
assert found.rows == table.count().execute() and found.duplicates == 0
assert not found.gone and not found.mistyped
"""

REFERENCE = """
import sys
import ibis
from assay.monitor import reference, scan

table = scan.Table(ibis.duckdb.connect().read_parquet(sys.argv[1]))
print(reference.of_table(table, features=sys.argv[2:]).model_dump_json())
"""

SCAN = """
import sys
import duckdb

connection = duckdb.connect(config={"memory_limit": "400MB"})
asked = []
for column in sys.argv[2:]:
    asked += [f"count({column})", f"min({column})", f"max({column})"]
    asked += [f"sum({column})"] if column[0] != "c" else []
connection.execute(f"SELECT {', '.join(asked)} FROM read_parquet('{sys.argv[1]}')").fetchall()
"""


def run(bench: Bench) -> None:
    _peers(bench)
    _many(bench)


def _peers(bench: Bench) -> None:
    evidently = bench.venv(*EVIDENTLY_TOOLS)
    nannyml = bench.venv(*NANNYML_TOOLS)
    data = _data()
    sides = {
        "ours": Command([sys.executable, "-c", OURS, data]),
        "evidently": Command([evidently / "python", "-W", "ignore", "-c", EVIDENTLY, data]),
        "nannyml": Command([nannyml / "python", "-W", "ignore", "-c", NANNYML, data]),
    }
    taken = bench.take_turns("1 million x 25", sides, runs=3, warmup=False)
    ours = taken["ours"]
    for peer, limit in (("evidently", FASTER_THAN_EVIDENTLY), ("nannyml", FASTER_THAN_NANNYML)):
        bench.ratio(f"monitor, {peer}", ours, taken[peer], limit=1 / limit)
    peak = statistics.median(one.peak for one in ours)
    theirs = statistics.median(one.peak for one in taken["evidently"])
    bench.number("monitor, memory of evidently's", peak / theirs, limit=1 / LESS_MEMORY, unit="x")


def _many(bench: Bench) -> None:
    columns = [*contract_data.FLOATS, *contract_data.NUMBERS, *contract_data.TEXTS]
    known = bench.scratch / "profile.json"
    small = contract_data.file(1_000_000)
    made = [sys.executable, "-c", REFERENCE, small, *columns]
    known.write_bytes(subprocess.run(made, check=True, capture_output=True).stdout)
    data = contract_data.file(MANY)
    scanned = Command([sys.executable, "-c", SCAN, data, *columns])
    window = [sys.executable, "-c", WINDOW, known, data, bench.folder("spilled")]
    for name, key, limit in (("", [], SCANS), (", each id once", ["id"], float("inf"))):
        ours = Command([*window, *key])
        label = f"monitor, 100 million rows{name}"
        row = bench.compare(label, ours, scanned, limit=limit, runs=1, warmup=False)
        peak = float(row.memory.split(" /")[0]) * 2**20 / 1e6
        bench.number(f"{label}, peak memory", peak, limit=MEMORY, unit="MB")


def _data() -> Path:
    """Both files, made once; 0.4 GB."""
    folder = FOLDER / str(ROWS)
    if not (folder / "done").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-c", MAKE, str(ROWS), str(folder)], check=True)
        (folder / "done").touch()
    return folder

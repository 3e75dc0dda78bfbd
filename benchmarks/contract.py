"""The data contract: Parquet of 10 million rows and 20 columns, 30 checks and one unique column.

Everybody holds the same file against the same contract, each in a process of its own, in turns.
The seconds are those of the validation, reading included and imports not; peak memory is that of
the whole process. Beside it: how memory grows with rows, and how long one waits for a small file.
"""

from __future__ import annotations

import dataclasses
import math
import shutil
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

from benchmarks import contract_data as data
from benchmarks.harness import CACHE, ROOT, Bench, Command

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 10_000_000
SIZES = (1_000_000, 10_000_000, 100_000_000)
LARGEST_WITHOUT_ROOM = 50_000_000
BYTES_PER_ROW = 90
MEMORY = 600
"""MB, of the whole process."""

LIMITS = {
    "duckdb_by_hand": 1.3,
    "polars_by_hand": math.inf,
    "pandera_ibis": math.inf,
    "pandera_polars": 1 / 3,
    "pandera_pandas": math.inf,
    "great_expectations": 1 / 8,
}
"""The largest share of a peer's seconds; for those who only give an idea, any."""

SLOW = ("pandera_pandas", "great_expectations")
"""Minutes a run, and far from their limits: one run tells enough."""
GREAT_EXPECTATIONS = ("great-expectations==1.23.0", "pandas>=3.1,<4", "pyarrow>=26")

SCHEMA = """
import pandera.pandas as pa
from pandera.typing import Series


class Schema(pa.DataFrameModel):
    instant: Series[int] = pa.Field(ge=0, unique=True)
    hour: Series[int] = pa.Field(in_range={"min_value": 0, "max_value": 23})
    season: Series[str] = pa.Field(isin=["winter", "spring", "summer", "fall"])
    temperature: Series[float] = pa.Field(in_range={"min_value": -20, "max_value": 45})
    rentals: Series[int] = pa.Field(ge=0)
"""
CONFIG = "data:\n  - {path: rentals.csv, schema: 'schema.py:Schema'}\n"
ASSAY = "from assay.cli import main; main()"
READ = """
import duckdb
import pandas as pd
from schema import Schema
pd.read_csv("rentals.csv")
"""


def run(bench: Bench) -> None:
    start_up(bench)
    python = bench.venv("great-expectations", *GREAT_EXPECTATIONS) / "python"
    file = data.file(ROWS)
    sides = {
        name: _command(name, file, python if name == "great_expectations" else sys.executable)
        for name in ("ours", *LIMITS)
    }
    fast = {name: side for name, side in sides.items() if name not in SLOW}
    taken = bench.take_turns("contract", fast, runs=3)
    taken |= bench.take_turns("contract", {n: sides[n] for n in SLOW}, runs=1, warmup=False)
    for peer, limit in LIMITS.items():
        name = f"contract, {peer.replace('_', ' ')}"
        own = taken["ours"][: len(taken[peer])]
        bench.ratio(name, own, taken[peer], limit=limit)
    # What a person waits for who starts a process for each: ours imports the schema's Pandera.
    whole = [
        [dataclasses.replace(run, seconds=run.whole) for run in taken[side]]
        for side in ("ours", "duckdb_by_hand")
    ]
    bench.ratio("contract, with imports", *whole, limit=math.inf)
    memory(bench)


def memory(bench: Bench) -> None:
    """Our peak memory must not grow with rows."""
    for rows in SIZES:
        count = rows if _room(rows) else LARGEST_WITHOUT_ROOM
        sides = {"ours": _command("ours", data.file(count), sys.executable)}
        name = f"contract, {count // 1_000_000} million rows"
        [taken] = bench.take_turns(name, sides, runs=1, warmup=False)["ours"]
        bench.number(f"{name}, peak memory", taken.peak / 1e6, limit=MEMORY, unit="MB")


def start_up(bench: Bench) -> None:
    """A small file, for which nothing but starting takes time."""
    project = bench.folder("start-up")
    header = "instant,hour,season,temperature,rentals\n"
    rows = (f"{i},{i % 24},summer,{i % 30}.5,{i % 400}\n" for i in range(1000))
    (project / "rentals.csv").write_text(header + "".join(rows), encoding="utf-8")
    (project / "schema.py").write_text(SCHEMA, encoding="utf-8")
    (project / "assay.yaml").write_text(CONFIG, encoding="utf-8")
    (project / ".gitignore").write_text(".assay\n__pycache__\n", encoding="utf-8")
    identity = ["-c", "user.name=Bench", "-c", "user.email=bench@example.invalid"]
    for args in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message=all"]):
        subprocess.run(["git", *identity, *args], cwd=project, check=True, capture_output=True)
    # As a user has it: the tools of a developer of Assay, which Pandera imports where it finds
    # them, would cost us a quarter of a second.
    python = bench.venv("contract-user", *_requirements()) / "python"
    env = {"PYTHONPATH": f"{ROOT / 'scripts'}"}
    ours = Command([python, "-c", ASSAY, "validate"], cwd=project, env=env)
    # It imports the schema from a compiled file, which we do not write into the user's folder.
    peer = Command([python, "-c", READ], cwd=project, env={"PYTHONPATH": "."})
    bench.compare("contract, start-up", ours, peer, limit=1.2, runs=15)


def _requirements() -> list[str]:
    """What `assay[contract]` asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["contract"]]


def _command(name: str, file: Path, python: Path | str) -> Command:
    args = [python, "-m", "benchmarks.contract_peers", name, file]
    return Command(args, cwd=ROOT, says_seconds=True)


def _room(rows: int) -> bool:
    """Whether a file of so many rows is there, or can be."""
    have = (data.FOLDER / f"{rows}.parquet").is_file()
    return have or shutil.disk_usage(CACHE).free > 3 * rows * BYTES_PER_ROW

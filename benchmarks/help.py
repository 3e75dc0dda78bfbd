"""How long a person waits for `assay --help`."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.harness import Bench, Command


def run(bench: Bench) -> None:
    folder = Path(sys.executable).parent
    bench.compare(
        "assay --help",
        ours=Command([folder / "assay", "--help"]),
        peer=Command([folder / "python", "-c", "import typer"]),
        runs=21,
        limit=1.5,
    )

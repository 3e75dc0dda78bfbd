"""`assay check` against the commands that it stands for, typed one after the other.

Both sides run the pull request of `make demo` in the same environment. Cold: nothing is cached,
data is pulled and the model trained. Warm: DVC's cache holds everything, the run's outputs
included.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.harness import Bench, Command
from benchmarks.scratch import PLAIN, Scratch

VALIDATE = """
import pandas as pd
from schema import Schema
Schema.validate(pd.read_csv("data/raw/2011.csv"), lazy=True)
"""
SCRIPTS = Path(sys.executable).parent


def run(bench: Bench) -> None:
    repository = Scratch(bench.folder("loop"))
    repository.make()
    at = repository.work
    env = {"PATH": f"{SCRIPTS}:{repository.path}"}
    dvc, python = SCRIPTS / "dvc", SCRIPTS / "python"
    # 1: a gate says no to this change, as it should.
    check = [SCRIPTS / "assay", "check"]
    whole = Command(check, cwd=at, env=env, allowed=(1,))
    ours = Command([*check, "--config", PLAIN], cwd=at, env=env, allowed=(1,))
    peer = [
        Command([dvc, "pull"], cwd=at, env=env),
        Command([python, "-c", VALIDATE], cwd=at, env={**env, "PYTHONPATH": "."}),
        Command([python, "-m", "pytest", "tests"], cwd=at, env=env),
        Command([dvc, "repro"], cwd=at, env=env),
        Command([dvc, "metrics", "diff", "main"], cwd=at, env=env),
    ]
    bench.compare("loop, cold", ours, peer, limit=1.2, runs=3, before=repository.reset_cold)
    repository.fill_cache()
    bench.compare("loop, warm", ours, peer, limit=1.2, runs=5, before=repository.reset_warm)
    # Both models are loaded and every feature is shuffled, for which the peers have no command.
    name = "loop, warm, features weighed"
    bench.compare(name, whole, peer, limit=2.0, runs=3, before=repository.reset_warm)

"""`assay checkout` against `dvc pull`: with an empty cache, and with a full one."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.harness import Bench, Command
from benchmarks.scratch import Scratch

SCRIPTS = Path(sys.executable).parent


def run(bench: Bench) -> None:
    repository = Scratch(bench.folder("checkout"))
    repository.make()
    env = {"PATH": f"{SCRIPTS}:{repository.path}"}
    ours = Command([SCRIPTS / "assay", "checkout"], cwd=repository.work, env=env)
    peer = Command([SCRIPTS / "dvc", "pull"], cwd=repository.work, env=env)
    bench.compare("checkout, cold", ours, peer, limit=1.3, runs=9, before=repository.reset_cold)
    repository.fill_cache()
    bench.compare("checkout, warm", ours, peer, limit=1.3, runs=9, before=repository.reset_warm)

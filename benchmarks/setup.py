"""The setup action against `uv sync --locked` of the same lock: empty cache, and full cache.

The action builds a second environment besides (the one that reports), and lays Assay over the
first. Both sides start without any environment.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from benchmarks.harness import ROOT, Bench, Command, remove, uv_program


def run(bench: Bench) -> None:
    project = bench.scratch / "project"
    heavy = shutil.ignore_patterns("data", "dvc-storage", ".dvc", "models", ".venv", "__pycache__")
    shutil.copytree(ROOT / "example-repo", project, ignore=heavy)
    home, env = bench.scratch / "home", bench.scratch / "env"
    cold, warm = bench.scratch / "cold", bench.scratch / "warm"

    def commands(cache: Path) -> tuple[Command, Command]:
        uv = uv_program()
        # The same uv for both, and none of what the caller's own environment may say.
        given = {"UV_CACHE_DIR": str(cache), "PATH": f"{uv.parent}:{_path()}", "VIRTUAL_ENV": None}
        action = {**given, "ASSAY_HOME": str(home)}
        sync = {**given, "UV_PROJECT_ENVIRONMENT": str(env)}
        return (
            Command([ROOT / "scripts" / "assay-action", "setup"], cwd=project, env=action),
            Command([uv, "sync", "--locked"], cwd=project, env=sync),
        )

    ours, peer = commands(warm)
    bench.compare("setup, warm", ours, peer, limit=1.5, runs=15, before=lambda: remove(home, env))
    ours, peer = commands(cold)
    bench.compare(
        "setup, cold",
        ours,
        peer,
        limit=1.5,
        runs=3,
        before=lambda: remove(home, env, cold),
        warmup=False,
    )


def _path() -> str:
    """`PATH` with a plain Python first, as a runner has it.

    Without the environment that runs us, and not behind a version manager's shims: these are shell
    scripts that take longer than all of `uv sync`.
    """
    mine = str(Path(sys.executable).parent)
    others = [p for p in os.environ["PATH"].split(os.pathsep) if p != mine]
    return os.pathsep.join([str(Path(sys.executable).resolve().parent), *others])

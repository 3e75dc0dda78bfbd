"""Serving and rolling out: the server against others, and rollouts under load."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from benchmarks import rollout_serving, rollout_shifts
from benchmarks.harness import CommandFailedError
from benchmarks.rollout_peers import Models
from benchmarks.scratch import SCRIPTS, Scratch

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.harness import Bench


def run(bench: Bench) -> None:
    models = released(bench)
    rollout_serving.run(bench, models)
    rollout_shifts.run(bench, models)


def released(bench: Bench) -> Models:
    """The example's model: checked, packaged and signed."""
    repository = Scratch(bench.folder("example"))
    repository.make()
    work, keys = repository.work, bench.scratch / "keys"
    subprocess.run(["git", "checkout", "--quiet", "main"], cwd=work, check=True)
    for args in (
        ["check"],
        ["package"],
        ["sign", "--new-key", str(keys)],
        ["sign", "--key", str(keys / "assay.key")],
    ):
        assay(args, work, repository.path)
    [bundle] = (work / ".assay" / "bundles").glob("peak-hour-*")
    return Models(bundle, keys / "assay.pub", work / "models" / "model.joblib")


def assay(args: list[str], work: Path, path: str) -> str:
    """What the command prints; an error where it does not end well."""
    env = {**os.environ, "PATH": f"{SCRIPTS}:{path}"}
    command = [SCRIPTS / "assay", *args]
    done = subprocess.run(command, cwd=work, env=env, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise CommandFailedError(f"{done.stdout}{done.stderr}"[-3000:])
    return done.stdout

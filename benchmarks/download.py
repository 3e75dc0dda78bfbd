"""What a `uses:` line makes each job download."""

from __future__ import annotations

import subprocess

from benchmarks.harness import ROOT, Bench


def run(bench: Bench) -> None:
    # GitHub makes the archive of an action's ref in the same way, `.gitattributes` included.
    made = subprocess.run(
        ["git", "archive", "--format=tar.gz", "HEAD"], cwd=ROOT, check=True, capture_output=True
    ).stdout
    bench.number("download of `uses:`", len(made) / 1e6, limit=1.0, unit="MB")

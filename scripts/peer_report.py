"""The demo's change as CML would report it, with `dvc metrics diff` and `dvc plots diff`.

The steps are those of its guide: reproduce, compare with the main branch, publish plots.
https://cml.dev/doc/usage
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import vl_convert

SCRIPTS = Path(sys.executable).parent
PLOTS = ("training_curve", "importance")
MAIN = "origin/main"


def report(origin: Path, work: Path) -> tuple[str, dict[str, bytes]]:
    """The comment's Markdown, and its images by address.

    Args:
        origin: The demo's repository, with the pull request as a branch and its DVC remote in it.
        work: A folder that does not exist yet, for a clone.
    """
    _run(["git", "clone", "--quiet", "--branch", "lighter-days-off", origin, work], Path.cwd())
    _run(["dvc", "pull", "--quiet"], work)
    _run(["dvc", "repro", "--quiet"], work)
    text = f"## Metrics\n\n{_run(['dvc', 'metrics', 'diff', '--md', MAIN], work)}\n## Plots\n"
    images = {}
    for name in PLOTS:
        spec = json.loads(
            _run(["dvc", "plots", "diff", MAIN, "--show-vega", "--targets", name], work)
        )
        url = f"https://asset.cml.dev/{name}.png"
        images[url] = vl_convert.vegalite_to_png(spec)
        text += f"\n![]({url})\n"
    return text, images


def _run(command: list[str | Path], folder: Path) -> str:
    path = os.pathsep.join([str(SCRIPTS), os.environ.get("PATH", os.defpath)])
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "1"},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return done.stdout

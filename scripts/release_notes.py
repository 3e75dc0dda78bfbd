"""The notes of a release of the example, whose model no longer learns from the winter.

Both versions are checked and packaged as a workflow does it; the numbers are theirs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from assay.packaging.bundle import FOLDER
from assay.packaging.manifest import Manifest
from assay.release import notes
from assay.release.versions import Next
from assay.workspace import STATE

from tests.workflows import scratch

SCRIPTS = Path(sys.executable).parent
CHANGE = ('since: "2011-01-01"', 'since: "2011-04-15"')


def text(work: Path) -> str:
    """The notes as Markdown.

    Args:
        work: A folder that does not exist yet, for the repository.
    """
    scratch.copy_example(work)
    scratch.git(work, "init", "--quiet", "--initial-branch=main")
    scratch.commit(work, "Predict peak hours")
    old = _packaged(work)
    scratch.git(work, "switch", "--quiet", "--create", "from-april")
    parameters = work / "params.yaml"
    changed = parameters.read_text(encoding="utf-8").replace(*CHANGE)
    parameters.write_text(changed, encoding="utf-8")
    _run(["dvc", "repro", "--quiet"], work)
    scratch.commit(work, "Learn from mid-April on")
    new = _packaged(work)
    subject = notes.Subject(
        tag=f"{new.name}@v1.1.0",
        manifest=new,
        archive=f"{new.name}-v1.1.0.tar.zst",
        next=Next(version="v1.1.0", bump="minor", previous="v1.0.0", reasons=()),
        old=old,
        verify=("--key", "assay.pub"),
    )
    return notes.markdown(subject)


def _packaged(work: Path) -> Manifest:
    """The manifest of the commit's bundle."""
    for command in (["check", "--base", "main"], ["package"]):
        _run([sys.executable, "-m", "assay.cli", *command], work)
    (file,) = (work / STATE / FOLDER).glob("*/manifest.json")
    return Manifest.model_validate_json(file.read_bytes())


def _run(command: list[str], folder: Path) -> None:
    path = os.pathsep.join([str(SCRIPTS), os.environ.get("PATH", os.defpath)])
    environment = {**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "1"}
    subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True, text=True
    )

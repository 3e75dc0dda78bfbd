"""A clone of the example repository with the demo's pull request checked out."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import ROOT, remove

SCRIPTS = Path(sys.executable).parent
_OURS = re.compile(r"^ +(features|rows):")
PLAIN = "assay-plain.yaml"
"""The example's configuration without what no other tool does: asking both models again, and
holding the number of rows against base's."""


@dataclass(frozen=True)
class Scratch:
    folder: Path

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def path(self) -> str:
        return os.environ["PATH"]

    def make(self) -> None:
        """Two commits: `main`, and the change on the branch `change`, which is checked out."""
        ignored = shutil.ignore_patterns(".venv", "__pycache__", ".assay", "cache", "tmp")
        shutil.copytree(ROOT / "example-repo", self.work, ignore=ignored)
        config = (self.work / "assay.yaml").read_text(encoding="utf-8")
        lines = [line for line in config.splitlines() if not _OURS.search(line)]
        (self.work / PLAIN).write_text("\n".join([*lines, ""]), encoding="utf-8")
        self._git("init", "--quiet", "--initial-branch=main")
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message=main")
        self._git("checkout", "--quiet", "-b", "change")
        self._git("apply", ".demo/pull-request.patch")
        self._git("commit", "--quiet", "--all", "--message=change")

    def reset_cold(self) -> None:
        """As after a clone."""
        self._git("checkout", "--quiet", ".")
        self._git("clean", "--quiet", "-ffdx")
        remove(self.work / ".dvc" / "cache", self.work / ".dvc" / "tmp")

    def fill_cache(self) -> None:
        """Pull, and train once, so that everything is in DVC's cache."""
        self.reset_cold()
        for args in (["pull"], ["repro"]):
            command = [SCRIPTS / "python", "-m", "dvc", *args]
            env = {**os.environ, "PATH": f"{SCRIPTS}:{self.path}"}
            subprocess.run(command, cwd=self.work, env=env, check=True, capture_output=True)

    def reset_warm(self) -> None:
        """As after a clone whose `.dvc/cache` was restored."""
        self._git("checkout", "--quiet", ".")
        self._git("clean", "--quiet", "-ffdx", "--exclude=/.dvc/cache")

    def _git(self, *args: str) -> None:
        identity = ["-c", "user.name=Bench", "-c", "user.email=bench@example.invalid"]
        subprocess.run(["git", *identity, *args], cwd=self.work, check=True, capture_output=True)

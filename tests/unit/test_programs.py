"""Tests that need a program: skipped and named at the end, but not in CI."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests import programs

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).resolve().parents[2]
# In single quotes, so that nothing tries to install them.
TWO = """
import pytest
@pytest.mark.needs('no-such-program')
def test_one(): pass
@pytest.mark.needs('no-such-program')
def test_two(): pass
@pytest.mark.needs('git')
def test_three(): pass
"""


def run(tmp_path: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "test_two.py"
    path.write_text(TWO)
    clean = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST")}
    options = ["-q", "-p", "tests.conftest", "-p", "no:cacheprovider", "-c", "pyproject.toml"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, f"--rootdir={tmp_path}", str(path)],
        cwd=ROOT,
        env={**clean, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_missing_program_skips_and_is_named_at_the_end(tmp_path: Path) -> None:
    done = run(tmp_path, CI="")
    assert done.returncode == 0, done.stdout
    last = done.stdout.splitlines()[-4:]
    assert "2 tests skipped: needs the program no-such-program, which is not installed" in last
    assert "1 passed, 2 skipped" in last[-1]


def test_missing_program_fails_in_ci(tmp_path: Path) -> None:
    done = run(tmp_path, CI="true")
    assert done.returncode == 1
    assert "with CI=true that is a failure" in done.stdout
    assert "1 passed, 2 errors" in done.stdout


def test_every_program_that_tests_name_has_a_package() -> None:
    assert set(programs.named()) <= {*programs.PACKAGES}


def test_install_says_why_it_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs.shutil, "which", lambda name, **_: None)
    assert programs.install(["node"]) == "this is neither Debian nor Ubuntu"
    monkeypatch.setattr(
        programs.shutil, "which", lambda name, **_: name if name == "apt-get" else None
    )
    monkeypatch.setattr(programs.os, "geteuid", lambda: 1000)
    assert programs.install(["node"]) == "neither root nor sudo without a password"

"""Every linter over every file that it is for: `make lint`; `python tests/lint.py ruff` for one."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Step:
    name: str
    command: tuple[str, ...]
    files: tuple[str, ...] | None = None
    """What it is given; `None` where it finds its files itself."""


def _files() -> list[str]:
    """What is, or would be, committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    names = sorted(set(listed.split("\0")) - {""})
    return [name for name in names if (ROOT / name).is_file()]


def _is_bash(name: str) -> bool:
    if Path(name).suffix == ".sh":
        return True
    if Path(name).suffix:
        return False
    with (ROOT / name).open("rb") as file:
        return file.readline(64).rstrip() in {b"#!/usr/bin/env bash", b"#!/bin/sh", b"#!/bin/bash"}


def steps() -> list[Step]:
    files = _files()
    yaml = [name for name in files if name.endswith((".yml", ".yaml"))]
    # Broken on purpose, for tests.
    yaml = [name for name in yaml if not name.startswith("tests/")]
    templates = tuple(name for name in yaml if name.startswith("workflow-templates/"))
    workflows = tuple(name for name in yaml if ".github/workflows/" in name)
    actions = tuple(name for name in yaml if Path(name).name in {"action.yml", "action.yaml"})
    schema = "check-jsonschema", "--builtin-schema"
    return [
        Step("mypy", ("mypy",)),
        Step("ruff check", ("ruff", "check", "--quiet")),
        Step("ruff format", ("ruff", "format", "--check", "--quiet", "--diff")),
        Step(
            "zizmor",
            ("zizmor", "--offline", "--pedantic", "--quiet", "--strict-collection"),
            (*workflows, *actions, *templates),
        ),
        # It looks for the workflow that the example waits for in this repository, not in its own.
        Step(
            "jactionlint",
            ("jactionlint", "--no-color", "--ignore", "workflow-run-names|not found in the repos"),
            (*workflows, *actions),
        ),
        Step("schema of workflows", (*schema, "vendor.github-workflows"), (*workflows, *templates)),
        Step("schema of actions", (*schema, "vendor.github-actions"), actions),
        Step("shellcheck", ("shellcheck",), tuple(name for name in files if _is_bash(name))),
    ]


def run(step: Step) -> tuple[Step, bool, str, float]:
    start = time.monotonic()
    if step.files == ():
        return step, False, "there is no file for it: did something move?\n", 0.0
    program, *rest = step.command
    # jactionlint looks for shellcheck on PATH.
    done = subprocess.run(
        [str(BIN / program), *rest, *(step.files or ())],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        env=_environment(),
        text=True,
        check=False,
    )
    return step, done.returncode == 0, done.stdout, time.monotonic() - start


def _environment() -> dict[str, str]:
    import os

    path = os.pathsep.join([str(BIN), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": path, "NO_COLOR": "1"}


def main() -> int:
    chosen = [step for step in steps() if not sys.argv[1:] or step.name.startswith(sys.argv[1])]
    failed = 0
    with ThreadPoolExecutor(2) as pool:  # one core for mypy, one for all the others
        for step, passed, output, seconds in pool.map(run, chosen):
            count = "" if step.files is None else f"{len(step.files)} files, "
            print(f"   {step.name:<20} {'ok' if passed else 'FAILED'} ({count}{seconds:.1f} s)")
            if not passed:
                failed += 1
                print(output)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

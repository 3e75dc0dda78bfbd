"""A user's repository with what DVC's files say of a model; DVC itself is not needed."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import yaml

from tests.builders import make_context, write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from assay.context import Context

PIPELINE = """\
stages:
  train:
    cmd: python train.py
    deps: [data/raw.csv]
    params: [train, train.depth]
    outs: [model.joblib, predictions.csv]
artifacts:
  peak:
    path: model.joblib
    type: model
    desc: Probability of a peak
"""
LOCK: dict[str, Any] = {
    "schema": "2.0",
    "stages": {
        "train": {
            "cmd": "python train.py",
            "params": {"params.yaml": {"train": {"depth": 3, "names": ["é"]}, "train.depth": 3}},
            "outs": [
                {"path": "model.joblib", "hash": "md5", "md5": "a" * 32, "size": 5},
                {"path": "predictions.csv", "hash": "md5", "md5": "b" * 32, "size": 7},
            ],
        }
    },
}
RAW = f"outs:\n- md5: {'c' * 32}\n  size: 9\n  hash: md5\n  path: raw.csv\n"
IDENTITY = ("-c", "user.name=Ada", "-c", "user.email=ada@example.invalid")
COMMITTED = "2026-11-20T09:30:00+00:00"


def git(root: Path, *args: str) -> None:
    """As somebody, at a fixed time."""
    subprocess.run(
        ["git", *IDENTITY, *args],
        cwd=root,
        check=True,
        capture_output=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(root), "GIT_COMMITTER_DATE": COMMITTED},
    )


def project(
    root: Path, config: str = "", files: Mapping[str, str | bytes] | None = None
) -> Context:
    """A committed project, and its context."""
    given: dict[str, str | bytes] = {
        ".gitignore": "/.assay\n/model.joblib\n/predictions.csv\n",
        "dvc.yaml": PIPELINE,
        "dvc.lock": yaml.safe_dump(LOCK),
        "data/raw.csv.dvc": RAW,
        "assay.yaml": config,
        **(files or {}),
    }
    write(root, given)
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message=first")
    return make_context(root, config)

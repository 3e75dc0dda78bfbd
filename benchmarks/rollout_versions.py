"""Releases of the example's model: good ones, and ones that nobody should get.

The intercept of its trees is changed, which is what a mistake in training or a wrong file does. All
are packaged and signed like any other.
"""

from __future__ import annotations

import hashlib
import math
import subprocess
from typing import TYPE_CHECKING

from benchmarks.harness import CommandFailedError
from benchmarks.rollout_peers import NAME
from benchmarks.scratch import SCRIPTS

if TYPE_CHECKING:
    from pathlib import Path

GOOD, BETTER = "v1.0.0", "v1.1.0"
SHIFTED, NOT_FINITE = "v1.2.0", "v1.3.0"
_CHANGES = {
    GOOD: 0.0,
    BETTER: 0.001,  # other answers, and hardly another distribution
    SHIFTED: 3.0,  # nearly every hour is a peak
    NOT_FINITE: math.nan,
}


def make(bundle: Path, keys: Path, repository: Path, parent: Path) -> dict[str, Path]:
    """Release versions: a commit, a tag and a signed archive of each, made from one bundle.

    Args:
        bundle: The first version's.
        keys: The folder with `assay.key`.
        repository: Where commits and tags go.
        parent: Where archives go.
    """
    found = {}
    for version, by in _CHANGES.items():
        commit = _tagged(repository, version)
        folder = _changed(bundle, parent / version / "made", by, commit)
        found[version] = _signed(folder, keys / "assay.key")
    return found


def _tagged(repository: Path, version: str) -> str:
    """The commit of a version, which is tagged as `assay release` does."""
    name = f"{NAME}@{version}"
    git(repository, "commit", "--quiet", "--allow-empty", f"--message={name}")
    git(repository, "tag", "--annotate", f"--message={name}", name)
    return git(repository, "rev-parse", "HEAD")


def git(folder: Path, *args: str) -> str:
    """What git prints."""
    identity = ["-c", "user.name=Bench", "-c", "user.email=bench@example.invalid"]
    done = subprocess.run(
        ["git", *identity, *args], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def _signed(folder: Path, key: Path) -> Path:
    at = folder.parent.parent
    command = [SCRIPTS / "assay", "sign", folder, "--key", key]
    done = subprocess.run(command, cwd=at, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise CommandFailedError(f"{done.stdout}{done.stderr}")
    return at / ".assay" / "bundles" / "bundle.tar.zst"


def _changed(source: Path, parent: Path, by: float, commit: str) -> Path:
    """An unsigned bundle with another model."""
    from assay.packaging import bundle

    made = bundle.read(source)
    files: dict[str, bytes | Path] = {
        entry.path: made.folder / entry.path for entry in made.manifest.files
    }
    before = (made.folder / "model.onnx").read_bytes()
    files["model.onnx"] = after = _shifted(before, by)
    # The card and the bill of materials name the model and the commit.
    old = made.manifest.source.commit
    for name in ("bom.cdx.json", "README.md"):
        text = (made.folder / name).read_text(encoding="utf-8")
        text = text.replace(_sha256(before), _sha256(after))
        files[name] = text.replace(old, commit).replace(old[:12], commit[:12]).encode()
    of = made.manifest.source.model_copy(update={"commit": commit})
    manifest = made.manifest.model_copy(update={"source": of})
    parent.mkdir(parents=True)
    return bundle.write(parent, manifest, files).folder


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _shifted(content: bytes, by: float) -> bytes:
    """The graph with another intercept: its only constant of 1 x 1 float64."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load_from_string(content)
    [intercept] = [
        one
        for one in model.graph.initializer
        if one.data_type == onnx.TensorProto.DOUBLE and list(one.dims) == [1, 1]
    ]
    value = numpy_helper.to_array(intercept) + by
    intercept.CopyFrom(numpy_helper.from_array(value, intercept.name))
    return bytes(model.SerializeToString(deterministic=True))

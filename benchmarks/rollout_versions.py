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


def make(bundle: Path, keys: Path, parent: Path) -> dict[str, Path]:
    """The signed archive of each version, made from one bundle."""
    return {
        version: _signed(_changed(bundle, parent / version / "made", by), keys / "assay.key")
        for version, by in _CHANGES.items()
    }


def _signed(folder: Path, key: Path) -> Path:
    at = folder.parent.parent
    command = [SCRIPTS / "assay", "sign", folder, "--key", key]
    done = subprocess.run(command, cwd=at, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise CommandFailedError(f"{done.stdout}{done.stderr}")
    return at / ".assay" / "bundles" / "bundle.tar.zst"


def _changed(source: Path, parent: Path, by: float) -> Path:
    """An unsigned bundle with another model."""
    from assay.packaging import bundle

    made = bundle.read(source)
    files: dict[str, bytes | Path] = {
        entry.path: made.folder / entry.path for entry in made.manifest.files
    }
    before = (made.folder / "model.onnx").read_bytes()
    files["model.onnx"] = after = _shifted(before, by)
    # The bill of materials names the model by its digest.
    bom = (made.folder / "bom.cdx.json").read_text(encoding="utf-8")
    files["bom.cdx.json"] = bom.replace(_sha256(before), _sha256(after)).encode()
    parent.mkdir(parents=True)
    return bundle.write(parent, made.manifest, files).folder


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

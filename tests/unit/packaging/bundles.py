"""A small bundle for tests: facts of a model that nobody trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.packaging import bundle
from assay.packaging.facts import (
    Conversion,
    InputSpec,
    OutputSpec,
    Parity,
    ParityOutput,
    ParityRows,
    Signature,
    Tolerance,
)
from assay.packaging.manifest import Environment, GateResult, Manifest, MetricValue, Source, Tracked

if TYPE_CHECKING:
    from pathlib import Path

SIGNATURE = Signature(
    task="binary",
    inputs=(
        InputSpec(name="hour", dtype="int64"),
        InputSpec(name="temperature", dtype="float64", nullable=True),
        InputSpec(name="season", dtype="string", categories=("autumn", "spring", "summer")),
    ),
    outputs=(
        OutputSpec(name="label", meaning="label", dtype="int64", shape=(None,)),
        OutputSpec(name="probabilities", meaning="probability", dtype="float64", shape=(None, 2)),
    ),
    classes=(0, 1),
)
PARITY = Parity(
    passed=True,
    tolerance=Tolerance(),
    rows=(
        ParityRows(
            name="evaluation",
            count=8735,
            outputs=(
                ParityOutput(output="label"),
                ParityOutput(output="probabilities", max_absolute=2e-16, max_relative=3e-16),
            ),
        ),
        ParityRows(name="nulls", count=12, undefined=4, outputs=(ParityOutput(output="label"),)),
    ),
)
FILES: dict[str, bytes] = {
    "model.onnx": b"a model " * 40,
    "parity.json": b"{}\n",
    "licenses/numpy.txt": b"BSD",
    "empty": b"",
}


def manifest(**update: Any) -> Manifest:
    """A manifest without files."""
    whole = Manifest(
        name="peak-hour",
        kind="onnx",
        model="model.onnx",
        estimator="Pipeline(StandardScaler, HistGradientBoostingClassifier)",
        signature=SIGNATURE,
        source=Source(
            commit="c" * 40,
            committed="2026-11-20T09:30:00+00:00",
            model=Tracked(path="models/model.joblib", md5="a" * 32, bytes=1234),
            data=(
                Tracked(path="data/evaluation.csv", md5="e" * 32, bytes=812_004),
                Tracked(path="data/raw", md5="b" * 32 + ".dir"),
            ),
            parameters={"params.yaml:train.depth": "8", "params.yaml:features": '["hour"]'},
            lock="d" * 64,
        ),
        environment=Environment(
            python="3.12.4", packages={"numpy": "2.4.0", "scikit-learn": "1.9.1"}
        ),
        conversion=Conversion(opset={"": 21}, precision="float64", nodes=7, bytes=320),
        parity=PARITY,
        metrics=(
            MetricValue(name="roc_auc", value=0.8795, low=0.8701, high=0.8889, configured=True),
            MetricValue(name="log_loss", value=0.3402),
        ),
        confidence=0.95,
        gates=(GateResult(name="roc_auc min", result="passed", message="roc_auc is 0.8795."),),
        verdict="pass",
        files=(),
    )
    return whole.model_copy(update=update)


def made(parent: Path, **update: Any) -> bundle.Bundle:
    """A bundle below `parent`."""
    return bundle.write(parent, manifest(**update), FILES)

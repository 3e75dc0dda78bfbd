"""What the processes that load models are asked, and what they answer."""

from __future__ import annotations

from typing import Literal

from assay.config import PredictionsSpec
from assay.packaging.facts import Export, ParityOutput, Tolerance
from assay.section import Fact, Reason

COLUMNS = "predictions.npz"
"""The file in an export's folder with what it predicts."""


class ExportJob(Fact):
    """One model to export. Paths are absolute."""

    root: str
    """The project, whose modules the model may need."""
    model: str
    shown: str
    """How messages call the model's file."""
    features: str
    """The table that the model is given: CSV or Parquet, with column names."""
    apart: tuple[str, ...] = ()
    """Columns of it that are not features: key, truth."""
    sensitive: tuple[str, ...] = ()
    """Columns whose values get into no message, profile or signature."""
    folder: str
    """Where the exported model and the profile are written; exists and is empty."""
    form: Literal["auto", "onnx", "native"] = "auto"
    tolerance: Tolerance = Tolerance()
    quantize: bool = False
    predictions: PredictionsSpec | None = None
    """The file that the model must give from its table; `None` where that cannot be asked."""


class ExportAnswer(Fact):
    """`export`, or why there is none."""

    export: Export | None = None
    """Also where model and export disagree, for its parity; no file is written then."""
    columns: tuple[str, ...] = ()
    """Of the predictions file, as a quantized export gives them; the arrays lie in `COLUMNS`."""
    reasons: tuple[Reason, ...] = ()
    exit_code: int = 0
    """Of what went wrong, as in `errors.py`; 1 where model and export disagree."""


class AlikeJob(Fact):
    """Two bundles to ask about the same rows. Paths are absolute."""

    root: str
    """The project, whose classes a native bundle may need."""
    bundles: tuple[str, str]
    """Folders: the one that was released, and the one to hold against it."""
    features: str
    apart: tuple[str, ...] = ()
    """Columns of the features that the models are not given."""


class AlikeAnswer(Fact):
    """How far apart the answers are, or why nobody knows."""

    rows: int = 0
    outputs: tuple[ParityOutput, ...] = ()
    problem: str | None = None

"""What the process that loads the model is asked, and what it answers."""

from __future__ import annotations

from typing import Literal

from assay.packaging.facts import Export, Tolerance
from assay.section import Fact, Reason


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
    positive: str | None = None


class ExportAnswer(Fact):
    """`export`, or why there is none."""

    export: Export | None = None
    """Also where model and export disagree, for its parity; no file is written then."""
    reasons: tuple[Reason, ...] = ()
    exit_code: int = 0
    """Of what went wrong, as in `errors.py`; 1 where model and export disagree."""

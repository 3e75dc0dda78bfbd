"""What is known of an exported model: its signature, how it was converted, and parity."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from assay.packaging.section import Kind, Mismatch
from assay.section import Fact

__all__ = [
    "Conversion",
    "DType",
    "Export",
    "InputSpec",
    "Kind",
    "Mismatch",
    "OutputSpec",
    "Parity",
    "ParityOutput",
    "ParityRows",
    "Signature",
    "Tolerance",
]

DType = Literal[
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float32",
    "float64",
    "string",
]
"""As numpy calls them; `string` is text of any length."""
Meaning = Literal["label", "probability", "score", "value"]
Task = Literal["binary", "multiclass", "multilabel", "regression", "clustering", "outliers"]
Scalar = str | int | float | bool


class InputSpec(Fact):
    """One input of the model: a column of a table, or a matrix where columns have no names."""

    name: str
    """The column's name; `X` for a matrix."""
    dtype: DType
    shape: tuple[int | None, ...] = (None, 1)
    """`None` is the number of rows."""
    nullable: bool = False
    """Whether the model was shown to answer where a value is missing."""
    categories: tuple[Scalar, ...] | None = None
    """What the model's encoders were fitted with; `None` where no encoder reads the column."""


class OutputSpec(Fact):
    """One output of the model."""

    name: str
    """`label`, `probabilities`, `scores` or `value`."""
    meaning: Meaning
    dtype: DType
    shape: tuple[int | None, ...]


class Signature(Fact):
    """What goes in and what comes out, in order."""

    task: Task
    inputs: tuple[InputSpec, ...]
    outputs: tuple[OutputSpec, ...]
    classes: tuple[Scalar, ...] | None = None
    """Of a classifier, in the order of the columns of `probabilities` or `scores`."""


class Tolerance(Fact):
    """How far an export may be from the model, per number: |a - b| <= absolute + relative * |b|."""

    absolute: float = Field(default=1e-5, ge=0)
    relative: float = Field(default=1e-5, ge=0)


class ParityOutput(Fact):
    """One output over one set of rows."""

    output: str
    mismatches: int = 0
    max_absolute: float | None = None
    """Of numbers: the largest |a - b|; `None` for labels."""
    max_relative: float | None = None


class ParityRows(Fact):
    """One set of rows that both were asked about."""

    name: str
    """`evaluation`, `thresholds`, `nulls`, `unseen categories`, `extremes`, `float32 edges`."""
    count: int
    outputs: tuple[ParityOutput, ...]
    undefined: int = 0
    """Rows that the model itself refuses; the export is not held to anything there."""
    undecided: int = 0
    """Rows on which they differ, and the model might as well have answered as the export does."""


class Parity(Fact):
    """Whether the export gives the same answers."""

    passed: bool
    tolerance: Tolerance
    rows: tuple[ParityRows, ...]
    mismatches: tuple[Mismatch, ...] = ()
    """The first few, the worst set first."""
    cause: str | None = None
    """Why they differ, as a sentence."""


class Conversion(Fact):
    """How the model became ONNX."""

    opset: dict[str, int]
    """Version by domain; the domain of ONNX itself is empty."""
    precision: Literal["float32", "float64"]
    """Of the numbers between input and output."""
    changes: tuple[str, ...] = ()
    """What was done beside the plain conversion, as sentences."""
    quantized: bool = False
    nodes: int
    bytes: int


class Export(Fact):
    """What exporting came to; the model's file lies beside it."""

    kind: Kind
    file: str
    """`model.onnx`, or `model.skops`."""
    estimator: str
    """The classes, outermost first: `Pipeline(StandardScaler, SVC)`."""
    signature: Signature
    conversion: Conversion | None = None
    """`None` of a native bundle."""
    why_native: str | None = None
    """Of a native bundle: why it is not ONNX, as a sentence."""
    native_hint: str | None = None
    """Then: what would make it ONNX."""
    parity: Parity
    tested: int | None = None
    """How many rows of the predictions file the model was found to give: all of them. `None` where
    the project names no table of their features."""
    packages: dict[str, str]
    """Name and version of every package that was there."""
    python: str

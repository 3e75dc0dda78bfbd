"""compare: head against base: metrics, slices, parameters, data, model, time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from assay.config import Direction
from assay.section import Fact, Section

if TYPE_CHECKING:
    from assay.context import Context

Change = Literal["better", "worse", "equal", "changed", "added", "removed"]
"""`changed` is a difference whose direction nobody knows."""


class MetricChange(Fact):
    """A metric of head and base."""

    name: str
    head: float | None
    base: float | None
    difference: float | None
    """head - base."""
    change: Change
    direction: Direction | None = None
    configured: bool = False
    """Whether `assay.yaml` names it under `metrics:`; these come first."""


class SliceChange(Fact):
    """A metric of head and base on the rows where `column` is `value`."""

    column: str
    value: str
    rows: int
    metric: str
    head: float | None
    base: float | None
    difference: float | None
    change: Change


class ParameterChange(Fact):
    """A parameter that differs; values as JSON text, `None` where there is none."""

    file: str
    key: str
    head: str | None
    base: str | None


class FileChange(Fact):
    """A file or folder that DVC tracks and that differs."""

    path: str
    change: Literal["added", "removed", "modified"]
    kind: Literal["data", "out", "metric", "plot"]
    head_bytes: int | None = None
    base_bytes: int | None = None


class Gate(Fact):
    """One rule of `assay.yaml`, and what it decided."""

    metric: str
    rule: Literal["min", "max", "max_regression", "present"]
    limit: float | None
    value: float | None
    """What was held against the limit."""
    passed: bool | None
    """`None`: it could not be decided, for want of a baseline."""
    message: str
    """In words: `f1 0.61 is below min 0.65`."""


class CompareSection(Section):
    """Everything that changed between base and head, and what the gates say."""

    baseline: bool = False
    """Whether there was a base to compare with."""
    same_rows: bool | None = None
    """Whether both revisions' predictions are of the same rows; `None` without predictions."""
    metrics: tuple[MetricChange, ...] = ()
    slices: tuple[SliceChange, ...] = ()
    parameters: tuple[ParameterChange, ...] = ()
    files: tuple[FileChange, ...] = ()
    model: str | None = None
    model_bytes: int | None = None
    base_model_bytes: int | None = None
    train_seconds: float | None = None
    """Wall time of the stages that ran in this run."""
    gates: tuple[Gate, ...] = ()


def run(context: Context) -> CompareSection:
    """Hold head against base. Pure: everything that it needs is in the record and in git."""
    raise NotImplementedError

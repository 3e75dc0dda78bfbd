"""What passes between a stage and the process that loads models, and into the record."""

from __future__ import annotations

from typing import Literal

from assay.config import PredictionsSpec
from assay.section import Fact, Reason


class Job(Fact):
    """What to do with the models of head and base."""

    task: Literal["rescore", "importance"]
    root: str
    base_root: str
    """The folder of base's files."""
    model: str
    """Head's, relative to `root`."""
    base_model: str | None
    """Base's, relative to `base_root`; `None` where there is no base, or no one model in it."""
    predictions: PredictionsSpec
    metric: str = ""
    """Whose loss is a feature's importance; empty for one that suits the task."""
    seed: int = 0


class Rescoring(Fact):
    """That base's model predicted head's rows, and what speaks for the result."""

    model: str
    """Base's model file."""
    rows: int
    """Head's rows, all of which it predicted."""
    checked: int
    """On so many rows base's model was found to give what base's predictions file says."""
    threshold: float | None = None
    """Of base's labels, where they are made by one; told from base's file."""
    head_threshold: float | None = None
    notes: tuple[Reason, ...] = ()


class FeatureImportance(Fact):
    """How much a metric loses without one feature."""

    feature: str
    head: float | None = None
    """`None` where head's model does not have the feature."""
    head_deviation: float | None = None
    """Standard deviation over repeats."""
    base: float | None = None
    base_deviation: float | None = None

    @property
    def change(self) -> float:
        """Of head - base; a feature that a model does not have matters nothing to it."""
        return (self.head or 0.0) - (self.base or 0.0)


class Importance(Fact):
    """Permutation importance of head's model and of base's, on the same rows of head."""

    metric: str
    rows: int
    """On which it was measured."""
    of_rows: int
    """Of the evaluation data."""
    repeats: int
    features: tuple[FeatureImportance, ...] = ()
    """Those whose importance changed most; without base, the most important ones."""
    more: int = 0
    """Features that were measured and are not listed."""
    not_measured: int = 0
    """Columns beyond the first 200."""
    has_base: bool = False
    notes: tuple[Reason, ...] = ()
    """What could not be measured, and why."""


class Answer(Fact):
    """What came of a job."""

    rescoring: Rescoring | None = None
    columns: tuple[str, ...] = ()
    """Names of the arrays that lie beside the answer, in their order."""
    importance: Importance | None = None
    why: str = ""
    """Why it could not be done, as sentences."""
    hint: str | None = None

"""What `assay monitor` found: the one document that reports, alerts and retraining are made from.

It lies at `.assay/monitor.json`, and is a pure function of the log, the labels, the reference and
the configuration: who runs it again finds the same, but for labels that came since.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from assay.monitor.comparing import ColumnDrift
from assay.monitor.ranking import Ranked
from assay.monitor.verdict import Judgement, State
from assay.section import Fact, Section

FILE = "monitor.json"


class Measured(Fact):
    """A metric of a window."""

    metric: str
    value: float
    low: float
    high: float
    reference: float | None = None
    """Where the model was tested."""
    rows: int
    """With a label, or those that the estimate rests on."""
    estimated: bool = False
    """Without labels, from the model's own probabilities."""
    slice: str | None = None
    """`column=value`, where it is of one slice alone."""


class Window(Fact):
    """A window of production, judged."""

    start: datetime
    """The first moment that belongs to it, UTC."""
    end: datetime
    """The first that does not."""
    judgement: Judgement
    metrics: tuple[Measured, ...] = ()
    duplicates: int = 0
    """Rows that were logged twice, and counted once."""
    notes: tuple[str, ...] = ()
    """What else people should know, as that a file could not be read."""


class MonitorSection(Section):
    """The newest window, and those before it as far as they count."""

    format: Literal[1] = 1
    model: str
    version: str
    digest: str
    """Of the bundle whose profile is the reference, and whose answers count."""
    environment: str | None = None
    """Where it is deployed, as `assay.yaml` calls it."""
    source: str
    """Where the rows are from, as `assay.yaml` says; never an address with a password."""
    reference: str
    """`bundle`, or the file."""
    alpha: float
    confidence: float = 0.95
    """Of every interval."""
    least_rows: int
    k: int
    """Of the last `n` windows this many must drift."""
    n: int
    windows: tuple[Window, ...] = Field(min_length=1)
    """The newest last."""
    state: State
    """What all windows come to."""
    columns: tuple[ColumnDrift, ...] = ()
    """Of the newest window."""
    ranked: tuple[Ranked, ...] = ()
    """The features of the newest window, those first that matter most."""

    @property
    def newest(self) -> Window:
        """The window that this run is about."""
        return self.windows[-1]

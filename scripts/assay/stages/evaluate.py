"""evaluate: metrics of head and base, from metrics files and recomputed from predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from assay.config import Direction, Task
from assay.section import Fact, Section
from assay.stats.curves import Curve

if TYPE_CHECKING:
    from assay.context import Context


class Metric(Fact):
    """One number of one revision."""

    name: str
    value: float
    source: str
    """The metrics file that it stands in, or the predictions file that it was recomputed from."""
    recomputed: bool = False
    direction: Direction | None = None
    """Which way is better; `None` where nobody said."""


class SliceResult(Fact):
    """The metrics of the rows where `column` is `value`."""

    column: str
    value: str
    rows: int
    metrics: dict[str, float]


class Evaluation(Fact):
    """One revision, evaluated."""

    metrics: tuple[Metric, ...] = ()
    undefined: dict[str, str] = Field(default_factory=dict)
    """Metrics that these predictions cannot give, and why (one class only, ...)."""
    task: Task | None = None
    rows: int | None = None
    """Rows of the predictions file."""
    slices: tuple[SliceResult, ...] = ()
    curves: tuple[Annotated[Curve, Field(discriminator="kind")], ...] = ()

    def value(self, name: str) -> float | None:
        """The value of a metric, or `None`."""
        return next((m.value for m in self.metrics if m.name == name), None)


class DeclaredPlot(Fact):
    """A plot that `dvc plots` declares, both revisions in one."""

    name: str
    kind: Literal["vega", "image"]
    file: str
    """A Vega-Lite specification or an image, relative to the record's folder."""
    revision: Literal["head", "base"] | None = None
    """Whose image it is; a Vega-Lite plot holds both."""


class EvaluateSection(Section):
    """Head, and base where there is one."""

    head: Evaluation | None = None
    base: Evaluation | None = None
    plots: tuple[DeclaredPlot, ...] = ()


def run(context: Context) -> EvaluateSection:
    """Evaluate head and base in the same way."""
    raise NotImplementedError

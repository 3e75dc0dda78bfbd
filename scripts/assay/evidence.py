"""What the paired rows of head and base say, as facts of the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from assay.config import FairnessMeasure
from assay.section import Fact
from assay.stats.difference import Method

if TYPE_CHECKING:
    from assay.stats.difference import Difference


class TailFact(Fact):
    """One-sided p-values against one value of the true difference."""

    null: float
    p_less: float = Field(ge=0, le=1)
    """Of "head - base is at least `null`"."""
    p_greater: float = Field(ge=0, le=1)
    """Of "head - base is at most `null`"."""


class Evidence(Fact):
    """One metric of head and base on the same rows, and how sure the difference is."""

    metric: str
    base: float
    head: float
    low: float
    """Lower end of the interval of `head - base`."""
    high: float
    confidence: float
    """Of the interval, as 0.95."""
    standard_error: float
    p_value: float = Field(ge=0, le=1)
    """Two-sided, of "there is no difference"."""
    method: Method
    units: int
    """What was resampled: rows, or groups of rows."""
    tails: tuple[TailFact, ...] = ()

    @property
    def difference(self) -> float:
        """How much higher head is than base."""
        return self.head - self.base

    def tail(self, null: float) -> TailFact | None:
        """The p-values against `null`, where they were asked for."""
        return next((tail for tail in self.tails if tail.null == null), None)

    @classmethod
    def of(cls, found: Difference, *, confidence: float) -> Evidence:
        """What a comparison returned, as facts."""
        return cls(
            metric=found.metric,
            base=found.base,
            head=found.head,
            low=found.low,
            high=found.high,
            confidence=confidence,
            standard_error=found.standard_error,
            p_value=found.p_value,
            method=found.method,
            units=found.units,
            tails=tuple(
                TailFact(null=tail.null, p_less=tail.p_less, p_greater=tail.p_greater)
                for tail in found.tails
            ),
        )


class SliceEvidence(Fact):
    """Some of the rows, at head and at base."""

    name: str
    """`season = 3`; `season = 3, holiday = 0` where columns are crossed; else the user's name."""
    rows: int
    """At head; 0 where base alone has any."""
    units: int
    """What was resampled: rows, or groups of rows."""
    judged: bool
    """Whether it has the least number of rows; what is smaller is shown and not judged."""
    declared: bool = False
    """Whether `assay.yaml` names it, by an expression; else its value was found in the data."""
    evidence: tuple[Evidence, ...] = ()
    """One for each metric that both revisions have."""
    head: dict[str, float] = Field(default_factory=dict)
    base: dict[str, float] = Field(default_factory=dict)
    """Empty without a baseline."""
    undefined: dict[str, str] = Field(default_factory=dict)
    """Metrics that these rows cannot give at head, and why."""

    def of(self, metric: str) -> Evidence | None:
        """The evidence on one metric."""
        return next((found for found in self.evidence if found.metric == metric), None)


class FairnessFact(Fact):
    """How far apart the groups of a column are, by one measure."""

    column: str
    measure: FairnessMeasure
    head: float | None
    """`None` where it is not defined; `undefined` says why."""
    base: float | None = None
    low: float | None = None
    """Lower end of the interval of head's value."""
    high: float | None = None
    groups: tuple[str, ...] = ()
    """The values of the column that were compared."""
    apart: tuple[str, str] | None = None
    """The two groups that are furthest apart, the lower first."""
    excluded: dict[str, str] = Field(default_factory=dict)
    """Groups that were not compared, and why."""
    undefined: str | None = None
    """Why head has no value."""

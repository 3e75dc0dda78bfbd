"""What the paired rows of head and base say, as facts of the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

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
        """head - base."""
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

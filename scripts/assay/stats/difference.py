"""What a paired comparison says of one metric: how far apart, and how sure that is.

Every method of inference returns this type, so that gates and reports need not know which it was.
Standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Method = Literal["multinomial", "delong", "bootstrap", "linearized", "unpaired"]
"""How the interval was made.

- `multinomial`: the joint table of (truth, base's label, head's label) was resampled; exact, and
  as cheap for a million rows as for a hundred.
- `delong`: DeLong's variance of two correlated areas under the ROC curve.
- `bootstrap`: rows, or groups of them, were drawn with replacement, in pairs.
- `linearized`: the normal approximation from each row's influence on the metric, where there are
  so many rows that resampling gives the same at a thousand times the cost.
- `unpaired`: the rows are not the same; two independent samples.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How sure is sure, and from which random numbers."""

    confidence: float = 0.95
    """Of intervals."""
    resamples: int = 10_000
    """How often rows are drawn anew, where they are."""
    seed: int = 0
    """The same seed gives the same numbers, to the last bit."""


@dataclass(frozen=True, slots=True)
class Tail:
    """One-sided p-values against one value of the true difference."""

    null: float
    """The difference (head - base) that is held against."""
    p_less: float
    """Of "the difference is at least `null`": small says that it is less."""
    p_greater: float
    """Of "the difference is at most `null`": small says that it is greater."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One metric of head and base, and what their paired rows say of the difference."""

    metric: str
    base: float
    head: float
    low: float
    """Lower end of the interval of `head - base`."""
    high: float
    """Upper end."""
    standard_error: float
    """Of `head - base`."""
    p_value: float
    """Two-sided, of "there is no difference"."""
    method: Method
    units: int
    """How many independent rows there are, or groups of rows."""
    tails: tuple[Tail, ...] = ()
    """One for each null that was asked for."""

    @property
    def difference(self) -> float:
        """What head has more than base."""
        return self.head - self.base

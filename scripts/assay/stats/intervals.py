"""From an estimate to an interval and p-values, the same way for every method.

Interval and p-values are two readings of one curve, so they cannot disagree: the interval lies
below a null exactly when `p_less` of that null is below half of `1 - confidence`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assay.stats.difference import Difference, Tail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from assay.stats.difference import Method

COUNTED = 20
"""Where fewer resamples than this lie beyond a value, counting them is no longer a measurement."""


def from_normal(
    *,
    metric: str,
    base: float,
    head: float,
    standard_error: float,
    units: int,
    method: Method,
    confidence: float,
    nulls: Sequence[float] = (),
    degrees: float | None = None,
    skewness: float = 0.0,
) -> Difference:
    """A difference whose estimate is normal, or t with `degrees` of freedom.

    Args:
        metric: Its name.
        base: The metric of base.
        head: The metric of head.
        standard_error: Of `head - base`; 0 where no row tells the two apart.
        units: How many independent rows, or groups of rows, there are.
        method: How the uncertainty was found.
        confidence: Of the interval.
        nulls: Values of the true difference to give one-sided p-values against.
        degrees: Degrees of freedom of the standard error; None for those of a normal.
        skewness: Of the estimate. Where it is given, each side is the more careful of two: t, and t
            of the statistic freed of skewness, by Hall (1992), "On the Removal of Skewness by
            Transformation": https://doi.org/10.1111/j.2517-6161.1992.tb01876.x
    """
    from scipy.special import ndtr, ndtri, stdtr, stdtrit

    difference = head - base

    def chance(statistic: float) -> float:
        return float(ndtr(statistic) if degrees is None else stdtr(degrees, statistic))

    def sides(null: float) -> Tail:
        away = difference - null
        if standard_error == 0:
            seen = math.copysign(math.inf, away) if away else 0.0
            return Tail(null, p_less=chance(seen), p_greater=chance(-seen))
        plain = away / standard_error
        freed = _freed(plain, skewness)
        return Tail(null, p_less=chance(max(plain, freed)), p_greater=chance(max(-plain, -freed)))

    upper = (1 + confidence) / 2
    reach = float(ndtri(upper) if degrees is None else stdtrit(degrees, upper))
    around = sides(0.0)
    return Difference(
        metric=metric,
        base=base,
        head=head,
        low=difference - max(reach, _skewed(reach, skewness)) * standard_error,
        high=difference - min(-reach, _skewed(-reach, skewness)) * standard_error,
        standard_error=standard_error,
        p_value=min(1.0, 2 * min(around.p_less, around.p_greater)),
        method=method,
        units=units,
        tails=tuple(sides(null) for null in nulls),
    )


def _freed(statistic: float, skewness: float) -> float:
    """Hall's cubic transformation: increasing, and without skewness to first order."""
    bent = statistic + skewness * statistic**2 / 3 + skewness**2 * statistic**3 / 27
    return bent + skewness / 6


def _skewed(freed: float, skewness: float) -> float:
    """The inverse of `_freed`."""
    if abs(skewness) < 1e-6:  # the root would lose all digits, and nothing changes
        return freed
    return 3 / skewness * (math.cbrt(1 + skewness * (freed - skewness / 6)) - 1)


def from_resamples(
    *,
    metric: str,
    base: float,
    head: float,
    draws: NDArray[np.float64],
    units: int,
    method: Method,
    confidence: float,
    nulls: Sequence[float] = (),
    degrees: float | None = None,
) -> Difference:
    """A difference with the differences of resamples: percentile interval, p by inverting it.

    Args:
        metric: Its name.
        base: The metric of base.
        head: The metric of head.
        draws: (b,) `head - base` of each resample, finite.
        units: How many independent rows, or groups of rows, there are.
        method: How the uncertainty was found.
        confidence: Of the interval.
        nulls: Values of the true difference to give one-sided p-values against.
        degrees: Degrees of freedom of what was resampled, one less than its units. The interval is
            widened for them: percentiles of few units are too narrow by the factor that the
            variance of a sample lacks, and by that of t against the normal. Hesterberg (2015),
            "What Teachers Should Know About the Bootstrap", section 3.2 (expanded percentiles):
            https://doi.org/10.1080/00031305.2015.1089789 Each side is the more careful of that and
            of t with the standard error of the resamples: where a few heavy rows decide, the
            percentiles lie further in than their spread says.
    """
    difference = head - base
    tail = (1 - confidence) / 2
    ordered = np.sort(draws)
    above, below = _upper(ordered, degrees), _upper(-ordered[::-1], degrees)
    low, high = -below.reach(tail), above.reach(tail)
    if not low <= difference <= high:
        # The resamples are biased by more than they are wide: their spread holds, not their place.
        ordered += difference - float(np.median(ordered))
        above, below = _upper(ordered, degrees), _upper(-ordered[::-1], degrees)
        low, high = -below.reach(tail), above.reach(tail)

    def sides(null: float) -> Tail:
        return Tail(null, p_less=above.chance(null), p_greater=below.chance(-null))

    around = sides(0.0)
    spread = 1.0 if degrees is None else math.sqrt((degrees + 1) / degrees)
    return Difference(
        metric=metric,
        base=base,
        head=head,
        low=low + 0.0,  # never -0.0
        high=high,
        standard_error=float(draws.std(ddof=1)) * spread,
        p_value=min(1.0, 2 * min(around.p_less, around.p_greater)),
        method=method,
        units=units,
        tails=tuple(sides(null) for null in nulls),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Upper:
    """How resamples lie at or above a value: counted, and far out by a normal curve.

    Ten thousand resamples cannot tell a p-value of 1e-6, which a correction for a hundred
    comparisons asks for. Beyond the highest `COUNTED` of them the curve goes on as that of a
    normal variable, with the standard error that the resamples have on this side.
    """

    ordered: NDArray[np.float64]
    """(b,): ascending."""
    anchor: float
    """From here on upwards by the curve."""
    anchor_chance: float
    """Of a resample at or above the anchor."""
    scale: float
    """Standard error of the curve."""
    centre: float
    error: float
    """Mean and standard error of the resamples."""
    degrees: float | None

    def chance(self, value: float) -> float:
        """P(resample >= value), expanded."""
        from scipy.special import ndtri

        if value > self.anchor:
            if self.scale == 0:
                return 0.0  # no resample differs from another: there is no doubt
            away = float(ndtri(self.anchor_chance)) - (value - self.anchor) / self.scale
        else:
            count = self.ordered.size - int(np.searchsorted(self.ordered, value, side="left"))
            # One more than was counted: no number of resamples shows that p is zero.
            # https://doi.org/10.2202/1544-6115.1585
            away = float(ndtri((count + 1) / (self.ordered.size + 1)))
        if self.degrees is not None and self.error > 0:
            plain = (self.centre - value) / self.error
            away = max(away, plain * math.sqrt((self.degrees + 1) / self.degrees))
        return self._expanded(away)

    def reach(self, chance: float) -> float:
        """The largest value whose `chance` is not below this one."""
        away = self._contracted(chance)
        counted = self._counted(away)
        if self.degrees is None:
            return counted
        plain = away * math.sqrt(self.degrees / (self.degrees + 1))
        return max(counted, self.centre - plain * self.error)

    def _counted(self, away: float) -> float:
        """The largest value that as large a share of the resamples reaches."""
        from scipy.special import ndtr, ndtri

        raw = float(ndtr(away))
        if raw >= self.anchor_chance:
            # A hair less, so that a product that rounds up does not ask for one more resample.
            count = math.ceil(raw * (self.ordered.size + 1) - 1e-9) - 1
            return float(self.ordered[self.ordered.size - max(count, 1)])
        return self.anchor + (float(ndtri(self.anchor_chance)) - away) * self.scale

    def _expanded(self, away: float) -> float:
        """The p-value of what lies so many standard errors out among the resamples."""
        from scipy.special import ndtr, stdtr

        if self.degrees is None or away == math.inf:
            return float(ndtr(away))
        return float(stdtr(self.degrees, away * math.sqrt(self.degrees / (self.degrees + 1))))

    def _contracted(self, chance: float) -> float:
        """How many standard errors out among the resamples a p-value lies."""
        from scipy.special import ndtri, stdtrit

        if self.degrees is None:
            return float(ndtri(chance))
        stretch = math.sqrt((self.degrees + 1) / self.degrees)
        return stretch * float(stdtrit(self.degrees, chance))


def _upper(ordered: NDArray[np.float64], degrees: float | None) -> _Upper:
    from scipy.special import ndtri

    counted = max(1, min(COUNTED, ordered.size // 4))
    anchor = float(ordered[-counted])
    chance = (counted + 1) / (ordered.size + 1)
    centre, error = float(ordered.mean()), float(ordered.std(ddof=1))
    far = anchor - centre
    scale = far / -float(ndtri(chance)) if far > 0 else error
    error *= 1.0 if degrees is None else math.sqrt((degrees + 1) / degrees)
    return _Upper(
        ordered=ordered,
        anchor=anchor,
        anchor_chance=chance,
        scale=scale,
        centre=centre,
        error=error,
        degrees=degrees,
    )

"""From an estimate to an interval and p-values, the same way for every method."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assay.stats.difference import Difference, Tail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from assay.stats.difference import Method


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
) -> Difference:
    """A difference whose estimate is normal, or t with `degrees` of freedom.

    Args:
        standard_error: Of `head - base`; 0 where no row tells the two apart.
        nulls: Values of the true difference to give one-sided p-values against.
    """
    from scipy.special import ndtr, ndtri, stdtr, stdtrit

    difference = head - base

    def below(distance: float) -> float:
        """P(estimate <= the one that was seen), `distance` above the truth."""
        if standard_error == 0:
            return 0.5 if distance == 0 else float(distance > 0)
        z = distance / standard_error
        return float(ndtr(z) if degrees is None else stdtr(degrees, z))

    upper = (1 + confidence) / 2
    reach = float(ndtri(upper) if degrees is None else stdtrit(degrees, upper)) * standard_error
    return Difference(
        metric=metric,
        base=base,
        head=head,
        low=difference - reach,
        high=difference + reach,
        standard_error=standard_error,
        p_value=min(1.0, 2 * below(-abs(difference))),
        method=method,
        units=units,
        tails=tuple(
            Tail(null, p_less=below(difference - null), p_greater=below(null - difference))
            for null in nulls
        ),
    )


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
) -> Difference:
    """A difference with the differences of resamples (b,): percentile interval, p by inverting it.

    Args:
        draws: (b,) `head - base` of each resample; those where it has no value are left out.
    """
    difference = head - base
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])

    def share(mask: NDArray[np.bool_]) -> float:
        # One more than was counted: no number of resamples shows that p is zero.
        # https://www.degruyter.com/document/doi/10.2202/1544-6115.1585/html
        return (int(mask.sum()) + 1) / (draws.size + 1)

    def tail(null: float) -> Tail:
        return Tail(null, p_less=share(draws >= null), p_greater=share(draws <= null))

    around = tail(0.0)
    return Difference(
        metric=metric,
        base=base,
        head=head,
        low=float(min(low, difference)),
        high=float(max(high, difference)),
        standard_error=float(draws.std(ddof=1)),
        p_value=min(1.0, 2 * min(around.p_less, around.p_greater)),
        method=method,
        units=units,
        tails=tuple(tail(null) for null in nulls),
    )

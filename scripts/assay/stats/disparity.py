"""How sure it is how far apart groups are: intervals of fairness measures, and of their change.

The rows are drawn anew, as the table of how often each (group, truth, base's label, head's label)
occurs. The spread of such draws is not an interval, however: the greatest of several differences
grows with any noise, so that draws lie above what they are drawn from. Of five groups of 200 rows
with the same rate, the percentile interval of the greatest difference never held the true 0.

So the draws say how far each pair of groups strays at once: with the chance `confidence` no pair is
further from its true difference than c standard errors of its own, and where that holds the
greatest difference lies between the greatest lower and the greatest upper end of all pairs. With
two groups the interval holds the truth as often as it says; with more, or with little data, more
often. Ratios are treated the same by their logarithms. This is the studentized maximum (max-t) of
Westfall and Young (1993), "Resampling-Based Multiple Testing". The interval of the change from base
to head follows in the same way from the pairs of both, and from how each pair changed: percentiles
of the change, where base is even, held the truth in as few as 72 of 100 cases instead of 95.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assay.stats import fairness
from assay.stats.groupdraws import Drawn, Sample, draw

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from assay.config import FairnessMeasure
    from assay.stats.difference import Settings
    from assay.stats.fairness import Disparity, Fairness, Rate


__all__ = ["Compared", "Sample", "compare"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One measure at head and at base."""

    head: Disparity
    base: Disparity | None
    """None without a baseline."""
    low: float | None
    """Lower end of the interval of head's value; None where that is not defined."""
    high: float | None
    change_low: float | None
    """Lower end of the interval of head's value less base's; None where one is not defined."""
    change_high: float | None
    no_change: str | None
    """Why there is no such interval, where there is a baseline."""


def compare(
    head: Sample,
    base: Sample | None,
    names: Sequence[str],
    measures: Sequence[FairnessMeasure],
    *,
    paired: bool,
    min_rows: int,
    settings: Settings,
) -> tuple[Compared, ...]:
    """Hold groups against each other, at head and at base, with intervals.

    Args:
        head: Rows of head.
        base: Rows of base; None without a baseline.
        names: What the groups are called: the same for both.
        measures: Which measures.
        paired: Whether base's rows are head's, in the same order.
        min_rows: A group with fewer rows is left out of the comparison.
        settings: Confidence, number of draws, seed.
    """
    new = _measured(head, names, measures, min_rows)
    old = None if base is None else _measured(base, names, measures, min_rows)
    # What cannot be measured is not drawn: base alone may lack labels.
    second = base if old is not None and old.groups else None
    drawn: list[Drawn] = []
    if new.groups and names:
        apart = [] if second is None or paired else [draw([second], len(names), settings, "base")]
        together = [head, second] if second is not None and paired else [head]
        drawn = [draw(together, len(names), settings, "head"), *apart]
    return tuple(
        _compared(index, new, old, drawn, min_rows=min_rows, settings=settings)
        for index in range(len(measures))
    )


def _measured(
    sample: Sample, names: Sequence[str], measures: Sequence[FairnessMeasure], min_rows: int
) -> Fairness:
    return fairness.measure(sample.predictions, sample.codes, names, measures, min_rows=min_rows)


def _compared(
    index: int,
    new: Fairness,
    old: Fairness | None,
    drawn: list[Drawn],
    *,
    min_rows: int,
    settings: Settings,
) -> Compared:
    head = new.disparities[index]
    base = None if old is None else old.disparities[index]
    kept = fairness.compared(head.measure, new.groups, min_rows=min_rows)
    ratio = fairness.is_ratio(head.measure)
    interval: tuple[float | None, float | None] = (None, None)
    change: tuple[float | None, float | None] = (None, None)
    reason = None
    if head.value is not None:
        bands = _bands(_contrasts(drawn[0], 0, kept, ratio=ratio), drawn, settings)
        interval = _interval(bands, head.value, ratio=ratio)
    if old is not None and base is not None:
        if head.value is None or base.value is None:
            reasons = {"head": head.undefined, "base": base.undefined}
            reason = "; ".join(f"{side}: {text}" for side, text in reasons.items() if text)
        elif kept != fairness.compared(base.measure, old.groups, min_rows=min_rows):
            reason = "not the same groups can be compared at head and base"
        else:
            change = _change(drawn, kept, head.value - base.value, settings, ratio=ratio)
    return Compared(
        head=head,
        base=base,
        low=interval[0],
        high=interval[1],
        change_low=change[0],
        change_high=change[1],
        no_change=reason,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Bands:
    """Differences of pairs, and how far each may be from the truth while all of them are right."""

    seen: NDArray[np.float64]
    """(p,)."""
    reach: NDArray[np.float64]
    """(p,)."""

    @property
    def least(self) -> NDArray[np.float64]:
        """(p,): the least that the two of a pair may be apart."""
        return np.maximum(np.abs(self.seen) - self.reach, 0.0)

    @property
    def most(self) -> NDArray[np.float64]:
        """(p,): the most."""
        return np.abs(self.seen) + self.reach

    @property
    def sign(self) -> NDArray[np.float64]:
        """(p,): 1 or -1 where it is sure; 0 where the two may be equal."""
        return np.where(self.least > 0, np.sign(self.seen), 0.0)


def _contrasts(
    drawn: Drawn, model: int, kept: dict[Rate, list[int]], *, ratio: bool
) -> Iterator[tuple[float, NDArray[np.float64]]]:
    """By rate and pair of groups their difference, seen and (b,) drawn; of ratios the logarithm."""
    for rate, positions in kept.items():
        seen, draws = drawn.seen[model][rate], drawn.rates[model][rate]
        if ratio:
            seen, draws = np.log(seen), np.log(draws)
        for one, other in itertools.combinations(positions, 2):
            yield float(seen[one] - seen[other]), draws[:, one] - draws[:, other]


def _bands(
    contrasts: Iterable[tuple[float, NDArray[np.float64]]],
    drawn: list[Drawn],
    settings: Settings,
) -> _Bands:
    seen: list[float] = []
    errors: list[float] = []
    strays: NDArray[np.float64] = np.zeros(1)
    for value, draws in contrasts:
        error = float(draws.std())
        seen.append(value)
        errors.append(error)
        if error > 0:
            strays = np.maximum(strays, np.abs(draws - draws.mean()) / error)
    reach = float(np.quantile(strays, settings.confidence)) * _widened(drawn, settings.confidence)
    return _Bands(np.array(seen), reach * np.array(errors))


def _widened(drawn: list[Drawn], confidence: float) -> float:
    """For few units: what a variance from them lacks, and t against the normal."""
    degrees = min((one.degrees for one in drawn if one.degrees is not None), default=None)
    if degrees is None:
        return 1.0
    from scipy.special import ndtri, stdtrit

    tail = (1 + confidence) / 2
    stretch = float(np.sqrt((degrees + 1) / degrees))
    return stretch * float(stdtrit(degrees, tail)) / float(ndtri(tail))


def _interval(bands: _Bands, value: float, *, ratio: bool) -> tuple[float, float]:
    least, most = float(bands.least.max()), float(bands.most.max())
    if ratio:
        return min(value, math.exp(-most)), max(value, math.exp(-least))
    return min(value, least), max(value, min(most, 1.0))


def _change(
    drawn: list[Drawn],
    kept: dict[Rate, list[int]],
    value: float,
    settings: Settings,
    *,
    ratio: bool,
) -> tuple[float, float]:
    """The interval of head's measure less base's, from the pairs of both and their changes."""
    second = (drawn[1], 0) if len(drawn) == 2 else (drawn[0], 1)
    sides = [(drawn[0], 0), second]
    # Made anew where they are needed: all at once would be a gigabyte for fifty groups.
    pairs = zip(*(_contrasts(*side, kept, ratio=ratio) for side in sides), strict=True)
    moved = (
        (one - other, drawn_one - drawn_other) for (one, drawn_one), (other, drawn_other) in pairs
    )
    levels = (_contrasts(*side, kept, ratio=ratio) for side in sides)
    together = _bands(itertools.chain(*levels, moved), drawn, settings)
    new, old, change = (
        _Bands(seen, reach)
        for seen, reach in zip(np.split(together.seen, 3), np.split(together.reach, 3), strict=True)
    )
    high = _most_gained(new, old, change)
    low = -_most_gained(old, new, _Bands(-change.seen, change.reach))
    if not ratio:
        return min(value, max(low, -1.0)), max(value, min(high, 1.0))
    # Of logarithms: head's ratio is base's times the exponential of what was lost.
    few, many = (math.exp(-float(end.max())) for end in (old.most, old.least))
    ends = [ratio * math.expm1(-gained) for ratio in (few, many) for gained in (low, high)]
    least = math.exp(-float(new.most.max())) - many
    most = math.exp(-float(new.least.max())) - few
    return min(value, max(min(ends), least)), max(value, min(max(ends), most))


def _most_gained(new: _Bands, old: _Bands, change: _Bands) -> float:
    """The most by which the furthest pair of `new` may be further apart than that of `old`.

    That is no more than the same pair gained: by its change where the sign of its difference is
    sure, else by no more than the size of that.
    """
    sure = (new.sign == old.sign) & (new.sign != 0)
    gained = np.where(sure, new.sign * change.seen + change.reach, change.most)
    gained = np.minimum(gained, new.most - old.least)
    furthest = new.most >= new.least.max()
    return float(min(gained[furthest].max(), new.most.max() - old.least.max()))

"""A column of the window against the reference: every statistic, and the one that decides.

What decides is the Jensen-Shannon distance over the bins of `bins`, missing values among them: it
is between 0 and 1, finite for bins that one side lacks, the same for numbers and categories, and
what it is on average does not depend on how many rows there are. All the others are reported.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from assay.monitor import distances, sureness
from assay.monitor.bins import binned
from assay.monitor.counting import finite_count
from assay.packaging.profile import Categories, Numbers
from assay.section import Fact

if TYPE_CHECKING:
    from assay.monitor.sureness import Spread

FLAT = 1e-3
"""Wasserstein's distance is in standard deviations of the reference, of at least this; Evidently's
constant for columns that hardly vary."""


class Estimate(Fact):
    """A statistic of two samples."""

    value: float
    """By its definition."""
    unbiased: float
    """Less what chance adds on average to that of two samples of one distribution."""
    low: float
    """Where the true value lies, at the confidence that was asked for."""
    high: float


class ColumnDrift(Fact):
    """What is known of one column."""

    name: str
    role: Literal["feature", "prediction"]
    kind: Literal["number", "category"]
    rows: int
    reference_rows: int
    bins: tuple[str, ...]
    reference_counts: tuple[int, ...]
    counts: tuple[int, ...]
    drift: Estimate
    """Jensen-Shannon distance over the bins."""
    bound: float
    """What `drift` may be."""
    p_value: float
    """Of "the true distance is at most the bound"."""
    psi: Estimate
    missing: Estimate
    """Share without a value, less that of the reference; infinite numbers count."""
    kolmogorov_smirnov: Estimate | None = None
    wasserstein: Estimate | None = None
    """In standard deviations of the reference."""
    out_of_range: Estimate | None = None
    """Share of the numbers outside of what the reference had."""
    chi2: float | None = None
    chi2_p_value: float | None = None
    cramers_v: Estimate | None = None
    unseen: Estimate | None = None
    """Share of rows with a value that the reference does not list, less its own share of those."""
    new: tuple[str, ...] = ()
    """The most frequent values that the reference does not list."""


def compared(
    reference: Numbers | Categories,
    window: Numbers | Categories,
    *,
    role: Literal["feature", "prediction"],
    bound: float,
    confidence: float = 0.95,
) -> ColumnDrift | None:
    """Compare a column; `None` where one side has no row.

    Args:
        reference: The column where the model was tested.
        window: The same, counted at the reference's edges.
        role: What the model does with it.
        bound: The Jensen-Shannon distance that is no drift.
        confidence: Of the intervals.

    Raises:
        ValueError: The window was not counted by this reference.
    """
    bins = binned(reference, window)
    n, m = reference.count, window.count
    if not n or not m:
        return None
    found = sureness.of_divergence(bins.reference, bins.window)
    psi = sureness.of_psi(distances.psi(bins.window, bins.reference), bins.reference, bins.window)
    without = _without(window), m, _without(reference), n
    return ColumnDrift(
        name=reference.name,
        role=role,
        kind=reference.kind,
        rows=m,
        reference_rows=n,
        bins=bins.labels,
        reference_counts=bins.reference,
        counts=bins.window,
        drift=_fact(sureness.rooted(found.spread(confidence))),
        bound=bound,
        p_value=found.beyond(bound**2),
        psi=_fact(psi.spread(confidence)),
        missing=_fact(sureness.of_shares(*without, confidence)),
        **_of_kind(reference, window, confidence),
    )


def _of_kind(
    reference: Numbers | Categories, window: Numbers | Categories, confidence: float
) -> dict[str, object]:
    if isinstance(reference, Numbers) and isinstance(window, Numbers):
        return _of_numbers(reference, window, confidence)
    if isinstance(reference, Categories) and isinstance(window, Categories):
        return _of_categories(reference, window, confidence)
    return {}


def _without(one: Numbers | Categories) -> int:
    return one.nulls + (one.infinite if isinstance(one, Numbers) else 0)


def _of_numbers(reference: Numbers, window: Numbers, confidence: float) -> dict[str, object]:
    n, m = finite_count(reference), finite_count(window)
    if not n or not m:
        return {}
    curves = distances.curves(reference, window)
    largest = curves.kolmogorov_smirnov
    outside = window.below[0] + m - window.upto[-1]
    found: dict[str, object] = {
        "kolmogorov_smirnov": _fact(sureness.of_kolmogorov_smirnov(largest, n, m, confidence)),
        "out_of_range": _fact(sureness.of_shares(outside, m, 0, n, confidence)),
    }
    if reference.std is not None:
        scale = max(reference.std, FLAT)
        moved = sureness.of_wasserstein(
            distances.pieces(reference, window), reference, window, scale, confidence
        )
        if all(map(math.isfinite, moved)):
            found["wasserstein"] = _fact(moved)
    return found


def _of_categories(
    reference: Categories, window: Categories, confidence: float
) -> dict[str, object]:
    n, m = reference.count - reference.nulls, window.count - window.nulls
    if not n or not m:
        return {}
    known = dict(zip(window.values, window.counts, strict=True))
    own = [known.get(value, 0) for value in reference.values]
    table = [*reference.counts, reference.other], [*own, m - sum(own)]
    found = distances.chi_squared(*table)
    return {
        "chi2": found.chi2,
        "chi2_p_value": found.p_value,
        "cramers_v": _fact(sureness.of_cramers_v(found.chi2, found.degrees, n + m, confidence)),
        "unseen": _fact(sureness.of_shares(m - sum(own), m, reference.other, n, confidence)),
        "new": tuple(value for value in window.values if value not in set(reference.values)),
    }


def _fact(spread: Spread) -> Estimate:
    return Estimate(value=spread.raw, unbiased=spread.value, low=spread.low, high=spread.high)

"""Whether the model got worse, on rows whose truth is known by now."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from assay.monitor.verdict import Question
from assay.stats.catalogue import find

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assay.monitor.verdict import About
    from assay.stats.difference import Difference, Settings
    from assay.stats.predictions import Predictions


class Known(NamedTuple):
    """A metric where the model was tested, of which only the interval is known."""

    value: float
    low: float
    high: float
    confidence: float
    rows: int


def questions(
    window: Predictions,
    reference: Predictions,
    *,
    allowed: Mapping[str, float],
    settings: Settings,
) -> tuple[list[Question], dict[str, str]]:
    """Whether metrics lost more than they may, against labelled predictions of the reference.

    Args:
        window: Labelled rows of production.
        reference: Those on which the model was tested.
        allowed: By metric of the catalogue, how much it may lose, in its own unit.
        settings: How sure.

    Returns:
        The questions, and by metric why there is none.

    Raises:
        MetricError: A name is not in the catalogue.
    """
    from assay.stats.paired import compare_unpaired

    nulls = {name: (-_sign(name) * loss,) for name, loss in allowed.items()}
    found = compare_unpaired(
        window, reference, metrics=list(allowed), settings=settings, nulls=nulls
    )
    asked = [
        _question(one, allowed[name], len(window), len(reference))
        for name, one in found.differences.items()
    ]
    return asked, dict(found.undefined)


def against_known(
    window: Predictions,
    reference: Mapping[str, Known],
    *,
    allowed: Mapping[str, float],
    settings: Settings,
) -> tuple[list[Question], dict[str, str]]:
    """The same, where of the reference only intervals are known; both are taken for normal."""
    from assay.stats.alone import intervals
    from assay.stats.metrics import compute

    values = compute(window, metrics=list(allowed))
    around = intervals(window, metrics=list(values.values), settings=settings)
    asked, without = [], dict(values.undefined)
    for name, loss in allowed.items():
        if name not in reference:
            without[name] = "the reference has no value of it"
        elif name in values.values and name not in around:
            without[name] = "there are too few rows to say how sure it is"
        if name in without:
            continue
        base, own = reference[name], around[name]
        error = math.hypot(
            _error(base.low, base.high, base.confidence),
            _error(own.low, own.high, settings.confidence),
        )
        lost = _sign(name) * (base.value - values.values[name])
        asked.append(
            normal_question(
                name,
                lost,
                error,
                about="performance",
                bound=loss,
                rows=(len(window), base.rows),
                confidence=settings.confidence,
            )
        )
    return asked, without


def normal_question(
    name: str,
    effect: float,
    error: float,
    *,
    about: About,
    bound: float,
    rows: tuple[int, int],
    confidence: float,
) -> Question:
    """A question about an effect that is normal.

    Args:
        name: Of the metric.
        effect: What was measured.
        error: Its standard error.
        about: What the question is about.
        bound: What the effect may be.
        rows: Of the window and of the reference.
        confidence: Of the interval.
    """
    from scipy.special import ndtr, ndtri

    reach = float(ndtri((1 + confidence) / 2)) * error
    certain = 0.0 if effect > bound else 1.0
    p_value = float(ndtr((bound - effect) / error)) if error > 0 else certain
    return Question(
        name=name,
        about=about,
        effect=effect,
        low=effect - reach,
        high=effect + reach,
        bound=bound,
        p_value=p_value,
        rows=rows[0],
        reference_rows=rows[1],
    )


def _error(low: float, high: float, confidence: float) -> float:
    from scipy.special import ndtri

    return (high - low) / (2 * float(ndtri((1 + confidence) / 2)))


def _sign(metric: str) -> float:
    """1 where more is better, -1 where less is."""
    known = find(metric)
    return -1.0 if known is not None and known.direction == "lower" else 1.0


def _question(found: Difference, loss: float, rows: int, reference_rows: int) -> Question:
    sign = _sign(found.metric)
    (tail,) = found.tails
    ends = sorted((-sign * found.low, -sign * found.high))
    return Question(
        name=found.metric,
        about="performance",
        effect=-sign * found.difference + 0.0,
        low=ends[0],
        high=ends[1],
        bound=loss,
        p_value=tail.p_less if sign > 0 else tail.p_greater,
        rows=rows,
        reference_rows=reference_rows,
    )

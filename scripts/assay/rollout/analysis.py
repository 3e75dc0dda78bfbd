"""Whether a candidate is worse than the stable version: intervals in, a verdict out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from assay.rollout import measures
from assay.rollout.outcome import Judgement, Side, Verdict
from assay.rollout.snapshot import NOT_FINITE
from assay.rollout.windows import Window, latest, together

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.configrollout import AnalysisSpec
    from assay.rollout.outcome import Decision
    from assay.rollout.plan import Stage
    from assay.rollout.windows import Interval


def judge(
    intervals: Sequence[Interval],
    stage: Stage,
    spec: AnalysisSpec | None,
    *,
    earlier: Window | None = None,
) -> Verdict:
    """Judge the latest intervals of a stage.

    Args:
        intervals: Of this stage, the oldest first; at least one.
        stage: Where the rollout stands.
        spec: The limits; `None` where only health counts.
        earlier: What stable did before it lost its traffic, for a stage with all of it.
    """
    samples = spec.samples if spec else 1
    count = latest(intervals, samples, alone=stage.against_earlier)
    used = intervals[len(intervals) - count :]
    candidate = together([one.candidate for one in used])
    if stage.against_earlier:
        stable = earlier or Window()
    else:
        stable = together([one.stable for one in used if one.stable is not None])
    found = tuple(_judgements(stable, candidate, stage, spec, len(intervals)))
    return Verdict(
        stage=stage.name,
        percent=stage.percent,
        decision=_worst(found),
        interval=len(intervals),
        intervals=count,
        seconds=candidate.seconds,
        compared=_compared(stage, spec),
        judgements=found,
    )


def _judgements(
    stable: Window, candidate: Window, stage: Stage, spec: AnalysisSpec | None, intervals: int
) -> list[Judgement]:
    broken = _not_finite(candidate)
    if broken is not None:
        return [broken]
    if spec is None:
        text = (
            f"The candidate lives and answers; {candidate.requests} requests, which nobody judged."
        )
        side = Side(n=candidate.requests)
        return [Judgement(measure="health", decision="passed", candidate=side, sentence=text)]
    if min(stable.requests, candidate.requests) < spec.samples:
        return [_too_few(stable, candidate, spec.samples, stage, intervals)]
    kinds = [measures.errors, measures.latency, measures.predictions, measures.labelled]
    kinds += [measures.agreement] if stage.shadow else []
    return [one for kind in kinds for one in kind(stable, candidate, spec)]


def _not_finite(candidate: Window) -> Judgement | None:
    """A model that gives no number is broken, whatever the other one does."""
    count = candidate.errors.get(NOT_FINITE, 0)
    if not count:
        return None
    return Judgement(
        measure="health",
        decision="failed",
        candidate=Side(n=candidate.requests, value=float(count)),
        effect=float(count),
        limit=0.0,
        sentence=f"The candidate gave no finite number for {count} requests.",
    )


def _too_few(
    stable: Window, candidate: Window, samples: int, stage: Stage, intervals: int
) -> Judgement:
    """Too little traffic: how long it would take."""
    whose, few = ("candidate", candidate) if candidate.requests < samples else ("stable", stable)
    text = f"The {whose} version answered {few.requests} of the {samples} requests"
    text = text.replace("candidate version", "candidate") + " that a comparison needs"
    text += f" in {candidate.seconds:.0f} s"
    dropped = stable.shadow.dropped if stage.shadow and stable.shadow else 0
    if whose == "candidate" and dropped:
        text += f"; {dropped:,} more copies were dropped, because it was busy with those before."
        text += " It may be slow: without `shadow` in `steps`, its latency is judged."
    elif not few.requests:
        text += ": it got no traffic."
    elif whose == "stable" and stage.against_earlier:
        text += "; it gets no more now."
    else:
        wanted = math.ceil(intervals * samples / few.requests)
        lasts = candidate.seconds / intervals * wanted
        larger = "" if stage.shadow else " a larger first step,"
        text += f". At this rate that takes {_time(lasts)}: `patience: {wanted}`,{larger}"
        text += " or fewer `samples`."
    return measures.unknown("samples", stable, candidate, text)


def _time(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _worst(judgements: Sequence[Judgement]) -> Decision:
    """One failure fails, one open question leaves it open, and nothing judged is no pass."""
    decisions = {one.decision for one in judgements}
    for decision in ("failed", "inconclusive"):
        if decision in decisions:
            return decision
    return "passed" if "passed" in decisions else "inconclusive"


def _compared(stage: Stage, spec: AnalysisSpec | None) -> str:
    if spec is None:
        return "with nothing: `analysis` is off"
    if stage.against_earlier:
        return "with the stable version in the step before, because it gets no traffic now"
    return "with the stable version at the same time"

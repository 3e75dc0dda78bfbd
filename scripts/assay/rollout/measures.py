"""One function for each measure: two windows in, a judgement out.

All follow one rule. Worse by more than the limit, and surely so, is a failure; worse by more and
not surely is no answer; everything else passes, exactly at the limit too. `p` is the probability
of the difference, were both versions alike; surely means that it is at most 1 - confidence.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from assay.gates.bounds import at_most
from assay.rollout import binned
from assay.rollout.outcome import Bar, Judgement, Side

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.configrollout import AnalysisSpec
    from assay.rollout.outcome import Decision
    from assay.rollout.snapshot import Counted, Counts
    from assay.rollout.windows import Window

_MOST_BARS = 24


def decide(effect: float, limit: float, p: float, confidence: float) -> Decision:
    """The rule."""
    if at_most(effect, limit, scale=1.0):
        return "passed"
    return "failed" if p <= (1 - confidence) * (1 + 1e-9) else "inconclusive"


def ending(decision: Decision, limit: str, p: float) -> str:
    """What a sentence says of a decision: how it stands to the limit, and how sure that is."""
    if decision == "passed":
        return f"within the {limit} that is allowed."
    sure = "which chance does not explain" if decision == "failed" else "which may be chance"
    chance = f"p = {p:.2g}" if p >= 1e-9 else "p < 1e-9"
    return f"more than the {limit} that is allowed, {sure} ({chance})."


def percent(share: float) -> str:
    """A share for people."""
    return f"{100 * share:.3g} %"


def duration(seconds: float) -> str:
    """A time for people."""
    return f"{1000 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def errors(stable: Window, candidate: Window, spec: AnalysisSpec) -> Iterator[Judgement]:
    """The share of requests that failed: Fisher's exact test."""
    if spec.errors is None:
        return
    share, other = candidate.failed / candidate.requests, stable.failed / stable.requests
    p = binned.more_often(candidate.failed, candidate.requests, stable.failed, stable.requests)
    decision = decide(share - other, spec.errors, p, spec.confidence)
    kinds = ", ".join(f"{count} {kind}" for kind, count in candidate.errors.items())
    yield Judgement(
        measure="errors",
        decision=decision,
        stable=Side(n=stable.requests, value=other),
        candidate=Side(n=candidate.requests, value=share),
        effect=share - other,
        limit=spec.errors,
        p=p,
        sentence=f"{percent(share)} of the candidate's requests failed{f' ({kinds})' * bool(kinds)}"
        f", {percent(other)} of stable's: {ending(decision, f'{percent(spec.errors)} more', p)}",
    )


def latency(stable: Window, candidate: Window, spec: AnalysisSpec) -> Iterator[Judgement]:
    """How long requests take: half of them (Mann and Whitney), and the slowest of a hundred."""
    if spec.latency is None:
        return
    if not sum(stable.latency) or not sum(candidate.latency):
        yield unknown("latency", stable, candidate, "There is no latency of both versions.")
        return
    rank = binned.ranked(candidate.latency, stable.latency)
    more = {"superiority": rank.superiority, **_quantiles("stable", stable.latency)}
    more |= _quantiles("candidate", candidate.latency)
    groups = stable, candidate
    yield _slower("latency", groups, spec, share=0.5, p=rank.p, more=more)
    # A slow tail hides among all ranks: it is counted. Alike, both have 1 % above stable's p99.
    edge = (binned.quantile(stable.latency, 0.99) or 0.0) * spec.latency
    slow = binned.above(candidate.latency, edge), binned.above(stable.latency, edge)
    p = binned.more_often(slow[0], sum(candidate.latency), slow[1], sum(stable.latency))
    yield _slower("latency_p99", groups, spec, share=0.99, p=p, more=more)


def _quantiles(whose: str, counts: Counts) -> dict[str, float]:
    return {
        f"{whose}_p{round(100 * share)}": (binned.quantile(counts, share) or 0.0) / 1e6
        for share in (0.5, 0.9, 0.99)
    }


def _slower(
    measure: str,
    groups: tuple[Window, Window],
    spec: AnalysisSpec,
    *,
    share: float,
    p: float,
    more: dict[str, float],
) -> Judgement:
    (stable, candidate), limit = groups, spec.latency or 1.0
    slow = (binned.quantile(candidate.latency, share) or 0.0) / 1e6
    other = (binned.quantile(stable.latency, share) or 0.0) / 1e6
    ratio = slow / other if other else 1.0
    noticed = not at_most(slow - other, spec.latency_margin, scale=slow)
    decision = decide(ratio, limit, p, spec.confidence) if noticed else "passed"
    word = "the median" if share == 0.5 else "the 99th percentile"
    said = ending(decision, f"factor of {limit:g}", p)
    if not noticed and not at_most(ratio, limit):
        said = f"not more than the {duration(spec.latency_margin)} longer that are always allowed."
    return Judgement(
        measure=measure,
        decision=decision,
        stable=Side(n=sum(stable.latency), value=other),
        candidate=Side(n=sum(candidate.latency), value=slow),
        effect=ratio,
        limit=limit,
        p=p,
        sentence=f"{word.capitalize()} of the candidate's latency is {duration(slow)}, of stable's "
        f"{duration(other)}, {ratio:.3g} times as long: {said}",
        more=more,
    )


def predictions(stable: Window, candidate: Window, spec: AnalysisSpec) -> Iterator[Judgement]:
    """How answers are distributed: total variation distance, and the chi-squared test."""
    if spec.predictions is None:
        return
    names = sorted({*stable.predictions, *candidate.predictions})
    if not names:
        why = "The servers count no predictions. To judge without: `predictions:` in `analysis`."
        yield unknown("predictions", stable, candidate, why)
    for name in names:
        mine, other = candidate.predictions.get(name), stable.predictions.get(name)
        if mine is None or other is None or mine.bins != other.bins:
            why = f"{name} is not counted in the same bins by both versions."
            yield unknown(f"predictions[{name}]", stable, candidate, why)
        else:
            yield _distribution(name, other, mine, spec, spec.predictions)


def _distribution(
    name: str, stable: Counted, candidate: Counted, spec: AnalysisSpec, limit: float
) -> Judgement:
    n, m = sum(candidate.counts), sum(stable.counts)
    found = binned.distance(candidate.counts, stable.counts)
    decision = decide(found.excess, limit, found.p, spec.confidence)
    text = f"{name} of the candidate is distributed {percent(found.variation)} differently"
    text += f" from stable's, of which chance explains {percent(found.chance)}: "
    text += ending(decision, percent(limit), found.p)
    if min(n, m) < spec.samples:
        decision = "inconclusive"
        text = f"{name} has {n} predictions of the candidate and {m} of stable; "
        text += f"{spec.samples} of both are needed."
    return Judgement(
        measure=f"predictions[{name}]",
        decision=decision,
        stable=Side(n=m),
        candidate=Side(n=n),
        effect=found.excess,
        limit=limit,
        p=found.p,
        sentence=text,
        more={"variation": found.variation, "chance": found.chance},
        bars=_bars(stable, candidate),
    )


def _bars(stable: Counted, candidate: Counted) -> tuple[Bar, ...]:
    """The bins of a distribution, the most frequent ones where there are many."""
    if stable.values is not None:
        labels = [*stable.values, "other"]
    else:
        edges = [f"{edge:.4g}" for edge in stable.edges or ()]
        labels = [f"{a} to {b}" for a, b in pairwise(edges)]
        labels = [f"below {edges[0]}", *labels, f"from {edges[-1]}"] if edges else ["all"]
    n, m = sum(candidate.counts) or 1, sum(stable.counts) or 1
    bars = [
        Bar(label=label, stable=b / m, candidate=a / n)
        for label, a, b in zip(labels, candidate.counts, stable.counts, strict=True)
    ]
    kept = sorted(bars, key=lambda bar: -bar.stable - bar.candidate)[:_MOST_BARS]
    return tuple(bar for bar in bars if bar in kept)


def agreement(stable: Window, candidate: Window, spec: AnalysisSpec) -> Iterator[Judgement]:
    """Rows that both answered alike, in a shadow step: the exact binomial test of the limit."""
    if spec.agreement is None:
        return
    copies = stable.shadow  # stable sends them, and compares
    n = 0 if copies is None else copies.rows + copies.failed
    if copies is None or n < spec.samples:
        text = f"{n} copied rows were compared; {spec.samples} are needed."
        text += f" {copies.dropped} copies were dropped." if copies and copies.dropped else ""
        yield unknown("agreement", stable, candidate, text)
        return
    wrong = n - copies.agreed
    p = binned.more_than(wrong, n, 1 - spec.agreement)
    decision = decide(wrong / n, 1 - spec.agreement, p, spec.confidence)
    text = f"On {copies.agreed} of {n} copied rows both versions agree"
    text += f" ({copies.failed} were not answered)" if copies.failed else ""
    text += f", {percent(copies.agreed / n)}. {percent(wrong / n)} differ: "
    yield Judgement(
        measure="agreement",
        decision=decision,
        candidate=Side(n=n, value=copies.agreed / n),
        effect=wrong / n,
        limit=1 - spec.agreement,
        p=p,
        sentence=text + ending(decision, percent(1 - spec.agreement), p),
        more={"dropped": float(copies.dropped), "failed": float(copies.failed)},
    )


def labelled(stable: Window, candidate: Window, spec: AnalysisSpec) -> Iterator[Judgement]:
    """Answers whose truth is known by now. Truth comes late: without it nothing is held up."""
    mine, other = candidate.labelled, stable.labelled
    if spec.labelled is None or mine is None or other is None:
        return
    if min(mine.rows, other.rows) < spec.samples:
        yield Judgement(
            measure="labelled",
            decision="not judged",
            stable=Side(n=other.rows),
            candidate=Side(n=mine.rows),
            sentence=f"The truth is known of {mine.rows} of the candidate's answers and "
            f"{other.rows} of stable's; {spec.samples} of both are needed.",
        )
    elif mine.correct is not None and other.correct is not None:
        yield _wrong((mine.rows, mine.correct), (other.rows, other.correct), spec, spec.labelled)
    elif mine.absolute_error is not None and other.absolute_error is not None:
        yield _off(mine.absolute_error, other.absolute_error, spec, spec.labelled)
    else:
        yield unknown("labelled", stable, candidate, "The versions count truth differently.")


def _wrong(
    mine: tuple[int, int], stable: tuple[int, int], spec: AnalysisSpec, limit: float
) -> Judgement:
    (n, right), (m, other) = mine, stable
    share, others = 1 - right / n, 1 - other / m
    p = binned.more_often(n - right, n, m - other, m)
    decision = decide(share - others, limit, p, spec.confidence)
    return Judgement(
        measure="labelled",
        decision=decision,
        stable=Side(n=m, value=others),
        candidate=Side(n=n, value=share),
        effect=share - others,
        limit=limit,
        p=p,
        sentence=f"{percent(share)} of the candidate's answers were wrong, {percent(others)} of "
        f"stable's: {ending(decision, f'{percent(limit)} more', p)}",
    )


def _off(mine: Counts, others: Counts, spec: AnalysisSpec, limit: float) -> Judgement:
    error, other = (binned.mean(mine) or 0.0) / 1e6, (binned.mean(others) or 0.0) / 1e6
    p = binned.ranked(mine, others).p
    worse = error / other - 1
    decision = decide(worse, limit, p, spec.confidence)
    return Judgement(
        measure="labelled",
        decision=decision,
        stable=Side(n=sum(others), value=other),
        candidate=Side(n=sum(mine), value=error),
        effect=worse,
        limit=limit,
        p=p,
        sentence=f"The candidate's answers are off by {error:.4g} on average, stable's by "
        f"{other:.4g}: {ending(decision, f'{percent(limit)} more', p)}",
    )


def unknown(measure: str, stable: Window, candidate: Window, why: str) -> Judgement:
    """A measure that has no data: never a pass."""
    return Judgement(
        measure=measure,
        decision="inconclusive",
        stable=Side(n=stable.requests),
        candidate=Side(n=candidate.requests),
        sentence=why,
    )

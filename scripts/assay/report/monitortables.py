"""The tables of what a watch found, as Markdown. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.monitor import causes as reasons
from assay.packaging.cardtables import folded, section, table
from assay.report import escape, monitorwords
from assay.report.monitorwords import OUTCOMES
from assay.report.wording import MISSING, bound, count, number, share

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.monitor.verdict import Answer, Outcome
    from assay.monitor.watched import Measured, MonitorSection, Window

MOST_ROWS = 8
"""Columns that are shown at once; the others are folded."""
RATED = ("performance", "estimate")
"""Questions about a metric."""
_GRAVEST: tuple[Outcome, ...] = ("drift", "inconclusive", "quiet")


def contract(found: MonitorSection, window: Window) -> str:
    """Columns that are not what the model was made for; nothing where there are none."""
    broken = [one.breach for one in reasons.causes(found) if one.breach is not None]
    rows = [
        (escape.Code(one.column), monitorwords.BREACHES[one.problem].strip(), f"{one.rows:,}")
        for one in broken
    ]
    text = table(("Column", "what is wrong", "rows"), rows, "llr")
    return section(f"What {monitorwords.span(found, window)} breaks", text)


def columns(found: MonitorSection, window: Window, folds: int) -> Iterator[str]:
    """What surely moved, or may have, and below it the rest."""
    answers = ranked(found, window)
    loud = [one for one in answers if one.outcome != "quiet"]
    shown = (loud or answers)[:MOST_ROWS]
    rest = [one for one in answers if one not in shown]
    yield _moved(found, shown)
    unknown = [one.name for one in found.ranked if one.importance is None]
    if shown and unknown and len(unknown) == len(found.ranked):
        yield "How much each feature means to the model is not known: they stand by drift alone."
    if rest and folds:
        more = f", {len(rest) - folds:,} of them on the page" if len(rest) > folds else ""
        yield folded(f"{count(len(rest), 'other column')}{more}", _moved(found, rest[:folds]))
    elif rest:
        yield f"{count(len(rest), 'other column')} on the page of the window."


def ranked(found: MonitorSection, window: Window) -> list[Answer]:
    """Answers about columns: what drifts first, then by what it does to the model."""
    places = {one.name: at for at, one in enumerate(found.ranked)}
    about = {"prediction": 0, "feature": 1, "features together": 2}

    def place(one: Answer) -> tuple[int, int, int, float]:
        question = one.question
        at = places.get(question.name, len(places)) if question.about == "feature" else 0
        return _GRAVEST.index(one.outcome), about[question.about], at, -question.effect

    return sorted((a for a in window.judgement.answers if a.question.about in about), key=place)


def _moved(found: MonitorSection, answers: Sequence[Answer]) -> str:
    weights = {one.name: one.importance for one in found.ranked}
    rows = []
    for one in answers:
        question = one.question
        of_feature = question.about == "feature"
        amount, low, high = monitorwords.amounts(question)
        rows.append(
            (
                escape.Code(question.name) if question.about != "features together"
                else "all features together",
                share(weights.get(question.name)) if of_feature else question.about,
                amount,
                f"{low} to {high}",
                bound(question.bound),
                decision(one),
            )
        )  # fmt: skip
    return table(("Column", "importance", "drift", "interval", "allowed", ""), rows, "lrrrrl")


def decision(answer: Answer) -> str:
    """What a question was answered, with how likely chance does it where that decides."""
    icon, words = OUTCOMES[answer.outcome]
    sure = "" if answer.outcome == "quiet" else f" ({monitorwords.chance(answer.adjusted)})"
    return f"{icon} {words}{sure}"


def performance(window: Window) -> str:
    """Metrics of all rows of a window, judged or only measured."""
    answers = [one for one in window.judgement.answers if one.question.about in RATED]
    values = {(one.metric, one.estimated): one for one in window.metrics if one.slice is None}
    rows: list[tuple[object, ...]] = []
    for one in answers:
        question = one.question
        own = values.pop((question.name, question.about == "estimate"), None)
        amount, low, high = monitorwords.amounts(question)
        kind = how(estimated=question.about == "estimate")
        rows.append(
            (
                monitorwords.metric(question.name),
                kind,
                *((number(own.reference), number(own.value)) if own else (MISSING, MISSING)),
                f"{amount} ({low} to {high})",
                bound(question.bound),
                f"{question.rows:,}",
                decision(one),
            )
        )
    rows += [_measured(one) for one in values.values()]
    head = ("Metric", "how", "tested", "now", "worse by", "allowed", "rows", "")
    return table(head, rows, "llrrrrrl")


def how(*, estimated: bool) -> str:
    """Labelled and estimated values must not be taken for each other."""
    return "estimated, without labels" if estimated else "by labels"


def _measured(one: Measured) -> tuple[object, ...]:
    kind = how(estimated=one.estimated)
    known = number(one.reference), number(one.value)
    return monitorwords.metric(one.metric), kind, *known, "", "", f"{one.rows:,}", "not judged"


def slices(window: Window, most: int) -> str:
    """Metrics of slices, those first that lost most."""
    found = sorted((one for one in window.metrics if one.slice is not None), key=_loss)
    rows = [
        (
            escape.Code(one.slice or ""),
            monitorwords.metric(one.metric),
            how(estimated=one.estimated),
            number(one.reference),
            number(one.value),
            f"{number(one.low)} to {number(one.high)}",
            f"{one.rows:,}",
        )
        for one in found[:most]
    ]
    head = ("Slice", "metric", "how", "tested", "now", "interval", "rows")
    more = f" of {len(found)}" if len(found) > most else ""
    return folded(f"{len(rows)}{more} slices", table(head, rows, "lllrrrr")) if rows else ""


def _loss(one: Measured) -> tuple[float, str]:
    """Those that lost most come first, as a part of what they were."""
    from assay.stats.catalogue import find

    known = find(one.metric)
    sign = -1.0 if known is not None and known.direction == "lower" else 1.0
    lost = 0.0 if one.reference is None else sign * (one.value - one.reference)
    return lost / (abs(one.reference or 0.0) or 1.0), one.slice or ""


def timeline(found: MonitorSection) -> str:
    """All windows that count, the newest first."""
    rows = []
    for window in reversed(found.windows):
        judged = window.judgement
        icon, words = OUTCOMES[judged.outcome]
        rows.append(
            (
                monitorwords.span(found, window),
                f"{judged.rows:,}",
                f"{icon} {words}",
                _reason(window),
            )
        )
    return table(("Window (UTC)", "rows", "", "most of all"), rows, "lrll")


def _reason(window: Window) -> object:
    """The gravest thing of a window, in a few words."""
    judged = window.judgement
    if judged.outcome == "drift":
        drifting = [one for one in judged.answers if one.outcome == "drift"]
        worst = max(drifting, key=lambda one: one.question.effect / (one.question.bound or 1.0))
        amount, low, high = monitorwords.amounts(worst.question)
        others = f", and {len(drifting) - 1:,} more" if len(drifting) > 1 else ""
        return escape.Code(worst.question.name), f" {amount} ({low} to {high}){others}"
    return judged.why[0] if judged.why else ""

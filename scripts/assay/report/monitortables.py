"""The tables of what a watch found, for the issue and for the page. Pure.

A cell is text, a phrase or `Code`; whoever shows it escapes it for its format.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.monitor import causes as reasons
from assay.packaging import cardtables
from assay.report import escape, monitorwords
from assay.report.monitorwords import OUTCOMES, RATED
from assay.report.wording import MISSING, number, share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.monitor.verdict import Answer, Outcome
    from assay.monitor.watched import Measured, MonitorSection, Window

_GRAVEST: tuple[Outcome, ...] = ("contract broken", "drift", "inconclusive", "quiet")
Row = tuple[object, ...]


@dataclass(frozen=True)
class Table:
    """A table before it is in any format."""

    title: str
    head: tuple[str, ...]
    align: str
    """For each column `l` or `r`."""
    rows: tuple[Row, ...]

    def markdown(self, most: int = cardtables.MOST_ROWS) -> str:
        """As Markdown; nothing without rows."""
        return cardtables.table(self.head, self.rows[:most], self.align)


def contract(found: MonitorSection) -> Table:
    """Columns that are not what the model was made for."""
    broken = [one.breach for one in reasons.causes(found) if one.breach is not None]
    rows = (
        (escape.Code(one.column), monitorwords.BREACHES[one.problem].strip(), f"{one.rows:,}")
        for one in broken
    )
    title = f"What {monitorwords.span(found, reasons.told_window(found))} breaks"
    return Table(title, ("Column", "what is wrong", "rows"), "llr", tuple(rows))


def ranked(found: MonitorSection, window: Window) -> list[Answer]:
    """Answers about columns: what drifts first, then by what it does to the model."""
    places = {one.name: at for at, one in enumerate(found.ranked)}
    about = {"prediction": 0, "feature": 1, "features together": 2}

    def place(one: Answer) -> tuple[int, int, int, float]:
        question = one.question
        at = places.get(question.name, len(places)) if question.about == "feature" else 0
        return _GRAVEST.index(one.outcome), about[question.about], at, -question.effect

    return sorted((a for a in window.judgement.answers if a.question.about in about), key=place)


def moved(found: MonitorSection, answers: Sequence[Answer]) -> Table:
    """How far columns moved, and how far they may."""
    weights = {one.name: one.importance for one in found.ranked}
    rows: list[Row] = []
    for one in answers:
        question = one.question
        together = question.about == "features together"
        weight = share(weights.get(question.name)) if question.about == "feature" else ""
        kind = "prediction" if question.about == "prediction" else weight
        amount, low, high = monitorwords.amounts(question)
        rows.append(
            (
                "all features together" if together else escape.Code(question.name),
                kind,
                amount,
                f"{low} to {high}",
                monitorwords.allowed(question),
                decision(one),
            )
        )
    head = ("Column", "importance", "drift", "interval", "allowed", "")
    return Table("What moved", head, "lrrrrl", tuple(rows))


def decision(answer: Answer) -> str:
    """What a question was answered, with how likely chance does it where that decides."""
    icon, words = OUTCOMES[answer.outcome]
    if answer.outcome == "drift" and answer.question.about in RATED:
        words = "worse"
    sure = "" if answer.outcome == "quiet" else f" ({monitorwords.chance(answer.adjusted)})"
    return f"{icon} {words}{sure}"


def metrics(window: Window) -> Table:
    """Metrics of all rows of a window, and of the slices on which it got worse."""
    answers = [one for one in window.judgement.answers if one.question.about in RATED]
    values = {_key(one): one for one in window.metrics}
    rows = []
    for one in answers:
        name, part = reasons.parted(one.question)
        own = values.pop((name, part, one.question.about == "estimate"), None)
        if part is None or one.outcome != "quiet":
            rows.append(_judged(monitorwords.rated(one.question), one, own))
    rows += [
        _judged(monitorwords.metric(one.metric), None, one)
        for one in values.values()
        if one.slice is None
    ]
    head = ("Metric", "how", "tested", "now", "worse by", "allowed", "rows", "")
    return Table("How good the model is", head, "llrrrrrl", tuple(rows))


def slices(window: Window) -> Table:
    """Metrics of slices, those first that lost most."""
    answers = {
        (*reasons.parted(one.question), one.question.about == "estimate"): one
        for one in window.judgement.answers
    }
    found = sorted((one for one in window.metrics if one.slice is not None), key=_loss)
    rows = tuple(
        (escape.Code(one.slice or ""), *_judged(
            monitorwords.metric(one.metric), answers.get(_key(one)), one
        ))
        for one in found
    )  # fmt: skip
    head = ("Slice", "metric", "how", "tested", "now", "worse by", "allowed", "rows", "")
    return Table("Slices", head, "lllrrrrrl", rows)


def _key(one: Measured) -> tuple[str, str | None, bool]:
    return one.metric, one.slice, one.estimated


def _judged(name: escape.Phrase, answer: Answer | None, own: Measured | None) -> Row:
    """A metric: what it was and is, and what that was judged, as far as there is any."""
    estimated = own.estimated if own else answer is not None and answer.question.about == "estimate"
    how = "estimated, without labels" if estimated else "by labels"
    tested = number(own.reference) if own else MISSING
    if answer is None:
        now = f"{number(own.value)} ({number(own.low)} to {number(own.high)})" if own else MISSING
        return name, how, tested, now, "", "", f"{own.rows:,}" if own else "", "not judged"
    question = answer.question
    amount, low, high = monitorwords.amounts(question)
    return (
        name,
        how,
        tested,
        number(own.value) if own else MISSING,
        f"{amount} ({low} to {high})",
        monitorwords.allowed(question),
        f"{question.rows:,}",
        decision(answer),
    )


def _loss(one: Measured) -> tuple[float, str]:
    """Those that lost most come first, as a part of what they were."""
    from assay.stats.catalogue import find

    known = find(one.metric)
    sign = -1.0 if known is not None and known.direction == "lower" else 1.0
    lost = 0.0 if one.reference is None else sign * (one.value - one.reference)
    return lost / (abs(one.reference or 0.0) or 1.0), one.slice or ""


def windows(found: MonitorSection) -> Table:
    """All windows that count, the newest first."""
    rows = (
        (
            monitorwords.span(found, window),
            f"{window.judgement.rows:,}",
            " ".join(OUTCOMES[window.judgement.outcome]),
            _reason(window),
        )
        for window in reversed(found.windows)
    )
    return Table("Windows", ("Window (UTC)", "rows", "", "most of all"), "lrll", tuple(rows))


def _reason(window: Window) -> object:
    """The gravest thing of a window, in a few words."""
    judged = window.judgement
    if judged.outcome == "drift":
        drifting = [one for one in judged.answers if one.outcome == "drift"]
        worst = max(drifting, key=lambda one: one.question.effect / (one.question.bound or 1.0))
        amount, low, high = monitorwords.amounts(worst.question)
        others = f", and {len(drifting) - 1:,} more" if len(drifting) > 1 else ""
        return *monitorwords.subject(worst.question), f" {amount} ({low} to {high}){others}"
    return judged.why[0] if judged.why else ""

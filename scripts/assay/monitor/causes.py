"""Why there is an alarm, since when, and who has been told of what. Pure.

Each listener (the issue, the webhook) remembers the causes that it was told of in this alarm, so
each is told once: what falls away and comes back is no news.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import AwareDatetime

from assay.monitor.verdict import settled
from assay.monitor.window import Breach
from assay.section import Fact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from assay.monitor.verdict import Answer, Question
    from assay.monitor.watched import MonitorSection, Window

News = Literal["starts", "changes", "ends"]
"""What is told of an alarm: that there is one, that another cause joined, that it is over."""
MOST_REMEMBERED = 150
"""Causes; with more of them broken, what joins is no news."""
_ORDER = ("performance", "estimate", "prediction", "feature", "features together")


@dataclass(frozen=True)
class Cause:
    """One thing that is not as it should be."""

    found: Answer | Breach

    @property
    def answer(self) -> Answer | None:
        """What a question was answered; `None` of a contract that is broken."""
        return None if isinstance(self.found, Breach) else self.found

    @property
    def breach(self) -> Breach | None:
        """What breaks the contract; `None` of an answer."""
        return self.found if isinstance(self.found, Breach) else None

    @property
    def name(self) -> str:
        """Of the column or the metric."""
        found = self.found
        return found.column if isinstance(found, Breach) else found.question.name

    @property
    def key(self) -> str:
        """What tells it from others: short, and of letters and digits, whatever the name is."""
        found = self.found
        kind = f"contract {found.problem}" if isinstance(found, Breach) else found.question.about
        said = f"{kind} {self.name}"
        return hashlib.sha256(said.encode(errors="backslashreplace")).hexdigest()[:12]


def told_window(section: MonitorSection) -> Window:
    """The window that a message is about.

    It is the newest, but where that one says nothing against the model and the alarm lasts: then
    the last one that did.
    """
    if section.state.alarm:
        for window in reversed(section.windows):
            if window.judgement.outcome in ("drift", "contract broken"):
                return window
    return section.newest


def causes(section: MonitorSection) -> tuple[Cause, ...]:
    """What is wrong, the gravest first; of features those first that matter most."""
    window = told_window(section)
    return tuple(_causes(section, window))


def _causes(section: MonitorSection, window: Window) -> Iterator[Cause]:
    judged = window.judgement
    if judged.outcome == "contract broken":
        for breach in judged.breaches:
            if breach.problem in ("gone", "type") or breach.rows >= section.least_rows:
                yield Cause(breach)
    if judged.outcome in ("contract broken", "drift"):
        places = {one.name: at for at, one in enumerate(section.ranked)}
        found = [one for one in judged.answers if one.outcome == "drift"]
        yield from map(Cause, sorted(found, key=lambda one: _place(one, places)))


def _place(answer: Answer, places: dict[str, int]) -> tuple[int, int, float]:
    question = answer.question
    of_slice = parted(question)[1] is not None
    at = places.get(question.name, len(places)) if question.about == "feature" else of_slice
    return _ORDER.index(question.about), at, -question.effect


def parted(question: Question) -> tuple[str, str | None]:
    """The metric of a question, and the slice where it is of one alone: `mae (season=winter)`."""
    metric, found, rest = question.name.partition(" (")
    of_slice = found and rest.endswith(")") and question.about in ("performance", "estimate")
    return (metric, rest[:-1]) if of_slice else (question.name, None)


def alarming(section: MonitorSection) -> bool | None:
    """Whether there is an alarm; `None` where the newest window cannot say that it is over."""
    if section.state.alarm:
        return True
    return None if section.state.newest == "inconclusive" else False


def since(section: MonitorSection) -> datetime:
    """When it began: the start of the first window that the alarm at hand rests on.

    As far as the windows reach back; without an alarm, the start of the newest.
    """
    if not section.state.alarm:
        return section.newest.start
    outcomes = [one.judgement.outcome for one in section.windows]
    first = len(outcomes) - 1
    while first and settled(outcomes[:first], k=section.k, n=section.n).alarm:
        first -= 1
    counted = [at for at in range(first + 1) if outcomes[at] in ("quiet", "drift")][-section.n :]
    drifting = [at for at in counted if outcomes[at] == "drift"]
    alone = outcomes[first] == "contract broken" or not drifting
    return section.windows[first if alone else drifting[0]].start


class Told(Fact):
    """Who knows of what: by listener the keys of causes; `None` where it knows of no alarm."""

    since: AwareDatetime | None = None
    """When the alarm began that somebody was told of."""
    window: AwareDatetime | None = None
    """The end of the newest window that was told of: older ones are no news."""
    issue: tuple[str, ...] | None = None
    webhook: tuple[str, ...] | None = None


def before(section: MonitorSection) -> Told:
    """What was told if every run before this one told it: for a runner that remembers nothing."""
    outcomes = [one.judgement.outcome for one in section.windows[:-1]]
    if not outcomes or not settled(outcomes, k=section.k, n=section.n).alarm:
        return Told()
    keys = {cause.key for window in section.windows[:-1] for cause in _causes(section, window)}
    known = tuple(sorted(keys))[:MOST_REMEMBERED]
    return Told(since=since(section), issue=known, webhook=known)


def news(
    heard: Sequence[str] | None, section: MonitorSection
) -> tuple[News | None, tuple[str, ...] | None]:
    """What a listener is to be told, and what it knows then."""
    alarm = alarming(section)
    if alarm is None:
        return None, None if heard is None else tuple(heard)
    if not alarm:
        return (None if heard is None else "ends"), None
    keys = tuple(dict.fromkeys(cause.key for cause in causes(section)))
    if heard is None:
        return "starts", keys[:MOST_REMEMBERED]
    new = [key for key in keys if key not in heard][: max(0, MOST_REMEMBERED - len(heard))]
    return ("changes" if new else None), (*heard, *new)

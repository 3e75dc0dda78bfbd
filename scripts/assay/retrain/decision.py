"""Whether to train anew: a pure function of what is wished, what was found, and what was tried."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from pydantic import AwareDatetime

from assay.configdata import duration
from assay.monitor.verdict import settled
from assay.section import Fact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.configmonitor import RetrainSpec
    from assay.monitor.verdict import Answer
    from assay.monitor.watched import MonitorSection, Window

Why = Literal["drift", "performance", "schedule", "data", "hand"]
WHYS: tuple[Why, ...] = ("drift", "performance", "schedule", "data", "hand")
ALARMS: tuple[Why, ...] = ("performance", "drift")
"""Reasons that a monitor has to find; the graver first."""
_ABOUT: dict[str, Why] = {
    "feature": "drift",
    "prediction": "drift",
    "features together": "drift",
    "performance": "performance",
    "estimate": "performance",
}
DAY = timedelta(hours=24)


class Attempt(Fact):
    """A retraining pull request, as the forge has it."""

    number: int
    url: str
    state: Literal["open", "merged", "closed"]
    opened: datetime
    ended: datetime | None = None
    """When it was merged or closed."""
    why: Why = "hand"
    until: AwareDatetime | None = None
    """The end of the newest window when it was last trained; of an alarm alone. It is compared with
    windows and never with the clock, so that a year can be played again in a minute."""
    digest: str | None = None
    """Of the version that was watched then."""
    runs: tuple[AwareDatetime, ...] = ()
    """When it was trained; the first time is when it was opened."""
    seen: str | None = None
    """The commit that the branch was at when we left it."""
    stopped: bool = False
    """Whether it was said here that retraining does not help; as long as the alarm lasts."""

    @property
    def trainings(self) -> tuple[datetime, ...]:
        """When it was trained, also where somebody removed what we noted."""
        return self.runs or (self.opened,)


class Decision(Fact):
    """Whether to train anew."""

    retrain: bool
    outcome: Literal["retrain", "not now", "given up"]
    why: Why | None
    """What for; `None` where nothing asks for it."""
    reason: str
    """In a sentence."""
    notes: tuple[str, ...] = ()
    """What people should know beside."""
    update: int | None = None
    """The number of the open pull request that is brought up to date."""
    since: datetime | None = None
    """When the alarm began."""
    until: datetime | None = None
    """The end of the newest window."""
    digest: str | None = None
    """Of the version that is watched."""
    last: int | None = None
    """Given up: the number of the pull request where that has to be said; `None` where it was."""
    over: tuple[int, ...] = ()
    """The pull requests where it was said, and that the alarm is over has to be noted."""


def decide(
    asked: Why | None,
    spec: RetrainSpec,
    section: MonitorSection | None,
    history: Sequence[Attempt],
    now: datetime,
) -> Decision:
    """Whether to train anew.

    Args:
        asked: What for; `None`: for what the alarm is about.
        spec: `retrain:` of `assay.yaml`.
        section: What the monitor found, where it ran.
        history: All retraining pull requests, in any order.
        now: The time, as the forge tells it.
    """
    alarm = _alarm(section)
    why = asked or next((one for one in alarm if one in spec.when), None)
    tried = tuple(sorted(history, key=lambda one: (one.opened, one.number)))
    since = began(section, tried, spec) if section is not None and alarm else None
    facts = {
        "why": why,
        "since": since,
        "until": section.newest.end if section is not None and alarm else None,
        "digest": section.digest if section is not None else None,
        "update": next((one.number for one in reversed(tried) if one.state == "open"), None),
        "over": _over(tried, section),
    }

    def no(reason: str, **more: object) -> Decision:
        outcome = {"retrain": False, "outcome": "not now", "reason": reason}
        return Decision.model_validate({**facts, **outcome, **more})

    if (reason := _not_asked_for(asked, why, spec, section, alarm)) is not None:
        return no(reason)
    counted = _of_this_alarm(tried, since) if why in ALARMS else ()
    spent = [one for one in counted if one.state != "open"]
    said = any(one.stopped for one in spent)
    if said or len(spent) >= spec.attempts:
        last = None if said else spent[-1].number
        return no(_does_not_help(spent, section), outcome="given up", last=last)
    if (reason := _too_soon(why, spec, tried, now)) is not None:
        return no(reason)
    notes = _skipped(spec, tried, now) if why == "hand" else _waiting(tried, section)
    return Decision.model_validate(
        {
            **facts,
            "retrain": True,
            "outcome": "retrain",
            "reason": _BECAUSE[why or "hand"],
            "notes": notes,
        }
    )


def _over(tried: Sequence[Attempt], section: MonitorSection | None) -> tuple[int, ...]:
    """Where it was said that retraining does not help, of an alarm that has ended."""
    if section is None or section.state.alarm or section.state.newest != "quiet":
        return ()
    return tuple(one.number for one in tried if one.stopped)


def _alarm(section: MonitorSection | None) -> tuple[Why, ...]:
    """What the alarm is about, where there is one to learn from; the graver first."""
    if section is None or not section.state.alarm:
        return ()
    found = {_ABOUT[one.question.about] for one in _drifting(section)}
    return tuple(why for why in ALARMS if why in found)


def _drifting(section: MonitorSection) -> list[Answer]:
    """What drifts in the newest window, and by labels, which come late, in the newest with some."""
    if section.state.newest not in ("quiet", "drift"):
        return []
    labelled = (one.judgement for one in reversed(section.windows) if _by_labels(one))
    late = next(labelled, None)
    found = list(section.newest.judgement.answers)
    if late is not None and late is not section.newest.judgement and late.outcome == "drift":
        found += [one for one in late.answers if one.question.about == "performance"]
    return [one for one in found if one.outcome == "drift"]


def _by_labels(window: Window) -> bool:
    return any(one.question.about == "performance" for one in window.judgement.answers)


def _not_asked_for(
    asked: Why | None,
    why: Why | None,
    spec: RetrainSpec,
    section: MonitorSection | None,
    alarm: Sequence[Why],
) -> str | None:
    """Why nothing asks for it."""
    if asked == "hand":
        return None
    if asked is not None and asked not in spec.when:
        allowed = ", ".join(f"`{one}`" for one in spec.when)
        return f"`{asked}` is no reason to train anew here: `retrain.when` has {allowed}."
    if asked in ("schedule", "data"):
        return None
    if (reason := _no_alarm(section, alarm)) is not None:
        return reason
    if why not in alarm:
        found = " and ".join(f"`{one}`" for one in alarm) or "nothing that retraining is for"
        return f"The alarm is about {found}, and not about {f'`{asked}`' if asked else 'that'}."
    return None


def _no_alarm(section: MonitorSection | None, alarm: Sequence[Why]) -> str | None:
    """Why there is no alarm to learn from."""
    if section is None:
        return "Nothing is known of production: `assay monitor` has not run."
    if section.state.newest == "contract broken":
        return "The data of the newest window breaks the contract: it is not to be learned from."
    if not section.state.alarm:
        return "There is no alarm."
    if not alarm:
        return f"There is an alarm, and the newest window is {section.state.newest}."
    return None


def began(section: MonitorSection, tried: Sequence[Attempt], spec: RetrainSpec) -> datetime:
    """When the alarm of a section began, as far as it is known.

    The monitor sees a few windows back. Where they do not show that it was calm before, an attempt
    from shortly before them belongs to the same alarm, and so does one with which it was given up:
    to stop too early tells a person, and to stop too late goes on for ever.

    Args:
        section: There is an alarm.
        tried: The oldest first.
        spec: How long it waits between two attempts.
    """
    windows, k, n = section.windows, section.k, section.n
    outcomes = [one.judgement.outcome for one in windows]
    alarms = [settled(outcomes[: at + 1], k=k, n=n).alarm for at in range(len(outcomes))]
    first = len(alarms) - 1
    while first > 0 and alarms[first - 1]:
        first -= 1
    since = windows[first].start
    before = [one for one in outcomes[:first] if one in ("quiet", "drift")][-n:]
    # Of those that are not seen any may have drifted.
    if before.count("quiet") > n - k:
        return since
    seen, length = windows[-1].end - windows[0].start, windows[0].end - windows[0].start
    gap = seen + duration(spec.cooldown)
    for one in reversed(tried):
        near = one.until is not None and (one.stopped or since - gap <= one.until)
        if near and one.until is not None and one.until <= since:
            since = one.until - length  # it was made during the alarm
    return since


def _of_this_alarm(tried: Sequence[Attempt], since: datetime | None) -> tuple[Attempt, ...]:
    return tuple(
        one
        for one in tried
        if one.why in ALARMS and one.until is not None and since is not None and one.until > since
    )


def _too_soon(
    why: Why | None, spec: RetrainSpec, tried: Sequence[Attempt], now: datetime
) -> str | None:
    """The daily limit, and the cool-down."""
    trainings = [moment for one in tried for moment in one.trainings]
    today = sum(now - DAY < moment <= now for moment in trainings)
    if today >= spec.daily:
        times = "once" if today == 1 else f"{today} times"
        return f"It was trained {times} in the last 24 hours, and `retrain.daily` is {spec.daily}."
    if why == "hand" or any(one.state == "open" for one in tried):
        return None
    last = tried[-1] if tried else None
    if last is not None and (left := last.opened + duration(spec.cooldown) - now) > timedelta(0):
        return (
            f"{_named(last)} was opened {_day(last.opened)}, and `retrain.cooldown` is "
            f"{spec.cooldown}: until {_day(now + left)}."
        )
    return None


def _skipped(spec: RetrainSpec, tried: Sequence[Attempt], now: datetime) -> tuple[str, ...]:
    """What was not asked, because a person wants it."""
    notes = ["By hand: `retrain.when`, `cooldown` and `attempts` were not asked."]
    last = tried[-1] if tried else None
    if last is not None and last.opened + duration(spec.cooldown) > now:
        notes.append(f"{_named(last)} was opened {_day(last.opened)}, within the cool-down.")
    return tuple(notes)


def _waiting(tried: Sequence[Attempt], section: MonitorSection | None) -> tuple[str, ...]:
    """That what was merged is not in production yet."""
    last = next((one for one in reversed(tried) if one.state == "merged"), None)
    if last is None or section is None or last.digest != section.digest:
        return ()
    return (_undeployed(last, section),)


def _undeployed(last: Attempt, section: MonitorSection) -> str:
    return (
        f"{_named(last)} is merged, and {section.version} is still what answers: a candidate helps "
        "once it is released and deployed."
    )


def _does_not_help(spent: Sequence[Attempt], section: MonitorSection | None) -> str:
    *others, last = [_named(one) for one in spent]
    named = f"{', '.join(others)} and {last}" if others else last
    reason = (
        f"Retraining does not help: {named} did not end the alarm, and `retrain.attempts` is "
        "reached. A person has to look."
    )
    merged = next((one for one in reversed(spent) if one.state == "merged"), None)
    if merged is not None and section is not None and merged.digest == section.digest:
        reason += f" {_undeployed(merged, section)}"
    return reason


_BECAUSE: dict[Why, str] = {
    "drift": "Production sees other data than the model was tested on.",
    "performance": "The model does worse in production than where it was tested.",
    "schedule": "It is time to, by the schedule.",
    "data": "New data may be there.",
    "hand": "Somebody asked for it.",
}


def _named(one: Attempt) -> str:
    return f"#{one.number}"


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"

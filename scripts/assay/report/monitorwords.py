"""How what a monitor found reads: causes, windows, amounts, as phrases. Pure.

Names of columns and metrics are `Code`, so that each format shows them and does nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from assay.monitor import causes as reasons
from assay.monitor.window import Breach
from assay.report.escape import Code
from assay.report.wording import bound, count, decimals, metric_title, number, percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from assay.monitor.causes import Cause
    from assay.monitor.verdict import Outcome, Question
    from assay.monitor.watched import MonitorSection, Window
    from assay.report.escape import Phrase

OUTCOMES: dict[Outcome, tuple[str, str]] = {
    "contract broken": ("🛑", "contract broken"),
    "drift": ("🔴", "drift"),
    "inconclusive": ("❔", "inconclusive"),
    "quiet": ("✅", "quiet"),
}
"""An icon and the words it stands for."""
BREACHES = {
    "gone": " is gone",
    "type": " has another type",
    "empty": " has no value in any row",
    "infinite": " has infinite values",
}
RATED = ("performance", "estimate")
"""Questions about a metric."""
_MOST_NAMED = 3
_PLACES = 3
"""Decimals of a distance, which is between 0 and 1."""


def model(section: MonitorSection) -> Phrase:
    """`bikes v1.2.0 in production`."""
    where = (" in ", Code(section.environment)) if section.environment else ()
    return (section.model, " ", section.version, *where)


def metric(name: str) -> Phrase:
    """What people call a metric; a name of the user's own as it is."""
    title = metric_title(name)
    return (title if title != name else Code(name),)


def rated(question: Question) -> Phrase:
    """The metric that a question is about, and the slice: `MAE on season=winter`."""
    name, part = reasons.parted(question)
    return (*metric(name), *((" on ", Code(part)) if part is not None else ()))


def subject(question: Question) -> Phrase:
    """What a question is about: a metric or a column."""
    return rated(question) if question.about in RATED else (Code(question.name),)


def what(found: Sequence[Cause]) -> Phrase:
    """Causes in a few words: `mae got worse; drift of a, b and 3 more`."""
    parts: list[Phrase] = []
    broken = [one.breach for one in found if one.breach is not None]
    parts += [("the column ", Code(one.column), BREACHES[one.problem]) for one in broken[:2]]
    if len(broken) > 2:
        parts.append((f"{len(broken) - 2:,} more columns broken",))
    by: dict[str, list[Phrase]] = {}
    for one in found:
        if one.answer is not None:
            question = one.answer.question
            by.setdefault(question.about, []).append(subject(question))
    if "performance" in by:
        parts.append((*_listed(by["performance"]), " got worse"))
    if "estimate" in by:
        parts.append(("estimated ", *_listed(by["estimate"]), " got worse"))
    if "prediction" in by:
        parts.append(("drift of what it predicts, ", *_listed(by["prediction"])))
    if "feature" in by:
        parts.append(("drift of ", *_listed(by["feature"])))
    elif "features together" in by:
        parts.append(("drift of the features together",))
    return tuple(piece for part in _between(parts, ("; ",)) for piece in part)


def _listed(names: Sequence[Phrase]) -> Phrase:
    """`a, b and 3 more`."""
    shown = list(names[:_MOST_NAMED]) if len(names) > _MOST_NAMED else list(names)
    left = len(names) - len(shown)
    last: Phrase = (f"{left:,} more",) if left else shown.pop()
    joined = [piece for part in _between(shown, (", ",)) for piece in part]
    return (*joined, " and ", *last) if joined else last


def _between(parts: Iterable[Phrase], separator: Phrase) -> list[Phrase]:
    found: list[Phrase] = []
    for part in parts:
        found += [separator, part] if found else [part]
    return found


def allowed(question: Question) -> str:
    """What an effect may be; a bound that was learned has many digits."""
    return bound(float(f"{question.bound:.3g}"))


def effect(question: Question) -> str:
    """`0.312 (0.287 to 0.338), and 0.1 is allowed`."""
    amount, low, high = amounts(question)
    return f"{amount} ({low} to {high}), and {allowed(question)} is allowed"


def amounts(question: Question) -> tuple[str, str, str]:
    """An effect and its interval, with the same number of decimals."""
    of_metric = decimals(question.effect, question.low, question.high)
    places = of_metric if question.about in RATED else _PLACES
    effect, low, high = (
        number(value, places) for value in (question.effect, question.low, question.high)
    )
    return effect, low, high


def chance(p_value: float) -> str:
    """`p < 0.001`."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}"


def share_of_windows(section: MonitorSection) -> str:
    """How many windows drift, of those that could be judged: `2 of the last 5 windows drift`."""
    state = section.state
    drift = "drifts" if state.drifting == 1 else "drift"
    return f"{state.drifting} of the last {count(state.of, 'window')} {drift}"


def how_sure(section: MonitorSection, cause: Cause) -> Phrase:
    """What was measured of one cause, and how sure that is."""
    found = cause.found
    if isinstance(found, Breach):
        return (f"This concerns {count(found.rows, 'row')}",)
    question = found.question
    verb = " is worse by " if question.about in RATED else " moved by "
    sure = f"{effect(question)} ({chance(found.adjusted)})"
    return (*subject(question), f"{verb}{sure}; {share_of_windows(section)}")


def moment(section: MonitorSection, at: datetime) -> str:
    """A time in UTC: the day, and the hour where windows are shorter than days."""
    whole = all(
        (one.start.hour, one.start.minute, one.end.hour, one.end.minute) == (0, 0, 0, 0)
        for one in section.windows
    )
    return f"{at:%Y-%m-%d}" if whole else f"{at:%Y-%m-%d %H:%M}"


def span(section: MonitorSection, window: Window) -> str:
    """`2012-03-01`, `2012-03`, `2012-03-01 until 2012-03-08`, `2012-03-01 06:00 to 12:00`."""
    start, end = moment(section, window.start), moment(section, window.end)
    if len(start) > 10:
        return f"{start} to {end.removeprefix(start[:11])}"
    days = (window.end - window.start).days
    if start.endswith("-01") and end.endswith("-01") and days in range(28, 32):
        return start.removesuffix("-01")
    return start if days <= 1 else f"{start} until {end}"


def confidence(section: MonitorSection) -> str:
    """How often the alarm of a window would be false: `1 %`."""
    return percent(section.alpha)


class Headline(NamedTuple):
    """The answer: what, since when, and how sure."""

    icon: str
    what: Phrase
    sure: Phrase = ()

    def sentence(self, section: MonitorSection) -> Phrase:
        """All of it in one line."""
        sure = (" ", *self.sure, ".") if self.sure else ()
        return (*model(section), ": ", *self.what, ".", *sure)


def headline(section: MonitorSection) -> Headline:
    """The answer to whether the model still sees what it was made for."""
    state, newest = section.state, section.newest
    found, window = reasons.causes(section), span(section, newest)
    if state.alarm and found:
        icon = OUTCOMES["contract broken" if found[0].breach else "drift"][0]
        since = moment(section, reasons.since(section))
        return Headline(icon, (*what(found), f", since {since}"), how_sure(section, found[0]))
    if state.newest == "drift" and found:
        need = f". An alarm needs {section.k} of {section.n} windows"
        sure = (*how_sure(section, found[0]), need)
        return Headline("⚠️", (*what(found), f", in the window {window}"), sure)
    if state.newest == "inconclusive":
        why = newest.judgement.why
        return Headline(
            "❔", (f"nothing can be said of the window {window}", *((": ", why[0]) if why else ()))
        )
    rows = f"The {newest.judgement.rows:,} rows of {window} are like what it was tested on"
    return Headline("✅", ("quiet",), (rows,))

"""What a watch found, for people: the issue, its comments, the step summary. Pure.

Columns, categories, metrics and versions come from elsewhere: each is escaped where it stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.monitor import causes as reasons
from assay.packaging.cardtables import folded, section
from assay.report import escape, monitorwords
from assay.report import monitortables as tables
from assay.report.markdown import length
from assay.report.monitorwords import OUTCOMES
from assay.report.wording import count, percent, short

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.monitor.causes import Cause, News, Told
    from assay.monitor.watched import MonitorSection, Window
    from assay.report.images import Image
    from assay.report.monitortables import Table

RUNBOOK = "https://github.com/your-org/assay/blob/main/docs/alerts.md#what-to-do"
MOST_ROWS = 8
"""Columns that are shown at once; the others are folded."""
MOST_FOLDED = 60
"""Of the folded ones; the page has all."""
LONGEST_NOTE = 160
"""Characters; the page has them whole."""
MOST_METRICS = 20
MOST_SLICES = 10
_ICON_ENDS = "✅"


def title(found: MonitorSection) -> str:
    """Of the issue: model, environment and cause; plain text on one line."""
    who = escape.text((found.model, *((" in ", found.environment) if found.environment else ())))
    what = escape.text(_plain(monitorwords.what(reasons.causes(found))))
    return f"{who}: {what}" if what else who


def _plain(phrase: escape.Phrase) -> str:
    """Without the marks of code: titles have no formats."""
    return "".join(map(str, phrase))


def headline(found: MonitorSection) -> str:
    """The answer in one line, as Markdown."""
    told = monitorwords.headline(found)
    return f"{told.icon} {escape.markdown(told.sentence(found))}"


def markdown(
    found: MonitorSection,
    *,
    images: Sequence[Image] = (),
    run_url: str | None = None,
    limit: int | None = None,
) -> str:
    """All of it; of what is too long the folded columns go first, then the pictures, the slices.

    Args:
        found: What was found.
        images: That have been published.
        run_url: Of the job.
        limit: UTF-16 units, which GitHub counts.
    """
    for folds, slices, pictures in (
        (MOST_FOLDED, MOST_SLICES, images),
        (0, MOST_SLICES, images),
        (0, 0, ()),
    ):
        text = _markdown(found, folds, slices, pictures, run_url)
        if limit is None or length(text) <= limit:
            return text
    return f"{headline(found)}\n\n{_facts(found, run_url)}\n"


def _markdown(
    found: MonitorSection, folds: int, slices: int, images: Sequence[Image], run_url: str | None
) -> str:
    window = reasons.told_window(found)
    metrics, sliced = tables.metrics(window), tables.slices(window)
    contract = tables.contract(found)
    evidence = [
        section("What moved", *_moved(found, window, folds)),
        section(metrics.title, metrics.markdown(MOST_METRICS), _folded(sliced, slices, "slice")),
    ]
    if any(_about(one) in monitorwords.RATED for one in reasons.causes(found)):
        evidence.reverse()
    parts = [
        headline(found),
        str(escape.markdown(standing(found))),
        section(contract.title, contract.markdown()),
        *evidence,
        *(f"**{escape.markdown(one.title)}**\n\n{escape.picture(one)}" for one in images),
        section("Windows", tables.windows(found).markdown()),
        section("Not looked at", _listed(notes(found))),
        section("What to do", _next(found)),
        _facts(found, run_url),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def evidence(found: MonitorSection) -> tuple[str, ...]:
    """What speaks against the model, as Markdown: the answer, its metrics, columns, windows."""
    window = reasons.told_window(found)
    return (
        headline(found),
        tables.metrics(window).markdown(),
        *_moved(found, window, 0),
        tables.windows(found).markdown(),
    )


def _moved(found: MonitorSection, window: Window, folds: int) -> Iterator[str]:
    """What surely moved, or may have, and below it the rest."""
    answers = tables.ranked(found, window)
    shown = [one for one in answers if one.outcome != "quiet"][:MOST_ROWS]
    rest = [one for one in answers if one not in shown]
    yield tables.moved(found, shown).markdown()
    if answers and found.ranked and all(one.importance is None for one in found.ranked):
        yield "How much each feature means to the model is not known: they stand by drift alone."
    others = "other column" if shown else "column"
    no_more = "" if shown else ": none moved more than it may"
    yield _folded(tables.moved(found, rest), folds, others, no_more)


def _folded(whole: Table, most: int, what: str, says: str = "") -> str:
    """A table behind a line that opens it; nothing of nothing."""
    amount = len(whole.rows)
    more = f" (the first {most:,} here, the others on the page)" if amount > most else ""
    if not most or not amount:
        return f"{count(amount, what)}{says}." if amount else ""
    return folded(f"{count(amount, what)}{says}{more}", whole.markdown(most))


def standing(found: MonitorSection) -> escape.Phrase:
    """What the newest window says, where the headline is about an older one."""
    newest = found.newest
    if not found.state.alarm or reasons.told_window(found) is newest:
        return ()
    why = newest.judgement.why
    because = f" ({why[0]})" if why else ""
    words = OUTCOMES[newest.judgement.outcome][1]
    ends = f"fewer than {found.k} of the last {found.n} windows that could be judged drift"
    says = f"The newest window, {monitorwords.span(found, newest)}, is {words}"
    return says, because, f". The alarm is over once {ends}."


def notes(found: MonitorSection) -> tuple[str, ...]:
    """What of the newest window was not looked at, in sentences where backticks mark code."""
    window = found.newest
    again = f"{count(window.duplicates, 'row')} came a second time, and counted once."
    return (*([again] if window.duplicates else []), *window.notes)


def _listed(sentences: Sequence[str]) -> str:
    return "\n".join(f"- {escape.message(short(one, LONGEST_NOTE))}" for one in sentences)


def _next(found: MonitorSection) -> str:
    causes = reasons.causes(found)
    if not causes:
        return ""
    until = reasons.told_window(found).end
    again = escape.code(f"assay monitor --until {until:%Y-%m-%dT%H:%M}")
    look = f"Look at every column: {again} on your machine, and open `.assay/monitor.html`."
    lines = [look]
    if causes[0].breach is not None:
        lines.append(
            "Mend what writes the log, or what the columns are called in `monitor.log` of "
            "`assay.yaml`. A model that is trained anew would learn the fault."
        )
    else:
        why = "performance" if _about(causes[0]) in monitorwords.RATED else "drift"
        lines.append(
            f"Train a candidate on newer data: `assay retrain --why {why}`. Its pull request "
            "shows whether that helps."
        )
    lines.append(f"What each case may mean: [the runbook]({RUNBOOK}).")
    return "\n".join(f"{at}. {line}" for at, line in enumerate(lines, 1))


def _about(cause: Cause) -> str:
    return cause.answer.question.about if cause.answer is not None else ""


def _facts(found: MonitorSection, run_url: str | None) -> str:
    shown = []
    if (run := escape.web_address(run_url)) is not None:
        shown.append(f"[run]({run})")
    shown += [
        f"bundle {escape.code(found.digest[:12])}",
        f"rows from {escape.code(found.source)}",
        f"reference {escape.code(found.reference)}",
        f"an alarm at {found.k} of {found.n} windows",
        f"intervals of {percent(found.confidence)}",
        f"a quiet window is called drift in at most {monitorwords.confidence(found)} of cases",
    ]
    return " · ".join(shown)


def comment(found: MonitorSection, event: News, told: Told) -> str:
    """What is said below the issue when something changed, as Markdown.

    Args:
        found: What was found.
        event: What changed.
        told: What was known before.
    """
    if event == "ends":
        return f"{_ICON_ENDS} The alarm is over: {_over(found, told)}"
    if event == "starts":
        return f"A new alarm.\n\n{headline(found)}"
    new = _new(found, told.issue)
    lines = [f"New in the window {monitorwords.span(found, reasons.told_window(found))}:\n"]
    lines += [f"- {escape.markdown(cause_phrase(one))}" for one in new[:MOST_ROWS]]
    lines += [f"- {len(new) - MOST_ROWS:,} more"] if len(new) > MOST_ROWS else []
    return "\n".join(lines)


def summary(found: MonitorSection, event: News, told: Told) -> str:
    """The same in one sentence, as plain text, for the webhook."""
    if event == "ends":
        return escape.text(
            (*monitorwords.model(found), f": the alarm is over: {_over(found, told)}")
        )
    if event == "starts":
        return escape.text(monitorwords.headline(found).sentence(found))
    what = monitorwords.what(_new(found, told.webhook))
    return escape.text((*monitorwords.model(found), ": new is ", *what, "."))


def _over(found: MonitorSection, told: Told) -> str:
    began = f" It began {monitorwords.moment(found, told.since)}." if told.since else ""
    window = monitorwords.span(found, found.newest)
    drift = monitorwords.share_of_windows(found)
    return f"after {window}, {drift}, and {found.k} would be an alarm.{began}"


def _new(found: MonitorSection, heard: Sequence[str] | None) -> list[Cause]:
    return [one for one in reasons.causes(found) if one.key not in (heard or ())]


def cause_phrase(cause: Cause) -> escape.Phrase:
    """One cause, and how sure it is."""
    what = monitorwords.what([cause])
    if cause.answer is None:
        return what
    sure = monitorwords.chance(cause.answer.adjusted)
    return (*what, f": {monitorwords.effect(cause.answer.question)} ({sure})")

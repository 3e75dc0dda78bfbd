"""What a watch came to, in a terminal and as outputs of the step. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.monitor.windows import Span, shown
from assay.report import escape, monitorwords

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.monitor.verdict import Answer
    from assay.monitor.watched import MonitorSection

WIDTH = 80
MOST = 10
"""Rows of a table."""
_LONGEST = 32
"""Characters of a name."""
_MARKS = {"quiet": ".", "inconclusive": "?", "drift": "D", "contract broken": "!"}


def text(found: MonitorSection) -> str:
    """All that fits a screen."""
    lines = [escape.text(monitorwords.headline(found).sentence(found))]
    window = found.newest
    rows = f"{window.judgement.rows:,} rows"
    lines.append(f"{rows} in {Span(window.start, window.end)}, against {found.reference}")
    lines += _history(found)
    lines += _metrics(found)
    lines += _columns(found)
    why = window.judgement.why
    if len(why) > 1 or window.judgement.outcome != "drift":  # else the first line says it
        lines += [f"why: {one}" for one in why[:MOST]]
    lines += [f"note: {note}" for note in window.notes]
    return "\n".join(wrapped for line in lines for wrapped in _wrapped(escape.text(line)))


def _wrapped(line: str) -> Iterator[str]:
    import textwrap

    if line.startswith("  ") or not line:
        yield line
        return
    yield from textwrap.wrap(line, WIDTH, subsequent_indent="      ", break_on_hyphens=False)


def _history(found: MonitorSection) -> Iterator[str]:
    """One mark a window."""
    if len(found.windows) < 2:
        return
    marks = " ".join(_MARKS[one.judgement.outcome] for one in found.windows)
    since = shown(found.windows[0].start)
    there = {one.judgement.outcome for one in found.windows} - {"quiet"}
    legend = ", ".join(f"{_MARKS[one]} {one}" for one in sorted(there))
    yield f"windows since {since}: {marks}" + (f"   ({legend})" if legend else "")


def _metrics(found: MonitorSection) -> Iterator[str]:
    every = found.newest.judgement.answers
    answers = [one for one in every if one.question.about in monitorwords.RATED]
    if not answers:
        return
    by_name = {
        f"{one.metric} ({one.slice})" if one.slice else one.metric: one
        for one in found.newest.metrics
    }
    rows = []
    for answer in sorted(answers, key=_loud)[:MOST]:
        question = answer.question
        measured = by_name.get(question.name)
        value, base = ("", "") if measured is None else (_number(measured.value), "")
        if measured is not None and measured.reference is not None:
            base = _number(measured.reference)
        about = " (estimated)" if question.about == "estimate" else ""
        rows.append(
            (
                _cut(question.name + about),
                base,
                value,
                f"{question.effect:+.3g}",
                f"{question.bound:.3g}",
                answer.outcome,
            )
        )
    yield ""
    yield from _table(("metric", "tested", "now", "lost", "allowed", ""), rows)


def _loud(one: Answer) -> tuple[bool, float]:
    return one.outcome == "quiet", -(one.question.effect - one.question.bound)


def _columns(found: MonitorSection) -> Iterator[str]:
    answers = {
        (one.question.about, one.question.name): one for one in found.newest.judgement.answers
    }
    if not found.columns:
        return
    importance = {one.name: one for one in found.ranked}
    place = {one.name: number for number, one in enumerate(found.ranked)}
    ordered = sorted(
        found.columns,
        key=lambda one: (one.role != "feature", place.get(one.name, 0), -one.drift.unbiased),
    )
    rows = []
    for one in ordered:
        answer = answers.get((one.role, one.name))
        ranked = importance.get(one.name)
        known = ranked is not None and ranked.importance is not None
        share = f"{100 * (ranked.importance or 0):.0f} %" if known and ranked else ""
        rows.append(
            (
                _cut(one.name),
                share if one.role == "feature" else one.role,
                f"{one.drift.unbiased:.3f}",
                f"{one.bound:.2g}",
                f"{one.psi.value:.3f}",
                "" if answer is None else answer.outcome,
            )
        )
    yield ""
    matters = "matters" if any(one.importance is not None for one in found.ranked) else ""
    yield from _table(("column", matters, "distance", "allowed", "PSI", ""), rows[:MOST])
    if (left := len(rows) - MOST) > 0:
        yield f"  and {left} more"
    together = [one for one in answers.values() if one.question.about == "features together"]
    for one_answer in together:
        question = one_answer.question
        yield (
            f"  {question.name} together: AUC {0.5 + question.effect:.3f}, and at most "
            f"{0.5 + question.bound:.3g} is allowed: {one_answer.outcome}"
        )
    yield ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    every = [head, *rows]
    widths = [max(len(row[place]) for row in every) for place in range(len(head))]
    for row in every:
        cells = [
            cell.ljust(width) if place in {0, len(head) - 1} else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  " + "  ".join(cells).rstrip()


def _cut(name: str) -> str:
    safe = escape.text(name)
    return safe if len(safe) <= _LONGEST else safe[: _LONGEST - 1] + "…"


def _number(value: float) -> str:
    return f"{value:.4g}"


def facts(found: MonitorSection) -> dict[str, str]:
    """Outputs of the step."""
    newest, judgement = found.newest, found.newest.judgement
    drifting = [one.question.name for one in judgement.answers if one.outcome == "drift"]
    return {
        "outcome": found.state.newest.replace(" ", "-"),
        "alarm": str(found.state.alarm).lower(),
        "window": f"{newest.start.isoformat()}/{newest.end.isoformat()}",
        "rows": str(judgement.rows),
        "drifting": ", ".join(drifting[:MOST]),
        "version": f"{found.model}@{found.version}",
    }

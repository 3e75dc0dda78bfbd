"""What a rollout came to, for people: the job's summary, the issue, the terminal. Pure.

Columns of predictions, and what a process said before it died, come from elsewhere: each is escaped
where it stands.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.packaging.cardtables import folded, section, table
from assay.report import escape
from assay.report.markdown import length

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.report.images import Image
    from assay.rollout.outcome import Decision, Ending, Judgement, Outcome, Verdict
    from assay.rollout.targets.base import VersionId

_DECISIONS: dict[Decision, str] = {
    "passed": "✅ passed",
    "failed": "❌ failed",
    "inconclusive": "❔ inconclusive",
    "not judged": "⚪ not judged",
}
_ORDER = ("failed", "inconclusive", "passed", "not judged")
_ICONS: dict[Ending, str] = {
    "promoted": "✅",
    "nothing to do": "⚪",
    "resumed": "⚠️",
    "rolled back": "⏪",
    "error": "🛑",
    "interrupted": "🛑",
    "inconclusive": "❔",
}
_SHARES = ("errors", "agreement", "predictions")
_MEASURES = {
    "errors": "failed requests",
    "latency": "latency, median",
    "latency_p99": "latency, 99th percentile",
    "agreement": "rows answered alike",
    "labelled": "wrong, where the truth is known",
    "health": "health",
    "samples": "enough requests",
}
MOST_VERDICTS = 50
"""Judgements that are listed; the journal has all."""
NARROW = 40
"""Columns; a sentence in fewer is hard to read."""
MOST_MEASURES = 40
"""Of one judgement: a model may have hundreds of outputs."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """A rollout, and what stands around it."""

    outcome: Outcome
    environment: str
    url: str | None = None
    """Where users meet the environment."""
    run_url: str | None = None
    """Of the job."""
    warnings: tuple[str, ...] = ()
    """What could not be recorded, and why."""
    first_call: str | None = None
    """A command that gets an answer; after the first deployment."""


def title(told: Told) -> str:
    """One line, for the title of an issue and the description of a deployment; plain text."""
    return f"{_deed(told, plain=True)}."


def headline(told: Told) -> str:
    """The same, as Markdown."""
    return f"{_ICONS[told.outcome.ending]} {_deed(told, plain=False)}."


_DEEDS: dict[tuple[str, str], str] = {
    ("rollback", "rolled back"): "{place} was rolled back to {what}{instead}",
    ("rollback", "error"): "The rollback of {place} to {what} broke off",
    ("resume", "nothing to do"): "No rollout of {place} is unfinished",
    ("", "promoted"): "{what} is in {place}{instead}",
    ("", "nothing to do"): "{what} is in {place} already",
    ("", "rolled back"): "{what} was rolled back in {place}{at}: {answers}",
    ("", "inconclusive"): "Whether {what} is good for {place} could not be told{at}: {answers}",
    ("", "resumed"): "An interrupted rollout of {what} in {place} was ended: {answers}",
    ("", "interrupted"): "The rollout of {what} to {place} was interrupted{at}: {answers}",
    ("", "error"): "The rollout of {what} to {place} broke off{at}",
}

_AT = {"before": " before any traffic moved", "shadow": " in the shadow step"}


def _deed(told: Told, *, plain: bool) -> str:
    outcome = told.outcome
    key = (outcome.verb, outcome.ending)
    words = _DEEDS[key if key in _DEEDS else ("", outcome.ending)]
    version, before = _shown(outcome.version), outcome.before
    literal = str if plain else escape.markdown
    # A rollout that was ended by hand had not changed who is stable.
    same = before is not None and before.same(outcome.version)
    return words.format(
        place=told.environment if plain else escape.code(told.environment),
        what=version if plain else f"**{escape.markdown(version)}**",
        at=_AT.get(outcome.stage, f" at {literal(outcome.stage)}") if outcome.stage else "",
        instead=f" instead of {literal(before.version)}" if before and not same else "",
        answers=f"{literal(_shown(outcome.stable))} answers all requests"
        if outcome.stable
        else "there was no version before it, and no version answers requests",
    )


def _shown(version: VersionId | None) -> str:
    return f"{version.name} {version.version}" if version else "no version"


def markdown(told: Told, *, images: Sequence[Image] = (), limit: int | None = None) -> str:
    """All of it; of what is too long, the list of judgements goes first, then the pictures.

    Args:
        told: The rollout.
        images: Of the measures that failed.
        limit: UTF-16 units, which GitHub counts.
    """
    for verdicts, pictures in ((MOST_VERDICTS, images), (0, images), (0, ())):
        text = _markdown(told, verdicts, pictures)
        if limit is None or length(text) <= limit:
            return text
    return f"{headline(told)}\n\n{_facts(told)}\n"


def _markdown(told: Told, verdicts: int, images: Sequence[Image]) -> str:
    outcome = told.outcome
    parts = [
        headline(told),
        *_reason(outcome.reason),
        str(escape.message(outcome.hint)) if outcome.hint else "",
        *_evidence(outcome),
        *(f"**{escape.markdown(one.title)}**\n\n{escape.picture(one)}" for one in images),
        section("Judgements", _history(outcome.verdicts, verdicts)) if verdicts else "",
        _listed([*outcome.notes, *told.warnings]),
        _facts(told),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _reason(reason: str) -> Iterator[str]:
    """A sentence, and below it what a process said last."""
    first, _, rest = reason.partition("\n")
    yield str(escape.message(first))
    if rest.strip():
        yield str(escape.block(rest))


def _evidence(outcome: Outcome) -> Iterator[str]:
    """The last judgement, in full."""
    if not outcome.verdicts:
        return
    last = outcome.verdicts[-1]
    old, new = _shown(outcome.before), _shown(outcome.version)
    versions = (
        str(escape.markdown(f"{who}: {which}")) for who, which in (("stable", old), ("new", new))
    )
    head = ("Measure", *versions, "worse by", "allowed", "p", "")
    ordered = sorted(last.judgements, key=lambda one: _ORDER.index(one.decision))
    yield table(head, [_row(one) for one in ordered[:MOST_MEASURES]], "lrrrrrl")
    if (left := len(ordered) - MOST_MEASURES) > 0:
        yield f"{left:,} more measures are in the journal."
    told = (one.sentence for one in (last.failed or last.open)[:MOST_MEASURES])
    yield "\n".join(f"- {escape.message(one)}" for one in told if one not in outcome.reason)
    yield (
        f"Judged in the step {escape.code(last.stage)}, over {last.seconds:,.0f} s, compared "
        f"{escape.message(last.compared)}."
    )


def _row(one: Judgement) -> tuple[object, ...]:
    stable = "" if one.stable is None else _side(one, one.stable.value, one.stable.n)
    return (
        measure(one.measure),
        stable,
        _side(one, one.candidate.value, one.candidate.n),
        "" if one.effect is None else amount(one.measure, one.effect),
        "" if one.limit is None else amount(one.measure, one.limit),
        "" if one.p is None else f"{one.p:.2g}",
        _DECISIONS[one.decision],
    )


def _side(one: Judgement, value: float | None, n: int) -> str:
    counted = f"{n:,}"
    return counted if value is None else f"{_value(one.measure, value)} of {counted}"


def measure(name: str) -> str:
    """What people call a measure."""
    kind, _, column = name.partition("[")
    if kind == "predictions":
        return f"distribution of {column.removesuffix(']')}" if column else "distribution"
    return _MEASURES.get(kind, kind)


def amount(name: str, effect: float) -> str:
    """A difference, or a limit of it, in the unit of its measure."""
    if name.startswith("latency"):
        return f"× {effect:.3g}"  # noqa: RUF001 (times)
    if name.startswith((*_SHARES, "labelled")):
        return f"{100 * effect:.3g} %"
    return f"{effect:.4g}"


def _value(name: str, value: float) -> str:
    if name.startswith("latency"):
        return f"{1000 * value:.3g} ms" if value < 1 else f"{value:.3g} s"
    return f"{100 * value:.3g} %" if name.startswith(_SHARES) else f"{value:.4g}"


def _history(verdicts: Sequence[Verdict], most: int) -> str:
    rows = [
        (one.stage, one.interval, f"{one.seconds:,.0f}", _DECISIONS[one.decision], one.sentence)
        for one in verdicts[-most:]
    ]
    if len(rows) < 2:
        return ""  # it is shown above
    left = len(verdicts) - len(rows)
    more = f" (the last of {len(verdicts)})" if left else ""
    shown = [(*row[:4], escape.message(row[4])) for row in rows]
    text = table(("step", "interval", "seconds", "", "why"), shown, "lrrll")
    return folded(f"{len(rows)} judgements{more}", text)


def _listed(sentences: Sequence[str]) -> str:
    return "\n".join(f"- ⚠️ {escape.message(one)}" for one in sentences)


def _facts(told: Told) -> str:
    outcome = told.outcome
    found = []
    if (url := escape.web_address(told.url)) is not None:
        found.append(f"[{escape.markdown(told.environment)}]({url})")
    if (run := escape.web_address(told.run_url)) is not None:
        found.append(f"[run]({run})")
    found.append(f"rollout {escape.code(outcome.rollout)}")
    if outcome.version is not None:
        found.append(f"bundle {escape.code(outcome.version.digest[:12])}")
    if outcome.ended > outcome.began:
        found.append(f"{outcome.ended - outcome.began:,.0f} s")
    return " · ".join(found)


def text(told: Told, width: int = 100) -> str:
    """The same for a terminal.

    Args:
        told: The rollout.
        width: Columns of the terminal.
    """
    outcome = told.outcome
    last = outcome.verdicts[-1] if outcome.verdicts else None
    reason, *log = outcome.reason.splitlines() or [""]
    # Each reason is said once: what was judged, at its measure.
    said = "" if last and outcome.reason == last.sentence and not log else reason
    lines = [line for one in (title(told), said) if one for line in wrapped(one, width)]
    lines += map(escape.text, log)  # as it was written
    if outcome.hint:
        lines += wrapped(outcome.hint, width)
    lines += _measured(last.judgements, said, width) if last else ()
    for note in outcome.notes:
        lines += wrapped(f"note: {note}", width) if note not in outcome.reason else ()
    # Whole, for it is copied; it is made of printable characters.
    return "\n".join([*lines, f"try it: {told.first_call}"] if told.first_call else lines)


def _measured(judgements: Sequence[Judgement], said: str, width: int) -> Iterator[str]:
    """Each measure with its sentence beside it, or below it where the terminal is narrow."""
    ordered = sorted(judgements, key=lambda one: _ORDER.index(one.decision))
    first = max(len(one.decision) for one in ordered)
    second = max(len(measure(one.measure)) for one in ordered)
    for one in ordered:
        head = f"  {one.decision:<{first}}  {escape.text(measure(one.measure)):<{second}}"
        if one.sentence.partition("\n")[0] in said:
            yield head.rstrip()
        elif width - len(head) >= NARROW:
            yield from wrapped(one.sentence, width, f"{head}  ")
        else:
            yield head.rstrip()
            yield from wrapped(one.sentence, width, " " * (first + 4))


def wrapped(line: str, width: int, head: str = "") -> list[str]:
    """Lines of at most `width` columns, the later ones below the end of `head`."""
    shown = textwrap.wrap(
        escape.text(line),
        max(width, len(head) + NARROW),
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return shown or [head.rstrip()]

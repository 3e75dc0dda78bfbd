"""The first line of a report: the verdict's sentence, as short as one who is new to it reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.report import wording
from assay.verdict import summary

if TYPE_CHECKING:
    from assay.changes import MetricChange
    from assay.gates import Gate
    from assay.record import RunRecord
    from assay.verdict import Verdict

LONGEST = 240
"""Characters of a heading; a longer sentence is said in full below it."""
_LONGEST_NAME = 40
_HOW_SURE = re.compile(r" \((p [=<] [^()]*)\)")


@dataclass(frozen=True, kw_only=True)
class Heading:
    """A verdict's headline."""

    text: str
    """What the heading says; backticks mark code."""
    more: str = ""
    """What was taken out of the sentence so that it is short, as one of its own."""
    whole: bool = True
    """Whether it says all of the headline; otherwise that has to be said below."""


def of(record: RunRecord, verdict: Verdict) -> Heading:
    """The heading of a run."""
    if verdict.headline == summary(record):
        return _cut(overall(record) or verdict.headline)
    gate = _decisive(record, verdict)
    if gate is None:
        return _cut(verdict.headline)
    text, more = verdict.headline, ""
    found = _HOW_SURE.search(gate.message) if gate.test is not None else None
    if found is not None:
        text = text.replace(found[0], "", 1)
        more = f"{found[1]}."
    if gate.limit is None and gate.base is not None and gate.head is not None:
        # The digits of the table; those of the message show on which side of a limit a number is.
        difference = wording.pair(gate.base, gate.head)[2][1:]
        text = text.replace(f" by {abs(gate.head - gate.base):.4g}", f" by {difference}", 1)
    if text.startswith(f"{gate.metric} "):
        text = wording.metric_title(gate.metric) + text.removeprefix(gate.metric)
    return _cut(text, more)


def overall(record: RunRecord) -> str:
    """The first metric that matters, and whether slices got worse; empty without metrics."""
    compare = record.compare
    if compare is None or not compare.metrics:
        return ""
    first = compare.metrics[0]
    if first.head is None or first.base is None or first.difference is None:
        return summary(record)
    slices = compare.worse_slices
    if not slices:
        return f"{_moved(first)}."
    but = ", but" if first.change == "better" else ","
    one = len(slices) == 1 and len(slices[0]) <= _LONGEST_NAME
    where = slices[0] if one else f"{compare.worse_on:,} of {compare.sliced:,} slices"
    return f"{_moved(first)}{but} worse on {where}."


def _moved(change: MetricChange) -> str:
    """`F1 0.7353 → 0.7571 (+0.0218, better)`."""
    name = wording.metric_title(change.name)
    base, head, difference = wording.pair(change.base, change.head)
    if not change.difference:
        return f"{name} is unchanged at {head}"
    words = wording.change_words(change.change, change.difference).partition(" ")[2]
    how = f", {words}" if words and words != "changed" else ""
    return f"{name} {base} → {head} ({difference}{how})"


def _decisive(record: RunRecord, verdict: Verdict) -> Gate | None:
    """The gate that the headline is about."""
    for gate in record.compare.gates if record.compare else ():
        message = gate.message.rstrip(".")
        if message and verdict.headline.startswith(message) and gate.name in verdict.decided_by:
            return gate
    return None


def _cut(text: str, more: str = "") -> Heading:
    short = wording.short(text, LONGEST)
    return Heading(text=short, more=more, whole=short == text)

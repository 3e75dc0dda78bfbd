"""Why a watch did not simply find nothing: one sentence for each thing, for annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from assay.monitor.windows import Span
from assay.section import Reason

if TYPE_CHECKING:
    from assay.monitor.watched import MonitorSection

MOST = 5
"""Things that a reason names."""


def reasons(section: MonitorSection) -> tuple[Reason, ...]:
    """What people are told of the newest window and of the alarm."""
    newest, state = section.newest, section.state
    judgement = newest.judgement
    when = f"{section.model} {section.version}, {Span(newest.start, newest.end)}"
    found: list[Reason] = []
    if state.newest != "quiet":
        severity: Literal["warning", "error"] = "error" if state.alarm else "warning"
        more = len(judgement.why) - MOST
        why = "; ".join(judgement.why[:MOST]) + (f"; and {more} more" if more > 0 else "")
        hint = None
        if state.newest == "drift" and not state.alarm:
            hint = f"An alarm is {section.k} of {section.n} windows; so far {state.drifting} drift."
        found.append(
            Reason(message=f"{when}: {state.newest}: {why}.", severity=severity, hint=hint)
        )
    elif state.alarm:
        found.append(
            Reason(
                message=f"{when} is quiet, and {state.drifting} of the last {state.of} windows "
                f"drift: the alarm ends when fewer than {section.k} do.",
                severity="error",
            )
        )
    if state.alarm and state.newest == "inconclusive":
        found.append(
            Reason(
                message=f"The alarm lasts: {state.drifting} of the last {state.of} windows that "
                "told something drift.",
                severity="error",
            )
        )
    found += [Reason(message=f"{when}: {note}", severity="note") for note in newest.notes]
    return tuple(found)

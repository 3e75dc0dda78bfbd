"""Annotations of a run, as many as GitHub shows: ten of a type from a step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from assay.section import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# https://docs.github.com/actions/reference/limits
PER_TYPE = 10
_ORDER: tuple[Literal["error", "warning", "note"], ...] = ("error", "warning", "note")


def limited(
    reasons: Iterable[Reason],
    *,
    shown: Sequence[Reason] = (),
    to_come: int = 0,
) -> list[Reason]:
    """At most ten of each severity; the last of a full share counts the rest.

    Args:
        reasons: What there is to show.
        shown: What the same step has shown already; it counts towards the ten.
        to_come: How many stages follow in the same step: each keeps one of the ten, so that a
            hundred broken rows do not hide the gate that failed.
    """
    unique = list(dict.fromkeys(reasons))
    found: list[Reason] = []
    for severity in _ORDER:
        these = [reason for reason in unique if reason.severity == severity]
        taken = sum(reason.severity == severity for reason in shown)
        most = PER_TYPE - taken - to_come
        if most <= 0:
            continue
        if len(these) > most:
            left = len(these) - most + 1
            what = {"error": "error", "warning": "warning", "note": "notice"}[severity]
            more = Reason(
                message=f"…and {left:,} more {what}{'s' if left > 1 else ''}: see the report.",
                severity=severity,
            )
            these = [*these[: most - 1], more]
        found += these
    return found

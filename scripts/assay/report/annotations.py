"""Annotations of a run, as many as GitHub shows: ten of a type from a step, fifty from a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from assay.section import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from assay.record import RunRecord
    from assay.stages.test import FailedTest
    from assay.stages.validate import CheckFailure, FileResult

# https://docs.github.com/actions/reference/limits
PER_TYPE = 10
PER_JOB = 50
_ORDER: tuple[Literal["error", "warning", "note"], ...] = ("error", "warning", "note")


def of(record: RunRecord, *, room: int = PER_JOB) -> list[Reason]:
    """What to annotate: the most severe first, and how many more there are of each severity.

    Args:
        record: The run.
        room: How many annotations the job may still have.
    """
    return limited(_all(record), room=room)


def limited(reasons: Iterable[Reason], *, room: int = PER_JOB) -> list[Reason]:
    """At most ten of each severity and `room` in all; the last of a full ten counts the rest."""
    unique = list(dict.fromkeys(reasons))
    found: list[Reason] = []
    for severity in _ORDER:
        these = [reason for reason in unique if reason.severity == severity]
        most = min(PER_TYPE, room - len(found))
        if most <= 0:
            break
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


def _all(record: RunRecord) -> Iterator[Reason]:
    """Reasons of the stages first: of these there are few, and each stands for many rows."""
    for _, section in record.sections():
        yield from section.reasons
    for failure in record.test.failures if record.test else ():
        yield _test(failure)
    for file in record.validation.files if record.validation else ():
        for check in file.failures:
            yield _check(file, check)


def _test(failure: FailedTest) -> Reason:
    what = "failed" if failure.outcome == "failed" else "could not run"
    return Reason(
        message=f"{failure.name} {what}: {failure.message}", file=failure.file, line=failure.line
    )


def _check(file: FileResult, check: CheckFailure) -> Reason:
    column = f"column {check.column}" if check.column is not None else "the table"
    rows = f"{check.count:,} row{'s' if check.count != 1 else ''}"
    count = f" ({rows})" if check.share is not None else ""
    return Reason(message=f"{file.path}: {column} fails {check.check}{count}.", file=file.path)

"""What happened between two snapshots of a server, and sums of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING

from pydantic import ValidationError

from assay.rollout.latency import BINS as LATENCY_BINS
from assay.rollout.snapshot import Counted, Labelled, Shadowed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.rollout.snapshot import Counts, Snapshot


@dataclass(frozen=True)
class Window:
    """Counts of one version over some time."""

    requests: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    refused: int = 0
    latency: Counts = (0,) * LATENCY_BINS
    predictions: dict[str, Counted | None] = field(default_factory=dict)
    """By column; `None` where windows of different bins were put together."""
    shadow: Shadowed | None = None
    labelled: Labelled | None = None
    seconds: float = 0.0

    @property
    def failed(self) -> int:
        """Requests that ended in an error of the server's."""
        # A snapshot taken while a request ends may have counted its error alone.
        return min(sum(self.errors.values()), self.requests)


@dataclass(frozen=True)
class Interval:
    """What both versions did between two judgements."""

    candidate: Window
    stable: Window | None = None
    """`None` where it was restarted meanwhile, or gave no answer."""


def difference(before: Snapshot, after: Snapshot, seconds: float) -> Window | None:
    """What a process did between two snapshots; `None` where it is not the same process any more.

    A count that went backwards says so too, whatever the process calls itself.
    """
    if before.process != after.process:
        return None
    try:
        return Window(
            requests=_less(after.requests, before.requests),
            errors=_kinds(before.errors, after.errors),
            refused=_less(after.refused, before.refused),
            latency=_bins(after.latency, before.latency),
            predictions={
                name: _column(before.predictions.get(name), now)
                for name, now in after.predictions.items()
            },
            shadow=_shadow(before.shadow, after.shadow),
            labelled=_labelled(before.labelled, after.labelled),
            seconds=seconds,
        )
    except (_BackwardsError, ValidationError):
        return None


class _BackwardsError(Exception):
    """A count is smaller than it was."""


def _less(after: int, before: int) -> int:
    if after < before:
        raise _BackwardsError
    return after - before


def _bins(after: Counts, before: Counts) -> Counts:
    return tuple(_less(a, b) for a, b in zip(after, before, strict=True))


def _kinds(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    kinds = {kind: _less(after.get(kind, 0), before.get(kind, 0)) for kind in {*before, *after}}
    return {kind: count for kind, count in sorted(kinds.items()) if count}


def _column(before: Counted | None, after: Counted) -> Counted:
    if before is None:
        return after
    if before.bins != after.bins:
        raise _BackwardsError
    return after.model_copy(update={"counts": _bins(after.counts, before.counts)})


def _shadow(before: Shadowed | None, after: Shadowed | None) -> Shadowed | None:
    if before is None or after is None:
        return after
    names = Shadowed.model_fields
    return Shadowed(**{name: _less(getattr(after, name), getattr(before, name)) for name in names})


def _labelled(before: Labelled | None, after: Labelled | None) -> Labelled | None:
    if before is None or after is None:
        return after
    if after.correct is not None and before.correct is not None:
        correct = _less(after.correct, before.correct)
        return Labelled(rows=_less(after.rows, before.rows), correct=correct)
    if after.absolute_error is None or before.absolute_error is None:
        raise _BackwardsError
    errors = _bins(after.absolute_error, before.absolute_error)
    return Labelled(rows=_less(after.rows, before.rows), absolute_error=errors)


def together(windows: Sequence[Window]) -> Window:
    """The sum of windows."""
    return reduce(_sum, windows, Window())


def _sum(one: Window, other: Window) -> Window:
    kinds = sorted({*one.errors, *other.errors})
    return Window(
        requests=one.requests + other.requests,
        errors={kind: one.errors.get(kind, 0) + other.errors.get(kind, 0) for kind in kinds},
        refused=one.refused + other.refused,
        latency=_added(one.latency, other.latency),
        predictions=_columns(one.predictions, other.predictions),
        shadow=_both_shadows(one.shadow, other.shadow),
        labelled=_both_labels(one.labelled, other.labelled),
        seconds=one.seconds + other.seconds,
    )


def _added(one: Counts, other: Counts) -> Counts:
    return tuple(a + b for a, b in zip(one, other, strict=True))


def _columns(
    one: dict[str, Counted | None], other: dict[str, Counted | None]
) -> dict[str, Counted | None]:
    found = {**one, **other}
    for name in one.keys() & other.keys():
        a, b = one[name], other[name]
        same = a is not None and b is not None and a.bins == b.bins
        found[name] = (
            a.model_copy(update={"counts": _added(a.counts, b.counts)})
            if same and a is not None and b is not None
            else None
        )
    return dict(sorted(found.items()))


def _both_shadows(one: Shadowed | None, other: Shadowed | None) -> Shadowed | None:
    if one is None or other is None:
        return one or other
    names = Shadowed.model_fields
    return one.model_copy(
        update={name: getattr(one, name) + getattr(other, name) for name in names}
    )


def _both_labels(one: Labelled | None, other: Labelled | None) -> Labelled | None:
    if one is None or other is None:
        return one or other
    rows = one.rows + other.rows
    if one.correct is not None and other.correct is not None:
        return one.model_copy(update={"rows": rows, "correct": one.correct + other.correct})
    if one.absolute_error is not None and other.absolute_error is not None:
        errors = _added(one.absolute_error, other.absolute_error)
        return one.model_copy(update={"rows": rows, "absolute_error": errors})
    return other


def latest(intervals: Sequence[Interval], samples: int, *, alone: bool = False) -> int:
    """How many of the latest intervals together have `samples` requests of both versions.

    A regression that began after good intervals must not be thinned out by them, so these are as
    few as can be; all, where even those are not enough.

    Args:
        intervals: Of one stage, the oldest first.
        samples: Requests that each version must have answered.
        alone: Whether only the candidate's count.
    """
    candidate = stable = 0
    for count, interval in enumerate(reversed(intervals), 1):
        candidate += interval.candidate.requests
        stable += interval.stable.requests if interval.stable else 0
        if candidate >= samples and (alone or stable >= samples):
            return count
    return len(intervals)

"""One window: its rows held against the reference, and the one verdict on it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from assay.console import printable
from assay.errors import DataError
from assay.monitor import frames, measuring, model, multivariate, scan
from assay.monitor.comparing import ColumnDrift, compared
from assay.monitor.labelled import labelled, strangers
from assay.monitor.measuring import Found
from assay.monitor.model import DIGEST, FEATURE, PREDICTION
from assay.monitor.verdict import judge, of_column
from assay.monitor.watched import Window
from assay.monitor.window import breaches
from assay.report import wording

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    import pandas as pd

    from assay.configmonitor import MonitorSpec
    from assay.monitor.baseline import Baseline, Side
    from assay.monitor.measuring import Asked
    from assay.monitor.opening import Rows
    from assay.monitor.verdict import Question
    from assay.monitor.window import Breach, WindowProfile
    from assay.monitor.windows import Span
    from assay.packaging.profile import Profile

MOST_ODD = 0.01
"""With a greater share of rows that belong to no window, nobody knows what was in it."""


@dataclass(frozen=True, eq=False)
class Watch:
    """What is the same for every window."""

    spec: MonitorSpec
    asked: Asked
    log: Rows
    baseline: Baseline
    labels: Rows | None = None
    bounds: Mapping[str, float] = field(default_factory=dict)
    """By column, where it is not that of `spec`."""
    private: bool = False

    def bound(self, column: str) -> float:
        """The distance that is no drift."""
        usual = self.spec.bound
        return self.bounds.get(column, 0.1 if usual == "learned" else usual)


@dataclass(frozen=True, eq=False)
class Seen:
    """A window, and what is shown of the newest alone."""

    window: Window
    columns: tuple[ColumnDrift, ...] = ()


@dataclass(frozen=True, eq=False)
class _Rows:
    """The rows of a window that are judged."""

    table: scan.Table
    profile: WindowProfile

    @property
    def key(self) -> tuple[str, ...]:
        """Columns by which a row is known."""
        return tuple(self.table.key)


def watched(watch: Watch, span: Span, *, limit: datetime | None) -> Seen:
    """Judge a window.

    Args:
        watch: What is watched, and how.
        span: The window.
        limit: Of the newest window: what is later than this was dated by a wrong clock.

    Raises:
        DataError: The log, the labels or the reference cannot be read as what they should be.
        OutsideError: A remote or a database does not answer.
    """
    rows = watch.log.of(span)
    notes: tuple[str, ...] = ()
    unusable: str | None = None
    if rows is not None:
        rows, notes, unusable = _own(watch, rows)
    found = None if rows is None else _scanned(watch, rows, span)
    count = 0 if found is None else found.profile.rows
    odd, doubts = _odd(watch, span, limit, count) if limit is not None else ((), ())
    notes += odd
    side = watch.baseline.of(span) if found is not None and unusable is None else None
    if side is not None and side.unusable is not None:
        unusable, side = side.unusable, None
    if found is None or side is None or not count:
        if found is not None and count and unusable is None:
            unusable = "the reference has no row of the same window a season earlier"
        return Seen(
            _judged(watch, span, found, Found(notes=notes, doubts=doubts), unusable=unusable)
        )
    columns = _compared(watch, side.profile, found.profile)
    performance, with_label = _performance(watch, found, side)
    if limit is not None and watch.labels is not None and with_label == 0 and found.key:
        doubts += tuple(filter(None, [strangers(watch, found.table)]))
    broken = breaches(side.profile, found.profile)
    notes += tuple(_few_infinite(broken, watch.spec.least_rows))
    performance = performance.and_(Found(notes=notes, doubts=doubts))
    questions = [of_column(one) for one in columns]
    questions += _together(watch, found, side, columns)
    said = replace(performance, questions=(*questions, *performance.questions))
    window = _judged(watch, span, found, said, broken=broken)
    return Seen(window, columns)


def _few_infinite(broken: tuple[Breach, ...], least_rows: int) -> Iterator[str]:
    """What breaks no contract, for it is of few rows, and people should know."""
    for one in broken:
        if one.problem == "infinite" and one.rows < least_rows:
            yield f"{one.column} has {one.rows:,} infinite values; where it was tested it had none."


def _judged(
    watch: Watch,
    span: Span,
    rows: _Rows | None,
    found: Found,
    *,
    broken: tuple[Breach, ...] = (),
    unusable: str | None = None,
) -> Window:
    spec = watch.spec
    judgement = judge(
        found.questions,
        rows=0 if rows is None else rows.profile.rows,
        breaches=broken,
        unusable=unusable,
        doubts=found.doubts,
        alpha=spec.alpha,
        least_rows=spec.least_rows,
    )
    return Window(
        start=span.start,
        end=span.end,
        judgement=judgement,
        metrics=found.metrics,
        duplicates=0 if rows is None else rows.profile.duplicates,
        notes=found.notes,
    )


def _own(watch: Watch, rows: Any) -> tuple[Any, tuple[str, ...], str | None]:
    """The rows of the version that is watched; a note on others, and why there are none."""
    if DIGEST not in rows.columns:
        return rows, (), None
    digest = watch.asked.model.digest
    counted = rows.group_by(DIGEST).aggregate(__assay_rows__=rows.count())
    by_digest: dict[str | None, int] = {}
    for batch in scan.batches(counted, private=watch.private):
        for row in batch.to_pylist():
            by_digest[row[DIGEST]] = row["__assay_rows__"]
    own = by_digest.pop(digest, 0)
    if not by_digest:
        return rows, (), None
    others = sum(by_digest.values())
    named = ", ".join(sorted(str(one)[:12] if one else "none" for one in by_digest)[:3])
    kept = rows.filter(rows[DIGEST] == digest)
    if not own:
        why = f"its {others:,} rows are of another model version ({named}, not {digest[:12]})"
        return kept, (), why
    amount = wording.count(others, "row")
    note = f"Not judged with these: {amount} of another model version ({named})."
    return kept, (note,), None


def _scanned(watch: Watch, rows: Any, span: Span) -> _Rows:
    profile, log = watch.asked.model.profile, watch.spec.log
    there = rows.columns
    place = log.row if log.row is not None else "row"
    key = tuple(name for name in (log.id, place) if name in there) if log.id in there else ()
    table = scan.Table(
        rows,
        model.columns([one.name for one in profile.features], FEATURE, log.columns, there),
        model.columns([one.name for one in profile.predictions], PREDICTION, log.columns, there),
        key=key,
        time=log.time if log.time in there else None,
        private=watch.private,
    )
    return _Rows(table, scan.profile(table, _shape(watch, span)))


def _shape(watch: Watch, span: Span) -> Profile:
    """What the window is counted by: the reference, or what the bundle has where there is none."""
    side = watch.baseline.of(span)
    return watch.asked.model.profile if side is None else side.profile


def _odd(
    watch: Watch, span: Span, limit: datetime | None, count: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Notes and doubts about rows that belong to no window, and files that cannot be read."""
    notes = watch.log.notes
    doubts: tuple[str, ...] = ()
    if watch.log.unreadable:
        doubts = ("no file of the log can be read",)
    if limit is None:
        return notes, doubts
    odd = watch.log.odd(span, limit)
    if odd.ahead:
        ahead = wording.count(odd.ahead, "row")
        notes += (f"Not counted, for a clock is wrong: {ahead} dated after now.",)
    if odd.undated:
        undated = wording.count(odd.undated, "row")
        notes += (f"Not counted: {undated} without a time that can be read.",)
    strange = odd.ahead + odd.undated
    if strange > MOST_ODD * (count + strange):
        share = 100 * strange / (count + strange)
        doubts += (f"{share:.2g} % of the rows have no time, or one after now",)
    return notes, doubts


def _compared(watch: Watch, reference: Profile, window: WindowProfile) -> tuple[ColumnDrift, ...]:
    found: list[ColumnDrift] = []
    for role, base, own in (
        ("feature", reference.features, window.features),
        ("prediction", reference.predictions, window.predictions),
    ):
        known = {one.name: one for one in base}
        for one in own:
            bound = watch.bound(one.name)
            drift = compared(
                known[one.name],
                one,
                role=role,  # type: ignore[arg-type]
                bound=bound,
                confidence=watch.asked.settings.confidence,
            )
            found += [] if drift is None else [drift]
    return tuple(found)


def _together(
    watch: Watch, rows: _Rows, side: Side, columns: tuple[ColumnDrift, ...]
) -> list[Question]:
    """Whether the features together changed; of columns that are what they should be."""
    if not watch.spec.multivariate or side.table is None:
        return []
    names = [one.name for one in columns if one.role == "feature"]
    if len(names) < 2:
        return []
    window = _frame(watch, rows, {name: rows.table.features[name] for name in names})
    base = frames.of(
        side.table.rows,
        {name: side.table.features[name] for name in names},
        most=multivariate.MOST_ROWS,
        private=watch.private,
    )
    found = multivariate.separation(base, window)
    sure = watch.asked.settings.confidence
    return [] if found is None else [found.question(confidence=sure)]


def _frame(
    watch: Watch, rows: _Rows, columns: Mapping[str, str], most: int = multivariate.MOST_ROWS
) -> pd.DataFrame:
    """Rows of a window, each once."""
    keys = {f"__key{n}__": name for n, name in enumerate(rows.key)}
    frame = frames.of(
        rows.table.rows,
        {**keys, **columns},
        key=rows.key,
        time=rows.table.time if rows.profile.duplicates else None,
        count=rows.profile.rows,
        most=most,
        private=watch.private,
    )
    if rows.profile.duplicates:
        named = frame[list(keys)].notna().all(axis=1)
        frame = frame[~(named & frame.duplicated(list(keys)))]
    return frame.drop(columns=list(keys)).reset_index(drop=True)


def _performance(watch: Watch, rows: _Rows, side: Side) -> tuple[Found, int]:
    """With the labels that came, or estimated; and how many rows have one."""
    asked = watch.asked
    if not asked.allowed or not model.is_judged(asked.model.signature):
        return Found(), 0
    there = rows.table.rows.columns
    said = {
        f"{PREDICTION}{name}": column
        for name, column in rows.table.predictions.items()
        if column in there
    }
    count = 0
    besides = Found()
    if watch.labels is not None and not rows.key:
        raise _no_id(watch.spec.log.id, there)
    if watch.labels is not None and said:
        features = rows.table.features if asked.slices else {}
        named = {name: column for name, column in features.items() if column in there}
        joined = labelled(watch, rows.table, {**named, **said}, count=rows.profile.rows)
        count, besides = len(joined.frame), Found(notes=joined.notes, doubts=joined.doubts)
        if count >= watch.spec.least_rows:
            found = measuring.with_labels(asked, joined.frame, side)
            return found.and_(besides), count
        few = f"{count:,} of {rows.profile.rows:,} rows have a label: too few to judge by them."
        besides = besides.and_(Found(notes=(few,)))
    if not watch.spec.estimate or not said:
        return besides.and_(Found(notes=(measuring.UNKNOWN,))), count
    frame = _frame(watch, rows, said, frames.MOST_ROWS)
    return measuring.without_labels(asked, frame, side).and_(besides), count


def _no_id(name: str, there: Sequence[str]) -> DataError:
    listed = ", ".join(repr(printable(one)) for one in there[:20])
    return DataError(
        f"The log has no column {printable(name)!r}, by which labels are joined.",
        hint=f"Name it as `monitor.log.id`. There: {listed}.",
        key=("monitor", "log", "id"),
    )

"""monitor: what production sees and says, held against where the model was tested."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from assay import config as configuration
from assay import extras
from assay.configdata import duration
from assay.configmodels import Column
from assay.console import printable
from assay.errors import ConfigError, DataError, UsageError
from assay.monitor import listing, model, opening, windows
from assay.monitor.baseline import Baseline
from assay.monitor.filerows import Duck
from assay.monitor.measuring import Asked
from assay.monitor.ranking import ranked
from assay.monitor.reasons import reasons
from assay.monitor.verdict import settled
from assay.monitor.watched import FILE, MonitorSection
from assay.monitor.watching import Watch, watched
from assay.packaging import contents
from assay.release import deployed
from assay.section import Status
from assay.stages import alert
from assay.stats.catalogue import find
from assay.stats.difference import Settings
from assay.workspace import write_atomically

if TYPE_CHECKING:
    from assay.config import Config, SliceSpec
    from assay.configmonitor import MonitorSpec, TableSpec
    from assay.context import Context
    from assay.monitor.model import Model
    from assay.monitor.opening import Rows
    from assay.monitor.watching import Seen
    from assay.monitor.windows import Span

PACKAGES = ("duckdb", "ibis", "pandas", "pyarrow", "scipy", "sklearn")
AHEAD = timedelta(minutes=5)
"""How far clocks may differ."""
LOSS = 0.05
"""What a metric may lose where nobody said."""
_BEYOND = 7
"""Windows more than `of` that are looked at where some tell nothing."""


@dataclass(frozen=True)
class Wish:
    """What a person asked for."""

    until: datetime | None = None
    """The last window that is over by then; `None`: now."""
    bundle: Path | None = None
    """Of the version that is watched; `None`: that of the release."""
    now: datetime | None = None
    """Of tests."""


def run(context: Context, wish: Wish) -> MonitorSection:
    """Judge the newest window and those before it as far as they count, write that, and tell it.

    Args:
        context: The project.
        wish: What is asked for.

    Raises:
        UsageError: `assay.yaml` has no `monitor`, or names what is not there.
        OutsideError: A remote, a database or GitHub cannot be reached.
    """
    spec = context.config.monitor
    if spec is None:
        raise ConfigError(
            "assay.yaml has no `monitor`, so nothing says what to watch.",
            hint="Add one: `monitor: {log: {path: logs}}`; docs/monitor.md has the rest.",
            file=context.config_file,
        )
    extras.require(PACKAGES, extra="monitor", what="Monitoring needs")
    path = context.workspace.state / FILE
    path.unlink(missing_ok=True)  # who reads it must not take an older one for this run's
    scratch = Path(tempfile.mkdtemp(prefix="assay-monitor-"))
    try:
        section = _section(context, spec, wish, scratch)
    except UsageError as error:
        configuration.place(error, context.workspace.root, name=context.config_file)
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    write_atomically(path, section.model_dump_json(indent=1) + "\n")
    if warnings := alert.tell(context, section, spec.alerts):
        section = section.model_copy(update={"reasons": (*section.reasons, *warnings)})
        write_atomically(path, section.model_dump_json(indent=1) + "\n")
    return section


def _section(context: Context, spec: MonitorSpec, wish: Wish, scratch: Path) -> MonitorSection:
    found = deployed.of(context, spec.environment, given=wish.bundle, scratch=_folder(scratch))
    predictions = context.config.predictions
    subject = model.of(
        found.bundle,
        version=found.version,
        ignore=spec.ignore,
        positive=predictions.positive if predictions else None,
    )
    now = wish.now or datetime.now(UTC)
    spans = _spans(spec, wish.until, now)
    duck = Duck(scratch)
    places: list[Rows] = []
    try:
        watch = _watch(context, spec, subject, duck=duck, since=spans[-1].start, places=places)
        seen = _seen(watch, spans, now + AHEAD)
    finally:
        for one in places:
            one.close()
        duck.close()
    return _told(spec, subject, seen, confidence=context.config.statistics.confidence)


def _folder(scratch: Path) -> Path:
    folder = scratch / "bundle"
    folder.mkdir()
    return folder


def _spans(spec: MonitorSpec, until: datetime | None, now: datetime) -> list[Span]:
    """The windows that may be looked at, the newest first."""
    over = now - duration(spec.late)
    spans = [windows.newest(spec.window, over if until is None else min(until, over))]
    for _ in range(spec.hysteresis.of + _BEYOND - 1):
        spans.append(windows.before(spec.window, spans[-1]))
    return spans


def _watch(
    context: Context,
    spec: MonitorSpec,
    subject: Model,
    *,
    duck: Duck,
    since: datetime,
    places: list[Rows],
) -> Watch:
    """Open everything; what is open is in `places`."""
    private = bool(contents.sensitive(context.record))

    def open_(one: TableSpec, key: str, time: str | None, since: datetime | None = None) -> Rows:
        rows = opening.opened(
            duck,
            one,
            root=context.workspace.root,
            environ=context.environ,
            time=time,
            key=("monitor", key),
            since=since,
            texts=_texts(subject, one),
            private=private,
        )
        places.append(rows)
        return rows

    base = spec.reference
    _check_reference(spec)
    rows = None if base is None else open_(base, "reference", base.time)
    baseline = Baseline(subject, base, rows, private=private)
    bounds, why = baseline.learned(spec.least_rows) if spec.bound == "learned" else ({}, None)
    if why is not None:
        context.console.line(f"note: {why}.")
    settings = context.config.statistics
    asked = Asked(
        model=subject,
        allowed=_allowed(spec, context.config),
        settings=Settings(
            confidence=settings.confidence, resamples=settings.resamples, seed=settings.seed
        ),
        slices=_slices(spec, context.config),
        least_rows=spec.least_rows,
    )
    _check_bounds(spec, subject)
    return Watch(
        spec=spec,
        asked=asked,
        log=open_(spec.log, "log", spec.log.time, since),
        baseline=baseline,
        labels=None if spec.labels is None else open_(spec.labels, "labels", None),
        bounds={**bounds, **spec.bounds},
        private=private,
    )


def _texts(subject: Model, one: TableSpec) -> frozenset[str]:
    """Columns of text in a table, by the names that they may have there."""
    given = getattr(one, "columns", {})
    names = subject.texts
    logged = {f"{prefix}{name}" for name in names for prefix in (model.FEATURE, model.PREDICTION)}
    return names | logged | {given[name] for name in names if name in given}


def _allowed(spec: MonitorSpec, config: Config) -> dict[str, float]:
    """By metric, how much it may lose."""
    if not spec.metrics:
        named = (name for name, one in config.metrics.items() if one.function is None)
        return {name: LOSS for name in named if find(name)}
    unknown = next((name for name in spec.metrics if find(name) is None), None)
    if unknown is not None:
        raise ConfigError(
            f"There is no metric {printable(unknown)!r} that could be watched.",
            hint="Name it as the gates do: `roc_auc`, `f1`, `log_loss`, `rmse`, `mae`, ...",
            key=("monitor", "metrics", unknown),
        )
    return dict(spec.metrics)


def _slices(spec: MonitorSpec, config: Config) -> tuple[SliceSpec, ...]:
    if spec.slices:
        return tuple(Column(column=name) for name in spec.slices)
    return config.predictions.slices if config.predictions else ()


def _check_reference(spec: MonitorSpec) -> None:
    """Rows must not be held against themselves: that would hide what drifts."""
    base, log = spec.reference, spec.log
    if base is None:
        return
    places = ((one.path, one.connection, one.table) for one in (base, log))
    if base.season is None and len(set(places)) == 1:
        raise ConfigError(
            "`monitor.reference` is the log itself, so each window would be a part of what it is "
            "held against.",
            hint="Set `season`, as `7 d`, or name rows of a time that is over.",
            key=("monitor", "reference"),
        )
    if base.season in (None, windows.YEAR):
        return
    newest = windows.newest(spec.window, datetime.now(UTC))
    if windows.earlier(newest, base.season).end > newest.start:
        raise ConfigError(
            f"`season: {base.season}` is shorter than the window of {spec.window}, which would be "
            "held against a part of itself.",
            hint="Make it as long as the window, or longer.",
            key=("monitor", "reference", "season"),
        )


def _check_bounds(spec: MonitorSpec, subject: Model) -> None:
    profile = subject.profile
    known = [one.name for one in (*profile.features, *profile.predictions)]
    unknown = next((name for name in spec.bounds if name not in known), None)
    if unknown is not None:
        raise ConfigError(
            f"`monitor.bounds` names {printable(unknown)!r}, which the model neither is given nor "
            "says.",
            hint=f"There: {', '.join(map(printable, known[:20]))}.",
            key=("monitor", "bounds", unknown),
        )


def _seen(watch: Watch, spans: list[Span], limit: datetime) -> list[Seen]:
    """The windows, the newest last: as many as count, and not before the log begins."""
    seen: list[Seen] = []
    conclusive = 0
    for place, span in enumerate(spans):
        first = watch.log.first
        if place and (first is None or span.end <= first):
            break
        seen.insert(0, _readable(watch, span, None if place else limit))
        conclusive += seen[0].window.judgement.outcome in ("quiet", "drift")
        if conclusive >= watch.spec.hysteresis.of:
            break
    return seen


def _readable(watch: Watch, span: Span, limit: datetime | None) -> Seen:
    """A window; where a file of it is damaged, without that, and with a note."""
    try:
        return watched(watch, span, limit=limit)
    except DataError:
        told = watch.log.drop_damaged(span)
        if not told:
            raise
    seen = watched(watch, span, limit=limit)
    notes = seen.window.notes
    said = (*notes, *(one for one in told if one not in notes))
    return replace(seen, window=seen.window.model_copy(update={"notes": said}))


def _told(
    spec: MonitorSpec, subject: Model, seen: list[Seen], *, confidence: float
) -> MonitorSection:
    k, n = spec.hysteresis.windows, spec.hysteresis.of
    found = tuple(one.window for one in seen)
    state = settled([one.judgement.outcome for one in found], k=k, n=n)
    columns = seen[-1].columns
    importance = subject.kept.importance if subject.kept else {}
    section = MonitorSection(
        status=Status.PASS,
        model=subject.name,
        version=subject.version,
        digest=subject.digest,
        environment=spec.environment,
        source=_shown(spec.log),
        reference="bundle" if spec.reference is None else _shown(spec.reference),
        alpha=spec.alpha,
        confidence=confidence,
        least_rows=spec.least_rows,
        k=k,
        n=n,
        windows=found,
        state=state,
        columns=columns,
        ranked=ranked(columns, importance),
    )
    return section.model_copy(update=_ended(section))


def _ended(section: MonitorSection) -> dict[str, object]:
    """Status, exit code and reasons."""
    newest, alarm = section.state.newest, section.state.alarm
    status = Status.FAIL if alarm else Status.PASS if newest == "quiet" else Status.WARN
    code = 1 if alarm else 5 if newest == "inconclusive" else 0
    return {"status": status, "exit_code": code, "reasons": reasons(section)}


def _shown(spec: TableSpec) -> str:
    """Where a table is, without a password."""
    if spec.connection is not None:
        return f"{spec.table} ({spec.connection})"
    return listing.without_credentials(spec.path)

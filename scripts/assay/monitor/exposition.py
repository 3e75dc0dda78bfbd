"""What a monitor found, as Prometheus reads it; `publishing` brings it there.

Every series has `model`, `version` and `environment`. There are at most `MOST` columns and as many
metrics, so that a wide table cannot fill a Prometheus: those farthest beyond their bounds.
"""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple, get_args

from assay.console import printable
from assay.monitor.verdict import About, Outcome
from assay.monitor.window import Problem
from assay.prometheustext import head, sample

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from assay.monitor.comparing import ColumnDrift
    from assay.monitor.watched import Measured, MonitorSection, Window

MOST = 100
"""Columns; and metrics, with those of slices."""
_LONGEST = 200
"""Characters of a label's value."""

Labels = dict[str, str]
Samples = list[tuple[Labels, float]]


class _Gauge(NamedTuple):
    name: str
    """After `assay_monitor_`."""
    help: str
    samples: Samples


def text(section: MonitorSection, *, at: float) -> str:
    """Everything that was found, in version 0.0.4 of the text format.

    Args:
        section: What was found.
        at: When, in seconds since 1970.
    """
    common = identity(section) | {"version": _shown(section.version)}
    lines: list[str] = []
    for gauge in _gauges(section, at):
        name = f"assay_monitor_{gauge.name}"
        # Two names may be one once they are printable, and a series may come only once.
        once = {tuple(labels.values()): (labels, value) for labels, value in gauge.samples[::-1]}
        if once:
            lines += head(name, "gauge", gauge.help)
            lines += (sample(name, common | one, value) for one, value in [*once.values()][::-1])
    return "\n".join([*lines, ""])


def identity(section: MonitorSection) -> Labels:
    """What tells this monitor's figures from those of others, whatever the version."""
    return {"model": _shown(section.model), "environment": _shown(section.environment or "")}


def _gauges(section: MonitorSection, at: float) -> Iterator[_Gauge]:
    yield _Gauge("last_run_timestamp_seconds", "When the monitor last ran.", [({}, at)])
    yield from _of_verdict(section)
    yield from _of_window(section.newest, section.least_rows)
    yield from _of_columns(section)
    yield from _of_metrics(section.newest.metrics)


def _of_verdict(section: MonitorSection) -> Iterator[_Gauge]:
    state, windows = section.state, section.windows
    outcomes = [window.judgement.outcome for window in windows]
    yield _Gauge("alarm", "1 while people are to be told.", [({}, int(state.alarm))])
    yield _Gauge(
        "outcome",
        "1 for what the newest window was found to be.",
        [({"outcome": one}, int(one == state.newest)) for one in get_args(Outcome)],
    )
    yield _Gauge("windows_drifting", "Of the windows that count.", [({}, state.drifting)])
    yield _Gauge("windows_counted", "Windows that the alarm rests on.", [({}, state.of)])
    row = sum(1 for _ in takewhile(lambda one: one == "inconclusive", reversed(outcomes)))
    yield _Gauge("inconclusive_windows", "In a row, with the newest.", [({}, row)])
    ends = [w.end for w, one in zip(windows, outcomes, strict=True) if one != "inconclusive"]
    yield _Gauge(
        "last_conclusive_timestamp_seconds",
        "The end of the newest window that was not inconclusive.",
        [({}, ends[-1].timestamp())] if ends else [],
    )
    answers = section.newest.judgement.answers
    found = [(one.question.about, one.outcome) for one in answers]
    yield _Gauge(
        "questions",
        "What was asked of the newest window, by what it is about and by the answer.",
        [
            ({"about": about, "outcome": outcome}, found.count((about, outcome)))
            for about in get_args(About)
            for outcome in get_args(Outcome)
            if outcome != "contract broken"
        ],
    )
    breaches = section.newest.judgement.breaches
    yield _Gauge(
        "broken_columns",
        "Columns that are not what the model was made for.",
        [
            ({"problem": one}, sum(breach.problem == one for breach in breaches))
            for one in get_args(Problem)
        ],
    )


def _of_window(newest: Window, least_rows: int) -> Iterator[_Gauge]:
    long = (newest.end - newest.start).total_seconds()
    yield _Gauge("window_seconds", "How long a window is.", [({}, long)])
    yield _Gauge(
        "window_end_timestamp_seconds",
        "The end of the newest window.",
        [({}, newest.end.timestamp())],
    )
    yield _Gauge("rows", "Of the newest window, each once.", [({}, newest.judgement.rows)])
    yield _Gauge("least_rows", "With fewer, nothing is decided.", [({}, least_rows)])
    yield _Gauge("duplicate_rows", "Rows that came before.", [({}, newest.duplicates)])


def _of_columns(section: MonitorSection) -> Iterator[_Gauge]:
    columns = section.columns
    yield _Gauge("columns", "Columns that were compared.", [({}, len(columns))])
    listed = [
        ({"column": _shown(one.name), "role": one.role}, one)
        for one in sorted(columns, key=_place)[:MOST]
    ]
    about = {
        "drift": "Jensen-Shannon distance to the reference, from 0 to 1, less what chance adds.",
        "drift_low": "Where the true distance begins.",
        "drift_high": "Where the true distance ends.",
        "drift_bound": "What the distance may be.",
        "psi": "Population stability index.",
        "missing_ratio": "Share of the rows without a value.",
    }
    for name, help_ in about.items():
        yield _Gauge(name, help_, [(labels, _of_column(one)[name]) for labels, one in listed])
    importance = {one.name: one.importance for one in section.ranked}
    yield _Gauge(
        "importance_ratio",
        "Share of the importance of all features for the model.",
        [
            (labels, value)
            for labels, one in listed
            if one.role == "feature" and (value := importance.get(one.name)) is not None
        ],
    )


def _place(one: ColumnDrift) -> tuple[bool, float, str]:
    return one.role == "feature", one.bound - one.drift.unbiased, one.name


def _of_column(one: ColumnDrift) -> dict[str, float]:
    return {
        "drift": one.drift.unbiased,
        "drift_low": one.drift.low,
        "drift_high": one.drift.high,
        "drift_bound": one.bound,
        "psi": one.psi.value,
        # The last bin has the rows without a value.
        "missing_ratio": one.counts[-1] / one.rows if one.rows else 0.0,
    }


def _of_metrics(metrics: Iterable[Measured]) -> Iterator[_Gauge]:
    listed = [
        (
            {
                "metric": _shown(one.metric),
                "estimated": str(one.estimated).lower(),
                "slice": _shown(one.slice or ""),
            },
            one,
        )
        for one in sorted(metrics, key=lambda one: one.slice is not None)[:MOST]
    ]
    yield _Gauge("metric", "Of the newest window.", [(tags, one.value) for tags, one in listed])
    yield _Gauge("metric_low", "Where it begins.", [(tags, one.low) for tags, one in listed])
    yield _Gauge("metric_high", "Where it ends.", [(tags, one.high) for tags, one in listed])
    yield _Gauge("metric_rows", "That it rests on.", [(tags, one.rows) for tags, one in listed])
    yield _Gauge(
        "metric_reference",
        "The same where the model was tested.",
        [(tags, one.reference) for tags, one in listed if one.reference is not None],
    )


def _shown(value: str) -> str:
    """A label's value: names of columns, slices and models are other people's."""
    return printable(value)[:_LONGEST]

"""What the Grafana dashboard draws: rows of panels, and their questions to Prometheus."""

from __future__ import annotations

from typing import NamedTuple

_OF = 'model="$model", environment=~"$environment"'
INFO = 'assay_model_info{name="$model", environment=~"$environment"}'
_WITH_VERSION = f"* on (job, instance) group_left (version) {INFO}"


class Query(NamedTuple):
    """One expression of a panel, and what its series are called."""

    expression: str
    legend: str
    instant: bool = False


class Panel(NamedTuple):
    """What is drawn."""

    kind: str
    title: str
    about: str
    queries: tuple[Query, ...]
    width: int = 12
    height: int = 8
    unit: str = "short"
    states: tuple[tuple[str, str], ...] = ()
    """What 0, 1, ... are called, with their colours."""
    least: float | None = 0
    """Where the axis begins; by what is drawn where it is `None`."""


def _gauge(name: str, more: str = "") -> str:
    """A gauge of the monitor's, for the chosen model."""
    return f"assay_monitor_{name}{{{_OF}{more}}}"


def _monitor(name: str, more: str = "") -> str:
    """The same once, where it came by a file and by a Pushgateway."""
    return f"max without (job, instance) ({_gauge(name, more)})"


def _rate(name: str, by: str = "version", more: str = "") -> str:
    """What a counter of the server's grows by in a second, by version."""
    return f"sum by ({by}) (rate({name}{more}[$__rate_interval]) {_WITH_VERSION})"


_PREDICTIONS = '{protocol!="http"}'
_OUTCOMES = (
    ("quiet", "calm"),
    ("inconclusive", "nothing"),
    ("drift", "warning"),
    ("contract broken", "alarm"),
)
_BY = "{{version}} {{environment}}"


def _quantile(share: float) -> Query:
    buckets = _rate("assay_request_seconds_bucket", "version, le")
    return Query(
        f"histogram_quantile({share:g}, {buckets})", f"{{{{version}}}} {share * 100:g} of 100"
    )


def _outcomes() -> str:
    """The number of what the newest window was found to be: one series, to be drawn as a state."""
    names = [name for name, _ in _OUTCOMES]
    return " or ".join(
        f"{at} * " + _gauge("outcome", f', outcome="{name}"') for at, name in enumerate(names)
    )


def _moved(kind: str, label: str) -> Query:
    """Half the sum of differences: the share of values that lie elsewhere."""
    bins = f"sum by (version, {label}, bin) (increase(assay_{kind}_bin_total[1d]) {_WITH_VERSION})"
    whole = f"sum by (version, {label}) (increase(assay_{kind}_bin_total[1d]) {_WITH_VERSION})"
    tested = f"max by (version, {label}, bin) (assay_{kind}_bin_reference_share {_WITH_VERSION})"
    return Query(
        f"sum by (version, {label}) (abs({bins} / on (version, {label}) group_left () {whole} "
        f"- on (version, {label}, bin) {tested})) / 2",
        f"{{{{{label}}}}} {{{{version}}}}",
    )


_COLUMN = ', column=~"$column"'

ROWS: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    (
        "The verdict",
        (
            Panel(
                "state-timeline",
                "Alarm",
                "Whether people are to be told, by version and environment.",
                (Query(_monitor("alarm"), _BY),),
                height=5,
                states=(("calm", "calm"), ("alarm", "alarm")),
            ),
            Panel(
                "state-timeline",
                "The newest window",
                "What each was found to be: quiet, inconclusive, drift, or a broken contract.",
                (
                    Query(
                        f"max by (version, environment) ({_outcomes()})",
                        _BY,
                    ),
                ),
                height=5,
                states=_OUTCOMES,
            ),
            Panel(
                "stat",
                "Since the monitor ran",
                "It should be no longer than a window and a bit.",
                (
                    Query(
                        f"time() - max by (environment) ({_gauge('last_run_timestamp_seconds')})",
                        "{{environment}}",
                    ),
                ),
                width=4,
                height=5,
                unit="s",
            ),
            Panel(
                "timeseries",
                "Rows of a window",
                "With fewer than are needed, nothing is decided.",
                (
                    Query(_monitor("rows"), _BY),
                    Query(f"max({_gauge('least_rows')})", "needed"),
                    Query(
                        _monitor("duplicate_rows"),
                        "{{version}} {{environment}} that came twice",
                    ),
                ),
                width=10,
                height=5,
            ),
            Panel(
                "bargauge",
                "What was asked of the newest window",
                "Questions by what they are about and by the answer.",
                (
                    Query(
                        f"max by (about, outcome, environment) ({_gauge('questions')}) > 0",
                        "{{about}}: {{outcome}} {{environment}}",
                        instant=True,
                    ),
                ),
                width=10,
                height=5,
            ),
        ),
    ),
    (
        "Drift",
        (
            Panel(
                "timeseries",
                "Distance to the reference",
                "Jensen-Shannon distance of each column, without what chance adds, and its bound.",
                (
                    Query(_monitor("drift", _COLUMN), "{{column}} {{environment}}"),
                    Query(f"max({_gauge('drift_bound', _COLUMN)})", "largest bound"),
                ),
            ),
            Panel(
                "bargauge",
                "Farthest beyond their bounds",
                "Distance divided by the bound: what is above 1 drifts, if it is sure.",
                (
                    Query(
                        f"topk(10, {_monitor('drift', _COLUMN)} / {_monitor('drift_bound')})",
                        "{{column}} {{environment}}",
                        instant=True,
                    ),
                ),
            ),
            Panel(
                "table",
                "Columns of the newest window",
                "The distance with its interval and bound, PSI, missing values, importance.",
                tuple(
                    Query(_monitor(name, _COLUMN), name.replace("_", " "), instant=True)
                    for name in (
                        "drift",
                        "drift_low",
                        "drift_high",
                        "drift_bound",
                        "psi",
                        "missing_ratio",
                        "importance_ratio",
                    )
                ),
            ),
            Panel(
                "timeseries",
                "Missing values",
                "Share of the rows without a value.",
                (Query(_monitor("missing_ratio", _COLUMN), "{{column}} {{environment}}"),),
                width=6,
                unit="percentunit",
            ),
            Panel(
                "timeseries",
                "PSI",
                "Population stability index, which decides nothing.",
                (Query(_monitor("psi", _COLUMN), "{{column}} {{environment}}"),),
                width=6,
            ),
        ),
    ),
    (
        "Performance",
        (
            Panel(
                "timeseries",
                "Metrics",
                "With their intervals, and what they were where the model was tested.",
                tuple(
                    Query(
                        _monitor(f"metric{what}", ', slice=""'),
                        "{{metric}} {{environment}} "
                        + (f"{what.strip('_')} " if what else "")
                        + "estimated: {{estimated}}",
                    )
                    for what in ("", "_low", "_high", "_reference")
                ),
                least=None,
            ),
            Panel(
                "timeseries",
                "Metrics of slices",
                "The same for parts of the rows.",
                (Query(_monitor("metric", ', slice!=""'), "{{slice}} {{metric}} {{environment}}"),),
                least=None,
            ),
        ),
    ),
    (
        "Traffic",
        (
            Panel(
                "timeseries",
                "Predictions a second",
                "By version.",
                (Query(_rate("assay_requests_total", more=_PREDICTIONS), "{{version}}"),),
                width=8,
                unit="reqps",
            ),
            Panel(
                "timeseries",
                "Failures",
                "Share of the predictions that fail by the server's fault, by version.",
                (
                    Query(
                        _rate("assay_errors_total")
                        + " / "
                        + _rate("assay_requests_total", more=_PREDICTIONS),
                        "{{version}}",
                    ),
                ),
                width=8,
                unit="percentunit",
            ),
            Panel(
                "timeseries",
                "Latency",
                "From the arrival of a request to its answer, by version.",
                (_quantile(0.5), _quantile(0.99)),
                width=8,
                unit="s",
            ),
            Panel(
                "timeseries",
                "Answers by status",
                "400 and 422 are the client's fault, 5xx ours.",
                (
                    Query(
                        _rate("assay_requests_total", "version, status", _PREDICTIONS),
                        "{{version}} {{status}}",
                    ),
                ),
                width=8,
                unit="reqps",
            ),
            Panel(
                "timeseries",
                "Rows of the prediction log",
                "Rows that are dropped or lost are missing in what the monitor sees.",
                (
                    Query(
                        _rate("assay_log_rows_total", "version, outcome"), "{{version}} {{outcome}}"
                    ),
                ),
                width=8,
            ),
            Panel(
                "timeseries",
                "Inside at once",
                "Predictions that are being answered.",
                (Query(f"sum by (version) (assay_in_flight {_WITH_VERSION})", "{{version}}"),),
                width=8,
            ),
            Panel(
                "timeseries",
                "Values that lie elsewhere, features",
                "Share of a day's values that lie elsewhere than where the model was tested.",
                (_moved("feature", "feature"),),
                unit="percentunit",
            ),
            Panel(
                "timeseries",
                "Values that lie elsewhere, predictions",
                "The same for what the model says.",
                (_moved("prediction", "output"),),
                unit="percentunit",
            ),
        ),
    ),
)

"""Counts in Prometheus' text format, version 0.0.4."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.prometheustext import head, sample
from assay.serving.bins import latency_upper

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from assay.serving.app import App
    from assay.serving.bins import Counter
    from assay.serving.metrics import Metrics

_STEP = 8
"""Bins of latency to one of the histogram: each is twice as long as the one before."""
_FIRST, _LAST = 48, 200
"""From 64 microseconds to 34 seconds."""


def text(metrics: Metrics, app: App) -> str:
    """Everything that is counted."""
    return "\n".join([*_lines(metrics, app), ""])


def _lines(metrics: Metrics, app: App) -> Iterator[str]:
    loaded = app.loaded
    yield from head("assay_model_info", "gauge", "Which model answers.")
    facts = {"name": loaded.name, "version": loaded.version, "digest": loaded.digest}
    yield sample("assay_model_info", facts, 1)
    yield from head("assay_requests_total", "counter", "Requests, by protocol and status.")
    for (protocol, status), count in sorted(metrics.requests.items()):
        labels = {"protocol": protocol, "status": str(status)}
        yield sample("assay_requests_total", labels, count)
    yield from head("assay_errors_total", "counter", "Failures of the server, by kind.")
    for kind, count in metrics.errors.items():
        yield sample("assay_errors_total", {"kind": kind}, count)
    yield from head("assay_rows_total", "counter", "Rows that were answered.")
    yield sample("assay_rows_total", {}, metrics.rows)
    yield from head("assay_in_flight", "gauge", "Predictions that are being answered.")
    yield sample("assay_in_flight", {}, app.inside)
    yield from _histogram(metrics)
    yield from _distributions("feature", "feature", metrics.features)
    yield from _distributions("prediction", "output", metrics.predictions)
    for more in app.hooks.metrics:
        yield from more()


def _histogram(metrics: Metrics) -> Iterator[str]:
    name = "assay_request_seconds"
    yield from head(name, "histogram", "Time from a request's arrival to its answer.")
    for upto in range(_FIRST, _LAST + 1, _STEP):
        le = {"le": f"{latency_upper(upto - 1):.9g}"}
        yield sample(f"{name}_bucket", le, sum(metrics.latency[:upto]))
    total = sum(metrics.latency)
    yield sample(f"{name}_bucket", {"le": "+Inf"}, total)
    yield sample(f"{name}_sum", {}, metrics.seconds)
    yield sample(f"{name}_count", {}, total)


def _distributions(kind: str, label: str, counters: Iterable[Counter]) -> Iterator[str]:
    listed = list(counters)
    if not listed:
        return
    name = f"assay_{kind}_bin_total"
    yield from head(name, "counter", f"Values of each {kind}, by bin.")
    for one in listed:
        for bin_, count in zip(one.labels, one.counts, strict=True):
            yield sample(name, {label: one.name, "bin": bin_}, count)
    name = f"assay_{kind}_null_total"
    yield from head(name, "counter", f"Missing values of each {kind}.")
    for one in listed:
        yield sample(name, {label: one.name}, one.nulls)
    name = f"assay_{kind}_bin_reference_share"
    yield from head(name, "gauge", "The share of a bin where the model was tested.")
    for one in listed:
        for bin_, share in zip(one.labels, one.reference, strict=True):
            yield sample(name, {label: one.name, "bin": bin_}, share)

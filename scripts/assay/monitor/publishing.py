"""Brings what a monitor found to Prometheus: a file of node_exporter's, or a Pushgateway.

A job that runs now and then cannot be scraped. Where it does not get there, that is a warning: the
verdict stays what it is.
"""

from __future__ import annotations

import base64
import re
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

from assay.console import printable
from assay.errors import AssayError, UsageError
from assay.monitor import exposition
from assay.section import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from assay.configmonitor import PrometheusSpec
    from assay.monitor.watched import MonitorSection

JOB = "assay_monitor"
_MEDIA = "text/plain; version=0.0.4; charset=utf-8"
_NOT_THERE = "Prometheus does not have what was found: "


def publish(
    section: MonitorSection,
    spec: PrometheusSpec,
    environ: Mapping[str, str],
    *,
    folder: Path,
    at: float | None = None,
) -> tuple[Reason, ...]:
    """Write the file, and push; returns a warning for each that failed.

    Args:
        section: What was found.
        spec: Where it goes.
        environ: Environment variables, with the address of the Pushgateway.
        folder: What the file's path is relative to.
        at: When the monitor ran, in seconds since 1970; by default now.
    """
    text = exposition.text(section, at=time.time() if at is None else at)
    reasons = []
    if spec.textfile is not None:
        try:
            write(text, folder / spec.textfile)
        except AssayError as error:
            reasons.append(Reason.of(error, severity="warning", prefix=_NOT_THERE))
    if spec.pushgateway is not None:
        try:
            push(text, exposition.identity(section), spec.pushgateway, environ)
        except AssayError as error:
            reasons.append(Reason.of(error, severity="warning", prefix=_NOT_THERE))
    return tuple(reasons)


def write(text: str, path: Path) -> None:
    """Write the file of node_exporter's textfile collector, which sees the old one or the new.

    Raises:
        UsageError: The collector would not read it.
        OutsideError: It cannot be written.
    """
    from assay.workspace import write_atomically

    # A folder that we made would be one that nobody reads.
    if not path.parent.is_dir():
        raise UsageError(
            f"there is no folder {printable(str(path.parent))}.",
            hint="Give a file in the folder of node_exporter's "
            "`--collector.textfile.directory`, and run where that is.",
        )
    write_atomically(path, text)


def push(text: str, labels: Mapping[str, str], variable: str, environ: Mapping[str, str]) -> None:
    """Put the figures in a Pushgateway, in place of all that this monitor put there before.

    Args:
        text: In Prometheus' text format.
        labels: What they are grouped by. The version is not among them: that of the version before
            would stay for ever.
        variable: The environment variable with the address.
        environ: Where that is.

    Raises:
        UsageError: There is no address.
        OutsideError: The Pushgateway did not take it.
    """
    from assay.monitor.outgoing import send

    path = "".join(f"/{key}{_encoded(value)}" for key, value in labels.items())
    send(
        "PUT",
        variable,
        environ,
        path=f"/metrics/job/{JOB}{path}",
        body=text.encode(),
        media=_MEDIA,
        whose="the Pushgateway",
    )


def _encoded(value: str) -> str:
    """A grouping key's value in a path; what a server on the way may change, in Base64.

    https://github.com/prometheus/pushgateway#url
    """
    if re.fullmatch(r"[\w-]+", value, re.ASCII):
        return f"/{value}"
    return f"@base64/{quote(base64.urlsafe_b64encode(value.encode()).decode() or '=', safe='=')}"

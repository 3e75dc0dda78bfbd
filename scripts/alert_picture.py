"""The issue of an alarm as people meet it: the model of 2011, asked about 2012 until it is too bad.

It is the beginning of `make year`, in a folder of its own.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from assay.report import monitor, monitorcharts, pictures
from assay.report.images import Image
from year import MONTHS

from benchmarks.harness import remove
from tests.fakes.github_api import GitHubApi, State
from tests.monitor_year import Company, YearError

if TYPE_CHECKING:
    from assay.monitor.watched import MonitorSection

_ADDRESS = "https://github.com/acme/bikes/raw/assay-assets"


def issue() -> tuple[str, str, dict[str, bytes]]:
    """Title, Markdown, and images by their address.

    Raises:
        YearError: There was no alarm.
    """
    found = _alarmed()
    images, content = [], dict[str, bytes]()
    for one in pictures.of_charts(monitorcharts.of(found)):
        light, dark = (f"{_ADDRESS}/{one.name}-{theme}.png" for theme in ("light", "dark"))
        content |= {light: one.light, dark: one.dark}
        images.append(Image(title=one.title, alt=one.alt, width=one.width, light=light, dark=dark))
    return monitor.title(found), monitor.markdown(found, images=images), content


def _alarmed() -> MonitorSection:
    folder = Path(tempfile.mkdtemp(prefix="assay-picture-"))
    try:
        with GitHubApi(State()) as api:
            company = Company(folder, api)
            version = company.release("v1.0.0")
            for month in MONTHS:
                company.answer(month, version)
                company.count(month)
                found = company.monitor(month, version)
                if found.state.alarm:
                    source = found.source.replace(f"{folder}/", "")
                    return found.model_copy(update={"source": source})
    finally:
        remove(folder)
    raise YearError("The year had no alarm.")

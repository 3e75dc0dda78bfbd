"""The plots of a model as SVG files of its bundle: its curves, and what `dvc.yaml` declares."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from assay.report import charts, figures, svg
from assay.report.curves import label
from assay.report.vegalite import LIGHT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from assay.record import RunRecord
    from assay.report.vegalite import Palette

FOLDER = "plots"
MOST = 6
_LONGEST_TITLE = 80
_ROOT = re.compile(r"<svg\b[^>]*>")
_GROUND = f'<rect width="100%" height="100%" fill="{LIGHT.surface}"/>'
"""A card is read on dark pages too."""


@dataclass(frozen=True)
class Picture:
    """A plot."""

    path: str
    """Within the bundle."""
    title: str
    description: str
    """What it shows, for those who do not see it."""
    content: bytes


def of(record: RunRecord, files: Mapping[str, bytes]) -> tuple[Picture, ...]:
    """At most `MOST` pictures; none where vl-convert is missing. What cannot be drawn is left out.

    Args:
        record: The run.
        files: The content of the plot files that the record names, as far as there are any.
    """
    found: list[Picture] = []
    for title, description, draw in _drawings(record, files) if svg.available() else ():
        try:
            drawn = draw(name=f"plot-{len(found) + 1}", palette=LIGHT)
        except (svg.PlotError, RecursionError):
            continue
        path = f"{FOLDER}/{len(found) + 1}-{_slug(title)}.svg"
        content = _ROOT.sub(lambda root: root[0] + _GROUND, drawn, count=1)
        found.append(Picture(path, title, description, content.encode()))
        if len(found) == MOST:
            break
    return tuple(found)


def _drawings(
    record: RunRecord, files: Mapping[str, bytes]
) -> Iterator[tuple[str, str, Callable[..., str]]]:
    """(title, description, what draws it) of each plot."""
    evaluate = record.evaluate
    if evaluate is None:
        return
    for chart in charts.of(evaluate.head, None):
        alone = _of_model(chart)
        yield alone.title, alone.description, partial(_draw, alone)
    for plot in evaluate.plots:
        if plot.kind == "vega":
            try:
                spec = _alone(figures.specification(plot, files))
            except (svg.PlotError, RecursionError):
                continue
            heading = _heading(spec)
            title = label(heading or plot.name, _LONGEST_TITLE)
            draw = partial(svg.draw_declared, spec, title=title, name_of_plot=heading or plot.name)
            yield title, f"The plot {title} that dvc.yaml declares.", draw


def _of_model(chart: charts.Chart) -> charts.Chart:
    """A chart that says of head that it is the model, not a change."""
    spec = json.dumps(chart.spec).replace(f'"{charts.HEAD}', '"This model')
    lower = charts.HEAD[0].lower() + charts.HEAD[1:]
    description = chart.description.replace(lower, "this model")
    return replace(chart, spec=json.loads(spec), description=description)


def _draw(chart: charts.Chart, *, name: str, palette: Palette) -> str:
    return svg.draw(replace(chart, name=name), palette)


def _heading(spec: dict[str, Any]) -> str | None:
    """The `title` of a declared plot."""
    title = spec.get("title")
    text = title.get("text") if isinstance(title, dict) else title
    return text if isinstance(text, str) and text.strip() else None


def _alone(spec: dict[str, Any]) -> dict[str, Any]:
    """The same plot of the model alone."""
    data = spec.get("data")
    rows = data.get("values") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(rows, list):
        return spec
    kept = [row for row in rows if not (isinstance(row, dict) and row.get("rev") == "base")]
    return {**_without_legend(spec), "data": {**data, "values": kept}}


def _without_legend(value: Any) -> Any:
    """Without the legend of the revisions, of which there is one."""
    if isinstance(value, list):
        return [_without_legend(one) for one in value]
    if not isinstance(value, dict):
        return value
    made = {key: one if key == "values" else _without_legend(one) for key, one in value.items()}
    return {**made, "legend": None} if made.get("field") == "rev" and "scale" in made else made


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40] or "plot"

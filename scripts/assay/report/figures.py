"""The figures of the HTML page: markup by title, from the record and the files that it names."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from assay.report import charts, escape, overview, svg

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from assay.plots import DeclaredPlot
    from assay.record import RunRecord

MOST_DECLARED = 40
MOST_BYTES = 5_000_000
"""Of one declared plot: the page holds them all."""

# What a browser decodes as pixels alone; an SVG image would be a document.
_IMAGES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
}
_REVISIONS = {"head": charts.HEAD, "base": charts.BASE, None: "Declared plot"}


def of(record: RunRecord, files: Mapping[str, bytes]) -> dict[str, str]:
    """Markup by title: our own charts first, then what `dvc plots` declares.

    Args:
        record: The run.
        files: The content of the plot files that the record names, as far as there are any.
    """
    found: dict[str, str] = {}
    evaluate = record.evaluate
    if evaluate is None:
        return found
    first = overview.of(record)
    ours = (*([first] if first else []), *charts.of(evaluate.head, evaluate.base))
    if not svg.available():
        return {"Plots": _missing(svg.MISSING)} if ours or evaluate.plots else found
    for chart in ours:
        try:
            found[chart.title] = svg.draw(chart)
        except svg.PlotError as error:
            found[chart.title] = _missing(f"This plot cannot be shown: {error}.")
    # An image comes twice, once of each revision: base's first, as in every table.
    plots = sorted(evaluate.plots, key=lambda plot: plot.revision == "head")
    names = list(dict.fromkeys(plot.name for plot in evaluate.plots))
    for at, name in enumerate(names[:MOST_DECLARED]):
        parts = [_declared(plot, at, files) for plot in plots if plot.name == name]
        found[_free(name, found)] = "".join(parts)
    if len(names) > MOST_DECLARED:
        text = f"{len(names) - MOST_DECLARED:,} more declared plots are not shown."
        found["More plots"] = _missing(text)
    return found


def _declared(plot: DeclaredPlot, at: int, files: Mapping[str, bytes]) -> str:
    try:
        return _drawn(plot, at, files)
    except svg.PlotError as error:
        return _missing(f"This plot cannot be shown: {error}.")
    except RecursionError:  # in the parsers of JSON and XML, and in what walks through them
        return _missing("This plot cannot be shown: it is nested too deeply.")


def _drawn(plot: DeclaredPlot, at: int, files: Mapping[str, bytes]) -> str:
    title = escape.text(f"{_REVISIONS[plot.revision]}: {plot.name}")
    if plot.kind == "image":
        return _image(content(plot, files), title, prefix=f"image-{at}-{plot.revision}-")
    spec = specification(plot, files)
    return svg.draw_declared(spec, name=f"declared-{at}", title=title, name_of_plot=plot.name)


def content(plot: DeclaredPlot, files: Mapping[str, bytes]) -> bytes:
    """The file of a declared plot.

    Raises:
        PlotError: It is not there, or too large.
    """
    found = files.get(plot.file)
    if found is None:
        raise svg.PlotError("its file is not there")
    if len(found) > MOST_BYTES:
        raise svg.PlotError(f"it is larger than {MOST_BYTES // 1_000_000} MB")
    return found


def specification(plot: DeclaredPlot, files: Mapping[str, bytes]) -> dict[str, Any]:
    """What the file of a declared plot asks to be drawn.

    Raises:
        PlotError: It is no specification.
    """
    try:
        spec = json.loads(content(plot, files))
    except ValueError as error:
        raise svg.PlotError("its file is no JSON") from error
    if not isinstance(spec, dict):
        raise svg.PlotError("its file is no Vega-Lite specification")
    return spec


def _image(content: bytes, title: str, *, prefix: str) -> str:
    for start, kind in _IMAGES.items():
        if content.startswith(start):
            data = base64.b64encode(content).decode("ascii")
            return Markup('<img src="data:{};base64,{}" alt="{}">').format(kind, data, title)
    start_of_text = re.match(rb"\s*(?:<\?xml|<svg)", content[:200])
    if start_of_text is None:
        raise svg.PlotError("it is no PNG, JPEG, GIF or SVG image")
    from assay.report import sanitizer

    try:
        text = content.decode("utf-8")
        return sanitizer.clean(text, prefix=prefix, title=title)
    except (UnicodeDecodeError, sanitizer.UnsafeSvgError) as error:
        raise svg.PlotError(str(error)) from error


def _free(name: str, taken: Mapping[str, str]) -> str:
    """A title that hides no other: the user may have called a plot as we call ours."""
    return name if name not in taken else f"{name} (declared)"


def _missing(text: str) -> Markup:
    return Markup('<p class="missing">{}</p>').format(text)


def names(record: RunRecord) -> Iterator[str]:
    """The files that `of` wants, relative to the record's folder."""
    for plot in record.evaluate.plots if record.evaluate else ():
        yield plot.file

"""Plots for a comment as PNG, light and dark: the overview, our charts, what `dvc plots` declares.

They stand on the colour of the page, since what reads a comment elsewhere (e-mail) has pages of
other colours. An image of the user's is decoded and drawn anew, in the process of the engine: of a
file that a pull request brought, nothing but pixels is published.
"""

from __future__ import annotations

import base64
import math
import re
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from assay.report import charts, figures, overview, raster, svg
from assay.report.curves import label
from assay.report.engine import EngineError
from assay.report.images import Picture
from assay.report.vegalite import DARK, LIGHT, Palette
from assay.report.wording import short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from assay.plots import DeclaredPlot
    from assay.record import RunRecord

MOST = 12
"""Pictures in a comment; the page has all."""
MOST_BYTES = 1_000_000
"""Of one picture's two images."""
WIDEST = 800
"""CSS pixels: about what GitHub has room for."""
SCALE = 2.0
"""Pixels of an image for one of CSS: most screens have that many."""
_MOST_PIXELS = 4_000_000
_MOST_DECODED = 40_000_000
"""Pixels of an image of the user's: decoding takes four bytes for each."""
_LONGEST_SIDE = 10_000
_THUMBNAIL = 64
"""Pixels of the longer side of an image that is only looked at by us."""
_LONGEST_TITLE, _LONGEST_ALT = 80, 1_000
_ROOT = re.compile(r"<svg\b[^>]*>")
_SIDE = re.compile(r'\s(width|height)="([\d.]+)"')


def of(record: RunRecord, files: Mapping[str, bytes]) -> tuple[Picture, ...]:
    """At most `MOST` pictures, the most telling first; none where vl-convert is missing.

    What cannot be drawn is left out: the page says why, in its place.

    Args:
        record: The run.
        files: The content of the plot files that the record names, as far as there are any.
    """
    return _made(_makers(record, files))


def of_charts(drawable: Iterable[charts.Chart]) -> tuple[Picture, ...]:
    """Charts of our own, as `of`."""
    return _made(partial(_of_chart, chart, chart.name) for chart in drawable)


def _made(makers: Iterable[Callable[[], Picture]]) -> tuple[Picture, ...]:
    found: list[Picture] = []
    if not svg.available():
        return ()
    for make in makers:
        if len(found) == MOST:
            break
        try:
            found.append(make())
        except (svg.PlotError, EngineError, RecursionError):
            continue
    return tuple(found)


def _makers(record: RunRecord, files: Mapping[str, bytes]) -> Iterator[Callable[[], Picture]]:
    evaluate = record.evaluate
    if (first := overview.of(record)) is not None:
        yield partial(_of_chart, first, first.name)
    if evaluate is None:
        return
    for at, chart in enumerate(ours := charts.of(evaluate.head, evaluate.base)):
        again = any(chart.name == other.name for other in ours[:at])
        yield partial(_of_chart, chart, f"{chart.name}-{at}" if again else chart.name)
    # Specifications before images; of an image base's before head's, as in every table.
    names = {plot.name: at for at, plot in reversed(list(enumerate(evaluate.plots)))}
    plots = sorted(
        evaluate.plots,
        key=lambda plot: (plot.kind == "image", names[plot.name], plot.revision == "head"),
    )
    for at, plot in enumerate(plots):
        make = _of_image if plot.kind == "image" else _of_specification
        yield partial(make, plot, at, files)


def _of_chart(chart: charts.Chart, name: str) -> Picture:
    return _picture(name, chart.title, chart.description, partial(svg.draw, chart))


def _of_specification(plot: DeclaredPlot, at: int, files: Mapping[str, bytes]) -> Picture:
    spec = figures.specification(plot, files)
    title = label(plot.name, _LONGEST_TITLE)
    drawn = partial(
        svg.draw_declared, spec, name=f"declared-{at}", title=title, name_of_plot=plot.name
    )
    return _picture(f"declared-{at}", title, f"The plot {title} that dvc.yaml declares.", drawn)


def _of_image(plot: DeclaredPlot, at: int, files: Mapping[str, bytes]) -> Picture:
    """The user's pixels on white in both themes, which is what most plots are drawn for."""
    content = figures.content(plot, files)
    found = raster.kind_and_size(content)
    if found is None:
        raise svg.PlotError("it is no PNG or JPEG image")
    kind, width, height = found
    if not 0 < max(width, height) <= _LONGEST_SIDE or not 0 < width * height <= _MOST_DECODED:
        raise svg.PlotError(f"it has {width:,} x {height:,} pixels")
    who = charts.HEAD if plot.revision == "head" else charts.BASE
    title = f"{label(plot.name, _LONGEST_TITLE)} ({who.lower()})"
    size = f'width="{width}" height="{height}"'
    data = base64.b64encode(content).decode("ascii")
    document = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>'
        f'<image {size} href="data:image/{kind};base64,{data}"/></svg>'
    )
    with suppress(ValueError):
        if raster.blank(svg.ENGINE.paint(document, _THUMBNAIL / max(width, height))):
            raise svg.PlotError("it cannot be decoded")
    painted, shown_width = _painted(document, "#ffffff", most=1.0)
    return Picture(
        name=f"declared-{at}",
        title=title,
        alt=f"The image {title} that dvc.yaml declares.",
        width=shown_width,
        light=painted,
        dark=painted,
    )


def _picture(name: str, title: str, alt: str, draw: Callable[..., str]) -> Picture:
    def drawn(palette: Palette) -> tuple[bytes, int]:
        return _painted(draw(palette=palette), palette.surface, most=SCALE)

    light, width = drawn(LIGHT)
    dark, _ = drawn(DARK)
    return Picture(
        name=name,
        title=title,
        alt=short(alt, _LONGEST_ALT),
        width=width,
        light=light,
        dark=dark,
    )


def _painted(document: str, background: str, *, most: float) -> tuple[bytes, int]:
    """A drawing as PNG on a colour, and its width on the page.

    Args:
        document: SVG of our own making, or sanitised.
        background: A colour.
        most: Pixels for one of the drawing; a drawing that is too large gets fewer.
    """
    root = _ROOT.search(document)
    sides = {name: float(value) for name, value in _SIDE.findall(root[0])} if root else {}
    if root is None or not all(sides.get(side, 0) > 0 for side in ("width", "height")):
        raise svg.PlotError("it has no size")
    width, height = sides["width"], sides["height"]
    shown_width = min(width, WIDEST)
    scale = min(most, SCALE * shown_width / width, math.sqrt(_MOST_PIXELS / (width * height)))
    if min(width, height) * scale < 1:
        raise svg.PlotError(f"it measures {width:,.0f} x {height:,.0f} pixels")
    ground = f'<rect width="100%" height="100%" fill="{background}"/>'
    document = f"{document[: root.end()]}{ground}{document[root.end() :]}"
    painted = svg.ENGINE.paint(document, scale)
    with suppress(ValueError):  # what another vl-convert writes is published as it is
        painted = raster.smaller(painted)
    if len(painted) > MOST_BYTES:
        raise svg.PlotError(f"its image is larger than {MOST_BYTES:,} bytes")
    return painted, round(shown_width)

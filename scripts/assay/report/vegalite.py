"""The parts of Vega-Lite specifications that charts share: colours, axes, lines, the theme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Spec = dict[str, Any]

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
WIDTH, HEIGHT = 340, 250
MOST_LABELLED = 8
"""Classes whose names stand upright below an axis."""


@dataclass(frozen=True)
class Palette:
    """Colours by what they are for."""

    ink: str
    muted: str
    grid: str
    head: str
    base: str
    surface: str


LIGHT = Palette("#1f2328", "#59636e", "#d8dee4", "#0b62c4", "#6e7781", "#ffffff")
DARK = Palette("#f0f6fc", "#9198a1", "#30363d", "#58a6ff", "#9198a1", "#0d1117")
THEMELESS = Palette("#a55a01", "#a55a02", "#a55a03", "#a55a04", "#a55a05", "#a55a06")
"""Stands for colours that a page decides: `svg` replaces each by a CSS variable."""


def theme(palette: Palette) -> Spec:
    """Vega-Lite's `config`: everything that is no data."""
    return {
        "background": None,
        "font": "Helvetica, Arial, sans-serif",
        "view": {"stroke": None},
        "axis": {
            "domainColor": palette.grid,
            "gridColor": palette.grid,
            "gridOpacity": 0.7,
            "tickColor": palette.grid,
            "labelColor": palette.muted,
            "labelFontSize": 11,
            "labelLimit": 110,
            "titleColor": palette.muted,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "titlePadding": 8,
        },
        "legend": {
            "labelColor": palette.ink,
            "labelFontSize": 12,
            "labelLimit": 220,
            "columnPadding": 22,
            "orient": "top",
            "symbolSize": 380,
            "symbolStrokeWidth": 2.5,
            "titleColor": palette.muted,
            "titleFontSize": 12,
        },
        "header": {
            "labelColor": palette.ink,
            "labelFontSize": 11,
            "labelLimit": 185,
            "titleColor": palette.muted,
        },
        "title": {"color": palette.ink, "fontSize": 13, "anchor": "start"},
        "text": {"color": palette.ink},
    }


def lines(
    rows: list[Spec],
    names: list[str],
    palette: Palette,
    *,
    x: str,
    y: str,
    under: list[Spec],
    dots: bool = False,
    unit_square: bool = True,
    interpolate: str = "linear",
    size: tuple[int, int] = (WIDTH, HEIGHT),
) -> Spec:
    """One line for each name: head's solid and in colour, base's dashed, above it to be seen."""
    mark: Spec = {"type": "line", "strokeWidth": 2.2, "interpolate": interpolate}
    dash = {"domain": names, "range": [[1, 0], [5, 4]][: len(names)]}
    line: Spec = {
        "mark": mark,
        "encoding": {
            "x": number_axis("x", x, zero=unit_square),
            "y": number_axis("y", y, zero=True),
            "order": {"field": "i", "type": "quantitative"},
            "color": colour(names, palette),
            "strokeDash": {"field": "who", "type": "nominal", "scale": dash, "legend": None},
        },
    }
    if unit_square:
        ticks = [0, 0.2, 0.4, 0.6, 0.8, 1] if size[0] >= WIDTH else [0, 0.5, 1]
        for axis in ("x", "y"):
            line["encoding"][axis]["scale"] = {"domain": [0, 1]}
            line["encoding"][axis]["axis"] = {"values": ticks, "labelOverlap": False}
    # The legend of the colours shows their dashes too.
    line["encoding"]["color"]["legend"]["symbolType"] = "stroke"
    line["encoding"]["strokeDash"]["legend"] = {"title": None, "symbolType": "stroke"}
    if rows:
        line["data"] = {"values": rows}
    over = _dots(line, names, palette) if dots else ()
    return {
        **frame(palette),
        "width": size[0],
        "height": size[1],
        "layer": [*under, line, *over],
    }


def bars(
    rows: list[Spec], names: list[str], labels: list[str], palette: Palette, *, y: str
) -> Spec:
    """Bars of both sides beside each other in each bin: rows of `who`, `bin`, `share`."""
    return {
        **frame(palette),
        "width": WIDTH,
        "height": HEIGHT,
        "data": {"values": rows},
        "mark": {"type": "bar"},
        "encoding": {
            "x": {
                "field": "bin",
                "type": "nominal",
                "title": None,
                "sort": labels,
                "axis": {"labelAngle": -45 if len(labels) > 4 else 0},
            },
            "xOffset": {"field": "who", "sort": names},
            "y": {"field": "share", "type": "quantitative", "title": y},
            "color": colour(names, palette),
        },
    }


def _dots(line: Spec, names: list[str], palette: Palette) -> Iterator[Spec]:
    """The points of lines: circles for head, squares for base."""
    looks = zip(names, ("circle", "square"), (palette.head, palette.base), strict=False)
    for name, shape, stroke in looks:
        yield {
            "data": line.get("data", {"values": []}),
            "transform": [{"filter": {"field": "who", "equal": name}}],
            "mark": {
                "type": "point",
                "shape": shape,
                "size": 34,
                "opacity": 1,
                "stroke": stroke,
                "strokeWidth": 1.8,
                "fill": palette.surface,
            },
            "encoding": {side: line["encoding"][side] for side in ("x", "y")},
        }


def frame(palette: Palette) -> Spec:
    """What every specification begins with."""
    return {"$schema": SCHEMA, "config": theme(palette)}


def colour(names: list[str], palette: Palette) -> Spec:
    """Colour by revision: head's first."""
    colours = [palette.head, palette.base][: len(names)]
    return {
        "field": "who",
        "type": "nominal",
        "scale": {"domain": names, "range": colours},
        "legend": {"title": None},
    }


def number_axis(field: str, title: str, *, zero: bool) -> Spec:
    """An axis of numbers."""
    return {
        "field": field,
        "type": "quantitative",
        "title": title,
        "axis": {"tickCount": 5},
        "scale": {"zero": zero},
    }


def category(field: str, title: str, labels: tuple[str, ...]) -> Spec:
    """An axis of classes, in the order given."""
    many = len(labels) > MOST_LABELLED
    angle = -90 if many and field == "predicted" else 0
    return {
        "field": field,
        "type": "nominal",
        "title": title,
        "sort": list(labels),
        "axis": {"labelAngle": angle, "domain": False, "ticks": False},
    }


def diagonal(palette: Palette) -> Spec:
    """A dotted line from corner to corner."""
    return {
        "data": {"values": [{"x": 0, "y": 0}, {"x": 1, "y": 1}]},
        "mark": {"type": "line", "color": palette.muted, "strokeDash": [1, 3], "strokeWidth": 1},
        "encoding": {
            "x": {"field": "x", "type": "quantitative"},
            "y": {"field": "y", "type": "quantitative"},
        },
    }


def points(who: str, x: tuple[float, ...], y: tuple[float, ...]) -> list[Spec]:
    """Rows of one line; `i` keeps their order, which `x` alone does not tell."""
    return [{"who": who, "i": i, "x": a, "y": b} for i, (a, b) in enumerate(zip(x, y, strict=True))]

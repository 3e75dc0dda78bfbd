"""Vega-Lite specifications as SVG, by vl-convert, without any network.

One drawing serves the page and the pictures of a comment, light and dark: it is drawn in stand-in
colours, which become CSS variables of the page, or the colours of a palette. Drawing is nearly all
the time that a report takes, so none is made twice.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from assay.report import sanitizer
from assay.report.engine import Engine, EngineError
from assay.report.vegalite import HEIGHT, THEMELESS, WIDTH, Palette, theme

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from assay.report import charts

ENGINE = Engine()
"""Draws for this whole process; it starts with the first drawing."""
MISSING = "Plots need the extra `assay[report]`, which is not installed."
_SIZE = {"width": WIDTH, "height": HEIGHT}
_MOST_ROWS = 200_000
_MOST_REMEMBERED = 1_000_000
"""Characters of a specification whose drawing is kept for the next who asks for it."""
_FORBIDDEN = {
    "url": "loads data from an address",
    "href": "links to an address",
    "sequence": "generates rows of its own",
}

_STAND_INS = asdict(THEMELESS)
VARIABLES = {stand_in: f"var(--{name})" for name, stand_in in _STAND_INS.items()}


class PlotError(Exception):
    """A plot cannot be drawn; the message says why, for the place where it would stand."""


def available() -> bool:
    """Whether plots can be drawn."""
    from importlib.util import find_spec

    return find_spec("vl_convert") is not None


def warm_up() -> None:
    """Have the engine start, so that the first drawing need not wait for it."""
    if available():
        ENGINE.start()


def draw(chart: charts.Chart, palette: Palette | None = None) -> str:
    """A chart of ours as SVG, in a palette's colours or, without any, in those of the page.

    Raises:
        PlotError: It cannot be drawn.
    """
    return render(chart.spec, name=chart.name, title=chart.description, palette=palette)


def draw_declared(
    spec: Mapping[str, Any],
    *,
    name: str,
    title: str,
    name_of_plot: str = "",
    palette: Palette | None = None,
) -> str:
    """A specification from the user's repository as SVG, if it only draws the data it holds.

    Args:
        spec: Vega-Lite, as `dvc plots` makes it.
        name: Unique on the page.
        title: What the drawing shows, in words.
        name_of_plot: What the figure is called; the drawing need not repeat it.
        palette: Instead of the colours of the page.

    Raises:
        PlotError: It would load something, or cannot be drawn.
    """
    for problem in _outside(spec):
        raise PlotError(f"it {problem}, which a report does not")
    safe: dict[str, Any] = _in_our_colours(spec, _revisions(spec))
    for side, length in _SIZE.items():
        if side in safe and not isinstance(safe[side], int | float | dict):
            safe[side] = length  # `container` has no meaning without a page around it
    heading = safe.get("title")
    if name_of_plot in (heading, heading.get("text") if isinstance(heading, dict) else None):
        del safe["title"]  # it stands above the figure already
    config = theme(THEMELESS)
    del config["legend"]["symbolSize"]
    given = spec.get("config")
    safe["config"] = {**config, **given, "background": None} if isinstance(given, dict) else config
    safe.pop("background", None)
    return render(safe, name=name, title=title, palette=palette)


def render(
    spec: Mapping[str, Any], *, name: str, title: str, palette: Palette | None = None
) -> str:
    """Any specification as sanitised SVG.

    Args:
        spec: Vega-Lite with its data inside.
        name: Unique on the page.
        title: What the drawing shows, in words.
        palette: Instead of the colours of the page.

    Raises:
        PlotError: vl-convert is missing, or the specification cannot be drawn.
    """
    if not available():
        raise PlotError(MISSING)
    text = json.dumps(spec)
    remembered = len(text) <= _MOST_REMEMBERED
    drawn = _drawing(text) if remembered else _drawing.__wrapped__(text)
    if isinstance(drawn, EngineError):
        raise PlotError(f"it is no drawable Vega-Lite: {_first_line(drawn)}") from drawn
    colours = VARIABLES if palette is None else _colours(palette)
    try:
        return sanitizer.clean(drawn, prefix=f"{name}-", title=title, colours=colours)
    except sanitizer.UnsafeSvgError as error:
        raise PlotError(f"the drawing cannot be shown: {error}") from error


@lru_cache(maxsize=64)
def _drawing(spec: str) -> str | EngineError:
    """What vl-convert makes of a specification, or why it fails, which can take half a minute."""
    try:
        return ENGINE.draw(json.loads(spec))
    except EngineError as error:
        return error


def _colours(palette: Palette) -> dict[str, str]:
    return {stand_in: getattr(palette, name) for name, stand_in in _STAND_INS.items()}


def _outside(value: object) -> Iterator[str]:
    """What a specification would load from elsewhere, link to, or make without bound."""
    if isinstance(value, list):
        for child in value:
            yield from _outside(child)
    if not isinstance(value, dict):
        return
    yield from (problem for key, problem in _FORBIDDEN.items() if key in value)
    if "image" in (value.get("mark"), value.get("type")):
        yield "loads images"
    for key, child in value.items():
        if key != "values" or not isinstance(child, list):
            yield from _outside(child)
        elif len(child) > _MOST_ROWS:  # rows are only rows, whatever their columns are called
            yield f"holds more than {_MOST_ROWS:,} rows"


def _revisions(spec: Mapping[str, Any]) -> list[str]:
    """Head and base, as far as the rows know them."""
    data = spec.get("data")
    rows = data.get("values") if isinstance(data, dict) else None
    known = (
        {row.get("rev") for row in rows if isinstance(row, dict)} if isinstance(rows, list) else ()
    )
    return [revision for revision in ("head", "base") if revision in known]


def _in_our_colours(value: Any, revisions: list[str]) -> Any:
    """The same, with revisions told apart as in our own charts: DVC has colours for light pages."""
    if isinstance(value, list):
        return [_in_our_colours(child, revisions) for child in value]
    if not isinstance(value, dict):
        return value
    made = {
        key: child if key == "values" else _in_our_colours(child, revisions)
        for key, child in value.items()
    }
    scale = made.get("scale")
    if revisions and made.get("field") == "rev" and isinstance(scale, dict) and "range" in scale:
        colours = {"head": THEMELESS.head, "base": THEMELESS.base}
        made["scale"] = {"domain": revisions, "range": [colours[name] for name in revisions]}
        made.setdefault("title", None)
    if revisions and made.get("strokeDash") == {}:  # DVC's placeholder for what tells them apart
        dashes = {"head": [1, 0], "base": [5, 4]}
        scale = {"domain": revisions, "range": [dashes[name] for name in revisions]}
        made["strokeDash"] = {"field": "rev", "scale": scale, "legend": None}
    return made


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200]

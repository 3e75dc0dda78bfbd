"""Curves as Mermaid charts, for a comment where no image can be stored.

GitHub draws them in the colours of the page. Mermaid's `xychart` knows neither a legend nor a
dashed line nor points at uneven distances: the title says which line is whose, and curves are
interpolated. A confusion matrix, and differences with their intervals, are better told in text.
Syntax: https://mermaid.js.org/syntax/xyChart.html
"""

from __future__ import annotations

import json
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from assay.report import curves
from assay.report.wording import decimals, number, short
from assay.stats.curves import Calibration, PrecisionRecallCurve, Residuals, RocCurve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.record import RunRecord
    from assay.stats.curves import Curve

MOST = 6
_STEPS = 50
_LONGEST_LABEL = 24
_LEAST_RANGE, _LARGEST = 1e-6, 1e12
"""What Mermaid can show: it reads numbers without an exponent."""
_PUNCTUATION = frozenset(" .,:()/+=_-\u2212\u2026")

# Each contrasts with white and with GitHub's dark page by 3 to 1 or more, and they differ in
# lightness too. The default palette begins with a violet that nobody sees on white.
_HEAD, _BASE, _PERFECT = "#1f77e0", "#848d97", "#bf8700"
_LOOKS = {"width": 500, "height": 340, "titleFontSize": 15, "titlePadding": 8}


@dataclass(frozen=True)
class Chart:
    """A chart that GitHub draws."""

    title: str
    alt: str
    """What it shows, in a sentence for those who do not see it."""
    text: str
    """What goes between the fences of a `mermaid` block."""


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """Everything but the lines."""

    title: str
    alt: str
    x: str
    y: str
    low: float = 0.0
    high: float = 1.0
    top: float = 1.0


@dataclass(frozen=True, kw_only=True)
class _Line:
    colour: str
    says: str
    """`blue: this change 0.8795`; for the title, as there is no legend."""
    values: Sequence[float]


def charts(record: RunRecord) -> tuple[Chart, ...]:
    """The curves of a run that a Mermaid chart can show, at most `MOST`."""
    evaluate = record.evaluate
    if evaluate is None:
        return ()
    head, base = curves.drawable(evaluate.head), curves.drawable(evaluate.base)
    return tuple(_charts(head, base))[:MOST]


def _charts(head: tuple[Curve, ...], base: tuple[Curve, ...]) -> Iterator[Chart]:
    roc = [curve for curve in head if isinstance(curve, RocCurve)]
    if roc:
        yield _roc(roc, base)
    for curve in head:
        made = None
        match curve:
            case PrecisionRecallCurve():
                made = _precision_recall(curve, curves.like(curve, base))
            case Calibration():
                made = _calibration(curve, curves.like(curve, base))
            case Residuals():
                made = _distribution(curve, curves.like(curve, base))
            case _:
                continue
        if made is not None:
            yield made


def _roc(heads: list[RocCurve], others: tuple[Curve, ...]) -> Chart:
    """Of several classes the one whose area moved most, or is smallest: lines need a legend."""
    pairs = [(head, curves.like(head, others)) for head in heads]

    def moved(pair: tuple[RocCurve, RocCurve | None]) -> tuple[float, float]:
        curve, before = pair
        return (abs(curve.area - before.area) if before else 0.0, -curve.area)

    head, base = max(pairs, key=moved)
    name = _label(head.label)
    title = f"ROC curve, class {name}"
    if len(pairs) > 1:
        why = "whose area moved most" if moved((head, base))[0] else "with the smallest area"
        title += f", the one of {len(pairs)} {why}"
    lines = _lines(
        [_at(_grid(), c.false_positive_rate, c.true_positive_rate) for c in (head, base) if c],
        _areas(head.area, base.area if base else None),
    )
    alt = f"{title}. Area below it: {_told(head.area, base.area if base else None)}."
    return _chart(
        _Frame(title=title, alt=alt, x="False positive rate", y="True positive rate"), lines
    )


def _precision_recall(head: PrecisionRecallCurve, base: PrecisionRecallCurve | None) -> Chart:
    before = base.average_precision if base else None
    lines = _lines(
        [_at(_grid(), c.recall, c.precision) for c in (head, base) if c],
        _areas(head.average_precision, before),
    )
    title = f"Precision and recall, class {_label(head.label)}"
    alt = f"{title}. Average precision: {_told(head.average_precision, before)}."
    return _chart(_Frame(title=title, alt=alt, x="Recall", y="Precision"), lines)


def _calibration(head: Calibration, base: Calibration | None) -> Chart | None:
    """Between the outermost bins that both have; beyond them nothing is known."""
    both = [curve for curve in (head, base) if curve is not None]
    low = max(min(curve.mean_predicted) for curve in both)
    high = min(max(curve.mean_predicted) for curve in both)
    if not 0 <= low < low + 0.01 <= high <= 1:
        return None
    grid = _grid(low, high)
    gaps = [curves.calibration_error(curve) for curve in both]
    lines = _lines(
        [_at(grid, curve.mean_predicted, curve.fraction_positive) for curve in both],
        ["", ""],
    )
    lines.append(_Line(colour=_PERFECT, says="yellow: perfect", values=grid))
    title = f"Calibration, class {_label(head.label)}"
    told = _told(gaps[0], gaps[1] if base else None)
    alt = f"{title}. Observed frequencies are off by on average: {told}."
    frame = _Frame(
        title=title,
        alt=alt,
        x="Predicted probability",
        y="Observed frequency",
        low=low,
        high=high,
    )
    return _chart(frame, lines)


def _distribution(head: Residuals, base: Residuals | None) -> Chart | None:
    """In percent of the rows for each step of the grid: densities can be very small numbers."""
    both = [curve for curve in (head, base) if curve is not None]
    low = min(min(curve.edges) for curve in both)
    high = max(max(curve.edges) for curve in both)
    if not _LEAST_RANGE <= high - low <= _LARGEST or max(abs(low), abs(high)) > _LARGEST:
        return None
    grid = _grid(low, high)
    shares = [_shares(curve, grid) for curve in both]
    top = max(max(values) for values in shares)
    if not 0 < top <= _LARGEST:
        return None
    means = [curves.mean_residual(curve) for curve in both]
    lines = _lines(shares, ["", ""])
    alt = f"How truth less prediction is distributed over {head.rows:,} rows. Mean: "
    alt += f"{_told(means[0], means[1] if base else None)}."
    frame = _Frame(
        title="Distribution of residuals",
        alt=alt,
        x="Truth less prediction",
        y="Percent of the rows",
        low=low,
        high=high,
        top=1.05 * top,
    )
    return _chart(frame, lines)


def _chart(frame: _Frame, lines: Sequence[_Line]) -> Chart:
    """As text. Base comes first, so that head's line lies upon it."""
    drawn = sorted(lines, key=lambda line: line.colour == _HEAD)
    colours = {
        "backgroundColor": "transparent",
        "plotColorPalette": ",".join(x.colour for x in drawn),
    }
    init = {"xyChart": _LOOKS, "themeVariables": {"xyChart": colours}}
    legend = ", ".join(line.says for line in lines)
    rows = (
        f"%%{{init: {json.dumps(init)}}}%%",
        "xychart-beta",
        f'    title "{_safe(legend)}"',
        f"    accTitle: {_safe(frame.title)}",
        f"    accDescr: {_safe(frame.alt)}",
        f'    x-axis "{frame.x}" {_plain(frame.low)} --> {_plain(frame.high)}',
        f'    y-axis "{frame.y}" 0 --> {_plain(frame.top)}',
        *(f"    line [{', '.join(_values(line.values, frame.top))}]" for line in drawn),
    )
    return Chart(title=frame.title, alt=frame.alt, text="\n".join(rows))


def _lines(values: Sequence[Sequence[float]], numbers: Sequence[str]) -> list[_Line]:
    """Head's and, where there are two, base's."""
    looks = ((_HEAD, "blue: this change"), (_BASE, "grey: base"))
    return [
        _Line(colour=colour, says=f"{says} {told}".rstrip(), values=found)
        for (colour, says), told, found in zip(looks, numbers, values, strict=False)
    ]


def _areas(head: float, base: float | None) -> list[str]:
    places = decimals(head, base, difference=None if base is None else head - base)
    return [number(value, places) for value in (head, base) if value is not None]


def _told(head: float, base: float | None) -> str:
    after, *before = _areas(head, base)
    return f"this change {after}" + "".join(f", base {value}" for value in before)


def _grid(low: float = 0.0, high: float = 1.0) -> list[float]:
    return [low + (high - low) * step / _STEPS for step in range(_STEPS + 1)]


def _at(grid: Sequence[float], x: Sequence[float], y: Sequence[float]) -> list[float]:
    """A curve's values at the grid; of points above each other the last counts."""
    points = sorted(zip(x, y, range(len(x)), strict=True), key=lambda point: (point[0], point[2]))
    places = [point[0] for point in points]
    values = []
    for at in grid:
        right = bisect_right(places, at)
        left_x, left_y, _ = points[max(right - 1, 0)]
        right_x, right_y, _ = points[min(right, len(points) - 1)]
        inside = left_x < at < right_x
        part = (at - left_x) / (right_x - left_x) if inside else 0.0
        values.append(left_y + part * (right_y - left_y))
    return values


def _shares(curve: Residuals, grid: Sequence[float]) -> list[float]:
    """Percent of the rows for each step of the grid, as a line through the middles of the bins."""
    total, step = sum(curve.counts) or 1, grid[1] - grid[0]
    x, y = [curve.edges[0]], [0.0]
    for (left, right), count in zip(pairwise(curve.edges), curve.counts, strict=True):
        x.append((left + right) / 2)
        y.append(100 * count / total * step / (right - left) if right > left else 0.0)
    return _at(grid, [*x, curve.edges[-1]], [*y, 0.0])


def _values(values: Sequence[float], top: float) -> Iterator[str]:
    return (_plain(min(max(value, 0.0), top), 4) for value in values)


def _plain(value: float, places: int = 9) -> str:
    """Without an exponent, which Mermaid does not read."""
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _label(label: str) -> str:
    return _safe(curves.label(label, _LONGEST_LABEL)) or "(no name)"


def _safe(text: str) -> str:
    """Letters, digits and harmless marks: nothing that could end a string, a line or a fence.

    Mermaid reads `%%{...}%%` anywhere, `#...;` as characters, and Markdown behind a backtick.
    """
    kept = (c if _harmless(c) else " " for c in text)
    return short(" ".join("".join(kept).split()), 300)


def _harmless(character: str) -> bool:
    return character in _PUNCTUATION or unicodedata.category(character)[0] in "LMN"

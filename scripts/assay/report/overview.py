"""How far each metric moved, and how sure that is, as one chart: a forest plot.

Whatever the metric, right of the line is better. Metrics of the same unit share a scale; the
numbers stand beside them, since the scales of different units cannot be compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.report import comparison, curves, wording
from assay.report.charts import Chart
from assay.report.vegalite import THEMELESS, Palette, Spec, frame
from assay.stats.catalogue import direction_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.changes import MetricChange, SliceChange
    from assay.config import Direction
    from assay.record import RunRecord
    from assay.stages.compare import CompareSection

MOST_METRICS, MOST_SLICES = 8, 8
_WIDTH, _ROW = 390, 46
_LARGEST = 1e100
_SURE = ("better", "worse", "changed")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One difference between head and base."""

    label: str
    """`F1`; `F1 on season = 3`."""
    numbers: str
    """`+0.0122 (+0.0041 to +0.0203)`."""
    word: str
    """`better`; `no evidence of change`."""
    middle: float
    """The difference, turned so that more is better, as are its ends."""
    low: float | None
    """`None` without evidence."""
    high: float | None
    sure: bool
    """Whether chance does not explain it."""
    confidence: float | None
    scale: str
    """Rows of the same name share a scale."""


def of(record: RunRecord, palette: Palette = THEMELESS) -> Chart | None:
    """The chart, where there is a difference to show."""
    found = rows(record)
    if not found:
        return None
    title = "Difference to base"
    told = "; ".join(f"{row.label} {row.numbers}, {row.word}" for row in found)
    levels = _confidences(found)
    sure = f", with {levels} intervals" if levels else ""
    text = f"Differences between this change and base{sure}: {told}."
    return Chart("overview", title, text, _spec(found, palette))


def rows(record: RunRecord) -> tuple[Row, ...]:
    """The gated metrics in their order, or the first few where none is; then the worse slices."""
    compare = record.compare
    if compare is None:
        return ()
    gated = {gate.metric for gate in compare.gates if gate.column is None and not gate.slice}
    chosen = [m for m in compare.metrics if m.name in gated or m.configured]
    metrics = _rows(compare, chosen or compare.metrics, MOST_METRICS)
    return (*metrics, *_rows(compare, comparison.worse(record), MOST_SLICES))


def _rows(
    compare: CompareSection, changes: Sequence[MetricChange | SliceChange], most: int
) -> tuple[Row, ...]:
    directions = {metric.name: metric.direction for metric in compare.metrics}
    made = (_row(change, directions) for change in changes)
    return tuple(row for row in made if row is not None)[:most]


def _row(change: MetricChange | SliceChange, directions: dict[str, Direction | None]) -> Row | None:
    difference, evidence = change.difference, change.evidence
    if difference is None or not abs(difference) <= _LARGEST:
        return None
    part = getattr(change, "metric", None)  # the name of a slice is that of its rows
    metric = change.name if part is None else part
    direction = directions.get(metric) or direction_of(metric)
    ends = None if evidence is None else (evidence.low, evidence.high)
    if ends is not None and not all(abs(end) <= _LARGEST for end in ends):
        ends = None
    numbers = wording.pair(change.base, change.head)[2] or "0"
    if evidence is not None and ends is not None:
        numbers += f" ({wording.interval(evidence)})"
    turn = -1 if direction == "lower" else 1
    low, high = sorted(turn * end for end in ends) if ends else (None, None)
    name = curves.label(wording.metric_title(metric), 60)
    if part is not None:
        name += f" on {curves.label(change.name, 60)}"  # what is long is cut at its end
    word = wording.change_words(change.change, difference, of_slice=part is not None)
    return Row(
        label=name,
        numbers=numbers,
        word=word.removeprefix("↑ ").removeprefix("↓ "),
        middle=turn * difference,
        low=low,
        high=high,
        sure=change.change in _SURE and ends is not None,
        confidence=evidence.confidence if evidence and ends else None,
        scale=comparison.scale(metric),
    )


def _confidences(found: tuple[Row, ...]) -> str:
    levels = {row.confidence for row in found if row.confidence is not None}
    return " or ".join(wording.percent(level) for level in sorted(levels))


def _spec(found: tuple[Row, ...], palette: Palette) -> Spec:
    height = _ROW * len(found)
    domain = {"domain": [0, len(found)], "nice": False, "zero": False}
    return {
        **frame(palette),
        "width": _WIDTH,
        "height": height + 40,
        "data": {"values": list(_data(found))},
        "encoding": {
            "y": {
                "field": "line",
                "type": "quantitative",
                "axis": None,
                "scale": {**domain, "range": [24, height + 24]},
            }
        },
        "layer": [*_ground(found, palette), *_texts(palette), *_intervals(palette)],
    }


def _data(found: tuple[Row, ...]) -> Iterator[Spec]:
    largest: dict[str, float] = {}
    for row in found:
        reach = max(abs(row.middle), abs(row.low or 0.0), abs(row.high or 0.0))
        largest[row.scale] = max(reach, largest.get(row.scale, 0.0))
    for at, row in enumerate(found):
        scale = largest[row.scale] or 1.0
        yield {
            "line": at + 0.74,
            "above": at + 0.34,
            "label": row.label,
            "numbers": row.numbers,
            "middle": row.middle / scale,
            "low": row.low / scale if row.low is not None else row.middle / scale,
            "high": row.high / scale if row.high is not None else row.middle / scale,
            "sure": row.sure,
        }


def _across(field: str) -> Spec:
    scale = {"domain": [-1.06, 1.06], "nice": False}
    return {"field": field, "type": "quantitative", "axis": None, "scale": scale}


def _ground(found: tuple[Row, ...], palette: Palette) -> Iterator[Spec]:
    """The line of no difference, what lies on its sides, and what the dots mean."""
    bottom = _ROW * len(found) + 24
    middle = _WIDTH / 2
    yield {
        "data": {"values": [{}]},
        "mark": {"type": "rule", "color": palette.muted, "strokeWidth": 1},
        "encoding": {"x": {"value": middle}, "y": {"value": 18}, "y2": {"value": bottom}},
    }
    legend = "● beyond chance · ○ may be chance, or not tested"
    if confidence := _confidences(found):
        legend += f" · line: {confidence} interval"
    for text, x, y, align in (
        ("← worse", middle - 8, 8, "right"),
        ("better →", middle + 8, 8, "left"),
        (legend, middle, bottom + 13, "center"),
    ):
        yield {
            "data": {"values": [{}]},
            "mark": {
                "type": "text",
                "text": text,
                "align": align,
                "color": palette.muted,
                "fontSize": 11,
            },
            "encoding": {"x": {"value": x}, "y": {"value": y}},
        }


def _texts(palette: Palette) -> Iterator[Spec]:
    """The name on the left and the numbers on the right, above the interval."""
    name = {"align": "left", "fontWeight": "bold", "limit": 205}
    around = {"stroke": palette.surface, "strokeWidth": 6, "strokeJoin": "round"}
    for field, x, mark in (
        ("label", 0, {**name, **around}),  # a long name interrupts the line of no difference
        ("label", 0, name),
        ("numbers", _WIDTH, {"align": "right", "limit": 180}),
    ):
        yield {
            "mark": {"type": "text", "color": palette.ink, "fontSize": 12, **mark},
            "encoding": {
                "x": {"value": x},
                "y": {"field": "above", "type": "quantitative"},
                "text": {"field": field},
            },
        }


def _intervals(palette: Palette) -> Iterator[Spec]:
    yield {
        "mark": {"type": "rule", "color": palette.head, "strokeWidth": 2.4, "strokeCap": "round"},
        "encoding": {"x": _across("low"), "x2": {"field": "high"}},
    }
    fill = {"condition": {"test": "datum.sure", "value": palette.head}, "value": palette.surface}
    yield {
        "mark": {
            "type": "point",
            "shape": "circle",
            "size": 90,
            "opacity": 1,
            "stroke": palette.head,
            "strokeWidth": 2.2,
        },
        "encoding": {"x": _across("middle"), "fill": fill},
    }

"""Curves of head and base as Vega-Lite specifications. Pure: no library draws anything here.

Head is a solid line in colour, base a dashed grey one, so that they differ without colour too.
The colours (blue against grey) are told apart with every common kind of colour blindness.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from assay.report import curves
from assay.report.vegalite import (
    HEIGHT,
    MOST_LABELLED,
    THEMELESS,
    WIDTH,
    Palette,
    Spec,
    category,
    colour,
    diagonal,
    frame,
    lines,
    number_axis,
    points,
)
from assay.report.wording import decimals, number
from assay.stats.curves import (
    MAX_ROC_CLASSES,
    Calibration,
    ConfusionMatrix,
    Curve,
    PrecisionRecallCurve,
    Residuals,
    RocCurve,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from assay.evaluation import Evaluation

HEAD, BASE = "This change", "Base"
_MOST_DOTS = 250
_C = TypeVar("_C", bound=Calibration | Residuals)
_LONGEST_PANEL = 16
"""Characters of a class's name above one of several small charts."""


@dataclass(frozen=True)
class Chart:
    """A plot before it is drawn."""

    name: str
    title: str
    description: str
    """What it shows, in a sentence for those who do not see it."""
    spec: Spec


def of(
    head: Evaluation | None, base: Evaluation | None, palette: Palette = THEMELESS
) -> tuple[Chart, ...]:
    """The charts of a run: each of head's curves over base's of the same kind and class."""
    return tuple(_charts(curves.drawable(head), curves.drawable(base), palette))


def _charts(head: tuple[Curve, ...], base: tuple[Curve, ...], palette: Palette) -> Iterator[Chart]:
    roc = [curve for curve in head if isinstance(curve, RocCurve)]
    base_roc = {curve.label: curve for curve in base if isinstance(curve, RocCurve)}
    if len(roc) == 1:
        yield _roc(roc[0], base_roc.get(roc[0].label), palette)
    elif roc:
        yield _roc_of_classes(roc[:MAX_ROC_CLASSES], base_roc, palette)
    for curve in head:
        # Base may know other classes, or none: only what is comparable is drawn together.
        match curve:
            case PrecisionRecallCurve():
                yield _precision_recall(curve, curves.like(curve, base), palette)
            case ConfusionMatrix():
                yield _confusion(curve, curves.like(curve, base), palette)
            case Calibration():
                yield _calibration(curve, curves.like(curve, base), palette)
            case Residuals():
                yield _residuals(curve, curves.like(curve, base), palette)
                yield _distribution(curve, curves.like(curve, base), palette)
            case _:
                continue


def _roc(head: RocCurve, base: RocCurve | None, palette: Palette) -> Chart:
    names = _names(head.area, base.area if base else None)
    rows = points(names[0], head.false_positive_rate, head.true_positive_rate)
    if base:
        rows += points(names[1], base.false_positive_rate, base.true_positive_rate)
    spec = lines(
        rows,
        names,
        palette,
        x="False positive rate",
        y="True positive rate",
        under=[diagonal(palette)],
    )
    text = f"ROC curve, class {_name(head)}. Area below it: {_both(names)}."
    return Chart("roc", "ROC curve (area below it)", text, spec)


def _roc_of_classes(heads: list[RocCurve], bases: dict[str, RocCurve], palette: Palette) -> Chart:
    """Small multiples: ten lines and their ten bases in one frame could not be told apart."""
    rows: list[Spec] = []
    listed = []
    classes = curves.shown((head.label for head in heads), _LONGEST_PANEL)
    for name, head in zip(classes, heads, strict=True):
        base = bases.get(head.label)
        areas = _names(head.area, base.area if base else None, short=True)
        # The mark keeps the numbers in their order behind a name that is written right to left.
        where = {"panel": f"\u200e{name}\u200e: {' / '.join(reversed(areas))}"}
        listed.append(f"{name} {areas[0]}" + (f" (base {areas[1]})" if base else ""))
        dots = points(HEAD, head.false_positive_rate, head.true_positive_rate)
        if base:
            dots += points(BASE, base.false_positive_rate, base.true_positive_rate)
        rows += [{**point, **where} for point in dots]
    one = lines(
        [],
        [HEAD, BASE] if bases else [HEAD],
        palette,
        x="False positive rate",
        y="True positive rate",
        under=[],
        size=(130, 110),
    )
    panels = list(dict.fromkeys(row["panel"] for row in rows))
    panel = {key: one[key] for key in ("layer", "width", "height")}
    spec = {
        **frame(palette),
        "data": {"values": rows},
        "facet": {"field": "panel", "type": "nominal", "title": None, "sort": panels},
        "columns": 2,
        "spec": panel,
    }
    title = "ROC curves, each class against the rest" + (" (base / this change)" if bases else "")
    return Chart("roc", title, f"ROC curves. Areas of this change: {', '.join(listed)}.", spec)


def _precision_recall(
    head: PrecisionRecallCurve, base: PrecisionRecallCurve | None, palette: Palette
) -> Chart:
    names = _names(head.average_precision, base.average_precision if base else None)
    rows = points(names[0], head.recall, head.precision)
    if base:
        rows += points(names[1], base.recall, base.precision)
    guess = {
        "data": {"values": [{"y": head.prevalence}]},
        "mark": {"type": "rule", "color": palette.muted, "strokeDash": [1, 3]},
        "encoding": {"y": {"field": "y", "type": "quantitative"}},
    }
    spec = lines(rows, names, palette, x="Recall", y="Precision", under=[guess])
    text = f"Precision-recall curve, class {_name(head)}. Average precision: {_both(names)}."
    return Chart("precision-recall", "Precision and recall (average precision)", text, spec)


def _calibration(head: Calibration, base: Calibration | None, palette: Palette) -> Chart:
    names = [HEAD, BASE] if base else [HEAD]
    rows = points(HEAD, head.mean_predicted, head.fraction_positive)
    if base:
        rows += points(BASE, base.mean_predicted, base.fraction_positive)
    spec = lines(
        rows,
        names,
        palette,
        x="Predicted probability",
        y="Observed frequency",
        under=[diagonal(palette)],
        dots=True,
    )
    text = (
        f"Calibration, class {_name(head)}: observed frequency against predicted probability. "
        "Rows are off the diagonal, which is perfect, on average by "
        f"{_with_base(head, base, curves.calibration_error)}."
    )
    return Chart("calibration", "Calibration (the diagonal is perfect)", text, spec)


def _confusion(head: ConfusionMatrix, base: ConfusionMatrix | None, palette: Palette) -> Chart:
    comparable = base is not None and base.labels == head.labels
    rows = []
    labels = curves.shown(head.labels)
    for i, true in enumerate(labels):
        total = sum(head.counts[i]) or 1
        for j, predicted in enumerate(labels):
            amount = head.counts[i][j]
            cell = {"true": true, "predicted": predicted, "share": amount / total}
            cell["amount"] = number(float(amount), 0)
            if base is not None and comparable:
                cell["before"] = f"base {number(float(base.counts[i][j]), 0)}"
            rows.append(cell)
    few = len(head.labels) <= MOST_LABELLED
    spec = {
        **frame(palette),
        "width": WIDTH,
        "height": HEIGHT,
        "data": {"values": rows},
        "encoding": {
            "x": category("predicted", "Predicted class", labels),
            "y": category("true", "True class", labels),
        },
        "layer": [_cells(palette), *(_cell_texts(palette, before=comparable) if few else ())],
    }
    right = sum(head.counts[i][i] for i in range(len(head.labels)))
    total = sum(map(sum, head.counts))
    text = (
        f"Confusion matrix of {len(head.labels)} classes: of {number(float(total), 0)} rows "
        f"this change gets {number(float(right), 0)} right"
    )
    if base is not None and comparable:
        before = sum(base.counts[i][i] for i in range(len(base.labels)))
        text += f", base {number(float(before), 0)}"
    return Chart("confusion-matrix", "Confusion matrix (shade: share of the row)", f"{text}.", spec)


def _cells(palette: Palette) -> Spec:
    opacity = {"domain": [0, 1], "range": [0.05, 0.55]}
    return {
        "mark": {
            "type": "rect",
            "color": palette.head,
            "stroke": palette.surface,
            "strokeWidth": 2,
        },
        "encoding": {
            "fillOpacity": {
                "field": "share",
                "type": "quantitative",
                "scale": opacity,
                "legend": None,
            }
        },
    }


def _cell_texts(palette: Palette, *, before: bool) -> tuple[Spec, ...]:
    amount = {
        "mark": {"type": "text", "color": palette.ink, "fontSize": 15, "dy": -6 if before else 0},
        "encoding": {"text": {"field": "amount"}},
    }
    base = {
        "mark": {"type": "text", "color": palette.ink, "fontSize": 11, "dy": 11},
        "encoding": {"text": {"field": "before"}},
    }
    return (amount, base) if before else (amount,)


def _residuals(head: Residuals, base: Residuals | None, palette: Palette) -> Chart:
    names = [HEAD, BASE] if base else [HEAD]
    rows = _dots(BASE, base) + _dots(HEAD, head) if base else _dots(HEAD, head)
    zero = {
        "data": {"values": [{"y": 0}]},
        "mark": {"type": "rule", "color": palette.ink, "strokeWidth": 1},
        "encoding": {"y": {"field": "y", "type": "quantitative"}},
    }
    dots = {
        "data": {"values": rows},
        "mark": {"type": "point", "size": 14, "opacity": 0.6, "strokeWidth": 1},
        "encoding": {
            "x": number_axis("x", "Predicted value", zero=False),
            "y": number_axis("y", "Truth less prediction", zero=False),
            "color": colour(names, palette),
            "shape": {
                "field": "who",
                "type": "nominal",
                "scale": {"domain": names, "range": ["circle", "cross"][: len(names)]},
                "legend": {"title": None, "symbolSize": 60, "symbolStrokeWidth": 1.5},
            },
        },
    }
    spec = {**frame(palette), "width": WIDTH, "height": HEIGHT, "layer": [dots, zero]}
    text = (
        f"Residuals against predictions, a sample of {head.rows:,} rows. Zero is a perfect guess; "
        f"half of the sample is off by less than {_with_base(head, base, curves.typical_residual)}."
    )
    return Chart("residuals", "Residuals (zero is perfect)", text, spec)


def _distribution(head: Residuals, base: Residuals | None, palette: Palette) -> Chart:
    """Shares and not counts, and a line for each: bins and rows of the two may differ."""
    names = [HEAD, BASE] if base else [HEAD]
    rows = _steps(HEAD, head) + (_steps(BASE, base) if base else [])
    spec = lines(
        rows,
        names,
        palette,
        x="Truth less prediction",
        y="Share of the rows, per unit",
        under=[],
        unit_square=False,
        interpolate="step-after",
    )
    text = (
        f"How the residuals of {head.rows:,} rows are distributed. Their mean is "
        f"{_with_base(head, base, curves.mean_residual)}."
    )
    return Chart("residual-distribution", "Distribution of residuals", text, spec)


def _dots(who: str, curve: Residuals) -> list[Spec]:
    step = max(1, -(-len(curve.predicted) // _MOST_DOTS))
    pairs = zip(curve.predicted[::step], curve.residual[::step], strict=True)
    return [{"who": who, "x": a, "y": b} for a, b in pairs]


def _steps(who: str, curve: Residuals) -> list[Spec]:
    total = sum(curve.counts) or 1
    rows = []
    for at, amount in enumerate(curve.counts):
        width = curve.edges[at + 1] - curve.edges[at]
        density = amount / total / width if width > 0 else 0.0
        rows.append({"who": who, "i": at, "x": curve.edges[at], "y": density})
    return [*rows, {"who": who, "i": len(rows), "x": curve.edges[-1], "y": 0.0}]


def _name(curve: RocCurve | PrecisionRecallCurve | Calibration) -> str:
    return curves.label(curve.label)


def _with_base(head: _C, base: _C | None, measure: Callable[[_C], float]) -> str:
    """`0.021 (base 0.034)`."""
    after = measure(head)
    if base is None:
        return number(after, decimals(after))
    before = measure(base)
    places = decimals(after, before)
    return f"{number(after, places)} (base {number(before, places)})"


def _names(head: float, base: float | None, *, short: bool = False) -> list[str]:
    """Names for the legend that hold the decisive number."""
    places = decimals(head, base, difference=None if base is None else head - base)
    found = [(HEAD, head)] + ([] if base is None else [(BASE, base)])
    return [number(v, places) if short else f"{name}: {number(v, places)}" for name, v in found]


def _both(names: list[str]) -> str:
    return ", ".join(name[0].lower() + name[1:] for name in names)

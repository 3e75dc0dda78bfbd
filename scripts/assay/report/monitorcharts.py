"""Charts of what a watch found: columns then and now, and how it went over windows. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.monitor import causes as reasons
from assay.monitor.verdict import settled
from assay.report import monitorwords
from assay.report.charts import Chart
from assay.report.curves import label, shown
from assay.report.escape import text
from assay.report.vegalite import THEMELESS, WIDTH, Palette, Spec, bars, frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.monitor.comparing import ColumnDrift
    from assay.monitor.verdict import Answer, Question
    from assay.monitor.watched import MonitorSection, Window

MOST_COLUMNS = 4
"""Columns of which the distribution is drawn."""
MOST_PANELS = 3
"""Questions that are drawn over windows."""
_PANEL = 90
"""Height of one of them."""
_LONGEST = 40
_NOW, _THEN = "production", "tested on"


def of(section: MonitorSection, palette: Palette = THEMELESS) -> tuple[Chart, ...]:
    """What matters over all windows, then the columns that matter; of a quiet watch the largest."""
    asked = _matter(section)
    columns = {one.name: one for one in section.columns}
    moved = [columns[one.name] for one in asked if _is_column(one) and one.name in columns]
    charts = [_column(section, one, palette, at) for at, one in enumerate(moved[:MOST_COLUMNS])]
    over = _timeline(section, asked[:MOST_PANELS], palette)
    return (*([over] if over else []), *charts)


def _matter(section: MonitorSection) -> list[Question]:
    """The questions behind the causes, the gravest first; without any, those nearest to them."""
    found = [one.answer for one in reasons.causes(section) if one.answer is not None]
    if not found:
        answers = section.newest.judgement.answers
        found = sorted(answers, key=lambda one: -_reach(one))[:MOST_PANELS]
    return [one.question for one in found]


def _reach(answer: Answer) -> float:
    question = answer.question
    return question.effect / question.bound if question.bound else question.effect


def _is_column(question: Question) -> bool:
    return question.about in ("feature", "prediction")


def _timeline(section: MonitorSection, asked: Sequence[Question], palette: Palette) -> Chart | None:
    """Each question in a panel of its own, over all windows: they differ in unit."""
    if len(section.windows) < 2 or not asked:
        return None
    outcomes = [one.judgement.outcome for one in section.windows]
    names = [monitorwords.span(section, one) for one in section.windows]
    alarms = [
        {"window": names[at]}
        for at in range(len(outcomes))
        if settled(outcomes[: at + 1], k=section.k, n=section.n).alarm
    ]
    last = len(asked) - 1
    panels = [
        _panel(_rows(section.windows, names, one), one, names, alarms, palette, axis=at == last)
        for at, one in enumerate(asked)
    ]
    title = "By window: filled is drift, dashed is allowed, shaded is alarm"
    subjects = ", ".join(label(_named(one), _LONGEST) for one in asked)
    about = (
        f"{subjects} over {len(names)} windows, with intervals and the bound as a dashed line; "
        f"there is an alarm in {len(alarms)} of them, which are shaded."
    )
    spec = {**frame(palette), "vconcat": panels, "spacing": 14}
    return Chart("windows", title, about, spec)


def _named(question: Question) -> str:
    if _is_column(question):
        return f"drift of {text(question.name)}"
    if question.about == "features together":
        return "features together"
    estimated = "estimated " if question.about == "estimate" else ""
    return f"{estimated}{text(monitorwords.rated(question))}, worse by"


def _rows(windows: Sequence[Window], names: Sequence[str], asked: Question) -> list[Spec]:
    rows: list[Spec] = []
    for name, window in zip(names, windows, strict=True):
        for answer in window.judgement.answers:
            one = answer.question
            if (one.name, one.about) == (asked.name, asked.about):
                drifts = "drift" if answer.outcome == "drift" else "no drift"
                ends = {"low": one.low, "high": one.high}
                rows.append({"window": name, "effect": one.effect, "drifts": drifts, **ends})
    return rows


def _panel(
    rows: list[Spec],
    asked: Question,
    names: list[str],
    alarms: list[Spec],
    palette: Palette,
    *,
    axis: bool,
) -> Spec:
    x: Spec = {
        "field": "window",
        "type": "ordinal",
        "title": "Window (UTC)" if axis else None,
        "scale": {"domain": names},
        "axis": {"labelAngle": -45, "labels": axis, "ticks": axis, "labelLimit": 160},
    }
    y: Spec = {"type": "quantitative", "title": None, "axis": {"tickCount": 4}}
    fill = {"domain": ["drift", "no drift"], "range": [palette.head, palette.surface]}
    return {
        "width": WIDTH + 120,
        "height": _PANEL,
        "title": {"text": label(_named(asked), _LONGEST), "fontSize": 12, "fontWeight": "normal"},
        "layer": [
            {
                "data": {"values": alarms},
                "mark": {"type": "rect", "color": palette.base, "opacity": 0.18},
                "encoding": {"x": x, "y": {"value": 0}, "y2": {"value": _PANEL}},
            },
            {
                "data": {"values": [{"bound": asked.bound}]},
                "mark": {"type": "rule", "strokeDash": [5, 4], "color": palette.base},
                "encoding": {"y": {**y, "field": "bound"}},
            },
            {
                "data": {"values": rows},
                "layer": [
                    {
                        "mark": {"type": "rule", "strokeWidth": 2.2, "color": palette.head},
                        "encoding": {"y": {**y, "field": "low"}, "y2": {"field": "high"}},
                    },
                    {
                        "mark": {"type": "point", "opacity": 1, "size": 44, "strokeWidth": 1.8,
                                 "stroke": palette.head},
                        "encoding": {
                            "y": {**y, "field": "effect"},
                            "fill": {"field": "drifts", "type": "nominal", "scale": fill,
                                     "legend": None},
                        },
                    },
                ],
                "encoding": {"x": x},
            },
        ],
    }  # fmt: skip


def _column(section: MonitorSection, one: ColumnDrift, palette: Palette, at: int) -> Chart:
    """Shares of a column's bins, where the model was tested and in the newest window."""
    labels = list(shown(one.bins, _LONGEST))
    rows: list[Spec] = [
        {"who": who, "bin": name, "share": amount / (sum(counts) or 1)}
        for who, counts in ((_NOW, one.counts), (_THEN, one.reference_counts))
        for name, amount in zip(labels, counts, strict=True)
    ]
    name = label(text(one.name), _LONGEST)
    kind = "prediction" if one.role == "prediction" else "feature"
    about = (
        f"Shares of the values of the {kind} {name} in {monitorwords.span(section, section.newest)}"
        " beside those on which the model was tested."
    )
    spec = bars(rows, [_NOW, _THEN], labels, palette, y="Share of the rows")
    return Chart(f"column-{at}", f"{name}: then and now", about, spec)

"""Mermaid charts: what they say, and that no name can leave the place where it stands."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from assay.report import mermaid
from assay.stats.curves import Calibration, ConfusionMatrix, Curve, Residuals, RocCurve
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import records

if TYPE_CHECKING:
    from assay.record import RunRecord

FINITE = st.floats(allow_nan=False, allow_infinity=False)
NUMBER = r"-?\d+(?:\.\d+)?"
LINES = (
    r"%%\{init: (\{.*\})\}%%",
    "xychart-beta",
    r'    title "[^"`%{}<>#;]*"',
    r"    accTitle: [^\"`%{}<>#;]*",
    r"    accDescr: [^\"`%{}<>#;]*",
    rf'    x-axis "[A-Z][a-z ]+" {NUMBER} --> {NUMBER}',
    rf'    y-axis "[A-Z][a-z ]+" 0 --> {NUMBER}',
)
LINE = rf"    line \[{NUMBER}(?:, {NUMBER})*\]"


def with_curves(*head: Curve, base: tuple[Curve, ...] = ()) -> RunRecord:
    record = records.good()
    assert record.evaluate is not None
    assert record.evaluate.head is not None
    after = record.evaluate.head.model_copy(update={"curves": head})
    before = after.model_copy(update={"curves": base})
    evaluate = record.evaluate.model_copy(update={"head": after, "base": before})
    return record.model_copy(update={"evaluate": evaluate})


def roc(label: str, area: float = 0.9) -> RocCurve:
    curve = records.binary_curves(area, ((1, 0), (0, 1)))[0]
    assert isinstance(curve, RocCurve)
    return curve.model_copy(update={"label": label})


def assert_well_formed(chart: mermaid.Chart) -> list[list[float]]:
    """Every line of a chart is one of a few kinds; returns the plotted values."""
    lines = chart.text.split("\n")
    for line, pattern in zip(lines, LINES, strict=False):
        assert re.fullmatch(pattern, line), line
    init = re.fullmatch(LINES[0], lines[0])
    assert init is not None
    config = json.loads(init[1])
    drawn = lines[len(LINES) :]
    assert drawn
    assert all(re.fullmatch(LINE, line) for line in drawn)
    palette = config["themeVariables"]["xyChart"]["plotColorPalette"].split(",")
    assert len(palette) == len(drawn)
    return [json.loads(line.removeprefix("    line ")) for line in drawn]


@pytest.mark.parametrize("name", records.ALL)
def test_every_chart_of_every_record_is_well_formed(name: str) -> None:
    for chart in mermaid.charts(records.ALL[name]()):
        for values in assert_well_formed(chart):
            assert len(values) == 51


@pytest.mark.parametrize(
    ("name", "titles"),
    [
        ("good", ["ROC curve", "Precision and recall", "Calibration"]),
        ("regression-task", ["Distribution of residuals"]),
        ("multiclass", ["ROC curve, class cat, the one of 3 whose area moved most"]),
        ("errored-checkout", []),
    ],
)
def test_what_there_is_to_see(name: str, titles: list[str]) -> None:
    found = mermaid.charts(records.ALL[name]())
    assert [chart.title[: len(title)] for chart, title in zip(found, titles, strict=True)] == titles


def test_numbers_stand_in_the_title_and_in_the_words() -> None:
    chart = mermaid.charts(records.good())[0]
    assert 'title "blue: this change 0.8795, grey: base 0.8412"' in chart.text
    assert chart.alt == ("ROC curve, class 1. Area below it: this change 0.8795, base 0.8412.")


def test_without_base_nothing_is_said_of_it() -> None:
    found = mermaid.charts(records.first_run())
    assert len(found) == 3
    assert not any("base" in chart.text + chart.alt for chart in found)


def test_head_is_drawn_over_base() -> None:
    base, head = assert_well_formed(mermaid.charts(records.good())[0])
    assert sum(head) > sum(base)


def test_the_curve_is_the_curve() -> None:
    """A step at 0.5, as the points of a ROC curve make it."""
    curve = RocCurve(
        label="x",
        false_positive_rate=(0, 0.5, 0.5, 1),
        true_positive_rate=(0, 0.2, 0.8, 1),
        threshold=(4, 3, 2, 1),
        area=0.5,
    )
    (values,) = assert_well_formed(mermaid.charts(with_curves(curve))[0])
    assert values[0] == 0
    assert values[24] == pytest.approx(0.2 * 24 / 25, abs=1e-4)
    assert values[25] == 0.8
    assert values[-1] == 1


def test_residuals_are_percents_of_the_rows() -> None:
    for values in assert_well_formed(mermaid.charts(records.regression_task())[0]):
        assert sum(values) == pytest.approx(100, rel=0.02)


def test_of_many_classes_the_one_that_moved_most() -> None:
    head = (roc("a", 0.9), roc("b", 0.8), roc("c", 0.85))
    base = (roc("a", 0.9), roc("b", 0.79), roc("c", 0.95))
    (chart,) = mermaid.charts(with_curves(*head, base=base))
    assert chart.title == "ROC curve, class c, the one of 3 whose area moved most"
    (chart,) = mermaid.charts(with_curves(*head))
    assert chart.title == "ROC curve, class b, the one of 3 with the smallest area"


@pytest.mark.parametrize(
    "curve",
    [
        Calibration(label="1", mean_predicted=(0.5,), fraction_positive=(0.5,), count=(9,)),
        Calibration(label="1", mean_predicted=(), fraction_positive=(), count=()),
        Residuals(predicted=(1.0,), residual=(0.0,), rows=1, edges=(0.0, 0.0), counts=(1,)),
        Residuals(predicted=(1.0,), residual=(0.0,), rows=1, edges=(0.0, 1e300), counts=(1,)),
        Residuals(predicted=(1.0,), residual=(0.0,), rows=1, edges=(0.0, 1.0), counts=(0,)),
        ConfusionMatrix(labels=("a",), counts=((1,),)),
        RocCurve(
            label="1",
            false_positive_rate=(0.0, 1.0),
            true_positive_rate=(0.0,),
            threshold=(1.0,),
            area=0.5,
        ),
    ],
    ids=lambda curve: curve.kind,
)
def test_what_no_chart_can_show_has_none(curve: Curve) -> None:
    assert mermaid.charts(with_curves(curve)) == ()


HOSTILE = (
    '"]\n%%{init: {"securityLevel": "loose"}}%%',
    "```\n</pre><script>alert(1)</script>",
    "`**bold**` #35;quot; ; end",
    "---\nconfig: {}\n---",
    "x\u2028y\u0085z\x00\u202e",
    "click A href 'javascript:alert(1)'",
    "a" * 10_000,
    "",
    "שלום עולם",
)


@pytest.mark.parametrize("label", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_name_stays_in_its_place(label: str) -> None:
    curves = [
        curve.model_copy(update={"label": label}) if hasattr(curve, "label") else curve
        for curve in records.binary_curves(0.9, ((1, 0), (0, 1)))
    ]
    found = mermaid.charts(with_curves(*curves))
    assert len(found) == 3
    for chart in found:
        assert_well_formed(chart)
        assert len(chart.text) < 3_000
        assert len(chart.title) < 100


def test_letters_of_every_script_are_kept() -> None:
    assert "שלום עולם" in mermaid.charts(with_curves(roc("שלום עולם")))[0].text
    assert "हिन्दी" in mermaid.charts(with_curves(roc("हिन्दी")))[0].text


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60))
def test_any_name_stays_in_its_place(label: str) -> None:
    (chart,) = mermaid.charts(with_curves(roc(label)))
    assert_well_formed(chart)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(FINITE, FINITE), min_size=1, max_size=20),
    FINITE,
)
def test_any_numbers_make_a_well_formed_chart_or_none(
    points: list[tuple[float, float]], area: float
) -> None:
    x, y = zip(*points, strict=True)
    curve = RocCurve(label="1", false_positive_rate=x, true_positive_rate=y, threshold=x, area=area)
    for chart in mermaid.charts(with_curves(curve)):
        assert_well_formed(chart)

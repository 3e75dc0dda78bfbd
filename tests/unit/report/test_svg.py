"""Drawings: ours are complete, those of a user's repository are harmless."""

import json
import re

import pytest
from assay.plots import DeclaredPlot
from assay.report import charts, figures, sanitizer, svg
from assay.report.vegalite import DARK, LIGHT, SCHEMA

from tests import records

LINE = {
    "$schema": SCHEMA,
    "width": "container",
    "data": {"values": [{"x": 0, "y": 1, "href": "no link"}, {"x": 1, "y": 2}]},
    "mark": "line",
    "encoding": {
        "x": {"field": "x", "type": "quantitative"},
        "y": {"field": "y", "type": "quantitative"},
    },
}


def clean(body: str) -> str:
    return sanitizer.clean(f'<svg xmlns="{sanitizer.SVG}">{body}</svg>', prefix="p-", title="T")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("good", ["roc", "precision-recall", "confusion-matrix", "calibration"]),
        ("regression-task", ["residuals", "residual-distribution"]),
        ("multiclass", ["roc", "confusion-matrix"]),
    ],
)
def test_every_curve_has_its_chart(name: str, expected: list[str]) -> None:
    evaluate = records.ALL[name]().evaluate
    assert evaluate is not None
    found = charts.of(evaluate.head, evaluate.base)
    assert [chart.name for chart in found] == expected
    drawn = [svg.draw(chart) for chart in found]
    for chart, picture in zip(found, drawn, strict=True):
        assert chart.description.split(".")[0] in picture
        assert "var(--head)" in picture
        assert not re.search("#a55a0[1-6]", picture, re.IGNORECASE)
    ids = re.findall(r' id="([^"]+)"', "".join(drawn))
    assert len(ids) == len(set(ids))


def test_head_and_base_differ_without_colour() -> None:
    evaluate = records.good().evaluate
    assert evaluate is not None
    picture = svg.draw(charts.of(evaluate.head, evaluate.base)[0])
    dashed = re.findall(r'<path [^>]*stroke="var\(--base\)"[^>]*>', picture)
    assert dashed
    assert all('stroke-dasharray="5,4"' in path for path in dashed)
    solid = re.findall(r'<path [^>]*stroke="var\(--head\)"[^>]*>', picture)
    assert solid
    assert not any('stroke-dasharray="5,4"' in path for path in solid)
    assert "This change: 0.8795" in picture
    assert "Base: 0.8412" in picture


def test_without_base_there_is_only_head() -> None:
    evaluate = records.first_run().evaluate
    assert evaluate is not None
    for chart in charts.of(evaluate.head, evaluate.base):
        assert charts.BASE not in json.dumps(chart.spec)


def test_without_an_evaluation_there_are_no_charts() -> None:
    assert charts.of(None, None) == ()


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_charts_can_be_made_in_fixed_colours(palette: object) -> None:
    evaluate = records.good().evaluate
    assert evaluate is not None
    chart = charts.of(evaluate.head, evaluate.base, palette)[0]  # type: ignore[arg-type]
    assert "var(" not in svg.draw(chart)


def test_a_hostile_class_name_is_text() -> None:
    evaluate = records.hostile().evaluate
    assert evaluate is not None
    for chart in charts.of(evaluate.head, evaluate.base):
        picture = svg.draw(chart)
        assert "<img" not in picture
        assert "</details>" not in picture


@pytest.mark.parametrize(
    "body",
    [
        "<script>alert(1)</script>",
        '<foreignObject><body xmlns="http://www.w3.org/1999/xhtml"><b/></body></foreignObject>',
        '<image href="https://e.vil/x.png"/>',
        '<use href="https://e.vil/x.svg#y"/>',
        '<a href="javascript:alert(1)"><text>x</text></a>',
        "<style>@import url(https://e.vil)</style>",
        '<animate attributeName="href" to="javascript:alert(1)"/>',
        '<set attributeName="onload" to="alert(1)"/>',
        '<h:script xmlns:h="http://www.w3.org/1999/xhtml">alert(1)</h:script>',
        "<!-- --><?xml-stylesheet href='https://e.vil'?>",
        '<iframe src="https://e.vil"/>',
    ],
)
def test_what_could_act_is_dropped(body: str) -> None:
    picture = clean(f"{body}<path d='M0,0'/>")
    assert "vil" not in picture
    assert "alert" not in picture
    assert "path" in picture


@pytest.mark.parametrize(
    "attribute",
    [
        'onclick="alert(1)"',
        'style="background:url(https://e.vil)"',
        'fill="url(https://e.vil#x)"',
        r'fill="\75rl(https://e.vil)"',
        'filter="url(#x)"',
        'href="https://e.vil"',
        'clip-path="url(//e.vil)"',
    ],
)
def test_an_attribute_that_could_act_is_dropped(attribute: str) -> None:
    picture = clean(f'<path d="M0,0" {attribute}/>')
    assert "vil" not in picture
    assert "alert" not in picture
    assert "url" not in picture


def test_references_inside_the_drawing_follow_their_ids() -> None:
    body = '<defs><clipPath id="c"/></defs><path clip-path="url(\'#c\')"/>'
    picture = clean(body)
    assert 'id="p-c"' in picture
    assert 'clip-path="url(#p-c)"' in picture


@pytest.mark.parametrize(
    "document",
    [
        '<!DOCTYPE svg [<!ENTITY a "b">]><svg xmlns="http://www.w3.org/2000/svg">&a;</svg>',
        "<svg",
        "<html/>",
        "<svg/>",
        f'<svg xmlns="{sanitizer.SVG}">{" " * 5_000_001}</svg>',
    ],
)
def test_what_is_no_plain_svg_is_refused(document: str) -> None:
    with pytest.raises(sanitizer.UnsafeSvgError):
        sanitizer.clean(document, prefix="p-", title="T")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": {"url": "file:///etc/passwd"}}, "loads data"),
        ({"data": {"sequence": {"start": 0, "stop": 1e12}}}, "generates rows"),
        ({"mark": {"type": "image"}}, "loads images"),
        ({"layer": [{"mark": "image"}]}, "loads images"),
        ({"encoding": {"href": {"field": "u"}}}, "links to"),
        ({"mark": {"type": "bar", "href": "https://e.vil"}}, "links to"),
        ({"mark": "nonsense"}, "no drawable"),
    ],
)
def test_a_specification_that_reaches_out_is_refused(
    change: dict[str, object], message: str
) -> None:
    with pytest.raises(svg.PlotError, match=message):
        svg.draw_declared({**LINE, **change}, name="x", title="X")


def test_a_declared_plot_takes_the_colours_of_the_page() -> None:
    picture = svg.draw_declared(LINE, name="x", title="X")
    assert "var(--muted)" in picture
    assert 'fill="white"' not in picture


def test_head_and_base_of_a_declared_plot_differ_as_in_ours() -> None:
    rows = [
        {"x": x, "y": x * k, "rev": rev} for k, rev in ((1, "head"), (2, "base")) for x in (0, 1)
    ]
    scale = {"domain": ["workspace", "main"], "range": ["#945dd6", "#13adc7"]}
    spec = {
        **LINE,
        "title": {"text": "loss"},
        "data": {"values": rows},
        "encoding": {
            **LINE["encoding"],
            "color": {"field": "rev", "scale": scale},
            "strokeDash": {},
        },  # type: ignore[dict-item]
    }
    picture = svg.draw_declared(spec, name="x", title="X", name_of_plot="loss")
    assert "#945dd6" not in picture
    assert re.search(r'stroke="var\(--base\)"[^>]*stroke-dasharray="5,4"', picture)
    assert ">loss<" not in picture


def declared(*plots: DeclaredPlot) -> dict[str, str]:
    record = records.good()
    assert record.evaluate is not None
    evaluate = record.evaluate.model_copy(update={"plots": plots, "head": None})
    files = {
        "plots/a.json": json.dumps(LINE).encode(),
        "plots/bad.json": b"{",
        "plots/list.json": b"[]",
        "plots/p.png": b"\x89PNG\r\n\x1a\n123",
        "plots/p.svg": f'<svg xmlns="{sanitizer.SVG}" onload="alert(1)"/>'.encode(),
        "plots/p.html": b"<html>",
        "plots/deep.json": b'{"a":' * 50_000,
        "plots/deep.svg": f'<svg xmlns="{sanitizer.SVG}">'.encode()
        + b"<g>" * 20_000
        + b"</g>" * 20_000
        + b"</svg>",
        "plots/big.png": b"\x89PNG\r\n\x1a\n" + b"0" * figures.MOST_BYTES,
    }
    return figures.of(record.with_section("evaluate", evaluate), files)


@pytest.mark.parametrize(
    ("kind", "file", "expected"),
    [
        ("vega", "plots/a.json", "<svg"),
        ("vega", "plots/bad.json", "no JSON"),
        ("vega", "plots/list.json", "no Vega-Lite"),
        ("vega", "plots/gone.json", "not there"),
        ("image", "plots/p.png", '<img src="data:image/png;base64,'),
        ("image", "plots/p.svg", "<svg"),
        ("image", "plots/p.html", "no PNG"),
        ("image", "plots/big.png", "larger than"),
        ("vega", "plots/deep.json", "nested too deeply"),
        ("image", "plots/deep.svg", "nested too deeply"),
    ],
)
def test_declared_plots(kind: str, file: str, expected: str) -> None:
    plot = DeclaredPlot(name="<loss>", kind=kind, file=file, revision="head")  # type: ignore[arg-type]
    found = declared(plot)
    assert expected in found["<loss>"]
    assert "alert" not in found["<loss>"]


def test_images_of_both_revisions_are_one_figure_base_first() -> None:
    one = DeclaredPlot(name="p.png", kind="image", file="plots/p.png", revision="head")
    found = declared(one, one.model_copy(update={"revision": "base"}))
    assert list(found) == ["Difference to base", "p.png"]
    assert found["p.png"].index("Base: p.png") < found["p.png"].index("This change: p.png")


def test_without_vl_convert_the_page_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(svg, "available", lambda: False)
    found = figures.of(records.good(), {})
    assert "assay[report]" in found["Plots"]

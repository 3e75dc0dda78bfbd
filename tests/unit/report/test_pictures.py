"""Pictures for a comment: real ones, by the real engine, of sane size, and the same every time."""

from __future__ import annotations

import base64
import json
import struct
from typing import TYPE_CHECKING

import pytest
from assay.plots import DeclaredPlot
from assay.report import charts, figures, pictures, raster, svg
from assay.report.vegalite import DARK, LIGHT, SCHEMA
from assay.stats.curves import ConfusionMatrix, RocCurve

from tests import evidence_records, records
from tests.unit.report.pixels import pixels

if TYPE_CHECKING:
    from assay.record import RunRecord
    from assay.report.images import Picture
    from assay.stats.curves import Curve

LINE = {
    "$schema": SCHEMA,
    "data": {"values": [{"x": 0, "y": 1}, {"x": 1, "y": 2}]},
    "mark": "line",
    "encoding": {
        "x": {"field": "x", "type": "quantitative"},
        "y": {"field": "y", "type": "quantitative"},
    },
}
HOSTILE = (
    "<b>&amp;</b>",
    "\"'`\\",
    "two\nlines",
    "a" * 10_000,
    "שלום עולם",
    "' + sequence(0, 1e9) + '",
    "datum.x = {expr: 'now()'}",
    "\u202e\x00\x1b[31m",
    "",
)


@pytest.fixture(scope="module")
def drawn() -> tuple[Picture, ...]:
    return pictures.of(evidence_records.sure(), {})


def size(png: bytes) -> tuple[int, int]:
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_the_most_telling_come_first(drawn: tuple[Picture, ...]) -> None:
    names = [picture.name for picture in drawn]
    assert names == ["overview", "roc", "precision-recall", "confusion-matrix", "calibration"]
    roc = drawn[1]
    assert roc.title == "ROC curve (area below it)"
    assert roc.alt == "ROC curve, class 1. Area below it: this change: 0.8795, base: 0.8412."
    assert all(any(c.isdigit() for c in picture.alt) for picture in drawn)


def test_they_are_small_and_sharp(drawn: tuple[Picture, ...]) -> None:
    for picture in drawn:
        for image in (picture.light, picture.dark):
            assert image.startswith(raster.PNG)
            assert len(image) < 60_000
            assert abs(size(image)[0] - 2 * picture.width) <= 2
        assert size(picture.light) == size(picture.dark)
        assert 340 <= picture.width <= 420


def test_each_theme_has_its_colours_on_the_colour_of_the_page(drawn: tuple[Picture, ...]) -> None:
    for image, palette in ((drawn[1].light, LIGHT), (drawn[1].dark, DARK)):
        found = pixels(image)
        assert found[0] == bytes.fromhex(palette.surface[1:])
        assert bytes.fromhex(palette.head[1:]) in found
        assert bytes.fromhex(palette.base[1:]) in found


def _luminance(colour: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    shares = [value / 255 for value in bytes.fromhex(colour[1:])]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_text_contrasts_with_the_page(palette: charts.Palette) -> None:
    page = _luminance(palette.surface)
    for name in ("ink", "muted", "head", "base"):
        low, high = sorted((page, _luminance(getattr(palette, name))))
        assert (high + 0.05) / (low + 0.05) >= 4.5, name


def test_the_same_record_gives_the_same_bytes(drawn: tuple[Picture, ...]) -> None:
    svg._drawing.cache_clear()
    assert pictures.of(evidence_records.sure(), {}) == drawn


def test_the_page_and_both_themes_share_one_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    svg._drawing.cache_clear()
    asked: list[object] = []
    draw = svg.ENGINE.draw
    monkeypatch.setattr(svg.ENGINE, "draw", lambda spec: asked.append(spec) or draw(spec))
    evaluate = records.good().evaluate
    assert evaluate is not None
    (chart, *_) = charts.of(evaluate.head, evaluate.base)
    svg.draw(chart)
    pictures._of_chart(chart, "roc")
    assert len(asked) == 1


def with_curves(*curves: Curve) -> RunRecord:
    record = records.good()
    assert record.evaluate is not None
    assert record.evaluate.head is not None
    head = record.evaluate.head.model_copy(update={"curves": curves})
    evaluate = record.evaluate.model_copy(update={"head": head, "base": head})
    return record.model_copy(update={"evaluate": evaluate, "compare": None})


def test_hostile_names_are_drawn_as_text() -> None:
    """As many classes with such names, in every place where a name can stand."""
    roc = records.binary_curves(0.9, ((1, 0), (0, 1)))[0]
    count = len(HOSTILE)
    matrix = ConfusionMatrix(labels=HOSTILE, counts=((1,) * count,) * count)
    curves = [roc.model_copy(update={"label": label}) for label in HOSTILE]
    record = with_curves(*curves, matrix)
    found = pictures.of(record, {})
    assert [picture.name for picture in found] == ["roc", "confusion-matrix"]
    assert all(picture.width <= 500 for picture in found)
    assert all(len(picture.alt) <= 1_000 for picture in found)
    assert record.evaluate is not None
    for chart in charts.of(record.evaluate.head, record.evaluate.base):
        text = svg.draw(chart)
        assert "&lt;b&gt;&amp;amp;&lt;/b&gt;" in text  # what stands there, escaped once
        assert "sequence(0" in text
        assert "שלום" in text
        assert "a" * 60 not in text


def test_one_long_name_is_not_taken_for_another() -> None:
    labels = ("x" * 500 + "1", "x" * 500 + "2")
    record = with_curves(ConfusionMatrix(labels=labels, counts=((3, 1), (0, 7))))
    assert record.evaluate is not None
    (chart,) = charts.of(record.evaluate.head, record.evaluate.base)
    assert len({row["true"] for row in chart.spec["data"]["values"]}) == 2
    assert len(pictures.of(record, {})) == 1


@pytest.mark.parametrize(
    ("kind", "update"),
    [
        (0, {"true_positive_rate": (0.0,)}),
        (0, {"false_positive_rate": (), "true_positive_rate": ()}),
        (0, {"false_positive_rate": (0.5,) * 9_999, "true_positive_rate": (0.5,) * 9_999}),
        (2, {"labels": ("a", "b", "c")}),
        (2, {"labels": (), "counts": ()}),
        (2, {"counts": ((10**400, 1), (1, 1))}),
        (3, {"count": (1,)}),
    ],
)
def test_a_curve_that_is_not_whole_is_not_drawn(kind: int, update: dict[str, object]) -> None:
    curve = records.binary_curves(0.9, ((1, 0), (0, 1)))[kind].model_copy(update=update)
    assert pictures.of(with_curves(curve), {}) == ()


def test_curves_of_one_point_are_drawn() -> None:
    one = RocCurve(
        label="1",
        false_positive_rate=(0.5,),
        true_positive_rate=(0.5,),
        threshold=(0.5,),
        area=0.5,
    )
    assert len(pictures.of(with_curves(one), {})) == 1


def declared(files: dict[str, bytes], *plots: DeclaredPlot) -> tuple[Picture, ...]:
    record = with_curves()
    assert record.evaluate is not None
    evaluate = record.evaluate.model_copy(update={"plots": plots, "head": None, "base": None})
    return pictures.of(record.with_section("evaluate", evaluate), files)


def plot(file: str, kind: str = "vega", **given: object) -> DeclaredPlot:
    return DeclaredPlot.model_validate({"name": file, "kind": kind, "file": file, **given})


def test_declared_plots_follow_specifications_first_and_base_before_head() -> None:
    png = declared({"a": json.dumps(LINE).encode()}, plot("a"))[0].light
    files = {"a": json.dumps(LINE).encode(), "h.png": png, "b.png": png}
    found = declared(
        files,
        plot("h.png", "image", name="picture", revision="head"),
        plot("b.png", "image", name="picture", revision="base"),
        plot("a", name="loss"),
    )
    titles = ["loss", "picture (base)", "picture (this change)"]
    assert [picture.title for picture in found] == titles
    assert len({picture.name for picture in found}) == 3
    image = found[1]
    assert image.light == image.dark
    assert image.width == min(pictures.WIDEST, size(png)[0])
    assert pixels(image.light) == pixels(png)


JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcp"
    "LDAxNDQ0Hyc5PTgyPC4zNDL/wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAACf/EABQQAQAAAAAAAAAAAAAAAAAA"
    "AAD/2gAIAQEAAD8AVN//2Q=="
)


def test_a_jpeg_is_drawn_anew_as_png() -> None:
    assert raster.kind_and_size(JPEG) == ("jpeg", 1, 1)
    (found,) = declared({"a": JPEG}, plot("a", "image", revision="head"))
    assert found.light.startswith(raster.PNG)
    assert size(found.light) == (1, 1)


def test_what_an_image_holds_beside_pixels_is_gone() -> None:
    """A comment chunk, and an archive behind the end of the image."""
    png = declared({"a": json.dumps(LINE).encode()}, plot("a"))[0].light
    secret = raster._chunk(b"tEXt", b"Comment\0a-secret-place")
    image = png[:33] + secret + png[33:] + b"PK\x03\x04a-secret-place"
    (found,) = declared({"a": image}, plot("a", "image"))
    assert b"a-secret-place" not in found.light
    assert pixels(found.light) == pixels(png)


def header(width: int, height: int) -> bytes:
    return raster.PNG + raster._chunk(
        b"IHDR", struct.pack(">II", width, height) + b"\x08\x06\x00\x00\x00"
    )


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("vega", b"{"),
        ("vega", b"[]"),
        ("vega", b'{"a":' * 50_000),
        ("vega", b'{"mark": "nonsense"}'),
        ("vega", json.dumps({**LINE, "data": {"url": "file:///etc/passwd"}}).encode()),
        ("image", b'<svg xmlns="http://www.w3.org/2000/svg"/>'),
        ("image", b"<html>"),
        ("image", b"GIF89a"),
        ("image", raster.PNG),
        ("image", raster.PNG + b"0" * 100),
        ("image", header(100_000, 1)),
        ("image", header(9_000, 9_000)),
        ("image", header(0, 5)),
        ("image", JPEG[:100]),
        ("image", b"\xff\xd8\xff" * 2_000),
        ("image", header(9, 9) + raster._chunk(b"IDAT", b"none") + raster._chunk(b"IEND", b"")),
        ("image", b"\x89PNG\r\n\x1a\n" + b"0" * figures.MOST_BYTES),
    ],
)
def test_what_is_no_sane_plot_is_left_out(kind: str, content: bytes) -> None:
    good = json.dumps(LINE).encode()
    found = declared({"bad": content, "good": good}, plot("bad", kind), plot("good"))
    assert [picture.title for picture in found] == ["good"]


def test_a_file_that_is_not_there_is_left_out() -> None:
    assert declared({}, plot("a"), plot("b", "image")) == ()


@pytest.mark.parametrize("sides", ['width="1000000000" height="9"', 'width="0" height="9"', ""])
def test_a_drawing_without_a_sane_size_is_refused(sides: str) -> None:
    with pytest.raises(svg.PlotError, match=r"size|measures"):
        pictures._painted(f"<svg {sides}></svg>", "#ffffff", most=2)


def test_there_are_at_most_twelve() -> None:
    files = {"a": json.dumps({**LINE, "width": 20, "height": 20}).encode()}
    found = declared(files, *(plot("a", name=f"p{at}") for at in range(20)))
    assert [picture.title for picture in found] == [f"p{at}" for at in range(12)]


def test_a_wide_plot_is_fitted_to_the_page() -> None:
    files = {"a": json.dumps({**LINE, "width": 3_000, "height": 200}).encode()}
    (found,) = declared(files, plot("a"))
    assert found.width == pictures.WIDEST
    assert abs(size(found.light)[0] - 2 * pictures.WIDEST) <= 2


def test_without_an_evaluation_there_are_none() -> None:
    assert pictures.of(records.errored_checkout(), {}) == ()


def test_without_vl_convert_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(svg, "available", lambda: False)
    assert pictures.of(records.good(), {}) == ()

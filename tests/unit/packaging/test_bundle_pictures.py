"""The plots of a bundle: the model alone, in its own words, as files that load nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from assay.packaging import pictures
from assay.plots import DeclaredPlot
from assay.report import svg

from tests import records

if TYPE_CHECKING:
    import pytest

SPEC = {
    "data": {
        "values": [
            {"rev": "head", "x": 1, "y": 2, "said": "ours"},
            {"rev": "base", "x": 1, "y": 3, "said": "theirs"},
        ]
    },
    "mark": "point",
    "encoding": {
        "x": {"field": "x", "type": "quantitative"},
        "color": {"field": "said", "type": "nominal"},
    },
}


def with_plots(*plots: DeclaredPlot) -> records.RunRecord:
    record = records.good()
    assert record.evaluate is not None
    evaluate = record.evaluate.model_copy(update={"plots": plots})
    return record.model_copy(update={"evaluate": evaluate})


def test_curves_of_the_model_alone() -> None:
    found = pictures.of(records.good(), {})
    assert [one.path for one in found] == [
        "plots/1-roc-curve-area-below-it.svg",
        "plots/2-precision-and-recall-average-precision.svg",
        "plots/3-confusion-matrix-shade-share-of-the-row.svg",
    ][: len(found)] + [one.path for one in found[3:]]
    assert 2 < len(found) <= pictures.MOST
    for one in found:
        root = ET.fromstring(one.content)
        texts = " ".join(filter(None, (node.text for node in root.iter())))
        assert "This change" not in texts
        assert "Base" not in texts
        assert root.find("{http://www.w3.org/2000/svg}rect") is not None
    assert "this model: 0.8795" in found[0].description


def test_declared_plots_come_after_and_say_nothing_of_base() -> None:
    plots = [
        DeclaredPlot(name="image", kind="image", file="plots/0.png", revision="head"),
        DeclaredPlot(name="../Odd | name", kind="vega", file="plots/1.vl.json"),
        DeclaredPlot(name="broken", kind="vega", file="plots/2.vl.json"),
        DeclaredPlot(name="missing", kind="vega", file="plots/3.vl.json"),
        DeclaredPlot(name="outside", kind="vega", file="plots/4.vl.json"),
    ]
    outside = {**SPEC, "data": {"url": "https://example.invalid/x.csv"}}
    files = {
        "plots/1.vl.json": json.dumps(SPEC).encode(),
        "plots/2.vl.json": b"{",
        "plots/4.vl.json": json.dumps(outside).encode(),
    }
    ours = pictures.of(records.good(), {})
    found = pictures.of(with_plots(*plots), files)[len(ours) :]
    (only,) = found
    assert only.path == f"plots/{len(ours) + 1}-odd-name.svg"
    assert b"ours" in only.content
    assert b"theirs" not in only.content


def test_a_declared_plot_is_called_by_its_title_and_names_no_revision() -> None:
    color = {"field": "rev", "scale": {"domain": ["head"], "range": ["#945dd6"]}}
    spec = {
        **SPEC,
        "title": {"text": "Loss by step", "anchor": "middle"},
        "encoding": {**SPEC["encoding"], "color": color},  # type: ignore[dict-item]
    }
    plots = with_plots(DeclaredPlot(name="loss", kind="vega", file="plots/1.vl.json"))
    found = pictures.of(plots, {"plots/1.vl.json": json.dumps(spec).encode()})[-1]
    assert found.title == "Loss by step"
    assert found.path.endswith("-loss-by-step.svg")
    texts = [node.text for node in ET.fromstring(found.content).iter()]
    assert not {"head", "This change"} & set(texts)


def test_never_more_than_a_reader_looks_at() -> None:
    plots = [
        DeclaredPlot(name=f"plot {at}", kind="vega", file="plots/1.vl.json") for at in range(9)
    ]
    files = {"plots/1.vl.json": json.dumps(SPEC).encode()}
    assert len(pictures.of(with_plots(*plots), files)) == pictures.MOST


def test_the_same_run_gives_the_same_bytes() -> None:
    assert pictures.of(records.good(), {}) == pictures.of(records.good(), {})


def test_none_without_what_draws_or_without_predictions(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pictures.of(records.errored_checkout(), {}) == ()
    monkeypatch.setattr(svg, "available", lambda: False)
    assert pictures.of(records.good(), {}) == ()

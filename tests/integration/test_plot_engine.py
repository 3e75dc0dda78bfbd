"""The process that draws: what kills it costs one plot, and it knows no token."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from assay.report import engine as module
from assay.report import raster
from assay.report.engine import Engine, EngineError

from tests.unit.report.pixels import pixels

POINT = {"mark": "point", "data": {"values": [{"a": 1}]}, "encoding": {"x": {"field": "a"}}}
DEADLY = {
    "out of memory": {
        **POINT,
        "encoding": {
            "x": {
                "field": "a",
                "type": "quantitative",
                "axis": {"values": {"expr": "sequence(0, 100000000)"}},
            }
        },
    },
    "without end": {
        **POINT,
        "transform": [{"filter": f"test(/^(a+)+$/, '{'a' * 40}b')"}],
    },
}


@pytest.fixture
def engine():
    made = Engine()
    yield made
    made.close()


@pytest.mark.parametrize("spec", DEADLY.values(), ids=DEADLY)
def test_a_deadly_plot_costs_itself_alone(engine, monkeypatch, spec):
    assert engine.draw(POINT).startswith("<svg")
    if "transform" in spec:
        monkeypatch.setattr(module, "PATIENCE", 2.0)
    with pytest.raises(EngineError, match=r"took over \d+ s|came to its end"):
        engine.draw(spec)
    monkeypatch.undo()
    assert engine.draw(POINT).startswith("<svg")


def test_a_wrong_plot_leaves_the_process(engine):
    engine.start()
    first = engine._process
    with pytest.raises(EngineError):
        engine.draw({"mark": {"nonsense": [1]}})
    assert engine.draw(POINT).startswith("<svg")
    assert engine._process is first


def test_it_paints_pixels(engine):
    """By a colour that is nowhere else, at twice the size."""
    drawing = '<svg xmlns="http://www.w3.org/2000/svg" width="3" height="2">'
    drawing += '<rect width="3" height="2" fill="#123456"/></svg>'
    painted = raster.smaller(engine.paint(drawing, 2))
    assert raster.kind_and_size(painted) == ("png", 6, 4)
    assert set(pixels(painted)) == {bytes.fromhex("123456")}


def test_a_drawing_that_is_none_leaves_the_process(engine):
    engine.start()
    first = engine._process
    with pytest.raises(EngineError):
        engine.paint("<svg", 2)
    assert engine.draw(POINT).startswith("<svg")
    assert engine._process is first


def test_the_drawings_do_not_come_in_each_others_place(engine):
    """Two threads at once: each gets what it asked for."""
    drawing = '<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="1"></svg>'
    with ThreadPoolExecutor(4) as threads:
        made = threads.map(lambda width: engine.paint(drawing.format(width), 1), range(1, 40))
        assert [raster.kind_and_size(png)[1] for png in made] == list(range(1, 40))


def test_after_a_few_deadly_plots_no_more_are_tried(engine, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    for _ in range(module.MOST_ENDS):
        with pytest.raises(EngineError, match="took over"):
            engine.draw(DEADLY["without end"])
    monkeypatch.undo()
    with pytest.raises(EngineError, match="3 others ended"):
        engine.draw(POINT)


def test_it_knows_no_token(engine, monkeypatch):
    monkeypatch.setenv("ASSAY_TOKEN", "a-secret")
    engine.start()
    environ = Path(f"/proc/{engine._process.pid}/environ")
    if environ.exists():
        assert b"a-secret" not in environ.read_bytes()
    assert "ASSAY_TOKEN" not in module._ENVIRONMENT


def test_closed_it_is_gone_and_starts_again(engine):
    engine.start()
    first = engine._process
    engine.close()
    assert first.returncode is not None
    assert engine.draw(POINT).startswith("<svg")

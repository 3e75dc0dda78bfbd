"""The process that draws: what kills it costs one plot, and it knows no token."""

from __future__ import annotations

from pathlib import Path

import pytest
from assay.report import engine as module
from assay.report.engine import Engine, EngineError

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
    with pytest.raises(EngineError, match=r"took over 2 s|came to its end"):
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

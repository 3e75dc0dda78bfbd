"""The Grafana dashboard: as its code makes it, whole, and portable. `live` asks its questions."""

from __future__ import annotations

import copy
import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT / "docs" / "monitoring" / "assay-dashboard.json"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found = json.loads(FILE.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def test_it_is_what_its_code_makes() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "dashboard.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_grafana_s_own_types_know_all_of_it(document: dict[str, Any]) -> None:
    """What they do not know, they would drop; what they add is what Grafana takes for granted."""
    # Of annotations they have what all sources share; these are Prometheus'.
    annotation = "/annotations/list/0"
    assert unknown(document) == [f"{annotation}/step", f"{annotation}/titleFormat"]


def test_a_key_that_grafana_does_not_know_is_found(document: dict[str, Any]) -> None:
    changed = copy.deepcopy(document)
    panel = changed["panels"][1]
    panel["targets"][0]["expression"] = panel["options"]["legends"] = "x"
    assert unknown(changed)[2:] == ["/panels/1/targets/0/expression", "/panels/1/options/legends"]


def unknown(document: dict[str, Any]) -> list[str]:
    plugins.register_default_plugins()  # panels and queries of each kind
    read = json.loads(JSONEncoder().encode(Dashboard.from_json(document)))
    return lost(document, read)


def lost(given: Any, read: Any, where: str = "") -> list[str]:
    """Where what was read differs from what was given."""
    if isinstance(given, dict) and isinstance(read, dict):
        return [
            at
            for key, value in given.items()
            for at in (
                lost(value, read[key], f"{where}/{key}") if key in read else [f"{where}/{key}"]
            )
        ]
    if isinstance(given, list) and isinstance(read, list) and len(given) <= len(read):
        pairs = zip(given, read, strict=False)
        return [at for i, (one, own) in enumerate(pairs) for at in lost(one, own, f"{where}/{i}")]
    return [] if given == read else [where]


def test_it_belongs_to_no_grafana(document: dict[str, Any]) -> None:
    assert "id" not in document
    assert "version" not in document
    text = json.dumps(document)
    source = f'"datasource": {json.dumps(SOURCE)}'
    assert text.count(source) == text.count('"datasource": {') > 30
    first = document["templating"]["list"][0]
    assert (first["name"], first["type"], first["query"]) == (
        "datasource",
        "datasource",
        "prometheus",
    )


def test_panels_lie_beside_each_other(document: dict[str, Any]) -> None:
    panels = document["panels"]
    assert len({one["id"] for one in panels}) == len(panels)
    assert len({one["title"] for one in panels}) == len(panels)
    places = [one["gridPos"] for one in panels]
    assert all(one["x"] >= 0 and one["x"] + one["w"] <= 24 for one in places)
    for one, other in itertools.combinations(places, 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)


def test_every_panel_asks_by_model_and_environment(document: dict[str, Any]) -> None:
    for panel in document["panels"]:
        if panel["type"] == "row":
            continue
        assert panel["description"]
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references) > 0
        for target in panel["targets"]:
            assert '"$model"' in target["expr"]
            assert '"$environment"' in target["expr"]
            assert target["legendFormat"]


def test_the_page_says_what_each_panel_shows(document: dict[str, Any]) -> None:
    page = (ROOT / "docs" / "prometheus.md").read_text(encoding="utf-8")
    for panel in document["panels"]:
        if panel["type"] != "row":
            assert f"| {panel['title']} | {panel['description']} |" in page

"""The Grafana dashboard of `assay serve` and `assay monitor`, as code.

    python scripts/dashboard.py            # write docs/monitoring/assay-dashboard.json
    python scripts/dashboard.py --check    # exit 1 if that is stale

It is of Grafana's classic model, which every version imports; its data source is a variable.
https://grafana.com/docs/grafana/latest/visualizations/dashboards/build-dashboards/view-dashboard-json-model/
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashboard_panels import INFO, ROWS

if TYPE_CHECKING:
    from dashboard_panels import Panel, Query

TARGET = Path(__file__).resolve().parents[1] / "docs" / "monitoring" / "assay-dashboard.json"
SCHEMA = 39
"""Of Grafana 10.4; later ones bring it up to date themselves."""
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24
"""Columns of Grafana's grid."""
_COLOURS = {"calm": "green", "warning": "orange", "alarm": "red", "nothing": "text"}

Json = dict[str, Any]


def dashboard() -> Json:
    """The whole document."""
    return {
        "uid": "assay",
        "title": "Assay: models in production",
        "description": "What assay serve and assay monitor tell Prometheus.",
        "tags": ["assay", "machine learning"],
        "schemaVersion": SCHEMA,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "browser",
        "refresh": "1m",
        "time": {"from": "now-7d", "to": "now"},
        "annotations": {"list": [_versions()]},
        "templating": {"list": _variables()},
        "panels": _panels(),
    }


def _versions() -> Json:
    now = f"count by (version) ({INFO})"
    return {
        "name": "A new version answers",
        "datasource": SOURCE,
        "enable": True,
        "iconColor": "blue",
        "expr": f"{now} unless {now.replace('})', '} offset 5m)')}",
        "step": "60s",
        "titleFormat": "{{version}}",
    }


def _variables() -> list[Json]:
    models = (
        'count by (model) (label_replace(assay_model_info, "model", "$1", "name", "(.*)") '
        "or assay_monitor_alarm)"
    )
    any_of = {"includeAll": True, "allValue": ".*", "multi": True}
    return [
        {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
        _variable("model", "Model", f"query_result({models})", regex='/model="(.*)"}/'),
        _variable(
            "environment",
            "Environment",
            'label_values(assay_monitor_alarm{model="$model"}, environment)',
            **any_of,
        ),
        _variable(
            "column",
            "Column",
            'label_values(assay_monitor_drift{model="$model"}, column)',
            **any_of,
        ),
    ]


def _variable(name: str, label: str, query: str, **more: Any) -> Json:
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": SOURCE,
        "query": query,
        "refresh": 2,  # whenever the time changes
        "sort": 1,
        **more,
    }


def _panels() -> list[Json]:
    found: list[Json] = []
    y = 0
    for title, panels in ROWS:
        place = {"x": 0, "y": y, "w": WIDTH, "h": 1}
        row = {"type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}
        found.append({"id": len(found) + 1, **row})
        y, x, high = y + 1, 0, 0
        for panel in panels:
            if x + panel.width > WIDTH:
                x, y, high = 0, y + high, 0
            place = {"x": x, "y": y, "w": panel.width, "h": panel.height}
            found.append({"id": len(found) + 1, "gridPos": place, **_panel(panel)})
            x, high = x + panel.width, max(high, panel.height)
        y += high
    return found


def _panel(panel: Panel) -> Json:
    found: Json = {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": SOURCE,
        "targets": [_target(at, query, panel.kind) for at, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _OPTIONS[panel.kind],
    }
    if panel.kind == "table":
        found["transformations"] = [{"id": "merge", "options": {}}, _columns(panel.queries)]
    return found


def _target(at: int, query: Query, kind: str) -> Json:
    return {
        "refId": _letter(at),
        "datasource": SOURCE,
        "expr": query.expression,
        "legendFormat": query.legend,
        "instant": query.instant,
        "range": not query.instant,
        "format": "table" if kind == "table" else "time_series",
    }


def _letter(at: int) -> str:
    return "ABCDEFGH"[at]


def _defaults(panel: Panel) -> Json:
    found: Json = {"unit": panel.unit}
    if panel.least is not None:
        found["min"] = panel.least
    if panel.states:
        options = {
            str(at): {"text": text, "color": _COLOURS[colour], "index": at}
            for at, (text, colour) in enumerate(panel.states)
        }
        found["mappings"] = [{"type": "value", "options": options}]
    return found


def _columns(queries: tuple[Query, ...]) -> Json:
    """Names of the table's columns, and those that nobody needs to see."""
    names = {f"Value #{_letter(at)}": query.legend for at, query in enumerate(queries)}
    hidden = dict.fromkeys(("Time", "__name__", "instance", "job", "model"), True)
    return {"id": "organize", "options": {"renameByName": names, "excludeByName": hidden}}


_LEGEND = {"showLegend": True, "displayMode": "list", "placement": "bottom"}
_REDUCE = {"calcs": ["lastNotNull"], "fields": "", "values": False}
_OPTIONS: dict[str, Json] = {
    "timeseries": {"legend": _LEGEND, "tooltip": {"mode": "multi", "sort": "desc"}},
    "state-timeline": {"legend": _LEGEND, "mergeValues": True, "showValue": "auto"},
    "stat": {"reduceOptions": _REDUCE, "colorMode": "none", "graphMode": "none"},
    "bargauge": {"reduceOptions": _REDUCE, "orientation": "horizontal", "displayMode": "basic"},
    "table": {"showHeader": True},
}


def main() -> int:
    """Write it, or with `--check` say whether it is stale."""
    parser = argparse.ArgumentParser(description="Generate the Grafana dashboard.")
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if stale")
    check = parser.parse_args().check
    text = json.dumps(dashboard(), indent=2) + "\n"
    if TARGET.is_file() and TARGET.read_text(encoding="utf-8") == text:
        return 0
    if check:
        print("docs/monitoring/assay-dashboard.json is stale: run python scripts/dashboard.py.")
        return 1
    TARGET.write_text(text, encoding="utf-8", newline="\n")
    print(f"written: {TARGET}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

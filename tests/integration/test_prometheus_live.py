"""The real thing: figures get to Prometheus, an alarm to people, and the dashboard has answers."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from assay.configmonitor import PrometheusSpec
from assay.monitor.publishing import publish
from assay.monitor.window import Breach
from prometheus_client.parser import text_string_to_metric_families

from tests import prometheus_programs
from tests.prometheus_section import drifting, measured, section, window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.monitor.watched import MonitorSection

    from tests.prometheus_programs import Live

pytestmark = [
    pytest.mark.needs("prometheus"),
    pytest.mark.needs("prometheus-alertmanager"),
    pytest.mark.needs("prometheus-node-exporter"),
    pytest.mark.needs("prometheus-pushgateway"),
]
DASHBOARD = prometheus_programs.DOCS / "monitoring" / "assay-dashboard.json"
ODD = 'sh/öp "a"'


def pushed(live: Live, found: MonitorSection) -> None:
    spec = PrometheusSpec(pushgateway="GATEWAY")
    assert publish(found, spec, {"GATEWAY": live.gateway}, folder=live.folder) == ()


def written(live: Live, found: MonitorSection, name: str) -> None:
    spec = PrometheusSpec(textfile=f"{name}.prom")
    assert publish(found, spec, {}, folder=live.textfiles) == ()


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """All programs; a calm monitor that pushes, another that writes, and one of an odd name."""
    metrics = [measured(), measured(estimated=True), measured(slice="season=winter")]
    with (
        pytest.MonkeyPatch.context() as patch,
        prometheus_programs.running(tmp_path_factory.mktemp("prometheus")) as found,
    ):
        patch.setenv("NO_PROXY", "*")
        found.ask()
        pushed(found, section([window(metrics=metrics)], version="v1.2.0"))
        pushed(found, section(model=ODD, environment=None))
        written(found, section([window(metrics=metrics)], environment="staging"), "staging")
        written(found, section(model="other"), "other")
        # Prometheus takes up its targets five seconds after its start, whatever it is told.
        prometheus_programs.until(lambda: found.query("count(assay_monitor_alarm) == 4"))
        yield found


def test_what_is_pushed_is_what_is_there(live: Live) -> None:
    (odd,) = live.query(f"assay_monitor_alarm{{model={json.dumps(ODD)}}}")
    assert odd[0] == {
        "__name__": "assay_monitor_alarm",
        "job": "assay_monitor",
        "model": ODD,
        "version": "v1.3.0",
    }
    text = prometheus_programs.got(f"{live.gateway}/metrics").decode()
    families = {one.name: one for one in text_string_to_metric_families(text)}
    assert {one.labels["model"] for one in families["assay_monitor_alarm"].samples} == {
        "peak-hour",
        ODD,
    }
    assert all(one.value == 0 for one in families["push_failure_time_seconds"].samples)
    assert [value for _, value in live.query("node_textfile_scrape_error")] == [0]
    (other,) = live.query('assay_monitor_alarm{model="other"}')
    assert (other[0]["job"], other[0]["environment"]) == ("node", "production")


def test_an_alarm_gets_to_people_once_and_its_end_too(live: Live) -> None:
    assert live.query("ALERTS") == []
    pushed(live, drifting())
    (first,) = alerts(live, "firing", 1)
    assert first["labels"] == {
        "alertname": "AssayAlarm",
        "severity": "warning",
        "model": "peak-hour",
        "version": "v1.3.0",
        "environment": "production",
    }
    assert first["annotations"]["summary"] == "peak-hour v1.3.0 in production: an alarm"
    assert first["annotations"]["description"] == (
        "What production sees of peak-hour v1.3.0 is not what the model was tested with, "
        "by feature. Farthest: temperature"
    )
    # What the version before left in the Pushgateway is gone.
    assert live.query('assay_monitor_alarm{version="v1.2.0"}') == []

    written(live, section([window(breaches=[Breach(column="hour", problem="gone")])]), "other")
    broken = alerts(live, "firing", 2)[1]
    assert broken["labels"]["alertname"] == "AssayContractBroken"
    assert broken["labels"]["severity"] == "critical"

    pushed(live, section())
    written(live, section(model="other"), "other")
    over = alerts(live, "resolved", 2)
    assert {one["labels"]["alertname"] for one in over} == {"AssayAlarm", "AssayContractBroken"}
    assert len(alerts(live, "firing", 2)) == 2


def alerts(live: Live, status: str, count: int) -> list[dict[str, Any]]:
    """So many different alerts, each as it was first told."""

    def found() -> list[dict[str, Any]] | None:
        told: dict[str, dict[str, Any]] = {}
        for message in list(live.told):
            for one in message["alerts"]:
                if one["status"] == status:
                    told.setdefault(one["fingerprint"], one)
        return list(told.values()) if len(told) >= count else None

    return list(prometheus_programs.until(found))


def test_all_that_the_rules_ask_for_is_there(live: Live) -> None:
    there = set(live.api("label/__name__/values"))
    text = (prometheus_programs.DOCS / "monitoring" / "assay-rules.yml").read_text()
    asked = set(re.findall(r"\b(assay_\w+)", text))
    assert len(asked) > 10
    assert asked <= there
    loaded = [one for group in live.api("rules")["groups"] for one in group["rules"]]
    assert {one["health"] for one in loaded} == {"ok"}


CHOSEN = {
    "datasource": "prometheus",
    "model": "peak-hour",
    "environment": ".*",
    "column": ".*",
    "__rate_interval": "1m",
}


def chosen(query: str) -> str:
    """A query as Grafana would send it."""
    found = re.sub(r"\$(?:\{(\w+)\}|([A-Za-z_]\w*))", lambda m: CHOSEN[m[1] or m[2]], query)
    assert "$" not in found.replace('"$1"', "")
    return found


def queries() -> Iterator[str]:
    """All that the dashboard asks, but for what its variables can be."""
    document = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    for panel in document["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"]
    for one in document["annotations"]["list"]:
        yield one["expr"]


def test_every_query_of_the_dashboard_has_an_answer(live: Live) -> None:
    asked = [*map(chosen, queries())]
    assert len(asked) > 30

    def unanswered() -> list[str]:
        live.ask()
        return [
            one for one in asked if not any(math.isfinite(value) for _, value in live.query(one))
        ]

    # A rate needs two scrapes.
    prometheus_programs.until(lambda: not unanswered())


def test_every_variable_of_the_dashboard_has_values(live: Live) -> None:
    document = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    variables = {one["name"]: one for one in document["templating"]["list"]}
    assert set(variables) == set(CHOSEN) - {"__rate_interval"}
    found = {name: values(live, one) for name, one in variables.items() if one["type"] == "query"}
    assert {"peak-hour", "other", ODD} <= found["model"]
    assert found["environment"] == {"production", "staging"}
    assert found["column"] == {"label", "season", "temperature"}


def values(live: Live, variable: dict[str, Any]) -> set[str]:
    """What Grafana would offer: https://grafana.com/docs/grafana/latest/datasources/prometheus/"""
    query = chosen(variable["query"])
    if match := re.fullmatch(r"label_values\((.*), (\w+)\)", query):
        return set(live.api(f"label/{quote(match[2])}/values", **{"match[]": match[1]}))
    match = re.fullmatch(r"query_result\((.*)\)", query)
    assert match
    shown = [
        "{" + ", ".join(f'{name}="{text}"' for name, text in labels.items()) + f"}} {value:g} 1"
        for labels, value in live.query(match[1])
    ]
    pattern = re.compile(variable["regex"].strip("/"))
    return {found[1] for one in shown if (found := pattern.search(one))}

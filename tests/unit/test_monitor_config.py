"""What `monitor:` and `retrain:` refuse, and what they say then."""

from __future__ import annotations

import pytest
from assay import config
from assay.errors import ConfigError

LOG = "monitor: {log: {path: a}, %s}"
PLACE = "`monitor.log` needs either `path`, or `connection` and `table`."
DURATION = "which is no time span as `36 h`, `2 days` or `1 day 12 h`."

MISTAKES = {
    "monitor: {}": "`monitor.log` is required.",
    "monitor: {log: {}}": PLACE,
    "monitor: {log: {connection: URL}}": PLACE,
    "monitor: {log: {path: a, table: t}}": PLACE,
    "monitor: {log: {path: a, connection: URL, table: t}}": PLACE,
    "monitor: {log: {connection: URL, table: t, engine: spark}}": (
        "`monitor.log` has `engine: spark`, which is for `path`."
    ),
    LOG % "windo: 1 d": "Unknown key `monitor.windo`.",
    LOG % "window: 30 s": (
        "`monitor.window` is '30 s'; a window is `month`, or a minute or longer, as `1 day`."
    ),
    LOG % "window: fortnight": f"`monitor.window` is 'fortnight', {DURATION}",
    LOG % "late: soon": f"`monitor.late` is 'soon', {DURATION}",
    LOG % "bound: 2": "`monitor.bound` is 2 (a number).",
    LOG % "bound: guessed": "`monitor.bound` is 'guessed' (text).",
    LOG % "bound: learned": (
        "`monitor` has `bound: learned` and no `reference`, whose parts it is learned from."
    ),
    LOG % "bounds: {x: 0}": "`monitor.bounds.x` is 0 (a number).",
    LOG % "alpha: 0.5": "`monitor.alpha` is 0.5 (a number).",
    LOG % "least_rows: 1": "`monitor.least_rows` is 1 (a number).",
    LOG % "metrics: {brier: -1}": "`monitor.metrics.brier` is -1 (a number).",
    LOG % "reference: {path: b, season: year}": (
        "`monitor.reference` has `season` and no `time`; name the column that says when a row was."
    ),
    LOG % "hysteresis: {windows: 3, of: 2}": (
        "`monitor.hysteresis` wants 3 `windows` of 2 to drift, which cannot be."
    ),
    LOG % "environment: nowhere": "`monitor.environment` needs the name of an environment.",
    LOG % "alerts: {format: teams}": "`monitor.alerts.format` is 'teams'.",
    LOG % "alerts: {prometheus: {}}": (
        "`monitor.alerts.prometheus` needs `textfile` or `pushgateway`."
    ),
    LOG % "alerts: {prometheus: {textfile: a.txt}}": (
        "`monitor.alerts.prometheus.textfile` is 'a.txt'; node_exporter reads files whose names "
        "end in `.prom`."
    ),
    "retrain: {when: []}": "`retrain.when` is [] (a list).",
    "retrain: {when: [often]}": "`retrain.when.0` is 'often'.",
    "retrain: {cooldown: soon}": f"`retrain.cooldown` is 'soon', {DURATION}",
    "retrain: {daily: 0}": "`retrain.daily` is 0 (a number).",
    "retrain: {attempts: 0}": "`retrain.attempts` is 0 (a number).",
    "retrain: {branch: 'a..b'}": (
        "`retrain.branch` is 'a..b', which is no name of a branch as `assay/retrain`."
    ),
    "retrain: {bring: 'a \"b'}": "`retrain.bring` is no command: no closing quotation.",
    "retrain: {merge: always}": "`retrain.merge` is 'always'.",
    "retrain: {recent: {}}": "`retrain.recent.time` is required.",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_named(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.parse(text)
    assert caught.value.message == MISTAKES[text]
    assert caught.value.exit_code == 2
    assert caught.value.line == 1


@pytest.mark.parametrize(
    "text",
    [
        "monitor: {log: {connection: 'postgresql://me:pa55@host/db', table: t}}",
        LOG % "alerts: {webhook: 'https://hooks.example/pa55'}",
        LOG % "alerts: {prometheus: {pushgateway: 'https://me:pa55@gateway'}}",
    ],
)
def test_an_address_in_place_of_its_name_is_not_repeated(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.parse(text)
    assert "is not the name of an environment variable" in caught.value.message
    assert "pa55" not in f"{caught.value.message}{caught.value.hint}{caught.value!r}"

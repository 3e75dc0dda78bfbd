"""What a monitor found as Prometheus reads it: its own parsers say whether it can."""

from __future__ import annotations

import re
import subprocess
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from assay.console import printable
from assay.monitor import exposition
from assay.monitor.ranking import ranked
from assay.monitor.window import Breach
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from tests import programs, prometheus_section
from tests.prometheus_section import drifting, measured, section, window

if TYPE_CHECKING:
    from assay.monitor.watched import MonitorSection

AT = 1_795_480_000.25
ODD = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def samples(found: MonitorSection) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """By name, without its prefix, and by labels that not all have."""
    read: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for family in text_string_to_metric_families(exposition.text(found, at=AT)):
        assert family.type == "gauge"
        assert family.documentation
        for one in family.samples:
            assert one.labels["model"] == printable(found.model)
            assert one.labels["version"] == found.version
            own = set(one.labels) - {"model", "version", "environment"}
            name = one.name.removeprefix("assay_monitor_")
            key = name, frozenset((label, one.labels[label]) for label in own)
            assert key not in read
            read[key] = one.value
    return read


def value(found: MonitorSection, name: str, **labels: str) -> float:
    return samples(found)[name, frozenset(labels.items())]


@pytest.mark.needs("promtool")
def test_promtool_finds_nothing_to_say() -> None:
    program = programs.find("promtool")
    assert program is not None
    done = subprocess.run(
        [program, "check", "metrics"],
        input=exposition.text(drifting(), at=AT),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_two_days_of_drift() -> None:
    found = drifting()
    assert value(found, "last_run_timestamp_seconds") == AT
    assert value(found, "alarm") == 1
    assert value(found, "outcome", outcome="drift") == 1
    assert sum(v for (name, _), v in samples(found).items() if name == "outcome") == 1
    assert value(found, "windows_drifting") == value(found, "windows_counted") == 2
    assert value(found, "inconclusive_windows") == 0
    assert value(found, "questions", about="feature", outcome="drift") == 1
    assert value(found, "questions", about="performance", outcome="drift") == 0
    end = prometheus_section.END.timestamp()
    assert value(found, "window_end_timestamp_seconds") == end
    assert value(found, "last_conclusive_timestamp_seconds") == end
    assert value(found, "window_seconds") == 86400
    assert value(found, "rows") == 2000
    assert value(found, "duplicate_rows") == 3
    (moved,) = (one for one in found.columns if one.name == "temperature")
    of = {"column": "temperature", "role": "feature"}
    assert value(found, "drift", **of) == moved.drift.unbiased
    assert value(found, "drift_low", **of) == moved.drift.low
    assert value(found, "drift_high", **of) == moved.drift.high
    assert value(found, "drift_bound", **of) == 0.1
    assert value(found, "psi", **of) == moved.psi.value
    assert value(found, "missing_ratio", **of) == 0.05
    assert value(found, "importance_ratio", **of) == 1
    auc = {"metric": "roc_auc", "estimated": "false", "slice": ""}
    assert value(found, "metric", **auc) == 0.7
    assert value(found, "metric_reference", **auc) == 0.85
    assert value(found, "metric_rows", **auc) == 1800


def test_calm_days() -> None:
    found = section()
    assert value(found, "alarm") == 0
    assert value(found, "outcome", outcome="quiet") == 1
    assert value(found, "outcome", outcome="drift") == 0


def test_days_without_rows_are_inconclusive_in_a_row() -> None:
    found = section([window(3), window(2, rows=0), window(1, rows=20), window(rows=0)])
    assert value(found, "rows") == 0
    assert value(found, "inconclusive_windows") == 3
    before = prometheus_section.END - timedelta(days=3)
    assert value(found, "last_conclusive_timestamp_seconds") == before.timestamp()


def test_where_nothing_was_ever_conclusive_there_is_no_time_of_it() -> None:
    text = exposition.text(section([window(rows=0)]), at=AT)
    assert "last_conclusive" not in text
    assert "inconclusive_windows" in text


def test_a_broken_contract() -> None:
    broken = [Breach(column="season", problem="gone"), Breach(column="hour", problem="gone")]
    found = section([window(breaches=broken)])
    assert value(found, "alarm") == value(found, "outcome", outcome="contract broken") == 1
    assert value(found, "broken_columns", problem="gone") == 2
    assert value(found, "broken_columns", problem="type") == 0


def test_without_columns_and_metrics_no_metric_is_announced_that_has_no_sample() -> None:
    text = exposition.text(section([window()], columns=(), ranked=()), at=AT)
    announced = re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)
    assert set(announced) == set(re.findall(r"^(\w+)\{", text, re.MULTILINE))
    assert "assay_monitor_drift" not in announced


def test_a_metric_without_reference_by_slice_and_estimated() -> None:
    metrics = [
        measured(0.6, slice="season=winter", reference=None),
        measured(0.7, estimated=True),
        measured(0.8),
    ]
    found = section([window(metrics=metrics)])
    winter = {"metric": "roc_auc", "estimated": "false", "slice": "season=winter"}
    assert value(found, "metric", **winter) == 0.6
    assert ("metric_reference", frozenset(winter.items())) not in samples(found)
    assert value(found, "metric", **winter | {"estimated": "true", "slice": ""}) == 0.7


def test_of_a_wide_table_those_columns_that_are_farthest_beyond_their_bounds() -> None:
    one = section().columns[0]
    wide = [
        one.model_copy(update={"name": f"c{at:03}", "bound": 1 - at / 500}) for at in range(300)
    ]
    label = one.model_copy(update={"name": "label", "role": "prediction", "bound": 1.0})
    found = section(columns=(*wide, label))
    listed = {dict(own)["column"] for name, own in samples(found) if name == "drift"}
    assert listed == {"label", *(f"c{at:03}" for at in range(201, 300))}
    assert value(found, "columns") == 301


def test_of_many_slices_the_first_and_never_without_the_whole() -> None:
    metrics = [*(measured(0.6, slice=f"hour={at}") for at in range(150)), measured(0.8)]
    found = section([window(metrics=metrics)])
    listed = [dict(own)["slice"] for name, own in samples(found) if name == "metric"]
    assert listed == ["", *(f"hour={at}" for at in range(exposition.MOST - 1))]


def test_however_wide_the_table_the_series_are_few() -> None:
    one = section().columns[0]
    wide = [one.model_copy(update={"name": f"c{at}"}) for at in range(500)]
    metrics = [measured(slice=f"hour={at}") for at in range(500)]
    found = section(
        [window(metrics=metrics)],
        columns=wide,
        ranked=ranked(wide, {one.name: 1.0 for one in wide}),
    )
    assert 1100 < len(samples(found)) < 1300


def test_names_that_become_one_come_once() -> None:
    one = section().columns[0]
    twins = [
        one.model_copy(update={"name": name}) for name in ("a\n", "a\\n", "b" * 300, "b" * 301)
    ]
    listed = [
        dict(own)["column"]
        for name, own in samples(section(columns=tuple(twins)))
        if name == "drift"
    ]
    assert sorted(listed) == ["a\\n", "b" * 200]


@settings(max_examples=50)
@given(ODD, ODD, ODD, ODD)
def test_whatever_things_are_called_it_can_be_read(
    model: str, environment: str, column: str, slice_: str
) -> None:
    one = section().columns[0].model_copy(update={"name": column})
    found = section(
        [window(metrics=[measured(slice=slice_)])],
        model=model,
        environment=environment,
        columns=(one,),
    )
    read: dict[str, dict[str, Any]] = {
        sample.name.removeprefix("assay_monitor_"): sample.labels
        for family in text_string_to_metric_families(exposition.text(found, at=AT))
        for sample in family.samples
    }
    assert read["drift"]["column"] == printable(column)[:200]
    assert read["metric"]["slice"] == printable(slice_)[:200]
    assert read["alarm"]["environment"] == printable(environment)[:200]
    text = exposition.text(found, at=AT)
    assert all(line.startswith(("# ", "assay_monitor_")) for line in text.splitlines())


@settings(max_examples=30)
@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 2**53))
def test_a_value_is_the_same_when_it_is_read(number: float, rows: int) -> None:
    found = section([window(metrics=[measured(0.5, low=number, rows=rows)])])
    auc = {"metric": "roc_auc", "estimated": "false", "slice": ""}
    assert value(found, "metric_low", **auc) == number
    assert value(found, "metric_rows", **auc) == float(rows)

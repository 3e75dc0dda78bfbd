"""What `assay gate explain` prints: the arithmetic behind each gate, to follow by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from assay import config as configuration
from assay import gates
from assay.changes import metric_changes, slice_changes
from assay.errors import UsageError
from assay.evidence import FairnessFact
from assay.gates.explain import explain
from assay.gates.judge import judge
from assay.override import Override
from assay.record import Revision, RunRecord
from assay.section import Status
from assay.stages.compare import CompareSection
from assay.stages.evaluate import EvaluateSection

from tests.golden import assert_golden
from tests.judged import evaluation, evidence, part_of

CONFIG = """
predictions: {path: p.csv, prediction: y_pred, slices: [season]}
metrics:
  f1:
    min: 0.7
    max_regression: 0.01
    no_significant_regression: true
    non_inferior: 0.02
    superior: true
    slices: {no_significant_regression: true, max_relative_regression: 0.05, severity: warn}
  log_loss: {max: 0.4, min_improvement: 0.01, min_relative_improvement: 0.05, non_inferior: 0.05}
  rmse: {min: 0}
fairness:
  - {column: sex, measure: demographic_parity_difference, max: 0.1}
"""


def _record(text: str = CONFIG, *, base: bool = True) -> RunRecord:
    config = configuration.parse(text)
    head = {"f1": 0.7571, "log_loss": 0.36}
    before = {"f1": 0.7353, "log_loss": 0.37}
    errors = {"f1": 0.0089, "log_loss": 0.004}
    found = [
        evidence(
            before[name], head[name], errors[name], metric=name, nulls=gates.nulls(config, name)
        )
        for name in head
    ]
    nulls = gates.nulls(config, "f1")
    slices = (
        part_of(0.74, 0.78, name="season = 1", nulls=nulls),
        part_of(0.74, 0.738, name="season = 2", nulls=nulls),
        part_of(0.74, 0.69, name="season = 3", nulls=nulls),
        part_of(0.74, 0.1, name="season = 4", nulls=nulls, rows=12, judged=False),
    )
    section = EvaluateSection(
        status=Status.PASS,
        head=evaluation(head),
        base=evaluation(before) if base else None,
        evidence=tuple(found) if base else (),
        slices=slices if base else (),
        fairness=(FairnessFact(column="sex", measure="demographic_parity_difference", head=0.08),),
    )
    compare = CompareSection(
        status=Status.PASS,
        baseline=base,
        metrics=metric_changes(section, config),
        slices=slice_changes(section, config),
        gates=judge(config, section),
    )
    record = RunRecord(created=datetime(2026, 1, 2, tzinfo=UTC), config=config)
    return record.with_section("evaluate", section).with_section("compare", compare)


def test_every_rule() -> None:
    text = explain(_record())
    assert max(map(len, text.splitlines())) <= 80
    assert text.isascii(), "good for copying"
    assert_golden("explain.txt", text)


def test_a_record_that_was_written_and_read_says_the_same() -> None:
    record = _record()
    again = RunRecord.model_validate_json(record.to_json())
    assert explain(again) == explain(record)


def test_one_metric() -> None:
    text = explain(_record(), "log_loss")
    rules = [line for line in text.splitlines() if line.startswith(("metrics", "fairness"))]
    assert rules == [
        "metrics.log_loss.max: 0.4",
        "metrics.log_loss.min_improvement: 0.01",
        "metrics.log_loss.min_relative_improvement: 0.05",
        "metrics.log_loss.non_inferior: 0.05",
    ]
    assert "fairness.0.max: 0.1" in explain(_record(), "sex")
    assert "metrics.f1.min: 0.7" in explain(_record(), "metrics.f1.min: 0.7")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("logloss", "Did you mean `log_loss`? "),
        ("zzz", ""),
    ],
)
def test_a_metric_without_gates(name: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        explain(_record(), name)
    assert caught.value.message == f"No gate of this run is about `{name}`."
    known = "`f1`, `log_loss`, `rmse`, `demographic_parity_difference`"
    assert caught.value.hint == f"{hint}Gates are about: {known}."


def test_no_gates_at_all() -> None:
    text = explain(_record("metrics: {f1: }"))
    assert text == (
        "verdict           no gate\ndecided by        no metric has a bound in assay.yaml\n"
    )


def test_without_a_baseline() -> None:
    text = explain(_record("metrics: {f1: {min: 0.7, max_regression: 0.1}}", base=False))
    assert "not decided: f1 has no baseline to be compared with" in text


def test_a_run_that_compared_nothing() -> None:
    record = RunRecord(created=datetime(2026, 1, 2, tzinfo=UTC))
    with pytest.raises(UsageError, match="ended before anything was compared"):
        explain(record)


def test_names_cannot_do_anything_to_a_terminal() -> None:
    record = _record()
    assert record.compare is not None
    evil = record.compare.gates[0].model_copy(update={"message": "\x1b[31m\n::error::", "key": ()})
    compare = record.compare.model_copy(update={"gates": (evil,)})
    text = explain(record.with_section("compare", compare))
    assert r"\x1b[31m\n::error::" in text


def test_the_page_on_gates_shows_what_is_printed() -> None:
    config = configuration.parse(
        "predictions: {path: p, prediction: y}\nmetrics: {f1: {non_inferior: 0.02}}"
    )
    section = EvaluateSection(
        status=Status.PASS,
        head=evaluation({"f1": 0.79}),
        base=evaluation({"f1": 0.8}),
        evidence=(evidence(0.8, 0.79, nulls=gates.nulls(config, "f1")),),
    )
    compare = CompareSection(
        status=Status.FAIL,
        metrics=metric_changes(section, config),
        gates=judge(config, section),
    )
    record = RunRecord(created=datetime(2026, 1, 2, tzinfo=UTC), config=config)
    record = record.with_section("evaluate", section).with_section("compare", compare)
    page = (Path(__file__).parents[2] / "docs/gates.md").read_text(encoding="utf-8")
    assert f"$ assay gate explain f1\n{explain(record, 'f1')}```" in page


def test_who_accepted_a_gate() -> None:
    sha = "4f1c0de9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3"
    record = _record().model_copy(update={"head": Revision(sha=sha)})
    word = Override(
        gate="metrics.rmse.present",
        who="ada",
        when=datetime(2026, 1, 3, tzinfo=UTC),
        why="it comes next week",
        sha=sha,
        how="comment",
        url="https://forge.example/1",
    )
    text = explain(record.model_copy(update={"overrides": (word,)}), "rmse")
    assert "  accepted          by @ada: it comes next week\n" in text
    assert "accepted  " not in explain(record, "rmse")

"""Gates as a reader of the table of metrics sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import pytest
from assay.gates import Gate, Rule
from assay.report import comparison, details, findings, gatewords

from tests import evidence_records, records

if TYPE_CHECKING:
    from assay.gates import Result


def _gate(rule: Rule = "min", result: Result = "passed", **facts: Any) -> Gate:
    return Gate(**{"metric": "f1", "rule": rule, "result": result, "message": "m", **facts})


def _rows(*gates: Gate) -> dict[str, list[tuple[str, str]]]:
    record = records.good()
    assert record.compare is not None
    compare = record.compare.model_copy(update={"gates": gates})
    return {
        row.name: [(words.rule, words.result) for words in row.gates]
        for row in comparison.metrics(record.with_section("compare", compare))
        if row.gates
    }


@pytest.mark.parametrize("rule", get_args(Rule))
def test_every_rule_has_words(rule: Rule) -> None:
    limit = None if rule in ("present", "superior", "no_significant_regression") else 0.05
    words = gatewords.words_of(_gate(rule, limit=limit))
    assert ("5 %" if "relative" in rule else "0.05") in words.rule or limit is None
    assert "{}" not in words.rule


@pytest.mark.parametrize(
    ("result", "severity", "words"),
    [
        ("passed", "fail", "✅ passed"),
        ("failed", "fail", "❌ failed"),
        ("failed", "warn", "⚠️ failed (warning)"),
        ("inconclusive", "fail", "❔ inconclusive"),
        ("inconclusive", "warn", "❔ inconclusive (warning)"),
        ("not decided", "fail", "⚪ not decided"),
    ],
)
def test_results(result: Result, severity: str, words: str) -> None:
    assert gatewords.words_of(_gate(result=result, severity=severity)).result == words


def test_gates_of_slices_are_one_for_each_rule() -> None:
    """A hundred slices must not be a hundred lines of a cell: the worst is told, and how often."""
    found = _rows(
        _gate(limit=0.5),
        *(_gate(slice=f"s = {i}", limit=0.4) for i in range(3)),
        *(_gate("superior", "failed", slice=f"s = {i}") for i in range(2)),
        _gate("superior", slice="s = 2"),
        _gate("present", "not decided", slice="s = 3"),
    )
    assert found == {
        "f1": [
            ("surely better", "❌ failed on 2 of 4 slices"),
            ("must be there", "⚪ not decided on 1 of 4 slices"),
            ("at least 0.5", "✅ passed"),
            ("at least 0.4", "✅ passed on 3 of 4 slices"),
        ]
    }


def test_fairness_is_no_metric() -> None:
    assert _rows(_gate(metric="equalized_odds_ratio", column="sex")) == {}


def test_rules_for_slices_without_a_slice_say_so() -> None:
    """`must be there` alone reads as if it were about the metric."""
    gate = _gate("present", "not decided", key=("metrics", "f1", "slices", "present"))
    assert gatewords.words_of(gate).rule == "each slice: must be there"


def test_a_gate_between_groups_stands_beside_them() -> None:
    """One that passed is in no headline, and would be nowhere else."""
    record = evidence_records.sure()
    assert record.evaluate is not None
    assert record.compare is not None
    fact = record.evaluate.fairness[0]
    gate = _gate("max", limit=0.1, metric=fact.measure, column=fact.column)
    compare = record.compare.model_copy(update={"gates": (gate,)})
    groups = details.tables(record.with_section("compare", compare))[0]
    assert [row[-1] for row in groups.rows][:1] == [("✅ passed: at most 0.1",)]


@pytest.mark.parametrize(("result", "lines"), [("passed", 1), ("failed", 0)])
def test_files_without_a_row_in_common_are_a_line(result: Result, lines: int) -> None:
    """What failed is a problem at the top already."""
    record = records.good()
    assert record.compare is not None
    said = "eval.csv has no row in common with train.csv"
    gate = _gate("disjoint_from", result, column="eval.csv").model_copy(update={"message": said})
    compare = record.compare.model_copy(update={"gates": (gate,)})
    shown = findings.lines(record.with_section("compare", compare))
    assert [line.text for line in shown if line.label == "Leakage"] == [(said,)] * lines

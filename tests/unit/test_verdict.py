"""What a record means, and which rule says so."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest
from assay.changes import MetricChange, SliceChange
from assay.gates import Gate
from assay.record import RunRecord
from assay.section import Reason, Section, Status
from assay.stages.checkout import CheckoutSection
from assay.stages.compare import CompareSection
from assay.stages.evaluate import EvaluateSection
from assay.stages.test import TestSection
from assay.stages.train import TrainSection
from assay.stages.validate import ValidateSection
from assay.verdict import decide

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def _record(**sections: Section) -> RunRecord:
    record = RunRecord(created=NOW)
    for stage, section in sections.items():
        record = record.with_section(stage, section)
    return record


def _gate(passed: bool | None, message: str = "f1 0.6 is below its minimum 0.65") -> Gate:
    return Gate(metric="f1", rule="min", limit=0.65, value=0.6, passed=passed, message=message)


def _compare(*gates: Gate, status: Status | None = None, **facts: object) -> CompareSection:
    failed = any(gate.passed is False for gate in gates)
    status = status or (Status.FAIL if failed else Status.PASS)
    return CompareSection.model_validate({"status": status, "gates": gates, **facts})


def _f1(head: float | None = 0.7, base: float | None = 0.65, change: str = "better") -> object:
    both = head is not None and base is not None
    difference = head - base if both else None  # type: ignore[operator]
    return MetricChange.model_validate(
        {"name": "f1", "head": head, "base": base, "difference": difference, "change": change}
    )


def test_an_error_beats_everything() -> None:
    error = TestSection(
        status=Status.ERROR, exit_code=3, reasons=(Reason(message="pytest is missing."),)
    )
    failed = ValidateSection(status=Status.FAIL, exit_code=1, reasons=(Reason(message="Bad."),))
    verdict = decide(_record(validate=failed, test=error, compare=_compare(_gate(passed=False))))
    assert verdict.model_dump() == {
        "outcome": "error",
        "headline": "pytest is missing.",
        "decided_by": "test",
        "exit_code": 3,
    }


def test_a_failed_stage_beats_a_gate() -> None:
    failed = TrainSection(status=Status.FAIL, exit_code=1)
    verdict = decide(_record(train=failed, compare=_compare(_gate(passed=False))))
    assert (verdict.outcome, verdict.decided_by) == ("fail", "train")
    assert verdict.headline == "train did not pass."


def test_the_headline_says_that_there_is_more() -> None:
    reasons = tuple(Reason(message=f"{name} fails.") for name in "abc")
    rest = Reason(message="And 9 more; the report lists them all.", severity="note")
    few = ValidateSection(status=Status.FAIL, exit_code=1, reasons=reasons)
    many = ValidateSection(status=Status.FAIL, exit_code=1, reasons=(*reasons, rest))
    assert decide(_record(validate=few)).headline == "a fails; and 2 more."
    assert decide(_record(validate=many)).headline == "a fails; and many more."


def test_the_first_failed_stage_decides() -> None:
    verdict = decide(
        _record(
            evaluate=EvaluateSection(status=Status.FAIL, exit_code=2),
            validate=ValidateSection(status=Status.FAIL, exit_code=1),
        )
    )
    assert (verdict.decided_by, verdict.exit_code) == ("validate", 1)


def test_a_gate_that_said_no() -> None:
    verdict = decide(_record(compare=_compare(_gate(passed=True), _gate(passed=False))))
    assert (verdict.outcome, verdict.exit_code) == ("fail", 1)
    assert verdict.headline.startswith("f1 0.6 is below its minimum 0.65")
    assert verdict.decided_by == "metrics.f1.min: 0.65"


def test_several_gates_that_said_no() -> None:
    verdict = decide(_record(compare=_compare(*[_gate(passed=False)] * 3)))
    assert "2 more gates failed" in verdict.headline


def test_all_gates_passed() -> None:
    verdict = decide(_record(compare=_compare(_gate(passed=True), metrics=(_f1(),))))
    assert (verdict.outcome, verdict.exit_code) == ("pass", 0)
    assert "0.6500 → 0.7000 (+0.0500, better)" in verdict.headline
    assert verdict.decided_by == "1 gate passed"


@pytest.mark.parametrize("gates", [(), (_gate(passed=None),)])
def test_nothing_was_judged(gates: tuple[Gate, ...]) -> None:
    """No bound, or only bounds that need a baseline: that is never called a pass."""
    verdict = decide(_record(compare=_compare(*gates, metrics=(_f1(base=None, change="added"),))))
    assert (verdict.outcome, verdict.exit_code) == ("no gate", 0)
    assert "no baseline" in verdict.headline


def test_a_run_that_ended_early() -> None:
    verdict = decide(_record(checkout=CheckoutSection(status=Status.PASS)))
    assert (verdict.outcome, verdict.headline) == (
        "no gate",
        "The run ended before anything was compared.",
    )
    assert decide(_record()).outcome == "no gate"


def test_a_warning_does_not_fail() -> None:
    verdict = decide(
        _record(checkout=CheckoutSection(status=Status.WARN), compare=_compare(_gate(passed=True)))
    )
    assert (verdict.outcome, verdict.exit_code, verdict.decided_by) == (
        "warn",
        0,
        "stage checkout",
    )
    assert verdict.headline == "1 gate passed."


def test_a_comparison_that_broke() -> None:
    broken = CompareSection(
        status=Status.ERROR, exit_code=4, reasons=(Reason(message="A defect."),)
    )
    verdict = decide(_record(compare=broken))
    assert (verdict.outcome, verdict.exit_code, verdict.headline) == ("error", 4, "A defect.")


def test_a_metric_that_is_missing_is_said() -> None:
    verdict = decide(_record(compare=_compare(metrics=(_f1(head=None, change="removed"),))))
    assert "missing" in verdict.headline


@pytest.mark.parametrize(
    ("worse", "said"), [(1, "worse on 1 of 3 slices"), (2, "worse on 2 of 3 slices")]
)
def test_slices_that_got_worse_are_counted(worse: int, said: str) -> None:
    parts = [
        SliceChange(
            name=f"season = {number}",
            rows=10,
            metric="f1",
            head=0.5,
            base=0.6,
            difference=-0.1,
            change="worse" if number < worse else "better",
        )
        for number in range(3)
    ]
    compare = _compare(_gate(passed=True), metrics=(_f1(),), slices=parts)
    assert said in decide(_record(compare=compare)).headline


def test_every_combination_has_a_verdict_whose_exit_code_agrees() -> None:
    """0 only for what did not say no; never 0 for an error or a failure."""
    codes = {Status.ERROR: 3, Status.FAIL: 1}
    for train, test, gate in itertools.product(Status, Status, (True, False, None)):
        verdict = decide(
            _record(
                test=TestSection(status=test, exit_code=codes.get(test, 0)),
                train=TrainSection(status=train, exit_code=codes.get(train, 0)),
                compare=_compare(_gate(passed=gate)),
            )
        )
        bad = verdict.outcome in ("fail", "error")
        assert bad is (verdict.exit_code != 0)
        assert bad is (gate is False or {train, test} & set(codes) != set())

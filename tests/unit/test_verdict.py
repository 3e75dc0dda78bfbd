"""What a record means, and which rule says so."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from assay.changes import MetricChange, SliceChange
from assay.config import Config, MetricSpec, Severity
from assay.evidence import Evidence
from assay.gates import Gate, Result
from assay.record import RunRecord
from assay.report import wording
from assay.section import Reason, Section, Status
from assay.stages.checkout import CheckoutSection
from assay.stages.compare import CompareSection
from assay.stages.evaluate import EvaluateSection
from assay.stages.test import TestSection
from assay.stages.train import TrainSection
from assay.stages.validate import ValidateSection
from assay.verdict import Outcome, decide

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def _record(**sections: Section) -> RunRecord:
    record = RunRecord(created=NOW)
    for stage, section in sections.items():
        record = record.with_section(stage, section)
    return record


BELOW = "f1 0.6 is below its minimum 0.65"


def _gate(result: Result, message: str = BELOW, **facts: Any) -> Gate:
    return Gate(
        **{
            "metric": "f1",
            "rule": "min",
            "key": ("metrics", "f1", "min"),
            "limit": 0.65,
            "value": 0.6,
            "head": 0.6,
            "result": result,
            "message": message,
            **facts,
        }
    )


def _compare(*gates: Gate, status: Status | None = None, **facts: object) -> CompareSection:
    """With the status that the stage gives it."""
    found = Status.WARN if any(gate.warns for gate in gates) else Status.PASS
    found = Status.FAIL if any(gate.stops for gate in gates) else found
    return CompareSection.model_validate({"status": status or found, "gates": gates, **facts})


def _f1(
    head: float | None = 0.7, base: float | None = 0.65, change: str = "better", **facts: Any
) -> object:
    both = head is not None and base is not None
    difference = head - base if both else None  # type: ignore[operator]
    return MetricChange.model_validate(
        {
            "name": "f1",
            "head": head,
            "base": base,
            "difference": difference,
            "change": change,
            **facts,
        }
    )


def test_an_error_beats_everything() -> None:
    error = TestSection(
        status=Status.ERROR, exit_code=3, reasons=(Reason(message="pytest is missing."),)
    )
    failed = ValidateSection(status=Status.FAIL, exit_code=1, reasons=(Reason(message="Bad."),))
    verdict = decide(_record(validate=failed, test=error, compare=_compare(_gate("failed"))))
    assert verdict.model_dump() == {
        "outcome": "error",
        "headline": "pytest is missing.",
        "decided_by": "test",
        "exit_code": 3,
    }


def test_a_failed_stage_beats_a_gate() -> None:
    failed = TrainSection(status=Status.FAIL, exit_code=1)
    verdict = decide(_record(train=failed, compare=_compare(_gate("failed"))))
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
    verdict = decide(_record(compare=_compare(_gate("passed"), _gate("failed"))))
    assert (verdict.outcome, verdict.exit_code) == ("fail", 1)
    assert verdict.headline.startswith("f1 0.6 is below its minimum 0.65")
    assert verdict.decided_by == "metrics.f1.min: 0.65"


def test_several_gates_that_said_no() -> None:
    verdict = decide(_record(compare=_compare(*[_gate("failed")] * 3)))
    assert verdict.headline.endswith("(2 more gates did not pass).")


def test_all_gates_passed() -> None:
    verdict = decide(_record(compare=_compare(_gate("passed"), metrics=(_f1(),))))
    assert (verdict.outcome, verdict.exit_code) == ("pass", 0)
    assert "0.6500 → 0.7000 (+0.0500, better)" in verdict.headline
    assert verdict.decided_by == "1 gate passed"


@pytest.mark.parametrize("gates", [(), (_gate("not decided"),)])
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


def test_a_run_that_ended_before_its_gates_is_no_pass() -> None:
    gated = Config(metrics={"f1": MetricSpec(min=0.5)})
    record = _record(checkout=CheckoutSection(status=Status.PASS))
    verdict = decide(record.model_copy(update={"config": gated}))
    assert (verdict.outcome, verdict.exit_code) == ("error", 3)
    assert verdict.headline == "The run ended before any gate was decided; its log says why."


def test_a_run_in_which_no_stage_ran_is_no_pass() -> None:
    verdict = decide(_record())
    assert (verdict.outcome, verdict.exit_code) == ("error", 3)
    assert verdict.headline == "The run ended before any stage ran; its log says why."


def test_a_warning_does_not_fail() -> None:
    verdict = decide(
        _record(checkout=CheckoutSection(status=Status.WARN), compare=_compare(_gate("passed")))
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


def _part(name: str, change: str, adjusted: float | None = None) -> object:
    return SliceChange.model_validate(
        {
            "name": name,
            "rows": 10,
            "metric": "f1",
            "head": 0.5,
            "base": 0.6,
            "difference": -0.1,
            "change": change,
            "adjusted": adjusted,
        }
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["worse", "better", "no evidence"], ", but worse on s0."),
        (["worse", "worse", "not judged"], ", but worse on s1 and s0."),
        (["worse", "worse", "worse"], ", but worse on s2 and 2 more."),
        (["no evidence", "not judged", "better"], "better)."),
    ],
)
def test_slices_that_got_worse_are_named_the_surest_first(changes: list[str], said: str) -> None:
    parts = [_part(f"s{at}", change, 0.01 / (1 + at)) for at, change in enumerate(changes)]
    compare = _compare(_gate("passed"), metrics=(_f1(),), slices=parts)
    assert decide(_record(compare=compare)).headline.endswith(said)


def test_a_long_name_does_not_fill_the_headline() -> None:
    compare = _compare(_gate("passed"), metrics=(_f1(),), slices=[_part("x" * 99, "worse")])
    assert decide(_record(compare=compare)).headline.endswith(f"worse on {'x' * 39}….")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("better", ": better"),
        ("no evidence", ": no evidence of change"),
        ("changed", ""),
    ],
)
def test_the_headline_says_how_sure_it_is(change: str, said: str) -> None:
    evidence = Evidence(
        metric="f1",
        base=0.7353,
        head=0.7571,
        low=0.004,
        high=0.039,
        confidence=0.95,
        standard_error=0.01,
        p_value=0.02,
        method="multinomial",
        units=1000,
    )
    metric = _f1(0.7571, 0.7353, change, evidence=evidence)
    assert decide(_record(compare=_compare(_gate("passed"), metrics=(metric,)))).headline == (
        f"F1 0.7353 → 0.7571 (+0.0218, 95 % interval +0.0040 to +0.0390{said})."
    )


def test_a_gate_that_cannot_tell_is_no_pass() -> None:
    unsure = _gate("inconclusive", "about 2,800 rows would tell")
    verdict = decide(_record(compare=_compare(_gate("passed"), unsure, unsure)))
    assert verdict.model_dump() == {
        "outcome": "inconclusive",
        "headline": "about 2,800 rows would tell (1 more gate could not tell).",
        "decided_by": "metrics.f1.min: 0.65",
        "exit_code": 1,
    }
    verdict = decide(_record(compare=_compare(unsure, _gate("failed"))))
    assert (verdict.outcome, verdict.headline) == ("fail", f"{BELOW}.")


@pytest.mark.parametrize("result", ["failed", "inconclusive"])
def test_a_gate_that_only_warns(result: Result) -> None:
    compare = _compare(_gate("passed"), _gate(result, severity="warn"))
    verdict = decide(_record(checkout=CheckoutSection(status=Status.WARN), compare=compare))
    assert verdict.model_dump() == {
        "outcome": "warn",
        "headline": f"{BELOW}.",
        "decided_by": "metrics.f1.min: 0.65",
        "exit_code": 0,
    }


def test_what_was_not_decided_is_counted() -> None:
    verdict = decide(_record(compare=_compare(_gate("passed"), _gate("not decided"))))
    assert (verdict.outcome, verdict.decided_by) == ("pass", "1 gate passed, 1 not decided")


@pytest.mark.parametrize(
    ("base", "why"),
    [
        (None, "bounds that need a baseline, and there is none"),
        (0.5, "bounds that could not be decided"),
    ],
)
def test_no_gate_says_why(base: float | None, why: str) -> None:
    verdict = decide(_record(compare=_compare(_gate("not decided", base=base))))
    assert (verdict.outcome, verdict.decided_by) == ("no gate", why)


def test_every_combination_has_a_verdict_whose_exit_code_agrees() -> None:
    """0 only for what did not say no; never 0 for an error or a failure."""
    codes = {Status.ERROR: 3, Status.FAIL: 1}
    severities: tuple[Severity, ...] = get_args(Severity)
    for train, test, result, severity in itertools.product(
        Status, Status, get_args(Result), severities
    ):
        gate = _gate(result, severity=severity)
        verdict = decide(
            _record(
                test=TestSection(status=test, exit_code=codes.get(test, 0)),
                train=TrainSection(status=train, exit_code=codes.get(train, 0)),
                compare=_compare(gate),
            )
        )
        bad = verdict.outcome in ("fail", "inconclusive", "error")
        assert bad is (verdict.exit_code != 0)
        assert bad is (gate.stops or {train, test} & set(codes) != set())
        assert verdict.outcome in wording.OUTCOMES


def test_every_outcome_has_words() -> None:
    assert set(wording.OUTCOMES) == set(get_args(Outcome))

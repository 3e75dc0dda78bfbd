"""The rules of `assay.yaml`, at their edges."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import pytest
from assay import config as configuration
from assay import gates
from assay.errors import UsageError
from assay.evidence import FairnessFact
from assay.gates.judge import judge
from assay.gates.significance import LEAST_UNITS, rows_needed
from assay.section import Status
from assay.stages.evaluate import EvaluateSection
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.judged import evaluation, evidence, part_of

if TYPE_CHECKING:
    from assay.evaluation import Evaluation
    from assay.evidence import SliceEvidence
    from assay.gates import Gate
    from assay.stats.difference import Method

PREDICTIONS = "predictions: {path: p.csv, prediction: y_pred, slices: [season]}\n"


def _judge(
    rules: str,
    head: float | None = None,
    base: float | None = None,
    *,
    error: float | None = None,
    name: str = "f1",
    more: str = PREDICTIONS,
    units: int = 1000,
    method: Method = "multinomial",
    **facts: Any,
) -> list[Gate]:
    """The gates of one metric with these rules; with `error` there is evidence."""
    config = configuration.parse(f"{more}metrics: {{{name}: {rules}}}\n")
    if error is not None and head is not None and base is not None:
        nulls = gates.nulls(config, name)
        found = evidence(base, head, error, metric=name, nulls=nulls, units=units, method=method)
        facts.setdefault("evidence", (found,))
    section = EvaluateSection(
        status=Status.PASS,
        **{
            "head": None if head is None else evaluation({name: head}),
            "base": None if base is None else evaluation({name: base}),
            **facts,
        },
    )
    return list(judge(config, section))


def _said(found: list[Gate]) -> list[tuple[str, str]]:
    return [(gate.rule, gate.result) for gate in found]


# --- numbers against limits ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bound", "head", "result", "message"),
    [
        ("min: 0.65", 0.65, "passed", "f1 0.65 is not below its minimum 0.65"),
        ("min: 0.65", 0.6499, "failed", "f1 0.6499 is below its minimum 0.65"),
        ("min: 0.65", 0.649999999, "failed", "f1 0.65 is below its minimum 0.65"),
        ("min: 0.3", 0.1 * 3 - 1e-16, "passed", "f1 0.3 is not below its minimum 0.3"),
        ("max: 0.3", 0.1 + 0.2, "passed", "f1 0.3 is not above its maximum 0.3"),
        ("max: 0.2", 0.2, "passed", "f1 0.2 is not above its maximum 0.2"),
        ("max: 0.2", 0.21, "failed", "f1 0.21 is above its maximum 0.2"),
        ("max: 1.0e-13", 9e-13, "failed", "f1 9e-13 is above its maximum 1e-13"),
        ("min: 0", 0.0, "passed", "f1 0 is not below its minimum 0"),
        ("max: -1", 0.0, "failed", "f1 0 is above its maximum -1"),
    ],
)
def test_absolute(bound: str, head: float, result: str, message: str) -> None:
    (gate,) = _judge(f"{{{bound}}}", head)
    assert (gate.result, gate.message, gate.value) == (result, message, head)
    rule, limit = bound.split(": ")
    assert gate.limit == float(limit)
    assert gate.key == ("metrics", "f1", rule)
    assert gate.name == f"metrics.f1.{rule}: {float(limit):g}"


@pytest.mark.parametrize(
    ("head", "base", "direction", "result", "message"),
    [
        (0.79, 0.80, "higher", "passed", "f1 fell by 0.01, within the 0.01 that is allowed"),
        (0.7899, 0.8, "higher", "failed", "f1 fell by 0.0101, more than the 0.01 that is allowed"),
        (0.81, 0.80, "higher", "passed", "f1 did not get worse, within the 0.01 that is allowed"),
        (0.80, 0.80, "higher", "passed", "f1 did not get worse, within the 0.01 that is allowed"),
        (0.31, 0.30, "lower", "passed", "f1 rose by 0.01, within the 0.01 that is allowed"),
        (0.32, 0.30, "lower", "failed", "f1 rose by 0.02, more than the 0.01 that is allowed"),
        (0.20, 0.30, "lower", "passed", "f1 did not get worse, within the 0.01 that is allowed"),
    ],
)
def test_regression(head: float, base: float, direction: str, result: str, message: str) -> None:
    (gate,) = _judge(f"{{max_regression: 0.01, direction: {direction}}}", head, base)
    assert (gate.rule, gate.result, gate.message) == ("max_regression", result, message)
    assert (gate.head, gate.base, gate.direction) == (head, base, direction)


@pytest.mark.parametrize(
    ("rules", "head", "base", "result", "message"),
    [
        (
            "max_relative_regression: 0.1",
            0.72,
            0.8,
            "passed",
            "f1 fell by 0.08 (10 % of base), within the 10 % that is allowed",
        ),
        (
            "max_relative_regression: 0.1",
            0.71,
            0.8,
            "failed",
            "f1 fell by 0.09 (11.25 % of base), more than the 10 % that is allowed",
        ),
        (
            "max_relative_regression: 0.1, direction: lower",
            -0.72,
            -0.8,
            "passed",
            "f1 rose by 0.08 (10 % of base), within the 10 % that is allowed",
        ),
        (
            "max_relative_regression: 0.1",
            0.9,
            0.8,
            "passed",
            "f1 did not get worse, within the 10 % that is allowed",
        ),
        (
            "min_improvement: 0.01",
            0.81,
            0.80,
            "passed",
            "f1 rose by 0.01, at least the 0.01 that is asked for",
        ),
        (
            "min_improvement: 0.01",
            0.8099,
            0.80,
            "failed",
            "f1 rose by 0.0099, less than the 0.01 that is asked for",
        ),
        (
            "min_improvement: 0",
            0.8,
            0.8,
            "passed",
            "f1 did not get better, at least the 0 that is asked for",
        ),
        (
            "min_relative_improvement: 0.5",
            0.9,
            0.6,
            "passed",
            "f1 rose by 0.3 (50 % of base), at least the 50 % that is asked for",
        ),
        (
            "min_relative_improvement: 0.5, direction: lower",
            0.9,
            0.6,
            "failed",
            "f1 did not get better, less than the 50 % that is asked for",
        ),
    ],
)
def test_other_bounds_on_a_change(
    rules: str, head: float, base: float, result: str, message: str
) -> None:
    (gate,) = _judge(f"{{{rules}}}", head, base)
    assert (gate.result, gate.message) == (result, message)


@pytest.mark.parametrize("base", [0.0, 5e-324])
@pytest.mark.parametrize("rule", ["max_relative_regression", "min_relative_improvement"])
def test_nothing_is_a_share_of_zero(rule: str, base: float) -> None:
    (gate,) = _judge(f"{{{rule}: 0.1}}", 0.5, base)
    assert gate.result == "failed"
    instead = rule.replace("_relative", "")
    shown = f"{base:g}"
    assert gate.message == (
        f"f1 was {shown} at base, and a share of that says nothing: use `{instead}`"
    )


def test_no_regression_at_all_is_allowed() -> None:
    assert _judge("{max_regression: 0}", 0.8, 0.8)[0].passed
    assert not _judge("{max_regression: 0}", 0.7999, 0.8)[0].passed


CHANGE_RULES = [
    "max_regression: 0.1",
    "max_relative_regression: 0.1",
    "min_improvement: 0.1",
    "min_relative_improvement: 0.1",
    "no_significant_regression: true",
    "non_inferior: 0.1",
    "superior: true",
]


@pytest.mark.parametrize("rule", CHANGE_RULES)
def test_without_a_baseline_a_change_is_not_decided(rule: str) -> None:
    found = _judge(f"{{{rule}, min: 0.5}}", 0.8)
    assert _said(found) == [("min", "passed"), (rule.split(":", maxsplit=1)[0], "not decided")]
    assert found[1].message == "f1 has no baseline to be compared with"
    assert found[1].passed is None


@pytest.mark.parametrize("base", [None, 0.8])
@pytest.mark.parametrize("rule", CHANGE_RULES)
def test_an_unknown_direction_does_not_pass(base: float | None, rule: str) -> None:
    (gate,) = _judge(f"{{{rule}}}", 0.8, base, name="mine", error=0.01)
    assert gate.result == "failed"
    assert "say `direction: higher` or `lower`" in gate.message


@pytest.mark.parametrize("rules", ["", "{min: 0.1, superior: true, slices: {min: 0.1}}"])
def test_a_gate_that_cannot_see_does_not_open(rules: str) -> None:
    head = evaluation({}, undefined={"f1": "one class only"})
    config = configuration.parse(f"{PREDICTIONS}metrics: {{f1: {rules}}}")
    (gate,) = judge(config, EvaluateSection(status=Status.PASS, head=head))
    assert (gate.rule, gate.result, gate.value) == ("present", "failed", None)
    assert gate.name == "metrics.f1.present"
    assert gate.message == (
        "f1 is configured in assay.yaml, and this run has no value for it: one class only"
    )


def test_nothing_was_evaluated() -> None:
    config = configuration.parse("metrics: {f1: {min: 0.1}}")
    assert _said(list(judge(config, None))) == [("present", "failed")]


def test_a_metric_without_bounds_has_no_gate() -> None:
    assert _judge("{direction: higher}", 0.8, 0.7) == []


def test_each_bound_is_a_gate_and_keeps_the_severity() -> None:
    rules = "{min: 0.1, max: 0.9, max_regression: 0.1, severity: warn}"
    found = _judge(rules, 0.95, 0.5)
    assert _said(found) == [("min", "passed"), ("max", "failed"), ("max_regression", "passed")]
    assert [(gate.stops, gate.warns) for gate in found] == [
        (False, False),
        (False, True),
        (False, False),
    ]


_NUMBER = st.floats(min_value=-1e6, max_value=1e6, allow_nan=False)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(_NUMBER, _NUMBER, st.floats(min_value=0, max_value=1e6), st.sampled_from(CHANGE_RULES[:4]))
def test_the_direction_mirrors(head: float, base: float, limit: float, rule: str) -> None:
    name = rule.split(":", maxsplit=1)[0]
    (higher,) = _judge(f"{{{name}: {limit!r}, direction: higher}}", head, base)
    (lower,) = _judge(f"{{{name}: {limit!r}, direction: lower}}", -head, -base)
    assert higher.result == lower.result
    assert higher.value == lower.value
    if head >= base and "regression" in name and base:
        assert higher.passed
    if head < base and "improvement" in name and limit:
        assert not higher.passed


# --- evidence against claims --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "error", "result", "message"),
    [
        (0.70, 0.01, "failed", "f1 fell by 0.1, more than chance explains (p < 0.0001)"),
        (0.79, 0.01, "passed", "f1 fell by 0.01, no more than chance explains (p = 0.159)"),
        (0.82, 0.01, "passed", "f1 did not get worse"),
        (0.80, 0.0, "passed", "f1 did not get worse"),
    ],
)
def test_no_significant_regression(head: float, error: float, result: str, message: str) -> None:
    (gate,) = _judge("{no_significant_regression: true}", head, 0.8, error=error)
    assert (gate.result, gate.message) == (result, message)
    assert gate.name == "metrics.f1.no_significant_regression: true"
    assert gate.test is not None
    assert (gate.test.family, gate.test.rank, gate.test.alpha) == (1, 1, 0.025)
    assert gate.test.adjusted == gate.test.p_value


@pytest.mark.parametrize(
    ("head", "error", "result", "message"),
    [
        (
            0.79,
            0.005,
            "passed",
            "f1 fell by 0.01, and is surely within the 0.02 that is allowed (p = 0.0228)",
        ),
        (
            0.80,
            0.0,
            "passed",
            "f1 did not get worse, and is surely within the 0.02 that is allowed (p < 0.0001)",
        ),
        (0.77, 0.01, "failed", "f1 fell by 0.03, more than the 0.02 that is allowed"),
        (
            0.79,
            0.01,
            "inconclusive",
            (
                "f1 fell by 0.01, and it is not sure that this is within the 0.02 that is allowed "
                "(p = 0.159); about 3,900 rows would tell, and there are 1,000"
            ),
        ),
        (
            0.78,
            0.01,
            "inconclusive",
            (
                "f1 fell by 0.02, and it is not sure that this is within the 0.02 that is "
                "allowed (p = 0.5); the difference is so near to the limit that no number of rows "
                "would tell"
            ),
        ),
    ],
)
def test_non_inferior(head: float, error: float, result: str, message: str) -> None:
    (gate,) = _judge("{non_inferior: 0.02}", head, 0.8, error=error)
    assert (gate.result, gate.message) == (result, message)
    assert gate.test is not None
    assert (gate.test.null, gate.test.family) == (-0.02, None)
    (mirrored,) = _judge("{non_inferior: 0.02, direction: lower}", -head, -0.8, error=error)
    assert (mirrored.result, mirrored.test and mirrored.test.null) == (result, 0.02)


@pytest.mark.parametrize(
    ("head", "error", "result", "message"),
    [
        (0.85, 0.01, "passed", "f1 rose by 0.05, surely better (p < 0.0001)"),
        (0.80, 0.0, "failed", "f1 did not get better, and has to"),
        (0.70, 0.01, "failed", "f1 did not get better, and has to"),
        (
            0.81,
            0.01,
            "inconclusive",
            (
                "f1 rose by 0.01, and it is not sure that this is better (p = 0.159); about 3,900 "
                "rows would tell, and there are 1,000"
            ),
        ),
    ],
)
def test_superior(head: float, error: float, result: str, message: str) -> None:
    (gate,) = _judge("{superior: true}", head, 0.8, error=error)
    assert (gate.result, gate.message) == (result, message)
    (mirrored,) = _judge("{superior: true, direction: lower}", -head, -0.8, error=error)
    assert mirrored.result == result


@pytest.mark.parametrize("rule", CHANGE_RULES[4:])
@pytest.mark.parametrize("head", [0.1, 0.9])
def test_few_rows_cannot_tell(rule: str, head: float) -> None:
    """However small the p-value: on few rows it is not one."""
    (gate,) = _judge(f"{{{rule}}}", head, 0.5, error=1e-9, units=LEAST_UNITS - 1)
    assert (gate.result, gate.rows_needed) == ("inconclusive", 30)
    assert gate.message == "f1 rests on 29 rows, which are too few to tell; at least 30 are needed"
    (gate,) = _judge(f"{{{rule}}}", head, 0.5, error=1e-9, units=LEAST_UNITS)
    assert gate.result in ("passed", "failed")


def test_groups_are_called_groups() -> None:
    more = PREDICTIONS.replace("slices", "group: customer, slices")
    (gate,) = _judge("{superior: true}", 0.51, 0.5, error=0.01, units=12, more=more)
    assert "rests on 12 groups of rows" in gate.message


@pytest.mark.parametrize("rule", CHANGE_RULES[4:])
def test_a_comparison_of_different_rows_says_so(rule: str) -> None:
    (gate,) = _judge(f"{{{rule}}}", 0.9, 0.5, error=0.01, method="unpaired")
    assert gate.result == "passed"
    assert gate.message.endswith(
        "; head and base have different rows, so they were compared unpaired"
    )


@pytest.mark.parametrize("rule", CHANGE_RULES[4:])
def test_a_number_of_a_file_cannot_be_tested(rule: str) -> None:
    head = evaluation({"f1": 0.9}, recomputed=False)
    (gate,) = _judge_files(rule, head)
    assert gate.result == "failed"
    assert gate.message == (
        "f1 stands in m.json as one number, and a test needs rows: name the predictions that it "
        "comes from under `predictions:` in assay.yaml"
    )


def _judge_files(
    rule: str, head: Evaluation, *, base: Evaluation | None = None, **facts: Any
) -> list[Gate]:
    config = configuration.parse(f"{PREDICTIONS}metrics: {{f1: {{{rule}}}}}")
    base = base or evaluation({"f1": 0.5})
    return list(judge(config, EvaluateSection(status=Status.PASS, head=head, base=base, **facts)))


@pytest.mark.parametrize("rule", CHANGE_RULES[4:])
def test_base_without_predictions_is_no_baseline_for_a_test(rule: str) -> None:
    """The change that brings the predictions must not fail for it."""
    base = evaluation({"f1": 0.5}, recomputed=False)
    (gate,) = _judge_files(rule, evaluation({"f1": 0.9}), base=base)
    assert gate.result == "not decided"
    assert gate.message == "f1 has no predictions at base to be tested against"


@pytest.mark.parametrize("rule", CHANGE_RULES[4:])
def test_what_could_not_be_tested_does_not_pass(rule: str) -> None:
    why = {"f1": "every resample has one class only"}
    (gate,) = _judge_files(rule, evaluation({"f1": 0.9}), no_evidence=why)
    assert gate.result == "failed"
    assert gate.message == (
        "f1 could not be tested, so that nobody knows what is chance: every resample has one class "
        "only"
    )


def test_a_margin_that_changed_since_the_evaluation_is_an_error() -> None:
    before = evidence(0.5, 0.6, nulls=(0.0, -0.01))
    with pytest.raises(UsageError, match=r"f1 was not compared with a difference of -0\.02") as bad:
        _judge("{non_inferior: 0.02}", 0.6, 0.5, evidence=(before,))
    assert bad.value.hint == "Run `assay evaluate` again: assay.yaml has changed since."


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("", (0.0,)),
        ("{min: 1}", (0.0,)),
        ("{non_inferior: 0.01}", (0.0, -0.01)),
        ("{non_inferior: 0}", (0.0,)),
        ("{non_inferior: 0.01, direction: lower}", (0.0, 0.01)),
        ("{non_inferior: 0.01, slices: {non_inferior: 0.05}}", (0.0, -0.01, -0.05)),
        ("{slices: {non_inferior: 0.05}}", (0.0, -0.05)),
    ],
)
def test_nulls(rules: str, expected: tuple[float, ...]) -> None:
    config = configuration.parse(f"{PREDICTIONS}metrics: {{f1: {rules}}}")
    assert gates.nulls(config, "f1") == expected
    assert gates.nulls(config, "accuracy") == (0.0,)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(
    st.integers(min_value=30, max_value=10**7),
    st.floats(min_value=1e-6, max_value=10),
    st.floats(min_value=1e-6, max_value=10),
    st.sampled_from([0.01, 0.05, 0.2]),
)
def test_the_rows_needed_are_just_enough(
    units: int, error: float, distance: float, level: float
) -> None:
    needed = rows_needed(units, standard_error=error, distance=distance, level=level)
    if needed is None:
        assert error / distance > 1e5
        return

    def p_value(count: int) -> float:
        return NormalDist().cdf(-distance / (error * math.sqrt(units / count)))

    assert needed > units
    assert p_value(needed) <= level + 1e-9
    if needed > units + 1:
        assert p_value(needed - 1) >= level - 1e-9


@pytest.mark.parametrize(("distance", "error"), [(0.0, 0.1), (-1.0, 0.1), (5e-324, 1.0)])
def test_no_number_of_rows_is_enough(distance: float, error: float) -> None:
    assert rows_needed(100, standard_error=error, distance=distance, level=0.05) is None


# --- slices -------------------------------------------------------------------------------------


def _on(rules: str, *slices: SliceEvidence, severity: str = "fail", **facts: Any) -> list[Gate]:
    spec = f"{{slices: {{{rules}, severity: {severity}}}}}"
    return _judge(spec, 0.8, 0.8, slices=slices, **facts)


def test_each_slice_is_held_against_its_rules() -> None:
    found = _on(
        "min: 0.6, max_regression: 0.02",
        part_of(0.7, 0.69, name="season = 1"),
        part_of(0.7, 0.65, name="season = 2"),
    )
    assert [(g.slice, g.rule, g.result) for g in found] == [
        ("season = 1", "min", "passed"),
        ("season = 1", "max_regression", "passed"),
        ("season = 2", "min", "passed"),
        ("season = 2", "max_regression", "failed"),
    ]
    assert found[3].name == "metrics.f1.slices.max_regression: 0.02 on season = 2"
    assert found[3].key == ("metrics", "f1", "slices", "max_regression")
    assert found[3].message == ("f1 on season = 2 fell by 0.05, more than the 0.02 that is allowed")


@pytest.mark.parametrize(
    ("part", "result", "message"),
    [
        (
            part_of(None, None, name="night", rows=0, units=0, declared=True),
            "failed",
            "f1 on night has rules in assay.yaml, and no row is in that slice",
        ),
        (
            part_of(0.7, None, rows=0, units=0),
            "not decided",
            "f1 on season = 3 has no rows any more; base had some",
        ),
        (
            part_of(0.7, 0.1, rows=29, units=29, judged=False),
            "not decided",
            "f1 on season = 3 has 29 rows, fewer than the 30 of `min_slice_rows`",
        ),
        (
            part_of(0.7, None, undefined={"f1": "one class only"}),
            "failed",
            "f1 on season = 3 has a value at base and none at head: one class only",
        ),
        (
            part_of(None, None, undefined={"f1": "one class only"}),
            "not decided",
            "f1 on season = 3 has no value: one class only",
        ),
    ],
)
def test_slices_that_are_not_there(part: SliceEvidence, result: str, message: str) -> None:
    (gate,) = _on("min: 0.5, no_significant_regression: true", part)
    assert (gate.rule, gate.result, gate.message) == ("present", result, message)


def test_rules_for_slices_where_there_are_none() -> None:
    (gate,) = _on("min: 0.5")
    assert (gate.rule, gate.result) == ("present", "failed")
    assert gate.message == "f1 has rules for slices, and these predictions have no slice"
    left = {"name": "season", "reason": "too few rows", "values": 4, "rows": 40}
    (gate,) = _on("min: 0.5", left_out=(left,))
    assert gate.result == "not decided"
    assert gate.message == "f1 has rules for slices, and none has enough rows"


def test_a_slice_without_a_baseline() -> None:
    found = _on("min: 0.5, no_significant_regression: true", part_of(None, 0.7))
    assert _said(found) == [("min", "passed"), ("no_significant_regression", "not decided")]


def test_a_slice_that_could_not_be_tested_does_not_pass() -> None:
    (gate,) = _on("non_inferior: 0.1", part_of(0.7, 0.7, evidence=()))
    assert gate.result == "failed"
    assert gate.message.startswith("f1 on season = 3 could not be tested")


def test_alarms_are_corrected_over_metrics_and_slices_together() -> None:
    """z = -2.1 is an alarm alone (p 0.018), and none among five, whatever those are called."""
    alone = _on("no_significant_regression: true", part_of(0.8, 0.779))
    assert _said(alone) == [("no_significant_regression", "failed")]
    among = _on(
        "no_significant_regression: true",
        part_of(0.8, 0.779, name="season = 0"),
        *(part_of(0.8, 0.8) for _ in range(4)),
    )
    assert {gate.result for gate in among} == {"passed"}
    assert among[0].test is not None
    assert (among[0].test.rank, among[0].test.family) == (1, 5)
    assert among[0].test.adjusted == pytest.approx(5 * among[0].test.p_value)
    assert among[0].message.endswith(
        "no more than chance explains (p = 0.0893, corrected for 5 tests)"
    )


def test_the_severity_of_one_rule_does_not_change_the_result_of_another() -> None:
    rules = "no_significant_regression: true"
    parts = (part_of(0.8, 0.779), *(part_of(0.8, 0.8, name=f"season = {i}") for i in range(4)))
    for severity in ("fail", "warn"):
        found = _on(rules, *parts, severity=severity)
        assert [gate.test and gate.test.family for gate in found] == [5] * 5


def test_claims_are_not_corrected() -> None:
    """All of them have to hold: an intersection-union test."""
    parts = [part_of(0.8, 0.811, name=f"season = {i}", nulls=(0.0, -0.01)) for i in range(50)]
    found = _on("non_inferior: 0.01", *parts)
    assert {gate.result for gate in found} == {"passed"}
    assert {gate.test and gate.test.adjusted == gate.test.p_value for gate in found} == {True}


def test_what_is_too_small_to_be_tested_weakens_nothing_else() -> None:
    found = _on(
        "no_significant_regression: true",
        part_of(0.8, 0.779),
        part_of(0.8, 0.1, units=12, name="b"),
        part_of(0.8, 0.1, judged=False, name="c"),
    )
    assert [(gate.result, gate.test and gate.test.family) for gate in found] == [
        ("failed", 1),
        ("inconclusive", None),
        ("not decided", None),
    ]


# --- fairness -----------------------------------------------------------------------------------

FAIR = (
    PREDICTIONS + "fairness:\n"
    "- {column: sex, measure: demographic_parity_difference, max: 0.1, severity: warn}\n"
)


def _fair(**facts: Any) -> Gate:
    config = configuration.parse(FAIR)
    fact = FairnessFact(**{"column": "sex", "measure": "demographic_parity_difference", **facts})
    (gate,) = judge(config, EvaluateSection(status=Status.PASS, fairness=(fact,)))
    return gate


def test_fairness() -> None:
    gate = _fair(head=0.2, base=0.1)
    assert (gate.metric, gate.column, gate.severity) == (
        "demographic_parity_difference",
        "sex",
        "warn",
    )
    assert (gate.rule, gate.result, gate.warns) == ("max", "failed", True)
    assert gate.name == "fairness.0.max: 0.1"
    assert gate.message == (
        "demographic parity difference between groups of sex 0.2 is above its maximum 0.1"
    )
    assert _fair(head=0.1).passed


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"head": None, "undefined": "one group only"}, "one group only"),
        ({"head": 0.1, "column": "race"}, "it could not be measured"),
    ],
)
def test_fairness_that_is_not_there(facts: dict[str, Any], why: str) -> None:
    gate = _fair(**facts)
    assert (gate.rule, gate.result) == ("present", "failed")
    assert gate.message.endswith(f"is configured in assay.yaml, and has no value: {why}")

"""Verdicts: the rule at its edges, what is no data, and what people read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from assay.configrollout import AnalysisSpec, EnvironmentSpec, HostSpec
from assay.rollout import analysis, measures
from assay.rollout.plan import Stage, plan
from assay.rollout.snapshot import Counted, Labelled, Shadowed

from tests.rollout_counts import EDGES, even, interval, latency, scores, window

if TYPE_CHECKING:
    from assay.rollout.outcome import Verdict
    from assay.rollout.windows import Window

SPEC = AnalysisSpec(samples=100, confidence=0.999)
FIVE = Stage("5 %", 5)
ALL = Stage("100 %", 100)
SHADOW = Stage("shadow", shadow=True)


def _judge(
    candidate: Window, stable: Window | None = None, stage: Stage = FIVE, spec: AnalysisSpec = SPEC
) -> Verdict:
    return analysis.judge([interval(candidate, stable or window())], stage, spec)


def _of(verdict: Verdict, measure: str) -> str:
    return next(one.decision for one in verdict.judgements if one.measure == measure)


def test_alike_is_a_pass() -> None:
    verdict = _judge(window())
    assert verdict.decision == "passed"
    assert [one.measure for one in verdict.judgements] == [
        "errors",
        "latency",
        "latency_p99",
        "predictions[score]",
    ]
    assert verdict.sentence == (
        "4 measures passed over 30 s; compared with the stable version at the same time."
    )


@pytest.mark.parametrize(
    ("effect", "p", "decision"),
    [
        (0.01, 1e-9, "passed"),  # exactly at the limit
        (0.01 + 1e-12, 1e-9, "passed"),  # what binary makes of decimals
        (0.010001, 1e-9, "failed"),
        (0.010001, 0.001, "failed"),  # exactly at the confidence
        (0.010001, 0.00101, "inconclusive"),
        (-0.5, 1e-9, "passed"),
        (0.009, 0.9, "passed"),
    ],
)
def test_the_rule_at_its_edges(effect: float, p: float, decision: str) -> None:
    assert measures.decide(effect, 0.01, p, 0.999) == decision


def test_errors_at_the_limit_pass_and_one_more_fails() -> None:
    stable = window(10_000)
    assert _of(_judge(window(10_000, errors=100), stable), "errors") == "passed"
    assert _of(_judge(window(10_000, errors=101), stable), "errors") == "failed"


def test_errors_that_both_have_are_nobodys_fault() -> None:
    assert _judge(window(errors=300), window(errors=295)).decision == "passed"


def test_few_errors_of_few_requests_are_no_answer() -> None:
    verdict = _judge(window(100, errors=2), window(100))
    assert _of(verdict, "errors") == verdict.decision == "inconclusive"
    assert "which may be chance (p = 0.25)" in verdict.sentence


def test_latency_twice_as_long_fails() -> None:
    verdict = _judge(window(slow=0.04))
    assert _of(verdict, "latency") == _of(verdict, "latency_p99") == "failed"
    assert verdict.failed[0].more["superiority"] == 1.0
    assert verdict.sentence.startswith(
        "The median of the candidate's latency is 40.7 ms, of stable's 20.3"
    )


def test_a_slow_tail_fails_that_ranks_do_not_see() -> None:
    slow = window(2000)
    tail = slow.__class__(
        requests=2000, latency=latency([0.02] * 1940 + [0.5] * 60), predictions=slow.predictions
    )
    verdict = _judge(tail, window(2000))
    assert _of(verdict, "latency") == "passed"
    assert _of(verdict, "latency_p99") == "failed"


def test_what_nobody_notices_is_not_slower() -> None:
    verdict = _judge(window(slow=0.0022), window(slow=0.0011))
    assert verdict.decision == "passed"
    sentence = verdict.judgements[1].sentence
    assert sentence.endswith("not more than the 5 ms longer that are always allowed.")
    strict = SPEC.model_copy(update={"latency_margin": 0.0})
    assert _judge(window(slow=0.0022), window(slow=0.0011), spec=strict).decision == "failed"


def test_faster_and_fewer_errors_is_a_pass() -> None:
    assert _judge(window(slow=0.002), window(errors=200)).decision == "passed"


def test_predictions_that_moved_fail() -> None:
    high = window(predictions={"score": scores([0.95] * 1000)})
    verdict = _judge(high)
    assert _of(verdict, "predictions[score]") == "failed"
    bars = verdict.failed[0].bars
    assert [bar.label for bar in bars][::9] == ["below 0.1", "from 0.9"]
    assert sum(bar.candidate for bar in bars) == pytest.approx(1)


def test_unequal_bins_are_no_answer() -> None:
    other = window(predictions={"score": scores([0.3] * 1000, (0.5,))})
    verdict = _judge(other)
    assert verdict.decision == "inconclusive"
    assert verdict.sentence == "score is not counted in the same bins by both versions."


@pytest.mark.parametrize("missing", ["candidate", "stable", "both"])
def test_no_predictions_are_no_pass(missing: str) -> None:
    none, some = window(predictions={}), window()
    candidate = some if missing == "stable" else none
    stable = some if missing == "candidate" else none
    assert _judge(candidate, stable).decision == "inconclusive"


def test_no_latency_is_no_pass() -> None:
    blind = window()
    blind = blind.__class__(requests=1000, predictions=blind.predictions)
    assert _judge(blind).decision == "inconclusive"


def test_measures_can_be_switched_off() -> None:
    spec = AnalysisSpec(errors=None, latency=None, labelled=None, agreement=None)
    verdict = _judge(window(errors=500, slow=9.0), spec=spec)
    assert [one.measure for one in verdict.judgements] == ["predictions[score]"]
    nothing = spec.model_copy(update={"predictions": None})
    assert _judge(window(), spec=nothing).decision == "inconclusive"


def test_a_number_that_is_none_fails_at_once() -> None:
    """One of them is enough, long before there are samples."""
    verdict = _judge(window(3, errors={"not_finite": 1}), window(3, errors={"not_finite": 1}))
    assert verdict.decision == "failed"
    assert verdict.sentence == "The candidate gave no finite number for 1 requests."


def test_too_little_traffic_says_how_long_it_would_take() -> None:
    verdict = analysis.judge([interval(window(5), window(95))] * 4, FIVE, SPEC)
    assert verdict.decision == "inconclusive"
    assert verdict.sentence == (
        "The candidate answered 20 of the 100 requests that a comparison needs in 120 s. At this "
        "rate that takes 10 min: `patience: 20`, a larger first step, or fewer `samples`."
    )


def test_a_slow_version_gets_few_copies_and_is_called_that() -> None:
    """No larger step helps where all requests are copied."""
    copies = Shadowed(rows=61, agreed=61, dropped=4_900)
    verdict = _judge(window(61, seconds=4), window(5_000, shadow=copies, seconds=4), SHADOW)
    assert (verdict.decision, verdict.judgements[0].measure) == ("inconclusive", "samples")
    assert verdict.sentence.endswith(
        "needs in 4 s; 4,900 more copies were dropped, because it was busy with those before. It "
        "may be slow: without `shadow` in `steps`, its latency is judged."
    )
    fast = window(61, shadow=Shadowed(rows=61, agreed=61), seconds=4)
    assert "`patience: 2`, or fewer `samples`." in _judge(fast, fast, SHADOW).sentence


def test_no_traffic_at_all_is_said() -> None:
    verdict = analysis.judge([interval(window(0), window(950))] * 2, FIVE, SPEC)
    assert verdict.decision == "inconclusive"
    assert verdict.sentence.endswith("in 60 s: it got no traffic.")


def test_a_regression_after_good_intervals_is_found_by_the_latest() -> None:
    good, bad = interval(), interval(window(errors=50))
    verdict = analysis.judge([*[good] * 50, bad], FIVE, SPEC)
    assert (verdict.decision, verdict.intervals, verdict.interval) == ("failed", 1, 51)


def test_stable_restarted_leaves_its_other_windows() -> None:
    lost = interval(window(60)).__class__(window(60), None)
    verdict = analysis.judge([interval(window(60), window(60)), lost, lost], FIVE, SPEC)
    assert verdict.decision == "inconclusive"
    assert "The stable version answered 60 of the 100" in verdict.sentence


def test_with_all_traffic_the_step_before_is_compared_and_said() -> None:
    mine = [interval(window(), window(0))]
    verdict = analysis.judge(mine, ALL, SPEC, earlier=window())
    assert verdict.decision == "passed"
    assert "in the step before, because it gets no traffic now" in verdict.compared
    assert analysis.judge(mine, ALL, SPEC).decision == "inconclusive"
    slow = [interval(window(slow=0.05), window(0))]
    assert analysis.judge(slow, ALL, SPEC, earlier=window()).decision == "failed"


def test_analysis_off_judges_health_alone_and_says_so() -> None:
    verdict = analysis.judge([interval(window(0), window(0))], ALL, None)
    assert verdict.decision == "passed"
    assert verdict.compared == "with nothing: `analysis` is off"
    broken = analysis.judge([interval(window(1, errors={"not_finite": 1}))], ALL, None)
    assert broken.decision == "failed"


@pytest.mark.parametrize(
    ("agreed", "failed", "decision"),
    [(950, 0, "passed"), (949, 0, "inconclusive"), (900, 0, "failed"), (950, 60, "failed")],
)
def test_agreement_of_mirrored_rows(agreed: int, failed: int, decision: str) -> None:
    copies = Shadowed(rows=1000, agreed=agreed, failed=failed)
    verdict = _judge(window(), window(shadow=copies), SHADOW)
    assert _of(verdict, "agreement") == decision


@pytest.mark.parametrize("copies", [None, Shadowed(), Shadowed(rows=99, agreed=99, dropped=7)])
def test_no_mirrored_rows_are_no_pass(copies: Shadowed | None) -> None:
    assert _judge(window(), window(shadow=copies), SHADOW).decision == "inconclusive"


def _right(rows: int, correct: int) -> Labelled:
    return Labelled(rows=rows, correct=correct)


def _off(value: float) -> Labelled:
    return Labelled(rows=1000, absolute_error=latency([value] * 1000))


@pytest.mark.parametrize(
    ("mine", "other", "decision"),
    [
        (_right(5000, 4400), _right(5000, 4500), "passed"),
        (_right(5000, 4395), _right(5000, 4500), "failed"),
        (_right(200, 170), _right(200, 180), "inconclusive"),
        (_right(99, 0), _right(1000, 900), "not judged"),
        (_off(2.0), _off(1.0), "failed"),
        (_off(1.0), _off(1.0), "passed"),
        (_off(1.0), _right(1000, 900), "inconclusive"),
    ],
)
def test_labels(mine: Labelled, other: Labelled, decision: str) -> None:
    verdict = _judge(window(labelled=mine), window(labelled=other))
    assert _of(verdict, "labelled") == decision
    assert verdict.decision == ("passed" if decision == "not judged" else decision)


def test_many_categories_are_told_by_the_frequent_ones() -> None:
    names = tuple(f"c{i}" for i in range(100))
    many = Counted(values=names, counts=(*range(100), 5))
    verdict = _judge(window(predictions={"label": many}), window(predictions={"label": many}))
    assert verdict.decision == "passed"
    bars = verdict.judgements[-1].bars
    assert (len(bars), bars[-1].label) == (24, "c99")


def test_a_plan_measures_stable_first_where_all_traffic_moves_at_once() -> None:
    host = HostSpec(folder="x")
    names = [stage.name for stage in plan(EnvironmentSpec(target=host)).stages]
    assert names == ["5 %", "25 %", "100 %"]
    stages = plan(EnvironmentSpec(target=host, steps=(100,), bake=7)).stages
    assert [(stage.name, stage.seconds) for stage in stages] == [("before", 0), ("100 %", 7)]
    off = plan(EnvironmentSpec(target=host, steps=(100,), analysis=False))
    assert [stage.name for stage in off.stages] == ["100 %"]
    assert off.analysis is None
    shadow = plan(EnvironmentSpec(target=host, steps=("shadow", 100))).stages
    assert [(stage.name, stage.shadow) for stage in shadow] == [("shadow", True), ("100 %", False)]


def test_bars_of_numbers_have_their_edges() -> None:
    verdict = _judge(window(predictions={"s": even(1000)}), window(predictions={"s": even(1000)}))
    assert len(verdict.judgements[-1].bars) == len(EDGES) + 1

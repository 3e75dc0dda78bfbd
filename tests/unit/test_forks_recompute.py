"""What a forged record claims, against what its own evidence and base's rules say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from assay.ci import CiContext
from assay.config import Config, DataSpec, MetricSpec, PredictionsSpec, Rules, StatisticsSpec
from assay.datadiff.section import Leakage
from assay.forks import UntrustedError, account, hostile, identity, recompute
from assay.forks.source import Pull, UntrustedRun
from assay.gates import Gate
from assay.pairing import RowMatch
from assay.provenance import Provenance
from assay.record import RunRecord
from assay.section import Reason, Section, Status
from assay.stages.compare import CompareSection
from assay.stages.evaluate import EvaluateSection
from assay.stages.test import FailedTest, TestSection
from assay.stages.train import StageRun, TrainSection
from assay.stages.validate import CheckFailure, FileResult, ValidateSection
from assay.verdict import decide
from hypothesis import given
from hypothesis import strategies as st

from tests import evidence_records, records
from tests.judged import evaluation, evidence, part_of

SHA, BASE = records.HEAD, records.BASE
RUN = UntrustedRun(
    id=7,
    attempt=1,
    event="pull_request",
    conclusion="success",
    workflow="Model check",
    url="https://github.com/acme/bikes/actions/runs/7",
    head_sha=SHA,
    head_branch="deeper-trees",
    head_repository="mallory/bikes",
    owner="mallory",
    actor="mallory",
    started=datetime(2026, 1, 5, tzinfo=UTC),
    from_fork=True,
)
HERE = CiContext(host="github", event="workflow_run", repository="acme/bikes")
CI = identity.ci_of(HERE, RUN, Pull(number=7, base_ref="main", base_sha=BASE))
TRUSTED = identity.Identity(CI, identity.Given())
PREDICTIONS = PredictionsSpec(path="p.csv", prediction="y", slices=("season",))  # type: ignore[arg-type]


def rules(**spec: Any) -> Config:
    return Config(predictions=PREDICTIONS, metrics={"f1": MetricSpec(**spec)})


def claimed(evaluate: EvaluateSection, **more: Any) -> RunRecord:
    """A record that says everything is fine."""
    gate = {"metric": "f1", "rule": "min", "result": "passed", "message": "f1 is splendid"}
    compare = CompareSection(status=Status.PASS, baseline=True, gates=(Gate.model_validate(gate),))
    return RunRecord(
        created=RUN.started,
        ci=CI.model_copy(update={"from_fork": True}),
        config=rules(min=0.1),
        evaluate=evaluate,
        compare=compare,
        **more,
    )


def evaluated(head: float, base: float, *nulls: float, **more: Any) -> EvaluateSection:
    return EvaluateSection(
        status=Status.PASS,
        head=evaluation({"f1": head}),
        base=evaluation({"f1": base}),
        rows=RowMatch(shared=1000, only_head=0, only_base=0, truth_differs=0, by_key=True),
        evidence=(evidence(base, head, nulls=(0.0, *nulls)),),
        **more,
    )


def judged(record: RunRecord, base: Config | None) -> RunRecord:
    said = tuple(identity.differences(record, TRUSTED))
    return account.judged(identity.certain(record, RUN, TRUSTED), base, "assay.yaml", RUN, said)


def differences(record: RunRecord) -> str:
    assert record.provenance is not None
    return "\n".join(record.provenance.differences)


def test_forged_gates_are_decided_again_by_the_rules_of_base() -> None:
    found = judged(claimed(evaluated(0.5, 0.7)), rules(min=0.6))
    verdict = decide(found)
    assert (verdict.outcome, verdict.decided_by) == ("fail", "metrics.f1.min: 0.6")
    assert "splendid" not in found.to_json()
    assert "By its own record this run is `pass`, by what is decided here `fail`." in (
        differences(found)
    )
    assert "changes the rules in `assay.yaml`" in differences(found)
    assert "`metrics.f1.min` is `0.6` at base and `0.1` here." in differences(found)


@pytest.mark.parametrize("status", [Status.FAIL, Status.WARN, Status.SKIPPED])
def test_a_comparison_that_calls_itself_blocked_is_made_all_the_same(status: Status) -> None:
    record = claimed(evaluated(0.5, 0.7))
    assert record.compare is not None
    lie = record.compare.model_copy(update={"status": status, "blocked_by": "evaluate"})
    found = judged(record.with_section("compare", lie), rules(min=0.6))
    assert (decide(found).outcome, decide(found).exit_code) == ("fail", 1)
    assert "splendid" not in found.to_json()


def test_gates_of_a_comparison_that_was_really_blocked_are_not_shown() -> None:
    record = claimed(evaluated(0.5, 0.7), train=TrainSection(status=Status.ERROR))
    assert record.compare is not None
    lie = record.compare.model_copy(update={"status": Status.PASS, "blocked_by": "train"})
    found = judged(record.with_section("compare", lie), rules(min=0.6))
    assert (decide(found).outcome, decide(found).decided_by) == ("error", "train")
    assert found.compare is not None
    assert found.compare.gates == ()
    assert "splendid" not in found.to_json()


def test_forged_changes_are_made_again() -> None:
    record = claimed(evaluated(0.5, 0.7, slices=(part_of(0.8, 0.4),)))
    assert record.compare is not None
    lie = records.change("f1", 0.5, 0.99)
    compare = record.compare.model_copy(update={"metrics": (lie,), "slices": ()})
    found = judged(record.with_section("compare", compare), rules(min=0.1)).compare
    assert found is not None
    assert [(m.head, m.change) for m in found.metrics] == [(0.5, "worse")]
    assert [(s.name, s.change) for s in found.slices] == [("season = 3", "worse")]


def test_which_way_is_better_is_not_the_fork_s_to_say() -> None:
    record = claimed(evaluated(0.5, 0.7))
    assert record.evaluate is not None
    assert record.evaluate.head is not None
    (metric,) = record.evaluate.head.metrics
    lie = metric.model_copy(update={"direction": "lower"})
    head = record.evaluate.head.model_copy(update={"metrics": (lie,)})
    forged = record.evaluate.model_copy(update={"head": head})
    found = judged(record.with_section("evaluate", forged), rules()).compare
    assert found is not None
    assert found.metrics[0].change == "worse"


def test_an_honest_record_is_confirmed() -> None:
    record = claimed(evaluated(0.71, 0.7, 0.0))
    found = judged(record, rules(min=0.1))
    assert decide(found).outcome == "pass"
    assert found.provenance is not None
    assert found.provenance.differences == ()
    assert found.provenance.run_url == RUN.url
    assert "`assay.yaml` of base (`0b5e55e`)" in found.provenance.verified[1]
    assert found.provenance.reported


def test_a_gate_that_base_has_and_the_record_knows_nothing_of_fails() -> None:
    base = Config(metrics={"f1": MetricSpec(min=0.6), "recall": MetricSpec(min=0.1)})
    found = judged(claimed(evaluated(0.7, 0.7)), base)
    assert decide(found).outcome == "fail"
    assert decide(found).decided_by == "metrics.recall.present"


def test_leaving_the_comparison_out_does_not_leave_the_gates_out() -> None:
    record = claimed(evaluated(0.5, 0.7)).model_copy(update={"compare": None})
    assert decide(judged(record, rules(min=0.6))).outcome == "fail"
    skipped = CompareSection(status=Status.SKIPPED, blocked_by="evaluate")
    assert decide(judged(record.with_section("compare", skipped), rules(min=0.6))).outcome == "fail"
    nothing = RunRecord(created=RUN.started, ci=CI)
    assert decide(judged(nothing, rules(min=0.6))).outcome == "fail"


def test_a_run_that_ended_early_says_why_and_not_what_gates_miss() -> None:
    found = judged(records.errored_checkout(), rules(min=0.6))
    verdict = decide(found)
    assert (verdict.outcome, verdict.decided_by) == ("error", "checkout")
    assert found.compare is not None
    assert found.compare.gates == ()


def test_a_base_without_rules_decides_nothing_and_says_so() -> None:
    found = judged(claimed(evaluated(0.5, 0.7)), None)
    assert decide(found).outcome == "no gate"
    assert "Base has no `assay.yaml`, so no gate is decided" in differences(found)


def test_other_margins_do_not_make_a_test_go_away() -> None:
    base = rules(non_inferior=0.05)
    record = claimed(evaluated(0.9, 0.7, -0.5))  # tested against a margin of its own
    found = judged(record, base)
    assert (decide(found).outcome, decide(found).decided_by) == (
        "inconclusive",
        "metrics.f1.non_inferior: 0.05",
    )
    assert "`f1` was not compared with the margin" in differences(found)
    warned = judged(record, rules(non_inferior=0.05, severity="warn"))
    assert decide(warned).outcome == "warn"
    fine = judged(claimed(evaluated(0.9, 0.7, -0.05)), base)
    assert decide(fine).outcome == "pass"


def test_margins_of_slices_too() -> None:
    base = rules(slices=Rules(non_inferior=0.05))
    record = claimed(evaluated(0.9, 0.7, -0.05, slices=(part_of(0.7, 0.9, nulls=(0.0, -0.5)),)))
    assert decide(judged(record, base)).decided_by == "metrics.f1.slices.non_inferior: 0.05"
    assert decide(judged(record, base)).outcome == "inconclusive"


def test_confidence_is_base_s() -> None:
    strict = Config(
        predictions=PREDICTIONS,
        metrics={"f1": MetricSpec(superior=True)},
        statistics=StatisticsSpec(confidence=0.999),
    )
    record = claimed(evaluated(0.72, 0.7))  # p = 0.02
    assert decide(judged(record, rules(superior=True))).outcome == "pass"
    assert decide(judged(record, strict)).outcome == "inconclusive"


def test_rows_in_common_are_held_against_base_s_rule() -> None:
    spec = DataSpec(path="test.csv", schema="s.py:S", disjoint_from="train.csv")
    base = Config(data=(spec,), metrics={"f1": MetricSpec(min=0.1)})
    record = claimed(evaluated(0.7, 0.7))
    missing = judged(record, base)
    assert decide(missing).decided_by == "data.0.disjoint_from: 0"
    assert "are not in the record" in decide(missing).headline
    assert record.compare is not None
    leak = Leakage(path="test.csv", other="train.csv", rows=9, shared_rows=0, columns=2)
    compare = record.compare.model_copy(update={"leakage": (leak,)})
    assert decide(judged(record.with_section("compare", compare), base)).outcome == "pass"


def failing() -> list[tuple[str, Section, str]]:
    check = CheckFailure(check="in_range(0, 1)", column="x", count=3)
    file = FileResult(path="d.csv", schema_name="s:S", rows=9, columns=2, bytes=9)
    test = FailedTest(name="t", outcome="failed", message="no")
    return [
        ("test", TestSection(status=Status.PASS, passed=9, failed=1), "tests that failed"),
        ("test", TestSection(status=Status.WARN, errors=1), "tests that failed"),
        ("test", TestSection(status=Status.PASS, failures=(test,)), "tests that failed"),
        (
            "validate",
            ValidateSection(
                status=Status.PASS, files=(file.model_copy(update={"failures": (check,)}),)
            ),
            "checks of data that failed",
        ),
        (
            "validate",
            ValidateSection(
                status=Status.SKIPPED, files=(file.model_copy(update={"error": "gone"}),)
            ),
            "checks of data that failed",
        ),
        (
            "train",
            TrainSection(status=Status.PASS, stages=(StageRun(name="s", outcome="stale"),)),
            "stages of the pipeline that failed",
        ),
        (
            "evaluate",
            EvaluateSection(status=Status.PASS, reasons=(Reason(message="a lie"),)),
            "errors",
        ),
    ]


@pytest.mark.parametrize(("stage", "section", "what"), failing())
def test_a_status_that_its_facts_contradict(stage: str, section: Section, what: str) -> None:
    record = claimed(evaluated(0.7, 0.7)).with_section(stage, section)
    said = f"The record calls `{stage}` `{section.status.value}`, and holds {what}."
    found = judged(record, rules(min=0.1))
    verdict = decide(found)
    assert (verdict.outcome, verdict.decided_by, verdict.exit_code) == ("fail", stage, 1)
    assert verdict.headline.startswith(said[:-1])
    assert said in differences(found)


@pytest.mark.parametrize(
    "record", [records.good(), records.failed_checks(), evidence_records.sure()]
)
def test_sections_that_agree_with_their_facts_stay(record: RunRecord) -> None:
    assert recompute.sound(record) == (record, ())


def test_an_exit_code_is_one_of_ours() -> None:
    section = TestSection(status=Status.FAIL, failed=1, exit_code=0)
    found, _ = recompute.sound(records.good().with_section("test", section))
    assert found.test is not None
    assert found.test.exit_code == 1
    section = TestSection(status=Status.ERROR, exit_code=-9)
    found, _ = recompute.sound(records.good().with_section("test", section))
    assert found.test is not None
    assert found.test.exit_code == 3


def test_identity_is_github_s() -> None:
    lie = CiContext(
        host="gitlab",
        repository="acme/secrets",
        pull_request=1,
        base_ref="x`@team`\n# y",
        base_sha=SHA,
        head_sha=SHA,
        head_ref="main",
        server_url="https://evil.example",
        api_url="https://evil.example/api",
        run_url="javascript:alert(1)",
    )
    accepted = records.accepted()
    record = accepted.model_copy(
        update={
            "ci": lie,
            "project": "../",
            "comment_key": "another",
            "title": "Approved",
            "provenance": Provenance(verified=("Everything.",)),
            "base": accepted.head and accepted.head.model_copy(update={"sha": "main"}),
        }
    )
    found = judged(record, rules(min=0.1))
    assert found.ci == CI
    assert (found.comment_key, found.title, found.project) == ("default", "", "")
    assert (found.overrides, found.base, found.created) == ((), None, RUN.started)
    assert "Everything." not in found.to_json()
    assert "evil" not in found.to_json()
    told = differences(found)
    for text in (
        "In the record the pull request is `1`; it is `7`.",
        "In the record the repository is `acme/secrets`; it is `acme/bikes`.",
        "In the record the branch is `main`; it is `deeper-trees`.",
        r"In the record the base branch is `x'@team'\n# y`; it is `main`.",
        "In the record the base commit is `4f1c0de9a8b7`; it is `0b5e55ed1e2d`.",
        "In the record the folder of the project is `../`; it is `the root`.",
        "The record says that it is not from a fork, and it is.",
        "The record was made for the report `another`, not for this one.",
        "The record vouches for itself; that is left out.",
        "The record names `main` as base, which is no commit.",
    ):
        assert text in told


def test_a_record_of_another_commit_is_not_shown_at_all() -> None:
    other = RUN.__class__(**{**RUN.__dict__, "head_sha": "c" * 40})
    identity.check_commit(records.good(), RUN)
    with pytest.raises(UntrustedError, match="is of another commit: it says `4f1c0de9a8b7`"):
        identity.check_commit(records.good(), other)
    with pytest.raises(UntrustedError, match="it says `none`"):
        identity.check_commit(RunRecord(created=RUN.started), other)


def test_an_acceptance_that_nobody_gave() -> None:
    record = records.accepted()
    stopping = judged(claimed(evaluated(0.5, 0.7)), rules(min=0.6))
    told = differences(account.with_words(stopping, record))
    assert "The record says that `anna` accepted `metrics.f1.min: 0.6`; GitHub does not." in told
    assert "mallory" not in told  # who was refused claims nothing
    heard = stopping.model_copy(update={"overrides": record.overrides})
    assert "accepted" not in differences(account.with_words(heard, record))


def test_numbers_that_cannot_all_be_true() -> None:
    record = claimed(evaluated(0.5, 0.7))
    assert record.evaluate is not None
    better = evaluation({"f1": 0.9})
    forged = record.evaluate.model_copy(update={"head": better})
    record = record.with_section("evaluate", forged)
    assert "`f1` is 0.9, and in its evidence 0.5." in differences(judged(record, rules(min=0.6)))
    assert list(recompute.contradictions(records.good())) == []
    good = records.good()
    assert good.evaluate is not None
    assert good.evaluate.head is not None
    metrics = tuple(
        m.model_copy(update={"value": 0.99}) if m.name == "roc_auc" else m
        for m in good.evaluate.head.metrics
    )
    head = good.evaluate.head.model_copy(update={"metrics": metrics})
    lied = good.with_section("evaluate", good.evaluate.model_copy(update={"head": head}))
    (said,) = recompute.contradictions(lied)
    assert said.startswith("`roc_auc` is 0.99, and the area below its curve 0.87")


def test_many_differences_do_not_fill_the_report() -> None:
    record = claimed(evaluated(0.5, 0.7))
    own = Config(metrics={f"m{i}": MetricSpec(min=0) for i in range(90)})
    section = TestSection(status=Status.PASS, failed=1)
    record = record.model_copy(update={"config": own, "test": section})
    said = tuple(f"difference {i}" for i in range(30))
    found = account.judged(identity.certain(record, RUN, TRUSTED), rules(), "a", RUN, said)
    assert found.provenance is not None
    assert len(found.provenance.differences) == account.MOST
    assert found.provenance.differences[-1].endswith("more differences.")


def test_the_record_that_is_refused_says_only_why() -> None:
    nothing = hostile.nothing(RUN.started)
    found = account.unusable(nothing, RUN, UntrustedError("It is a bomb.", hint="Do not."))
    verdict = decide(found)
    assert (verdict.outcome, verdict.headline, verdict.exit_code) == ("error", "It is a bomb.", 2)


@given(
    head=st.floats(-1e300, 1e300),
    base=st.floats(-1e300, 1e300),
    error=st.floats(0, 1e300),
    units=st.integers(-10, 10**18),
    p_value=st.floats(0, 1),
)
def test_any_numbers_are_judged(
    head: float, base: float, error: float, units: int, p_value: float
) -> None:
    found = evidence(0.5, 0.6, nulls=(0.0, -0.01)).model_copy(
        update={
            "head": head,
            "base": base,
            "standard_error": error,
            "units": units,
            "p_value": p_value,
        }
    )
    section = evaluated(0.5, 0.6).model_copy(update={"evidence": (found,)})
    base_rules = rules(no_significant_regression=True, non_inferior=0.01, superior=True)
    assert decide(judged(claimed(section), base_rules)).headline

"""Records as runs leave them, for tests of everything that reads a record."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from assay.changes import MetricChange, SliceChange
from assay.ci import CiContext
from assay.config import Config, MetricSpec
from assay.evaluation import Evaluation, Metric
from assay.gates import Gate
from assay.override import Override
from assay.packaging.section import Mismatch, PackageSection
from assay.record import Environment, Revision, RunRecord
from assay.section import Reason, Section, Status
from assay.stages.checkout import CheckoutSection
from assay.stages.compare import CompareSection, FileChange, ParameterChange
from assay.stages.evaluate import EvaluateSection
from assay.stages.test import FailedTest, TestSection
from assay.stages.train import StageRun, TrainSection
from assay.stages.validate import CheckFailure, FileResult, PlannedCheck, ValidateSection
from assay.stats.catalogue import direction_of
from assay.stats.curves import (
    Calibration,
    ConfusionMatrix,
    Curve,
    PrecisionRecallCurve,
    Residuals,
    RocCurve,
)
from assay.transfer import Transfer

HEAD = "4f1c0de9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3"
BASE = "0b5e55ed1e2d3c4b5a69788796a5b4c3d2e1f001"


def binary_curves(
    area: float, matrix: tuple[tuple[int, int], tuple[int, int]]
) -> tuple[Curve, ...]:
    """Curves of a model of about this quality."""
    bend = (1 - area) / area
    steps = [i / 60 for i in range(61)]
    right = tuple(round(step**bend, 6) for step in steps)
    precision = tuple(round(1 - (1 - 0.24) * step ** (12 * area - 8), 6) for step in steps)
    threshold = tuple(1 - step for step in steps)
    bins = [0.05 + i / 10 for i in range(10)]
    return (
        RocCurve(
            label="1",
            false_positive_rate=tuple(round(step, 6) for step in steps),
            true_positive_rate=right,
            threshold=threshold,
            area=area,
        ),
        PrecisionRecallCurve(
            label="1",
            recall=tuple(round(step, 6) for step in steps),
            precision=precision,
            threshold=threshold,
            average_precision=area - 0.12,
            prevalence=0.24,
        ),
        ConfusionMatrix(labels=("0", "1"), counts=matrix),
        Calibration(
            label="1",
            mean_predicted=tuple(bins),
            fraction_positive=tuple(round(min(1.0, b ** (1 + (1 - area) * 4)), 6) for b in bins),
            count=(3120, 1410, 822, 560, 430, 388, 402, 455, 610, 538),
        ),
    )


def multiclass_curves() -> tuple[Curve, ...]:
    roc = binary_curves(0.91, ((1, 0), (0, 1)))[0]
    assert isinstance(roc, RocCurve)
    labels = ("cat", "dog", "ferret")
    return (
        *(roc.model_copy(update={"label": label}) for label in labels),
        ConfusionMatrix(labels=labels, counts=((120, 10, 2), (14, 99, 7), (1, 9, 38))),
    )


def regression_curves(spread: float) -> tuple[Curve, ...]:
    predicted = tuple(float(i) for i in range(0, 400, 2))
    residual = tuple(round(spread * math.sin(p * 12.9898) * (1 + p / 300), 3) for p in predicted)
    edges = tuple(-100.0 + 5 * i for i in range(41))
    counts = tuple(
        round(900 * math.exp(-(((left + 2.5) / (spread + 5)) ** 2))) for left in edges[:-1]
    )
    return (
        Residuals(predicted=predicted, residual=residual, rows=4345, edges=edges, counts=counts),
    )


def change(name: str, base: float | None, head: float | None, **given: Any) -> MetricChange:
    difference = None if base is None or head is None else head - base
    direction = direction_of(name)
    if base is None or head is None:
        kind = "added" if base is None else "removed"
    elif not difference:
        kind = "equal"
    elif direction is None:
        kind = "changed"
    else:
        kind = "better" if (difference > 0) == (direction == "higher") else "worse"
    return MetricChange(
        **{
            "name": name,
            "base": base,
            "head": head,
            "difference": difference,
            "change": kind,
            "direction": direction,
            **given,
        }
    )


def slice_change(column: str, value: str, rows: int, base: float, head: float) -> SliceChange:
    kind = "better" if head > base else "worse" if head < base else "equal"
    return SliceChange(
        name=f"{column} = {value}",
        rows=rows,
        metric="f1",
        head=head,
        base=base,
        difference=head - base,
        change=kind,
    )


def metric_gate(
    metric: str, rule: Any, limit: float | None, value: float | None, *, passed: bool, message: str
) -> Gate:
    return Gate(
        metric=metric,
        rule=rule,
        key=("metrics", metric, rule),
        limit=limit,
        value=value,
        result="passed" if passed else "failed",
        message=message,
    )


def good() -> RunRecord:
    """Better overall, worse on two slices; every gate kept."""
    metrics = (
        change("f1", 0.6512, 0.6634, configured=True),
        change("roc_auc", 0.8412, 0.8795, configured=True),
        change("accuracy", 0.8423, 0.8481),
        change("log_loss", 0.3521, 0.3402),
        change("brier", 0.1101, 0.1063),
        change("threshold", 0.5, 0.5),
    )
    compare = CompareSection(
        status=Status.PASS,
        seconds=0.12,
        baseline=True,
        same_rows=True,
        metrics=metrics,
        slices=(
            slice_change("season", "1", 2081, 0.6021, 0.6304),
            slice_change("season", "4", 2142, 0.6610, 0.6742),
            slice_change("workingday", "0", 2752, 0.5890, 0.5312),
            slice_change("workingday", "1", 5983, 0.6734, 0.6978),
            slice_change("weathersit", "3", 706, 0.4810, 0.4655),
        ),
        parameters=(
            ParameterChange(file="params.yaml", key="train.max_depth", head="8", base="4"),
            ParameterChange(file="params.yaml", key="features.lags", head="[1, 24]", base=None),
        ),
        files=(
            FileChange(
                path="models/model.skops",
                change="modified",
                kind="out",
                head_bytes=1_734_201,
                base_bytes=1_202_044,
            ),
        ),
        model="models/model.skops",
        model_bytes=1_734_201,
        base_model_bytes=1_202_044,
        train_seconds=12.4,
        gates=(
            metric_gate("f1", "min", 0.6, 0.6634, passed=True, message="f1 is 0.6634."),
            metric_gate(
                "f1", "max_regression", 0.01, -0.0122, passed=True, message="f1 did not drop."
            ),
            metric_gate("roc_auc", "min", 0.85, 0.8795, passed=True, message="roc_auc is 0.8795."),
        ),
    )
    return RunRecord(
        assay="0.1.0",
        created=datetime(2026, 11, 20, 9, 30, tzinfo=UTC),
        ci=CiContext(
            host="github",
            event="pull_request",
            repository="acme/bikes",
            pull_request=7,
            base_ref="main",
            base_sha=BASE,
            head_ref="deeper-trees",
            head_sha=HEAD,
            run_url="https://github.com/acme/bikes/actions/runs/1",
        ),
        config=Config(
            metrics={
                "f1": MetricSpec(min=0.6, max_regression=0.01),
                "roc_auc": MetricSpec(min=0.85),
            }
        ),
        head=Revision(sha=HEAD),
        base=Revision(sha=BASE),
        environment=Environment(
            python="3.12.4",
            platform="Linux x86_64",
            packages={"scikit-learn": "1.6.1", "pandas": "2.2.3", "dvc": "3.58.0"},
        ),
        checkout=CheckoutSection(
            status=Status.PASS,
            seconds=1.31,
            remote="storage",
            url="s3://acme-models/bikes",
            transfers=(
                Transfer(revision="head", files=3, bytes=4_812_004, seconds=0.9, cached=2),
                Transfer(revision="base", files=1, bytes=812_004, seconds=0.2, cached=4),
            ),
        ),
        validate=ValidateSection(
            status=Status.PASS,
            seconds=0.82,
            files=(
                FileResult(
                    path="data/raw/hour.csv",
                    schema_name="schema.py:Hour",
                    rows=17_379,
                    columns=17,
                    bytes=1_156_736,
                ),
            ),
        ),
        test=TestSection(status=Status.PASS, seconds=3.4, passed=23, skipped=1),
        train=TrainSection(
            status=Status.PASS,
            seconds=12.9,
            stages=(
                StageRun(name="prepare", outcome="unchanged"),
                StageRun(name="featurize", outcome="restored"),
                StageRun(name="train", outcome="ran", seconds=11.2),
                StageRun(name="evaluate", outcome="ran", seconds=1.2),
            ),
        ),
        evaluate=EvaluateSection(
            status=Status.PASS,
            seconds=0.41,
            head=Evaluation(
                metrics=tuple(
                    Metric(
                        name=m.name,
                        value=m.head,
                        source="predictions.parquet" if m.name != "threshold" else "metrics.json",
                        recomputed=m.name != "threshold",
                    )
                    for m in metrics
                    if m.head is not None
                ),
                task="binary",
                rows=8_735,
                curves=binary_curves(0.8795, ((6021, 612), (715, 1387))),
            ),
            base=Evaluation(
                task="binary",
                rows=8_735,
                curves=binary_curves(0.8412, ((5988, 645), (733, 1369))),
            ),
        ),
        compare=compare,
    )


def _with(record: RunRecord, stage: str, **update: Any) -> RunRecord:
    section = record.section(stage)
    assert section is not None
    return record.with_section(stage, section.model_copy(update=update))


def regression_of_a_metric() -> RunRecord:
    """f1 fell below both of its bounds."""
    record = good()
    assert record.compare is not None
    message = "f1 0.5812 is below min 0.6"
    return _with(
        record,
        "compare",
        status=Status.FAIL,
        exit_code=1,
        reasons=(Reason(message=message, file="assay.yaml", line=9),),
        metrics=(change("f1", 0.6512, 0.5812, configured=True), *record.compare.metrics[1:]),
        gates=(
            metric_gate("f1", "min", 0.6, 0.5812, passed=False, message=message),
            metric_gate(
                "f1",
                "max_regression",
                0.01,
                0.07,
                passed=False,
                message="f1 is worse than base by 0.07, more than max_regression 0.01",
            ),
            record.compare.gates[2],
        ),
    )


def accepted() -> RunRecord:
    """The same, and somebody who may says that it is all right; others said so too."""
    record = regression_of_a_metric()
    assert record.compare is not None
    first, second, _ = (gate.name for gate in record.compare.gates)
    anna = Override(
        gate=first,
        who="anna",
        when=datetime(2026, 1, 2, 15, 4, tzinfo=UTC),
        why="the new labels are stricter, see #12",
        sha=record.commit or "",
        how="comment",
        url="https://github.com/acme/bikes/pull/12#issuecomment-3",
    )
    bob = {"gate": second, "who": "bob", "why": "", "how": "label", "by_author": True}
    old = {"gate": "metrics.f1.mn", "sha": BASE, "refused": "it was given for `0b5e55e`"}
    mallory = {"gate": "a|b", "who": "mallory", "refused": "that needs write permission"}
    words = [anna, *(anna.model_copy(update=told) for told in (bob, old, mallory))]
    return record.model_copy(update={"overrides": tuple(words)})


def first_run() -> RunRecord:
    """There is nothing to compare with yet."""
    record = good()
    assert record.compare is not None
    assert record.evaluate is not None
    record = _with(record, "evaluate", base=None)
    metrics = tuple(
        change(m.name, None, m.head, configured=m.configured) for m in record.compare.metrics
    )
    gates = record.compare.gates
    undecided = gates[1].model_copy(update={"result": "not decided", "value": None})
    record = _with(
        record,
        "compare",
        baseline=False,
        same_rows=None,
        metrics=metrics,
        slices=tuple(
            s.model_copy(update={"base": None, "difference": None, "change": "added"})
            for s in record.compare.slices
        ),
        parameters=(),
        files=(),
        base_model_bytes=None,
        gates=(gates[0], undecided, gates[2]),
    )
    return record.model_copy(update={"base": None})


def no_gate() -> RunRecord:
    """No metric has a bound, the work tree is dirty, on a laptop."""
    record = good()
    assert record.compare is not None
    metrics = tuple(m.model_copy(update={"configured": False}) for m in record.compare.metrics)
    record = _with(record, "compare", gates=(), metrics=metrics)
    return record.model_copy(
        update={
            "config": Config(),
            "ci": CiContext(),
            "head": Revision(sha=HEAD, branch="deeper-trees", dirty=True),
            "base": Revision(sha=BASE, branch="main"),
        }
    )


def skipped(kind: type[Section], need: str) -> Section:
    reason = Reason(message=f"Skipped, because {need} did not succeed.", severity="note")
    return kind(status=Status.SKIPPED, reasons=(reason,), blocked_by=need)


def errored_checkout() -> RunRecord:
    """An object is not in the remote: nothing else could run. From a fork."""
    record = good()
    reason = Reason(
        message="`data/raw/hour.csv` is not in the remote `storage` (s3://acme-models/bikes).",
        hint="Whoever changed it has to run `dvc push`.",
        file="data/raw/hour.csv.dvc",
        line=3,
    )
    return record.model_copy(
        update={
            "ci": record.ci.model_copy(update={"from_fork": True}),
            "checkout": CheckoutSection(
                status=Status.ERROR, exit_code=3, seconds=0.4, reasons=(reason,), remote="storage"
            ),
            "validation": skipped(ValidateSection, "checkout"),
            "test": skipped(TestSection, "checkout"),
            "train": skipped(TrainSection, "checkout"),
            "evaluate": skipped(EvaluateSection, "checkout"),
            "compare": skipped(CompareSection, "evaluate"),
        }
    )


def failed_checks() -> RunRecord:
    """The data breaks its contract and two tests do not pass."""
    record = good()
    validation = ValidateSection(
        status=Status.FAIL,
        exit_code=1,
        seconds=0.9,
        reasons=(
            Reason(
                message="data/raw/hour.csv: column `hr` fails `in_range(0, 23)` in 12 of 17,379"
                " rows (24 (row 17)).",
                file="schema.py",
                line=9,
            ),
            Reason(
                message="data/raw/hour.csv: column `temp` fails `not_nullable` in 3 of 17,379 rows."
            ),
            Reason(message="data/raw/hour.csv: the table fails `unique('instant')`."),
            Reason(message="data/raw/day.csv: The file is empty.", file="data/raw/day.csv"),
        ),
        files=(
            FileResult(
                path="data/raw/hour.csv",
                schema_name="schema.py:Hour",
                rows=17_379,
                columns=17,
                bytes=1_156_736,
                failures=(
                    CheckFailure(
                        check="in_range(0, 23)",
                        column="hr",
                        count=12,
                        share=12 / 17_379,
                        examples=("24 (row 17)", "25 (row 130)"),
                    ),
                    CheckFailure(check="not_nullable", column="temp", count=3, share=3 / 17_379),
                    CheckFailure(check="unique('instant')", count=1),
                ),
            ),
            FileResult(
                path="data/raw/day.csv",
                schema_name="schema.py:Day",
                rows=None,
                columns=None,
                bytes=0,
                error="The file is empty.",
            ),
        ),
    )
    tests = TestSection(
        status=Status.FAIL,
        exit_code=1,
        seconds=2.2,
        passed=21,
        failed=1,
        errors=1,
        reasons=(
            Reason(
                message="tests/test_features.py::test_lags[24] failed: AssertionError:"
                " assert 3 == 4",
                file="tests/test_features.py",
                line=12,
            ),
            Reason(
                message="tests/test_train.py could not be run: ImportError: no module `bike`",
                file="tests/test_train.py",
            ),
        ),
        failures=(
            FailedTest(
                name="tests/test_features.py::test_lags[24]",
                outcome="failed",
                message="AssertionError: assert 3 == 4",
                details="    def test_lags(lag):\n>       assert lags(lag) == 4\nE       3 != 4",
                file="tests/test_features.py",
                line=12,
            ),
            FailedTest(
                name="tests/test_train.py", outcome="error", message="ImportError: no module `bike`"
            ),
        ),
    )
    return record.with_section("validate", validation).with_section("test", tests)


def regression_task() -> RunRecord:
    """A model of a number; lower is better."""
    record = good()
    assert record.evaluate is not None
    assert record.compare is not None
    evaluation = Evaluation(task="regression", rows=4345, curves=regression_curves(34.0))
    record = _with(
        record,
        "evaluate",
        head=evaluation,
        base=evaluation.model_copy(update={"curves": regression_curves(41.0)}),
    )
    return _with(
        record,
        "compare",
        metrics=(
            change("rmse", 43.211, 41.902, configured=True),
            change("mae", 29.80, 30.05, configured=True),
            change("r2", 0.9417, 0.9451),
            change("mape", 0.2211, 0.2209),
        ),
        slices=(),
        gates=(metric_gate("rmse", "max", 45.0, 41.902, passed=True, message="rmse is 41.9."),),
    )


def multiclass() -> RunRecord:
    """Three classes, and metrics that the predictions cannot give."""
    record = good()
    assert record.evaluate is not None
    assert record.evaluate.head is not None
    head = record.evaluate.head.model_copy(
        update={
            "task": "multiclass",
            "curves": multiclass_curves(),
            "undefined": {"roc_auc": "ROC AUC is for two classes; these have 3."},
        }
    )
    weaker = binary_curves(0.87, ((1, 0), (0, 1)))[0]
    worse = tuple(
        weaker.model_copy(update={"label": curve.label}) if isinstance(curve, RocCurve) else curve
        for curve in head.curves
    )
    base = head.model_copy(update={"undefined": {}, "curves": worse})
    return _with(record, "evaluate", head=head, base=base)


HOSTILE = (
    "</details><img src=x onerror=alert(1)>",
    "a|b\n| c | @acme/owners #12",
    "`code` ``` <!-- x --> [l](https://evil.example)",
    "https://evil.example www.evil.example me@evil.example",
    ":tada: **b** _i_ $x$ \\| \x1b[31m\u202e",
)


def hostile(texts: tuple[str, ...] = HOSTILE) -> RunRecord:
    """Text that wants to be markup wherever a record has room for text."""

    def pick(at: int) -> str:
        return texts[at % len(texts)]

    record = failed_checks()
    compare = good().compare
    assert compare is not None
    assert record.validation is not None
    assert record.test is not None
    assert record.train is not None
    assert record.evaluate is not None
    assert record.evaluate.head is not None
    curves = (
        ConfusionMatrix(labels=(pick(0), pick(1)), counts=((3, 1), (1, 3))),
        *(c.model_copy(update={"label": pick(2)}) for c in record.evaluate.head.curves[:2]),
    )
    evaluation = record.evaluate.head.model_copy(
        update={
            "curves": curves,
            "undefined": {pick(0): pick(1)},
            "metrics": (Metric(name=pick(2), value=1.0, source=pick(3)),),
        }
    )
    reasons = (Reason(message=pick(0), hint=pick(1), file=pick(2), line=1),)
    return record.model_copy(
        update={
            "ci": record.ci.model_copy(update={"head_ref": pick(1), "base_ref": pick(2)}),
            "environment": Environment(
                python=pick(0), platform=pick(1), packages={pick(2): pick(3)}
            ),
            "checkout": CheckoutSection(status=Status.WARN, reasons=reasons, remote=pick(0)),
            "validation": ValidateSection(
                status=Status.FAIL,
                exit_code=1,
                reasons=reasons,
                files=(
                    FileResult(
                        path=pick(0),
                        schema_name=pick(1),
                        rows=3,
                        columns=2,
                        bytes=10,
                        failures=(
                            CheckFailure(check=pick(1), column=pick(2), count=1, examples=texts),
                        ),
                        warnings=texts,
                        plan=(
                            PlannedCheck(check=pick(1), column=pick(2), how="scan"),
                            PlannedCheck(check=pick(3), column=pick(0), how="table", why=pick(4)),
                        ),
                        failing_rows=pick(2),
                    ),
                    FileResult(
                        path=pick(4),
                        schema_name="s",
                        rows=None,
                        columns=None,
                        bytes=0,
                        error=pick(0),
                    ),
                ),
            ),
            "test": TestSection(
                status=Status.FAIL,
                failed=1,
                exit_code=1,
                reasons=reasons,
                failures=tuple(
                    FailedTest(name=t, outcome="failed", message=t, details=f"{t}\n{t}", file=t)
                    for t in texts
                ),
            ),
            "train": TrainSection(
                status=Status.FAIL,
                reasons=reasons,
                stages=tuple(StageRun(name=t, outcome="stale", changes=texts) for t in texts),
            ),
            "evaluate": EvaluateSection(status=Status.PASS, head=evaluation, base=evaluation),
            "overrides": tuple(
                Override(
                    gate=t + refused,
                    who=t,
                    when=datetime(2026, 1, 2, tzinfo=UTC),
                    why=t,
                    sha=sha,
                    how="comment",
                    url=t,
                    refused=refused,
                )
                for t in texts
                for sha, refused in ((HEAD, ""), ("", t))
            ),
            "compare": CompareSection(
                status=Status.FAIL,
                baseline=True,
                reasons=reasons,
                metrics=tuple(
                    MetricChange(
                        name=t, head=1.0, base=2.0, difference=-1.0, change="worse", configured=c
                    )
                    for c in (True, False)
                    for t in texts
                ),
                slices=tuple(slice_change(t, u, 3, 0.5, 0.4) for t in texts for u in texts),
                parameters=tuple(
                    ParameterChange(file=t, key=u, head=t, base=u) for t in texts for u in texts
                ),
                files=tuple(FileChange(path=t, change="modified", kind="data") for t in texts),
                model=pick(0),
                model_bytes=1,
                gates=tuple(
                    metric_gate(t, "min", 0.5, 0.4, passed=False, message=t) for t in texts
                ),
            ),
            "package": PackageSection(
                status=Status.FAIL,
                reasons=reasons,
                digest=pick(0),
                kind="native",
                mismatches=tuple(
                    Mismatch(
                        rows=t, row=0, output=t, expected=t, got=t, inputs=dict.fromkeys(texts, t)
                    )
                    for t in texts
                ),
            ),
        }
    )


ALL = {
    "good": good,
    "regression": regression_of_a_metric,
    "accepted": accepted,
    "first-run": first_run,
    "no-gate": no_gate,
    "errored-checkout": errored_checkout,
    "failed-checks": failed_checks,
    "regression-task": regression_task,
    "multiclass": multiclass,
    "hostile": hostile,
}
"""Builders by the name of their golden files."""

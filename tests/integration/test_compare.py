"""compare: what changed between two revisions, and what the gates make of it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
from assay.evaluation import Evaluation, Metric
from assay.evidence import Evidence, TailFact
from assay.record import Revision
from assay.section import Status
from assay.stages import compare
from assay.stages.evaluate import EvaluateSection
from assay.stages.train import StageRun, TrainSection

from tests.builders import make_context
from tests.repos import Repo

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from assay.context import Context
    from assay.stages.compare import CompareSection

    from tests.repos import Project


def _evaluation(values: Mapping[str, float] | None) -> Evaluation | None:
    if values is None:
        return None
    directions = {"f1": "higher", "log_loss": "lower"}
    return Evaluation(
        metrics=tuple(
            Metric.model_validate(
                {"name": n, "value": v, "source": "m.json", "direction": directions.get(n)}
            )
            for n, v in values.items()
        )
    )


def _evaluated(
    context: Context, head: Mapping[str, float] | None, base: Mapping[str, float] | None = None
) -> Context:
    section = EvaluateSection(status=Status.PASS, head=_evaluation(head), base=_evaluation(base))
    return context.with_record(context.record.with_section("evaluate", section))


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


def _compare(
    repo: Repo,
    head: Mapping[str, str | bytes],
    base: Mapping[str, str | bytes] | None = None,
    *,
    config: str = "",
    metrics: tuple[Mapping[str, float] | None, Mapping[str, float] | None] = (None, None),
) -> CompareSection:
    before = None
    if base is not None:
        before = repo.commit(base)
        for name in base:
            (repo.root / name).unlink()
    repo.commit(head)
    context = make_context(repo.root, config, environ=repo.environ)
    revision = Revision(sha=before) if before else None
    context = dataclasses.replace(
        context, record=context.record.model_copy(update={"base": revision})
    )
    return compare.run(_evaluated(context, *metrics))


# --- a real project -----------------------------------------------------------------------------


def test_what_the_better_branch_changed(project: Project) -> None:
    context = _evaluated(project.context(base="main"), {"f1": 0.9}, {"f1": 0.8})
    train = TrainSection(
        status=Status.PASS,
        stages=(
            StageRun(name="prepare", outcome="unchanged"),
            StageRun(name="train", outcome="ran", seconds=1.5),
        ),
    )
    section = compare.run(context.with_record(context.record.with_section("train", train)))

    assert section.baseline
    assert [(p.file, p.key, p.head, p.base) for p in section.parameters] == [
        ("params.yaml", "depth", "6", "4")
    ]
    files = {change.path: (change.change, change.kind) for change in section.files}
    assert files == {
        "metrics.json": ("modified", "metric"),
        "model.bin": ("modified", "out"),
        "predictions.csv": ("modified", "out"),
    }
    assert section.model == "model.bin", "the artifact of dvc.yaml"
    assert (section.model_bytes, section.base_model_bytes) == (600, 400)
    assert section.train_seconds == 1.5


# --- metrics ------------------------------------------------------------------------------------


def test_metrics_with_their_direction(repo: Repo) -> None:
    section = _compare(
        repo,
        {"a": "1"},
        {"a": "0"},
        config="metrics: {log_loss: , f1: }",
        metrics=(
            {"f1": 0.8, "log_loss": 0.5, "mine": 2, "same": 0.1 + 0.2, "new": 1},
            {"f1": 0.7, "log_loss": 0.4, "mine": 1, "same": 0.3, "old": 1},
        ),
    )
    changes = {m.name: (m.change, m.configured) for m in section.metrics}
    assert changes == {
        "log_loss": ("worse", True),
        "f1": ("better", True),
        "mine": ("changed", False),
        "same": ("equal", False),
        "new": ("added", False),
        "old": ("removed", False),
    }
    assert [m.name for m in section.metrics][:2] == ["log_loss", "f1"], "as in assay.yaml"
    removed = section.metrics[-1]
    assert (removed.head, removed.base, removed.difference) == (None, 1, None)


@pytest.mark.parametrize("known", [True, False])
def test_a_first_run_has_only_absolute_gates(repo: Repo, known: bool) -> None:
    section = _compare(
        repo,
        {"a": "1"},
        {"a": "0"} if known else None,
        config="metrics: {f1: {min: 0.5, max_regression: 0.01}}",
        metrics=({"f1": 0.8}, None),
    )
    assert not section.baseline
    assert section.status is Status.PASS
    assert [gate.result for gate in section.gates] == ["passed", "not decided"]
    (reason,) = section.reasons
    assert reason.severity == "note"
    start = "The base revision has no metrics" if known else "There is no base revision"
    assert reason.message.startswith(start)


def test_a_first_run_can_fail(repo: Repo) -> None:
    section = _compare(
        repo, {"a": "1"}, config="metrics: {f1: {min: 0.9}}", metrics=({"f1": 0.8}, None)
    )
    assert section.status is Status.FAIL
    assert section.reasons[0].message == "f1 0.8 is below its minimum 0.9."


def test_a_metric_that_no_file_has_does_not_pass(repo: Repo) -> None:
    section = _compare(
        repo, {"a": "1"}, config="metrics: {fone: {min: 0.9}}", metrics=({"f1": 0.8}, None)
    )
    assert section.status is Status.FAIL
    assert "fone is configured in assay.yaml" in section.reasons[0].message
    assert section.reasons[0].hint is None


def test_a_metric_whose_name_is_misspelt(repo: Repo) -> None:
    section = _compare(
        repo, {"a": "1"}, config="metrics: {acuracy: {min: 0.9}}", metrics=({"accuracy": 0.8}, None)
    )
    assert section.reasons[0].hint == "Did you mean `accuracy`?"


@pytest.mark.parametrize(
    ("severity", "status", "said"), [("fail", "fail", "error"), ("warn", "warn", "warning")]
)
def test_a_gate_that_only_warns(repo: Repo, severity: str, status: str, said: str) -> None:
    section = _compare(
        repo,
        {"a": "1"},
        config=f"metrics: {{f1: {{min: 0.9, severity: {severity}}}}}",
        metrics=({"f1": 0.8}, {"f1": 0.8}),
    )
    assert section.status == status
    assert [reason.severity for reason in section.reasons if reason.key] == [said]
    assert section.reasons[0].key == ("metrics", "f1", "min")


def test_a_gate_that_cannot_tell_says_what_to_do(repo: Repo) -> None:
    evidence = Evidence(
        metric="f1",
        base=0.7,
        head=0.8,
        low=0.0,
        high=0.2,
        confidence=0.95,
        standard_error=0.05,
        p_value=0.04,
        method="bootstrap",
        units=12,
        tails=(TailFact(null=0, p_less=0.98, p_greater=0.02),),
    )
    repo.commit({"a": "1"})
    config = "metrics: {f1: {superior: true}}\npredictions: {path: p, prediction: y}\n"
    context = _evaluated(make_context(repo.root, config, environ=repo.environ), {"f1": 0.8})
    assert context.record.evaluate is not None
    section = context.record.evaluate.model_copy(
        update={"evidence": (evidence,), "base": _evaluation({"f1": 0.7})}
    )
    section = compare.run(context.with_record(context.record.with_section("evaluate", section)))
    assert section.status is Status.FAIL
    (reason,) = section.reasons
    assert reason.message.endswith("12 rows, which are too few to tell; at least 30 are needed.")
    assert reason.hint == (
        "Evaluate on more rows; or set `severity: warn`, to be told and not stopped."
    )
    assert section.metrics[0].evidence == evidence


def test_without_an_evaluation_there_is_nothing_to_compare(repo: Repo) -> None:
    repo.commit({"a": "1"})
    section = compare.run(make_context(repo.root, "", environ=repo.environ))
    assert section.status is Status.WARN
    (reason,) = section.reasons
    assert reason.message == "Nothing was evaluated, so there is nothing to compare."


def test_without_an_evaluation_configured_metrics_do_not_pass(repo: Repo) -> None:
    assert _compare(repo, {"a": "1"}, config="metrics: {f1: {min: 0.9}}").status is Status.FAIL


# --- parameters ---------------------------------------------------------------------------------


def _params(content: str, file: str = "params.yaml") -> dict[str, str]:
    return {"dvc.yaml": f"params: [{file}]\nstages: {{}}\n", file: content}


@pytest.mark.parametrize(
    ("file", "head", "base", "changes"),
    [
        ("params.yaml", "a: {b: 1}", "a: {b: 2}", [("a.b", "1", "2")]),
        ("params.yaml", "a: 1\nb: x", "a: 1", [("b", '"x"', None)]),
        ("params.yaml", "a: 1", "a: 1\nb: [1, 2]", [("b", None, "[1, 2]")]),
        ("params.yaml", "a: true", "a: 'true'", [("a", "true", '"true"')]),
        ("params.yaml", "a: 1.0", "a: 1.0", []),
        ("params.json", '{"a": 1}', '{"a": 2}', [("a", "1", "2")]),
        ("p.toml", "[a]\nb = 1", "[a]\nb = 2", [("a.b", "1", "2")]),
        ("params.yaml", "a: 2020-01-01", "a: 2020-01-02", [("a", '"2020-01-01"', '"2020-01-02"')]),
        ("params.yaml", "a: ünï", "a: x", [("a", '"ünï"', '"x"')]),
    ],
)
def test_parameters(
    repo: Repo, file: str, head: str, base: str, changes: list[tuple[str, str | None, str | None]]
) -> None:
    section = _compare(repo, _params(head, file), _params(base, file))
    assert [(p.key, p.head, p.base) for p in section.parameters] == changes
    assert {p.file for p in section.parameters} <= {file}


def test_parameters_of_python_are_those_of_the_lock(repo: Repo) -> None:
    def files(depth: int) -> dict[str, str]:
        lock = f"stages: {{fit: {{params: {{params.py: {{depth: {depth}}}}}}}}}\n"
        return {
            "dvc.yaml": "stages: {fit: {cmd: x, params: [params.py: [depth]]}}\n",
            "dvc.lock": lock,
            "params.py": f"depth = {depth}\n",
        }

    section = _compare(repo, files(2), files(1))
    assert [(p.file, p.key, p.head, p.base) for p in section.parameters] == [
        ("params.py", "depth", "2", "1")
    ]


def test_a_parameter_file_that_cannot_be_read_is_left_to_dvc(repo: Repo) -> None:
    assert _compare(repo, _params("a: ["), _params("a: 1")).status is Status.PASS


# --- files and the model ------------------------------------------------------------------------


def _pointer(letter: str, size: int) -> str:
    return f"outs: [{{path: x.csv, md5: {letter * 32}, size: {size}, hash: md5}}]\n"


@pytest.mark.parametrize(
    ("head", "base", "expected"),
    [
        (_pointer("a", 5), _pointer("b", 3), [("modified", 5, 3)]),
        (_pointer("a", 5), None, [("added", 5, None)]),
        (None, _pointer("b", 3), [("removed", None, 3)]),
        (_pointer("a", 5), _pointer("a", 5), []),
    ],
)
def test_data_files(
    repo: Repo,
    head: str | None,
    base: str | None,
    expected: list[tuple[str, int | None, int | None]],
) -> None:
    def files(text: str | None) -> dict[str, str]:
        return {"a": "1"} if text is None else {"x.csv.dvc": text}

    section = _compare(repo, files(head), files(base))
    assert [(f.change, f.head_bytes, f.base_bytes) for f in section.files] == expected
    assert all((f.path, f.kind) == ("x.csv", "data") for f in section.files)


def test_a_model_in_git(repo: Repo) -> None:
    section = _compare(
        repo, {"model.onnx": b"12345"}, {"model.onnx": b"123"}, config="model: model.onnx\n"
    )
    assert (section.model, section.model_bytes) == ("model.onnx", 5)


@pytest.mark.parametrize(
    ("outs", "model"),
    [(["m.joblib"], "m.joblib"), (["a.pkl", "b.pkl"], None), (["a.csv"], None), ([], None)],
)
def test_a_model_that_nobody_declared(repo: Repo, outs: list[str], model: str | None) -> None:
    lines = "".join(f"- {{path: {out}, md5: {'a' * 32}, size: 9, hash: md5}}\n" for out in outs)
    section = _compare(repo, {"x.dvc": f"outs:\n{lines}"})
    assert section.model == model
    assert section.model_bytes == (9 if model else None)


def test_base_that_cannot_be_read_is_no_failure(repo: Repo) -> None:
    section = _compare(repo, _params("a: 1"), {"dvc.yaml": "[broken"})
    assert section.status is Status.PASS


def test_a_project_in_a_folder(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "repo")
    before = repo.commit({"ml/params.yaml": "a: 1\n", "params.yaml": "b: 1\n"})
    repo.commit({"ml/params.yaml": "a: 2\n", "params.yaml": "b: 2\n"})
    context = make_context(repo.root / "ml", "", environ=repo.environ)
    record = context.record.model_copy(update={"base": Revision(sha=before)})

    section = compare.run(context.with_record(record))

    assert [(p.file, p.key, p.head, p.base) for p in section.parameters] == [
        ("params.yaml", "a", "2", "1")
    ]

"""evaluate: files as trainings leave them, held against scikit-learn called directly.

Nothing here needs DVC to run: metrics and predictions lie in git, as small ones often do.
"""

from __future__ import annotations

import dataclasses
import io
import json
import random
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from assay.record import Revision
from assay.section import Status
from assay.stages import checkout, compare, evaluate
from sklearn import metrics as sk

from tests.builders import make_context
from tests.repos import Repo

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from assay.context import Context
    from assay.evaluation import Evaluation
    from assay.stages.compare import CompareSection
    from assay.stages.evaluate import EvaluateSection

PIPELINE = "stages: {fit: {cmd: fit, metrics: [metrics.json: {cache: false}]}}\n"
CONFIG = "predictions: {path: predictions.csv, score: score}\n"


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


def _scores(quality: float, *, rows: int = 200, seed: int = 1) -> pd.DataFrame:
    """Predictions of a binary classifier; 0 is chance, 1 is always right."""
    dice = random.Random(seed)
    truth = [int(dice.random() < 0.4) for _ in range(rows)]
    noise = [dice.random() for _ in range(rows)]
    score = [round(quality * t + (1 - quality) * n, 6) for t, n in zip(truth, noise, strict=True)]
    season = ["spring" if row % 3 else "summer" for row in range(rows)]
    return pd.DataFrame({"id": range(rows), "y_true": truth, "score": score, "season": season})


def _f1(frame: pd.DataFrame) -> float:
    return float(sk.f1_score(frame.y_true, frame.score >= 0.5))


def _files(frame: pd.DataFrame | None, claimed: object = None) -> dict[str, str]:
    files = {"dvc.yaml": PIPELINE} if claimed is not None else {}
    if claimed is not None:
        files["metrics.json"] = claimed if isinstance(claimed, str) else json.dumps(claimed)
    if frame is not None:
        files["predictions.csv"] = frame.to_csv(index=False)
    return files


def _context(
    repo: Repo, head: Mapping[str, str], base: Mapping[str, str] | None, config: str
) -> Context:
    """Head is checked out; base's files are where `checkout` puts them."""
    before = None
    if base is not None:
        before = repo.commit(base)
        for name in base:
            (repo.root / name).unlink()
    sha = repo.commit(head)
    context = make_context(repo.root, config, environ=repo.environ)
    record = context.record.model_copy(
        update={"head": Revision(sha=sha), "base": Revision(sha=before) if before else None}
    )
    context = dataclasses.replace(context, record=record)
    if before:
        checkout._place_base(context, context.workspace.files_at(before), [])
    return context


def _evaluate(
    repo: Repo,
    head: Mapping[str, str],
    base: Mapping[str, str] | None = None,
    config: str = CONFIG,
) -> EvaluateSection:
    return evaluate.run(_context(repo, head, base, config))


def _failed(section: EvaluateSection) -> str:
    """The one thing that is wrong."""
    assert section.status is Status.FAIL
    assert section.exit_code == 2
    (reason,) = [reason for reason in section.reasons if reason.severity == "error"]
    return f"{reason.file}: {reason.message}"


def _values(evaluation: Evaluation | None) -> dict[str, float]:
    assert evaluation is not None
    return {metric.name: metric.value for metric in evaluation.metrics}


# --- metrics of predictions ---------------------------------------------------------------------


def test_head_and_base_are_scikit_learns_numbers(repo: Repo) -> None:
    frames = {"head": _scores(0.6), "base": _scores(0.4)}
    section = _evaluate(repo, _files(frames["head"]), _files(frames["base"]))

    assert section.status is Status.PASS
    for which, frame in frames.items():
        found = _values(getattr(section, which))
        truth, predicted, score = frame.y_true, (frame.score >= 0.5).astype(int), frame.score
        assert found == pytest.approx(
            {
                **found,
                "accuracy": sk.accuracy_score(truth, predicted),
                "balanced_accuracy": sk.balanced_accuracy_score(truth, predicted),
                "precision": sk.precision_score(truth, predicted),
                "recall": sk.recall_score(truth, predicted),
                "f1": sk.f1_score(truth, predicted),
                "mcc": sk.matthews_corrcoef(truth, predicted),
                "roc_auc": sk.roc_auc_score(truth, score),
                "average_precision": sk.average_precision_score(truth, score),
                "log_loss": sk.log_loss(truth, score),
                "brier": sk.brier_score_loss(truth, score),
            }
        )
        assert {"f1", "roc_auc", "log_loss"} <= set(found)
    assert section.head is not None
    assert section.head.task == "binary"
    assert section.head.rows == 200
    assert all(m.recomputed and m.source == "predictions.csv" for m in section.head.metrics)
    assert section.rows is not None
    assert section.rows.same


def test_regression(repo: Repo) -> None:
    dice = random.Random(3)
    truth = [round(dice.uniform(1, 100), 3) for _ in range(100)]
    guess = [round(t + dice.gauss(0, 5), 3) for t in truth]
    frame = pd.DataFrame({"actual": truth, "guess": guess})
    config = "predictions: {path: predictions.csv, truth: actual, prediction: guess}\n"

    section = _evaluate(repo, _files(frame), config=config)

    assert section.status is Status.PASS
    assert section.head is not None
    assert section.head.task == "regression"
    found = _values(section.head)
    expected = {
        "r2": sk.r2_score(truth, guess),
        "mae": sk.mean_absolute_error(truth, guess),
        "rmse": sk.mean_squared_error(truth, guess) ** 0.5,
        "mape": sk.mean_absolute_percentage_error(truth, guess),
        "median_absolute_error": sk.median_absolute_error(truth, guess),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_several_classes(repo: Repo) -> None:
    dice = random.Random(5)
    names = ["cat", "dog", "fox"]
    truth = [dice.choice(names) for _ in range(90)]
    guess = [t if dice.random() < 0.7 else dice.choice(names) for t in truth]
    frame = pd.DataFrame({"y_true": truth, "guess": guess})

    section = _evaluate(
        repo, _files(frame), config="predictions: {path: predictions.csv, prediction: guess}\n"
    )

    found = _values(section.head)
    assert found["f1_macro"] == pytest.approx(sk.f1_score(truth, guess, average="macro"))
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(truth, guess))


def test_classes_that_are_numbers_have_their_scores(repo: Repo) -> None:
    """`score: {0: p0, 1: p1, 2: p2}`: YAML reads the classes as numbers."""
    dice = random.Random(6)
    truth = [dice.randrange(3) for _ in range(60)]
    raw = [[dice.random() + 2 * (t == k) for k in range(3)] for t in truth]
    shares = [[value / sum(row) for value in row] for row in raw]
    frame = pd.DataFrame(shares, columns=["p0", "p1", "p2"]).assign(y_true=truth)

    section = _evaluate(
        repo,
        _files(frame),
        config="predictions: {path: predictions.csv, score: {0: p0, 1: p1, 2: p2}}\n",
    )

    assert section.status is Status.PASS
    found = _values(section.head)
    assert found["accuracy"] == pytest.approx(
        sk.accuracy_score(truth, [row.index(max(row)) for row in shares])
    )


def test_parquet(repo: Repo) -> None:
    frame = _scores(0.6)
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    context = _context(repo, {"a": "1"}, None, CONFIG.replace(".csv", ".parquet"))
    (repo.root / "predictions.parquet").write_bytes(buffer.getvalue())

    assert _values(evaluate.run(context).head)["f1"] == pytest.approx(_f1(frame))


def test_slices(repo: Repo) -> None:
    frame = _scores(0.6)
    config = "predictions: {path: predictions.csv, score: score, slices: season}\nmetrics: {f1: }\n"
    section = _evaluate(repo, _files(frame), config=config)

    assert section.head is not None
    found = {part.name: (part.rows, part.head["f1"]) for part in section.slices}
    for season, rows in frame.groupby("season"):
        assert found[f"season = {season}"] == (len(rows), pytest.approx(_f1(rows)))


# --- metrics files ------------------------------------------------------------------------------


def test_a_metrics_file_that_agrees(repo: Repo) -> None:
    frame = _scores(0.6)
    claimed = {"f1": round(_f1(frame), 3), "train": {"f1": 0.99}, "epochs": 7}
    section = _evaluate(repo, _files(frame, claimed))

    assert section.status is Status.PASS
    found = {metric.name: metric for metric in section.head.metrics}  # type: ignore[union-attr]
    assert found["f1"].recomputed
    assert (found["epochs"].value, found["epochs"].source) == (7, "metrics.json")
    assert found["train.f1"].value == 0.99, "of another part of the data: not held against ours"


def test_metrics_files_alone_are_enough(repo: Repo) -> None:
    section = _evaluate(repo, _files(None, {"f1": 0.7}), _files(None, {"f1": 0.6}), config="")
    assert (_values(section.head), _values(section.base)) == ({"f1": 0.7}, {"f1": 0.6})
    assert section.rows is None


def test_two_files_with_one_name(repo: Repo) -> None:
    files = {
        "dvc.yaml": "metrics: [a.json, b.json]\n",
        "a.json": '{"f1": 0.5}',
        "b.json": '{"f1": 0.6}',
    }
    section = _evaluate(repo, files, config="")
    assert _values(section.head) == {"a.json:f1": 0.5, "b.json:f1": 0.6}


def test_a_metrics_file_that_disagrees(repo: Repo) -> None:
    frame = _scores(0.6)
    section = _evaluate(repo, _files(frame, {"f1": _f1(frame) + 0.01}))
    assert "metrics.json: metrics.json says f1 = " in _failed(section)
    assert "but the predictions in predictions.csv give " in _failed(section)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "metrics.json is empty"),
        ('{"f1": 0.5', "metrics.json is not valid JSON"),
        ('{"f1": NaN}', "`f1` in metrics.json is nan"),
        ("[1]", "holds no names"),
    ],
)
def test_a_damaged_metrics_file(repo: Repo, text: str, said: str) -> None:
    section = _evaluate(repo, _files(_scores(0.6), text))
    assert said in _failed(section)
    assert _values(section.head)["f1"] > 0, "the predictions are still evaluated"


def test_a_missing_metrics_file(repo: Repo) -> None:
    section = _evaluate(repo, {"dvc.yaml": PIPELINE}, config="")
    assert _failed(section) == "metrics.json: The metrics file metrics.json is missing."


def test_damage_at_base_is_a_warning(repo: Repo) -> None:
    section = _evaluate(repo, _files(None, {"f1": 0.7}), _files(None, '{"f1": NaN}'), config="")
    assert section.status is Status.WARN
    assert section.reasons[0].message.startswith("Base: ")
    assert section.base is None


def test_nothing_to_evaluate_is_said(repo: Repo) -> None:
    section = _evaluate(repo, {"a": "1"}, config="")
    assert section.status is Status.WARN
    assert "nothing to evaluate" in section.reasons[0].message


# --- predictions that cannot be evaluated -------------------------------------------------------


def test_a_missing_predictions_file(repo: Repo) -> None:
    said = _failed(_evaluate(repo, {"a": "1"}))
    assert said == "None: The predictions file predictions.csv is missing."


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.drop(columns="score"), "score"),
        (lambda f: f.drop(columns="y_true"), "y_true"),
        (lambda f: f.assign(score=f.score.mask(f.id == 3)), "score"),
        (lambda f: f.assign(y_true=f.y_true.astype(float).mask(f.id == 3)), "y_true"),
        (lambda f: f.assign(score=f.score.mask(f.id == 3, float("inf"))), "score"),
        (lambda f: f.head(0), ""),
    ],
    ids=["no score", "no truth", "NaN score", "NaN truth", "infinite score", "no rows"],
)
def test_predictions_that_cannot_be_evaluated(repo: Repo, change, said: str) -> None:  # type: ignore[no-untyped-def]
    message = _failed(_evaluate(repo, _files(change(_scores(0.6)))))
    assert message.startswith("predictions.csv: ")
    assert said in message


@pytest.mark.parametrize("text", ["", "y_true,score\n1,0.5,7\n", "\x00\xff"])
def test_what_is_no_predictions_file(repo: Repo, text: str) -> None:
    assert _failed(_evaluate(repo, {"predictions.csv": text})).startswith("predictions.csv: ")


def test_one_class_only(repo: Repo) -> None:
    """Some metrics have no value then: that is said, and the others are there."""
    frame = _scores(0.6).assign(y_true=1)
    section = _evaluate(repo, _files(frame), config=f"{CONFIG}metrics: {{roc_auc: {{min: 0.5}}}}\n")

    assert section.head is not None
    assert "roc_auc" in section.head.undefined
    assert "roc_auc" not in _values(section.head)


# --- rows ---------------------------------------------------------------------------------------


def test_other_rows_than_base(repo: Repo) -> None:
    section = _evaluate(
        repo,
        _files(_scores(0.6).iloc[10:]),
        _files(_scores(0.6).iloc[:-5]),
        config="predictions: {path: predictions.csv, score: score, key: id}\n",
    )
    assert section.rows is not None
    assert (section.rows.only_head, section.rows.only_base) == (5, 10)
    assert section.status is Status.WARN
    assert "5 only in head, 10 only in base" in section.reasons[0].message


def test_other_truth_than_base(repo: Repo) -> None:
    frame = _scores(0.6)
    section = _evaluate(
        repo,
        _files(frame.assign(y_true=frame.y_true.where(frame.id > 2, 1 - frame.y_true))),
        _files(frame),
        config="predictions: {path: predictions.csv, score: score, key: id}\n",
    )
    assert section.rows is not None
    assert section.rows.truth_differs == 3
    assert not section.rows.same
    assert "3 with another true value" in section.reasons[0].message


# --- through to the comparison ------------------------------------------------------------------

GATED = """\
predictions: {path: predictions.csv, score: score, slices: season, key: id}
metrics:
  f1: {max_regression: 0.01}
  log_loss: {max_regression: 0.01}
"""


def _compare(repo: Repo, head: float, base: float) -> CompareSection:
    context = _context(repo, _files(_scores(head)), _files(_scores(base)), GATED)
    section = evaluate.run(context)
    return compare.run(context.with_record(context.record.with_section("evaluate", section)))


@pytest.mark.parametrize(
    ("head", "base", "change", "passed"), [(0.7, 0.3, "better", True), (0.3, 0.7, "worse", False)]
)
def test_two_models_that_differ(
    repo: Repo, head: float, base: float, change: str, passed: bool
) -> None:
    section = _compare(repo, head, base)

    assert section.baseline
    assert section.same_rows
    assert section.status is (Status.PASS if passed else Status.FAIL)
    by_name = {metric.name: metric for metric in section.metrics}
    f1, loss = by_name["f1"], by_name["log_loss"]
    assert [metric.name for metric in section.metrics][:2] == ["f1", "log_loss"]
    assert f1.difference == pytest.approx(_f1(_scores(head)) - _f1(_scores(base)))
    assert (f1.change, loss.change) == (change, change)
    assert (f1.direction, loss.direction) == ("higher", "lower")
    assert [gate.passed for gate in section.gates] == [passed, passed]
    assert {part.change for part in section.slices if part.metric == "f1"} == {change}


def test_the_same_model_is_equal(repo: Repo) -> None:
    section = _compare(repo, 0.5, 0.5)
    assert section.status is Status.PASS
    assert {metric.change for metric in section.metrics} == {"equal"}

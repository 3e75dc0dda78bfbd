"""Bad input to inference, through the evaluate stage: named, and nothing called better or worse."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from assay.changes import metric_changes
from assay.config import Config, parse
from assay.gates.judge import judge
from assay.section import Status
from assay.stages import evaluate

from tests.integration.test_evaluate import _context, _evaluate, _files, _scores, repo
from tests.integration.test_inference import KEYED

if TYPE_CHECKING:
    from tests.repos import Repo

__all__ = ["repo"]

UNKNOWN = "f1 could not be tested, so that nobody knows what is chance"


def test_repeated_keys_are_named_by_the_gate_and_nothing_is_called_better(repo: Repo) -> None:
    head = _scores(0.6)
    twice = pd.concat([head, head.iloc[:3]])
    config = KEYED + "metrics: {f1: {no_significant_regression: true}}\n"
    section = _evaluate(repo, _files(twice), _files(_scores(0.4)), config)
    assert "'id' is not unique in the predictions of the head" in section.reasons[0].message
    (gate,) = judge(parse(config), section)
    assert (gate.result, gate.message) == (
        "failed",
        f"{UNKNOWN}: head's rows could not be held against base's",
    )
    assert {change.change for change in metric_changes(section, Config())} == {"not tested"}


def test_labels_of_another_kind_are_a_warning_about_base(repo: Repo) -> None:
    base = _scores(0.4).assign(prediction=1)
    head = base.assign(y_true="yes", prediction="no")
    config = "predictions: {path: predictions.csv, prediction: prediction, key: id}\n"
    section = _evaluate(repo, _files(head), _files(base), config)
    assert section.status is Status.WARN
    (reason,) = section.reasons
    assert "Base: Its predictions do not fit head's truth" in reason.message
    assert "they cannot name the same classes" in reason.message
    assert section.base is not None
    assert section.base.value("accuracy") == pytest.approx(base.y_true.mean())


def test_numbers_too_large_for_a_variance_have_no_interval(repo: Repo) -> None:
    frames = [
        _scores(0.6).assign(y_true=np.arange(200) / 7, guess=np.arange(200) * (number * 1e200))
        for number in (3, 2)
    ]
    config = (
        "predictions: {path: predictions.csv, prediction: guess, key: id, task: regression}\n"
        "metrics: {mae: }\n"
    )
    section = _evaluate(repo, _files(frames[0]), _files(frames[1]), config)
    assert section.no_evidence["mae"] == "the numbers are too large to compute with"


def test_weights_of_zero_are_said_where_nothing_can_be_measured(repo: Repo) -> None:
    head, base = (_scores(quality).assign(weight=0.0) for quality in (0.6, 0.4))
    section = _evaluate(repo, _files(head), _files(base), KEYED.replace("}", ", weight: weight}"))
    said = "The predictions give no metric: all weights are zero."
    assert f"Base: {said}" in [reason.message for reason in section.reasons]
    assert said in [reason.message for reason in section.reasons]


def test_what_only_base_cannot_give_is_said(repo: Repo) -> None:
    base = _scores(0.4)
    files = _files(base.assign(score=base["score"] * 3 - 1))
    config = KEYED + "metrics: {log_loss: {no_significant_regression: true}}\n"
    section = _evaluate(repo, _files(_scores(0.6)), files, config)
    assert section.base is not None
    assert "not probabilities" in section.base.undefined["log_loss"]
    parsed = parse(config)
    (gate,) = judge(parsed, section)
    assert gate.result == "not decided"
    assert "at base, the scores are not probabilities" in gate.message


def test_base_that_was_not_brought_here_is_said(repo: Repo) -> None:
    """Else it looks as if base had no metrics, and no rule on a change is decided."""
    context = _context(repo, _files(_scores(0.6)), _files(_scores(0.4)), KEYED)
    shutil.rmtree(context.workspace.base_folder)
    section = evaluate.run(context)
    assert section.base is None
    (reason,) = section.reasons
    assert (reason.severity, reason.message) == (
        "warning",
        "Base's files were not brought here, so nothing can be compared with them.",
    )


def test_weights_that_changed_are_said(repo: Repo) -> None:
    head, base = (_scores(quality).assign(weight=1.0) for quality in (0.6, 0.4))
    base.loc[:9, "weight"] = 2.0
    section = _evaluate(repo, _files(head), _files(base), KEYED.replace("}", ", weight: weight}"))
    (reason,) = section.reasons
    assert reason.severity == "note"
    assert reason.message.startswith("10 of the rows have another weight at base: head's")


def test_a_function_that_fails_on_resamples_is_quoted_once(repo: Repo) -> None:
    code = """
def once(rows):
    if rows["id"].duplicated().any():
        raise ValueError("a row twice")
    return float(rows["score"].mean())
"""
    config = KEYED + "metrics: {mine: {direction: higher, function: money.py:once}}\n"
    files = {**_files(_scores(0.6)), "money.py": code}
    section = _evaluate(repo, files, _files(_scores(0.4)), config)
    said = section.no_evidence["mine"]
    assert said.count("mine raises ValueError: a row twice") == 1
    assert said.count("failed") == 1
    assert said.endswith("should return a number even then")

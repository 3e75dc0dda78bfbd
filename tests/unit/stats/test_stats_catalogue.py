"""The metric catalogue and the names in users' metrics files."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest
import sklearn.metrics
from assay.stats.catalogue import CATALOGUE, canonical, direction_of, find
from assay.stats.metrics import _FORMULAS


def test_every_metric_has_a_formula_and_a_page_of_scikit_learn() -> None:
    assert set(CATALOGUE) - {"pinball"} == set(_FORMULAS)
    for metric in CATALOGUE.values():
        assert hasattr(sklearn.metrics, metric.function)
        assert metric.function in metric.source


def test_every_metric_knows_itself() -> None:
    for name, metric in CATALOGUE.items():
        assert metric.name == name
        assert canonical(name) == name
        assert direction_of(name) == metric.direction
        assert find(name) is metric


def test_a_metric_is_immutable() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        CATALOGUE["f1"].direction = "lower"  # type: ignore[misc]


def test_directions_agree_with_the_scorers_of_scikit_learn() -> None:
    # Every scorer is better when higher; `neg_` is what makes the errors so.
    # `max_error` was called so, though negated, up to scikit-learn 1.5.
    scorers = set(sklearn.metrics.get_scorer_names()) - {"max_error"}
    assert [scorer for scorer in scorers if direction_of(scorer) != "higher"] == []


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("f1_score", "f1"),
        ("F1-score", "f1"),
        ("macro_f1", "f1_macro"),
        ("f1_score_weighted", "f1_weighted"),
        ("auc", "roc_auc"),
        ("ROC AUC", "roc_auc"),
        ("roc_auc_score", "roc_auc"),
        ("rocAuc", "roc_auc"),
        ("R^2", "r2"),
        ("r2_score", "r2"),
        ("root_mean_squared_error", "rmse"),
        ("matthews_corrcoef", "mcc"),
        ("brier_score_loss", "brier"),
        ("logloss", "log_loss"),
        ("pinball_0.5", "pinball"),
        ("mean_pinball_loss_0.90", "pinball_0.9"),
    ],
)
def test_canonical_name_of_an_alias(alias: str, name: str) -> None:
    assert canonical(alias) == name


@pytest.mark.parametrize(
    "name",
    [
        "train.f1",
        "val_accuracy",
        "pr_auc",
        "loss",
        "error",
        "neg_log_loss",
        "score",
        "",
        "..",
        "$(x)",
    ],
)
def test_no_canonical_name_where_the_definition_is_open(name: str) -> None:
    assert canonical(name) is None


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("auc", "higher"),
        ("pr_auc", "higher"),
        ("loss", "lower"),
        ("valLoss", "lower"),
        ("mse", "lower"),
        ("error", "lower"),
        ("error_rate", "lower"),
        ("accuracy_loss", "lower"),
        ("val_accuracy", "higher"),
        ("train.f1", "higher"),
        ("test/rmse", "lower"),
        ("loss.train", "lower"),
        ("metrics.test.recall@10", "higher"),
        ("fpr", "lower"),
        ("false_positive_rate", "lower"),
        ("neg_mean_squared_error", "higher"),
        ("neg_log_likelihood", "lower"),
        ("negative_log_likelihood", "lower"),
        ("brier_score", "lower"),
        ("pinball_0.9", "lower"),
        ("my_score", "higher"),
        ("explained_variance", "higher"),
    ],
)
def test_direction_of_a_name(name: str, direction: str) -> None:
    assert direction_of(name) == direction


@pytest.mark.parametrize(
    "name", ["epoch", "n_rows", "", ".", "neg_", "_", "threshold", "\n", "neg_x", "train_" * 9999]
)
def test_direction_of_an_unknown_name(name: str) -> None:
    assert direction_of(name) is None


@pytest.mark.parametrize(
    "name", ["pinball_0", "pinball_1.5", "pinball_0.0", "pinball_", "f1_score"]
)
def test_find_wants_exact_names(name: str) -> None:
    assert find(name) is None


def test_find_reads_the_quantile() -> None:
    metric = find("pinball_0.9")
    assert metric is not None
    assert metric.quantile == 0.9
    assert metric.name == "pinball_0.9"
    assert "0.9" in metric.title


def test_importing_the_catalogue_loads_nothing_heavy() -> None:
    code = (
        "import sys, assay.stats.catalogue; "
        "print([m for m in ('numpy', 'pandas', 'sklearn', 'pydantic') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_importing_the_curves_loads_no_numpy() -> None:
    code = (
        "import sys, assay.stats.curves; "
        "print([m for m in ('numpy', 'pandas', 'sklearn') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"

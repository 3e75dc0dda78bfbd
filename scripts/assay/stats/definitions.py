"""The metrics that Assay computes: their names, where they apply, which way is better.

Standard library only, so that reading a configuration or rendering a report costs no import of
numpy. The numbers themselves are computed in `metrics`, by scikit-learn's definitions
(https://scikit-learn.org/stable/modules/model_evaluation.html); names follow its scorer names
where it has one, without the `neg_`, because Assay knows the direction.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Task = Literal["binary", "multiclass", "regression"]
Direction = Literal["higher", "lower"]
Needs = Literal["prediction", "score"]
Unit = Literal["share", "coefficient", "nats", "target", "target squared"]

BINARY: frozenset[Task] = frozenset({"binary"})
MULTICLASS: frozenset[Task] = frozenset({"multiclass"})
REGRESSION: frozenset[Task] = frozenset({"regression"})
CLASSIFICATION: frozenset[Task] = BINARY | MULTICLASS
NO_TASK: frozenset[Task] = frozenset()

MOST_SLICES = 20
"""Slices of one column at most: what a reader of a report can still take in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric: what a reader, a gate and the computation need to know of it."""

    name: str
    title: str
    """What a report calls it."""
    tasks: frozenset[Task]
    direction: Direction
    """Whether a `higher` or a `lower` value is better."""
    needs: Needs
    """The column it is computed from, beside the truth."""
    unit: Unit
    """`share` lies in 0..1, `coefficient` has no unit, `target` is the unit of the true values."""
    function: str
    """The function of `sklearn.metrics` that documents the definition."""
    default_for: frozenset[Task] = NO_TASK
    """The tasks for which it is computed when nothing was asked for by name."""
    probability: bool = False
    """Whether the score must be a probability; otherwise any ranking score will do."""
    quantile: float | None = None
    """Of a pinball loss: the quantile that the prediction estimates."""

    @property
    def source(self) -> str:
        """The page that defines it."""
        return f"https://scikit-learn.org/stable/modules/generated/sklearn.metrics.{self.function}.html"


AVERAGES: Mapping[str, str] = MappingProxyType(
    {
        "macro": "mean of the classes",
        "micro": "over all rows",
        "weighted": "classes weighted by size",
    }
)
_AVERAGED = (
    ("precision", "Precision", "precision_score"),
    ("recall", "Recall", "recall_score"),
    ("f1", "F1", "f1_score"),
)


def _averaged() -> Iterator[Metric]:
    for name, title, function in _AVERAGED:
        one = Metric(
            name=name,
            title=title,
            tasks=BINARY,
            direction="higher",
            needs="prediction",
            unit="share",
            function=function,
            default_for=BINARY,
        )
        yield one
        for average, meaning in AVERAGES.items():
            # Where a row has one label, every micro average equals the accuracy: on request only.
            default = NO_TASK if average == "micro" else MULTICLASS
            yield replace(
                one,
                name=f"{name}_{average}",
                title=f"{title} ({meaning})",
                tasks=CLASSIFICATION,
                default_for=default,
            )


def _label(name: str, title: str, function: str, unit: Unit = "share") -> Metric:
    return Metric(
        name=name,
        title=title,
        tasks=CLASSIFICATION,
        direction="higher",
        needs="prediction",
        unit=unit,
        function=function,
        default_for=CLASSIFICATION,
    )


def _ranked(name: str, title: str, function: str, tasks: frozenset[Task]) -> Metric:
    return Metric(
        name=name,
        title=title,
        tasks=tasks,
        direction="higher",
        needs="score",
        unit="share",
        function=function,
        default_for=tasks,
    )


def _probabilistic(name: str, title: str, function: str, unit: Unit) -> Metric:
    return Metric(
        name=name,
        title=title,
        tasks=CLASSIFICATION,
        direction="lower",
        needs="score",
        unit=unit,
        function=function,
        default_for=CLASSIFICATION,
        probability=True,
    )


def _error(name: str, title: str, function: str, unit: Unit = "target") -> Metric:
    return Metric(
        name=name,
        title=title,
        tasks=REGRESSION,
        direction="lower",
        needs="prediction",
        unit=unit,
        function=function,
        default_for=REGRESSION,
    )


def _catalogue() -> Iterator[Metric]:
    yield _label("accuracy", "Accuracy", "accuracy_score")
    yield _label("balanced_accuracy", "Balanced accuracy", "balanced_accuracy_score")
    yield from _averaged()
    yield _label("mcc", "Matthews correlation", "matthews_corrcoef", "coefficient")
    yield _ranked("roc_auc", "ROC AUC", "roc_auc_score", BINARY)
    yield replace(
        _ranked("roc_auc_ovr", "ROC AUC (one against the rest)", "roc_auc_score", MULTICLASS),
        probability=True,
    )
    yield replace(
        _ranked("roc_auc_ovo", "ROC AUC (one against one)", "roc_auc_score", MULTICLASS),
        probability=True,
        default_for=NO_TASK,
    )
    yield _ranked("average_precision", "Average precision", "average_precision_score", BINARY)
    yield _probabilistic("log_loss", "Log loss", "log_loss", "nats")
    yield _probabilistic("brier", "Brier score", "brier_score_loss", "share")
    yield replace(
        _error("r2", "R²", "r2_score", "coefficient"),
        direction="higher",
    )
    yield _error("mae", "Mean absolute error", "mean_absolute_error")
    yield _error("rmse", "Root mean squared error", "root_mean_squared_error")
    yield replace(
        _error("mse", "Mean squared error", "mean_squared_error", "target squared"),
        default_for=NO_TASK,
    )
    # A share (0.12), as in scikit-learn, and not a percentage (12).
    yield _error(
        "mape", "Mean absolute percentage error", "mean_absolute_percentage_error", "share"
    )
    yield _error("median_absolute_error", "Median absolute error", "median_absolute_error")
    yield replace(
        _error("pinball", "Pinball loss (quantile 0.5)", "mean_pinball_loss"),
        default_for=NO_TASK,
        quantile=0.5,
    )


CATALOGUE: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _catalogue()})
"""Every metric that can be computed, by name, in the order in which reports show them.

`pinball` also takes a quantile, as in `pinball_0.9`: see `find`.
"""

_PINBALL = re.compile(r"pinball_(0?\.\d+)")


def find(name: str) -> Metric | None:
    """The metric of exactly this name, or None.

    Args:
        name: A key of `CATALOGUE`, or `pinball_` and a quantile between 0 and 1 (`pinball_0.9`).
    """
    if name in CATALOGUE:
        return CATALOGUE[name]
    match = _PINBALL.fullmatch(name)
    quantile = float(match[1]) if match else 0.0
    if not 0 < quantile < 1:
        return None
    title = f"Pinball loss (quantile {quantile:g})"
    return replace(CATALOGUE["pinball"], name=name, title=title, quantile=quantile)

"""The metric catalogue, and what the names in a user's metrics files mean in it.

Standard library only. Two questions about a name, of different strictness: `canonical`
answers only where the name fixes the definition, since its answer is used to call a metrics file
wrong; `direction_of` may go by habit, since every team uses the words in the same sense.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from assay.stats.definitions import AVERAGES, CATALOGUE, Direction, Metric, Task, find

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CATALOGUE", "Direction", "Metric", "Task", "canonical", "direction_of", "find"]

_SAME = {
    "accuracy": "acc accuracy_score",
    "balanced_accuracy": "balanced_accuracy_score balanced_acc",
    "precision": "precision_score",
    "recall": "recall_score",
    "f1": "f1_score f_1",
    "mcc": "matthews matthews_corrcoef matthews_correlation matthews_correlation_coefficient",
    "roc_auc": "auc auroc auc_roc rocauc roc_auc_score roc_auc_value area_under_roc",
    "roc_auc_ovr": "roc_auc_score_ovr roc_auc_ovr_macro auc_ovr",
    "roc_auc_ovo": "roc_auc_score_ovo roc_auc_ovo_macro auc_ovo",
    "average_precision": "average_precision_score",
    "log_loss": "logloss",
    "brier": "brier_score brier_score_loss brier_loss",
    "r2": "r2_score r_2 r_squared rsquared",
    "mae": "mean_absolute_error",
    "mse": "mean_squared_error",
    "rmse": "root_mean_squared_error",
    "mape": "mean_absolute_percentage_error",
    "median_absolute_error": "medae median_ae",
    "pinball": "pinball_loss mean_pinball_loss pinball_0_5 quantile_loss_0_5",
}


def _averages() -> Iterator[tuple[str, str]]:
    for name in ("precision", "recall", "f1"):
        for average in AVERAGES:
            for spelling in (name, f"{name}_score"):
                yield f"{spelling}_{average}", f"{name}_{average}"
                yield f"{average}_{spelling}", f"{name}_{average}"
                yield f"{average}_avg_{spelling}", f"{name}_{average}"


_CANONICAL = {
    **{name: name for name in CATALOGUE},
    **{alias: name for name, aliases in _SAME.items() for alias in aliases.split()},
    **dict(_averages()),
}
_QUANTILE = re.compile(r"(?:mean_)?(?:pinball|quantile)(?:_loss)?_0?[._](\d+)")


def _words(*lines: str) -> frozenset[str]:
    return frozenset(" ".join(lines).split())


_HIGHER = _words(
    "accuracy acc precision recall sensitivity specificity selectivity tpr tnr ppv npv f1 f2 fbeta",
    "auc auroc auprc ap map mcc kappa r2 ndcg mrr bleu rouge meteor iou dice jaccard lift gini",
    "likelihood psnr ssim informedness",
)
_LOWER = _words(
    "loss error err mse rmse mae mape smape rmsle msle medae wape mase brier logloss perplexity",
    "ppl nll fpr fnr fdr wer cer eer ece deviance entropy crossentropy hinge fid aic bic",
    "latency pinball",
)
# Names whose last word would mislead.
_PHRASES: dict[str, Direction] = {
    "explained_variance": "higher",
    "true_positive_rate": "higher",
    "true_negative_rate": "higher",
    "positive_predictive_value": "higher",
    "negative_predictive_value": "higher",
    "false_positive_rate": "lower",
    "false_negative_rate": "lower",
    "false_discovery_rate": "lower",
    "positive_likelihood_ratio": "higher",
    "negative_likelihood_ratio": "lower",
    "hit_rate": "higher",
    "davies_bouldin_score": "lower",
    "d2_absolute_error_score": "higher",
    "d2_pinball_score": "higher",
    "d2_tweedie_score": "higher",
    "d2_log_loss_score": "higher",
    "d2_brier_score": "higher",
}
# Nobody's metric; the search below goes deeper with every word.
_LONGEST_NAME = 500
_OPPOSITE: dict[Direction, Direction] = {"higher": "lower", "lower": "higher"}
# Where a number was measured, or how it was summarised: no part of what it measures.
_SETTING = _words(
    "train training val valid validation test testing eval evaluation dev holdout oof cv fold",
    "final best overall total avg average mean median metrics metric scores summary",
)


def canonical(name: str) -> str | None:
    """The catalogue name of the same definition, or None where the name leaves it open.

    Case, spaces and hyphens do not matter. Names that say where a number was measured
    (`train.f1`, `val_accuracy`) have no canonical name: it need not be the same data.

    Args:
        name: A key of a metrics file, such as `f1_score` or `ROC AUC`.
    """
    plain = _plain(name)
    if plain in _CANONICAL:
        return _CANONICAL[plain]
    match = _QUANTILE.fullmatch(plain)
    if match is None:
        return None
    quantile = float(f"0.{match[1]}")
    if quantile == 0.5:
        return "pinball"
    wanted = f"pinball_{quantile!r}"
    return wanted if find(wanted) else None


def direction_of(name: str) -> Direction | None:
    """Whether a higher or a lower value of this metric is better; None if we do not know.

    Recognises the catalogue, its aliases, what surrounds them in practice (`val_accuracy`,
    `train.f1`, `recall@10`, `*_loss`, `*_error`, `*_score`) and scikit-learn's negated scorers
    (`neg_log_loss`: higher).

    Args:
        name: A key of a metrics file; nested keys are joined by dots or slashes.
    """
    if len(name) > _LONGEST_NAME:
        return None
    parts = [part for part in re.split(r"[./:]+(?!\d)", name) if part]
    # The innermost key names the metric; `f1.test` and `f1/mean` put it further out.
    for part in reversed(parts):
        found = _direction(_plain(part))
        if found is not None:
            return found
    return None


def _plain(name: str) -> str:
    """`ROC AUC`, `roc-auc`, `rocAuc` and `roc_auc` alike."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[\s\-@^()_]+", "_", spaced).strip("_").lower()


def _direction(plain: str) -> Direction | None:
    known = canonical(plain)
    metric = find(known) if known else None
    if metric:
        return metric.direction
    if plain in _PHRASES:
        return _PHRASES[plain]
    head, _, rest = plain.partition("_")
    if head in {"neg", "negative"} and rest:
        negated = _direction(rest)
        return _OPPOSITE[negated] if negated else None
    if head in _SETTING and rest:
        return _direction(rest)
    body, _, tail = plain.rpartition("_")
    if tail in _SETTING and body:
        return _direction(body)
    return _by_word(plain.split("_"))


def _by_word(words: list[str]) -> Direction | None:
    """The last word that means something decides: `accuracy_loss` is a loss."""
    for word in reversed(words):
        if word in _HIGHER or word.startswith("rouge"):
            return "higher"
        if word in _LOWER:
            return "lower"
    # scikit-learn's convention: a function that ends in `_score` is better when higher.
    return "higher" if words[-1] == "score" else None

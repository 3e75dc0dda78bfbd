"""Permutation importance of both models, side by side."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from assay.errors import AssayError
from assay.models import ModelError
from assay.rescoring.facts import FeatureImportance, Importance
from assay.rescoring.rule import File
from assay.rescoring.work import note, prepare, prepare_base
from assay.stats.importance import (
    MOST_FEATURES,
    REPEATS,
    ImportanceError,
    Measured,
    permutation,
    sample,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from assay.rescoring.facts import Job
    from assay.rescoring.work import Head, Scorer
    from assay.section import Reason
    from assay.stats.predictions import Predictions

SHOWN = 10
LIMIT_SECONDS = 120.0
"""That this may take, by the time of one prediction; of a slower model it is not measured."""


def importance(job: Job) -> Importance:
    """Permutation importance of both models on head's rows, or of head's where base's is not fit.

    Raises:
        AssayError: Not even head's can be measured.
    """
    head = prepare(job)
    notes = [*head.scorer.model.notes]
    base = None
    try:
        base = prepare_base(job, head).scorer
        notes += base.model.notes
    except AssayError as error:
        notes.append(note(f"Importance at base is not known: {error.message}"))
    names = list(dict.fromkeys([*head.scorer.columns, *(base.columns if base else [])]))
    names, surplus = names[:MOST_FEATURES], names[MOST_FEATURES:]
    positions = sample(len(head.table), len(names), seed=job.seed)
    measured = _measured(job, head, head.scorer, names, positions)
    before = None
    try:
        before = None if base is None else _measured(job, head, base, names, positions)
    except ModelError as error:
        notes.append(note(f"Importance at base is not known: {error.message}"))
    return side_by_side(
        measured,
        before,
        rows=len(positions),
        of_rows=len(head.table),
        not_measured=len(surplus),
        notes=notes,
    )


def _measured(
    job: Job, head: Head, scorer: Scorer, names: list[str], positions: NDArray[np.intp]
) -> Measured:
    spec = job.predictions
    columns = [name for name in names if name in scorer.columns]
    needed = dict.fromkeys([spec.truth, *([spec.weight] if spec.weight else [])])
    rows = head.file.rows(positions)
    file = File(rows.frame[list(needed)].reset_index(drop=True), rows.predictions)

    begun = time.monotonic()
    scorer.say(head.table.iloc[positions])
    seconds = (time.monotonic() - begun) * len(columns) * REPEATS
    if seconds > LIMIT_SECONDS:
        raise ModelError(
            f"{scorer.model.shown} is too slow for the importance of features: {len(columns)} "
            f"columns would take about {seconds / 60:.0f} minutes."
        )
    try:
        return permutation(
            lambda table: scorer.predict(table, file, spec),
            head.table.iloc[positions],
            columns,
            metric=job.metric or _loss(head.file.predictions),
            seed=job.seed,
        )
    except ImportanceError as error:
        raise ModelError(f"The importance of features cannot be measured: {error}.") from error


def _loss(predictions: Predictions) -> str:
    """What is measured where no metric is named."""
    if predictions.task == "regression":
        return "rmse"
    return "log_loss" if predictions.score_problem is None else "accuracy"


def side_by_side(
    head: Measured,
    base: Measured | None,
    *,
    rows: int,
    of_rows: int,
    repeats: int = REPEATS,
    not_measured: int = 0,
    notes: Sequence[Reason] = (),
    shown: int = SHOWN,
) -> Importance:
    """Both models side by side, the largest changes first.

    Args:
        head: Of head's model.
        base: Of base's; `None` where it could not be asked.
        rows: On how many rows both were measured.
        of_rows: How many there are.
        repeats: How often each column was shuffled.
        not_measured: Columns that were left out.
        notes: What could not be done.
        shown: How many features to return.
    """
    names = dict.fromkeys([*head.means, *(base.means if base else {})])
    facts = [
        FeatureImportance(
            feature=name,
            head=head.means.get(name),
            head_deviation=head.deviations.get(name),
            base=base.means.get(name) if base else None,
            base_deviation=base.deviations.get(name) if base else None,
        )
        for name in names
        # Undefined in one of the two is no importance of nothing.
        if name not in head.undefined and not (base and name in base.undefined)
    ]
    facts.sort(key=lambda fact: (-abs(fact.change), fact.feature))
    missing = head.undefined | (base.undefined if base else {})
    notes = [*notes, *(_undefined(name, head.metric, why) for name, why in missing.items())]
    return Importance(
        metric=head.metric,
        rows=rows,
        of_rows=of_rows,
        repeats=repeats,
        features=tuple(facts[:shown]),
        more=max(0, len(facts) - shown),
        not_measured=not_measured,
        has_base=base is not None,
        notes=tuple(notes),
    )


def _undefined(feature: str, metric: str, why: str) -> Reason:
    return note(f"The importance of {feature!r} is not known: {metric} without it: {why}.")

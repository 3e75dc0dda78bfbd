"""The rows of head's predictions and of base's: the same, made the same, or two samples.

A difference is surest between two models on the same rows. Where the evaluation data changed in
between, base is scored against head's rows as far as that can be done, and what was done is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from assay.errors import DataError
from assay.evaluation import Found, parse
from assay.section import Fact, Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from assay.config import Config, PredictionsSpec
    from assay.rescoring import Rescored
    from assay.stats.predictions import Predictions
    from assay.stats.rows import Alignment

    Rescore: TypeAlias = Callable[[pd.DataFrame], Rescored]

Pairing = Literal["same rows", "scored on head's rows", "base model on head's rows", "unpaired"]
"""How head and base were compared.

- `same rows`: both predicted the same rows with the same truth.
- `scored on head's rows`: base had predicted all of head's rows; these were picked, and held
  against head's truth.
- `base model on head's rows`: base's model was loaded and predicted head's rows.
- `unpaired`: neither was possible: two samples, compared with wider intervals.
"""


class RowMatch(Fact):
    """How the rows of head's predictions and of base's relate."""

    shared: int
    only_head: int
    only_base: int
    truth_differs: int
    by_key: bool
    weight_differs: int = 0
    """Shared rows whose weight is another at base; head's holds for both."""
    pairing: Pairing = "same rows"
    why: str = ""
    """Why they were not simply the same rows, as a sentence for people."""

    @property
    def same(self) -> bool:
        """Whether both files are of the same rows."""
        return self.only_head == self.only_base == self.truth_differs == 0


@dataclass(frozen=True, eq=False)
class Paired:
    """Base as it is compared with head."""

    rows: RowMatch
    base: Found
    """Its rows are head's, in the same order, unless `rows.pairing` is `unpaired`."""
    rescored: Rescored | None = None
    """What came of asking base's model, where it was asked."""

    @property
    def is_paired(self) -> bool:
        """Whether the two can be compared row by row."""
        return self.rows.pairing != "unpaired"


def pair(head: Found, base: Found, config: Config, *, rescore: Rescore) -> Paired | None:
    """Bring base's predictions to head's rows.

    Args:
        head: With predictions, or there is nothing to pair.
        base: Rows that cannot be matched are added to its problems.
        config: Which columns.
        rescore: Predicts head's rows with base's model.
    """
    spec = config.predictions
    if head.frame is None or base.frame is None or spec is None:
        return None
    from assay.stats.rows import align

    try:
        found = align(head.frame, base.frame, truth=spec.truth, key=spec.key or None)
    except DataError as error:
        message = f"Its rows cannot be matched with head's: {error.message.rstrip('.')}."
        base.problems.append(DataError(message, hint=error.hint, key=("predictions", "key")))
        return None
    rows = RowMatch(
        shared=found.shared,
        only_head=found.only_head,
        only_base=found.only_base,
        truth_differs=int(found.truth_differs.size),
        by_key=found.by_key,
    )
    if found.same or (found.by_key and found.only_head == 0):
        try:
            moved = _on_rows_of(head, base, spec, found)
        except DataError as error:
            message = f"Its predictions do not fit head's truth: {error.message.rstrip('.')}."
            base.problems.append(DataError(message, hint=error.hint, file=spec.path))
            return None
        rows = rows.model_copy(
            update={"weight_differs": _weight_differs(head.frame, base.frame, spec, found)}
        )
        how: Pairing = "same rows" if found.same else "scored on head's rows"
        return Paired(rows.model_copy(update={"pairing": how, "why": _differs(rows)}), moved)
    rescored = rescore(head.frame)
    if rescored.frame is not None:
        update = {"pairing": "base model on head's rows", "why": _differs(rows)}
        moved = _with(base, rescored.frame, parse(rescored.frame, spec, like=head.predictions))
        return Paired(rows.model_copy(update=update), moved, rescored)
    update = {"pairing": "unpaired", "why": f"{_differs(rows)} {rescored.why}".strip()}
    return Paired(rows.model_copy(update=update), base, rescored)


def reasons(paired: Paired | None) -> list[Reason]:
    """What people should know about how the rows were paired."""
    if paired is None:
        return []
    weights = []
    if count := paired.rows.weight_differs:
        message = (
            f"{count:,} of the rows have another weight at base: head's weights hold for both."
        )
        weights.append(Reason(message=message, severity="note"))
    if paired.rows.same:
        return weights
    done = {
        "same rows": "",
        "scored on head's rows": "Base's predictions were scored on head's rows and truth.",
        "base model on head's rows": "Base's model was loaded and predicted head's rows.",
        "unpaired": "The two were compared as independent samples, whose intervals are wider.",
    }[paired.rows.pairing]
    unpaired = not paired.is_paired
    return [
        Reason(
            message=f"{paired.rows.why} {done}",
            severity="warning" if unpaired else "note",
            hint=_hint(paired) if unpaired else None,
        ),
        *weights,
    ]


def _hint(paired: Paired) -> str:
    if not paired.rows.by_key:
        return "Name the columns that identify a row (`predictions.key`), to have rows matched."
    if paired.rescored is not None and paired.rescored.hint:
        return paired.rescored.hint
    return (
        "Name the table that the model was given (`predictions.features`), so that base's model can"
        " predict head's rows."
    )


def _differs(rows: RowMatch) -> str:
    """How the two files differ, as a sentence; empty where they do not."""
    parts = [
        (rows.only_head, "only in head"),
        (rows.only_base, "only in base"),
        (rows.truth_differs, "with another true value"),
    ]
    what = ", ".join(f"{count:,} {text}" for count, text in parts if count)
    return f"Head and base were evaluated on different rows: {what}." if what else ""


def _on_rows_of(head: Found, base: Found, spec: PredictionsSpec, found: Alignment) -> Found:
    """Base's predictions of head's rows, in head's order, with head's truth and weights."""
    from assay.stats.columns import pick, text_names

    assert head.frame is not None  # noqa: S101 (checked by the caller)
    assert base.frame is not None  # noqa: S101
    frame = text_names(base.frame.iloc[found.base_rows].reset_index(drop=True))
    shared = {spec.truth: pick(head.frame, spec.truth).array}
    if spec.weight is not None:
        shared[spec.weight] = pick(head.frame, spec.weight).array
    frame = frame.assign(**shared)
    return _with(base, frame, parse(frame, spec, like=head.predictions))


def _weight_differs(
    head: pd.DataFrame, base: pd.DataFrame, spec: PredictionsSpec, found: Alignment
) -> int:
    """How many of the rows have another weight; both columns were checked to be numbers."""
    if spec.weight is None:
        return 0
    import numpy as np

    from assay.stats.columns import pick

    now = pick(head, spec.weight).to_numpy(dtype=np.float64)[found.head_rows]
    before = pick(base, spec.weight).to_numpy(dtype=np.float64)[found.base_rows]
    return int((~np.isclose(now, before, rtol=1e-6, atol=0.0)).sum())


def _with(base: Found, frame: pd.DataFrame, predictions: Predictions) -> Found:
    return Found(numbers=base.numbers, frame=frame, predictions=predictions)

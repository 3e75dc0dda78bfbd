"""Which classes a classification has, which is the positive one, and whose score is whose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.stats.columns import Column, Kind, Label, PredictionsError, label_as, listed, ordered

if TYPE_CHECKING:
    from numpy.typing import NDArray


def by_label(
    scores: Mapping[Any, NDArray[np.float64]], kind: Kind, truth: Column
) -> dict[Label, NDArray[np.float64]]:
    """Score columns keyed by labels as the truth holds them: YAML's `"1"` is the label 1."""
    found: dict[Label, NDArray[np.float64]] = {}
    for key, values in scores.items():
        label = label_as(key, kind)
        if label is None or label in found:
            problem = "is given twice" if label is not None else f"is no label of {truth}"
            raise PredictionsError(f"the score of class {key!r} {problem}")
        found[label] = values
    return found


def multiclass(
    observed: list[Label], scores: Any
) -> tuple[tuple[Label, ...], NDArray[np.float64] | None]:
    """The classes and their scores (n, k): those of the score columns, where there are any."""
    if scores is None:
        return tuple(observed), None
    if not isinstance(scores, Mapping):
        raise PredictionsError(
            "one score column is not enough for several classes",
            hint="Map each class to its column: `score: {cat: p_cat, dog: p_dog}`.",
        )
    missing = [label for label in observed if label not in scores]
    if missing:
        raise PredictionsError(
            f"no score column for class {listed(missing)}; given for {listed(list(scores))}"
        )
    classes = tuple(ordered(scores))
    return classes, np.column_stack([scores[label] for label in classes])


def binary(
    observed: list[Label], scores: Any, *, wanted: Label | None, kind: Kind
) -> tuple[tuple[Label, ...], Label | None, NDArray[np.float64] | None]:
    """The two classes, the positive one, and its score."""
    mapped = list(scores) if isinstance(scores, Mapping) else []
    if wanted is None and len(mapped) == 1:
        wanted = mapped[0]
    known = {*observed, *mapped}
    if len(known) > 2:
        raise PredictionsError(
            f"a binary task has two classes; found {listed(ordered(known))}",
            hint="Map each class to its score column, or say `task: multiclass`.",
        )
    if wanted is not None and len(known) == 2 and wanted not in known:
        raise unknown_positive(wanted, ordered(known))
    classes, usual = _pair(known if wanted is None else {*known, wanted}, kind)
    positive = usual if wanted is None else wanted
    if scores is not None and positive is None:
        raise PredictionsError(
            f"which class the score is about is not known: {listed(classes)}",
            hint="Say it with `positive`.",
        )
    if isinstance(scores, Mapping):
        if positive not in scores:
            raise PredictionsError(
                f"no score column for the positive class {positive!r}; given for {listed(mapped)}"
            )
        scores = scores[positive]
    if len(classes) == 1 and scores is not None:
        # A score below the threshold must predict something, and the other class has no name.
        other: Label = f"not {classes[0]}"
        classes = tuple(ordered([*classes, other]))
    return classes, positive, scores


def _pair(labels: set[Label], kind: Kind) -> tuple[tuple[Label, ...], Label | None]:
    """The classes, filled up where their other half is plain, and the usual positive one."""
    if kind == "boolean":
        return (False, True), True
    if labels <= {0, 1}:
        return (0, 1), 1
    if labels <= {-1, 1}:
        return (-1, 1), 1
    return tuple(ordered(labels)), None


def unknown_positive(positive: object, observed: list[Label]) -> PredictionsError:
    """The error for a positive class that does not occur."""
    return PredictionsError(
        f"the positive class {positive!r} is none of the labels: {listed(observed)}",
        hint="Write it as the predictions file does; quote it if YAML would read it otherwise.",
    )

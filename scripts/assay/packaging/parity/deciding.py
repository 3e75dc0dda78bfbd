"""Rows on which a model is undecided: two labels are as good, and a rounding error chooses."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.errors import DataError
from assay.packaging.parity.answers import classes
from assay.packaging.parity.compare import undecided

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import NDArray

    from assay.packaging.facts import Tolerance
    from assay.packaging.parity.answers import Original


def is_undecided(
    model: Original, frame: pd.DataFrame, labels: NDArray[Any], tolerance: Tolerance
) -> NDArray[np.bool_]:
    """(n,): whether the model might as well have given these labels.

    Args:
        model: It is asked for its scores and its probabilities: not every model decides by both.
        frame: (n rows): where an export gives another label.
        labels: (n,) or (n, m): what it gives.
        tolerance: Of numbers.
    """
    found = np.zeros(len(frame), dtype=np.bool_)
    if labels.ndim == 2:
        expected = model.output("label", model.given(frame))
        for scores in _of_targets(model, frame, labels.shape):
            bound = tolerance.absolute + tolerance.relative * np.abs(scores)
            found |= ((expected == labels) | (np.abs(scores) <= bound)).all(axis=1)
        return found
    for scores, known in _of_classes(model, frame):
        chosen = np.full(len(labels), -1, dtype=np.intp)
        for position, value in enumerate(known):
            chosen[labels == value] = position
        found |= undecided(scores, chosen, tolerance)
    return found


def _of_classes(
    model: Original, frame: pd.DataFrame
) -> Iterator[tuple[NDArray[np.float64], list[Any]]]:
    """(n, k) scores with the labels of their columns: of classes, in and out, or clusters."""
    known = classes(model.estimator)
    for name in ("probabilities", "scores"):
        scores = _asked(model, name, frame)
        if scores is None:
            continue
        if known and scores.shape == (len(frame), len(known[0])):
            yield scores, known[0].tolist()
        elif not known and scores.ndim == 1:
            yield np.column_stack([-scores, scores]), [-1, 1]
    if not known and hasattr(model.estimator, "transform"):
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                distances = np.asarray(model.estimator.transform(model.given(frame)))
        except Exception:  # noqa: BLE001 (the model's own code; then nothing is known to be near)
            return
        if distances.ndim == 2 and distances.shape[1]:
            yield -distances.astype(np.float64), list(range(distances.shape[1]))


def _of_targets(
    model: Original, frame: pd.DataFrame, shape: tuple[int, ...]
) -> Iterator[NDArray[np.float64]]:
    """(n, m) of several targets: how far each is from the other side, signed."""
    for name, middle in (("probabilities", 0.5), ("scores", 0.0)):
        scores = _asked(model, name, frame)
        if scores is not None and scores.shape == shape:
            yield scores - middle


def _asked(model: Original, name: str, frame: pd.DataFrame) -> NDArray[np.float64] | None:
    try:
        return model.output(name, model.given(frame)).astype(np.float64)
    except (DataError, ValueError):
        return None

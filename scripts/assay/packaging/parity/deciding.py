"""Rows on which a model is undecided: two labels are as good, and a rounding error chooses."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.errors import DataError
from assay.packaging.parity.answers import classes, quiet
from assay.packaging.parity.compare import undecided

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import NDArray

    from assay.packaging.facts import Tolerance
    from assay.packaging.parity.answers import Original


_BESIDE = 1e-13
"""Share of a number within which float64 does not tell what another library makes of it."""


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


def beside(model: Original, frame: pd.DataFrame, output: str) -> Iterator[NDArray[Any]]:
    """What the model says of rows that are these but for the last digits of float64.

    Behind a logarithm, a power or a sum, no two libraries have the last bit in common; a tree
    takes it for the other side of its threshold. What float32 does to a number is a million times
    as much, and no excuse. Nor is there one for a model alone: it compares what it is given.
    """
    if len(getattr(model.estimator, "steps", ())) < 2:
        return
    whole = frame.select_dtypes("float64").columns
    places = np.arange(len(whole))
    # any two columns go the same way once, and once each its own
    ways = [places < 0, *((places >> bit) % 2 == 1 for bit in range(len(whole).bit_length()))]
    for up in (way ^ turned for way in ways for turned in (False, True)):
        steps = 1.0 + np.where(up, _BESIDE, -_BESIDE)
        near = frame.assign(
            **{str(name): frame[name] * step for name, step in zip(whole, steps, strict=True)}
        )
        with contextlib.suppress(DataError):
            yield model.output(output, model.given(near))


def _of_classes(
    model: Original, frame: pd.DataFrame
) -> Iterator[tuple[NDArray[np.float64], list[Any]]]:
    """(n, k) scores with the labels of their columns: of classes, in and out, or clusters."""
    known = classes(model.estimator)
    for name in ("probabilities", "scores"):
        scores = _asked(model, name, frame)
        if scores is None:
            continue
        names = known[0].tolist() if known else [-1, 1]
        if scores.ndim == 1 and len(names) == 2:
            yield np.column_stack([-scores, scores]), names
        elif scores.shape == (len(frame), len(names)):
            yield scores, names
    if not known and hasattr(model.estimator, "transform"):
        try:
            with quiet():
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

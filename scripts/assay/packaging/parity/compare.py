"""Two answers to the same rows: where they differ by more than the tolerance, and by how much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assay.packaging.facts import Tolerance

    Mask = NDArray[np.bool_]


_NOISE = 1e-9
"""Far below every tolerance that makes sense, far above rounding errors of float64."""


def answers_differ(
    output: str, expected: NDArray[Any], got: NDArray[Any], tolerance: Tolerance
) -> Mask:
    """(n,): whether an output of a row differs: a label at all, numbers as `differ` has it."""
    if output == "label":
        return labels_differ(expected, got)
    return differ(expected, got, tolerance)


def differ(expected: NDArray[Any], got: NDArray[Any], tolerance: Tolerance) -> Mask:
    """(n,): whether numbers of a row differ. NaN is equal to NaN, an infinity to itself.

    Args:
        expected: (n,) or (n, k): what the model says.
        got: What the export says.
        tolerance: How far a number may be from the model's.
    """
    if expected.shape != got.shape:
        return np.ones(len(expected), dtype=np.bool_)
    model, export = expected.astype(np.float64), got.astype(np.float64)
    with np.errstate(all="ignore"):
        near = np.abs(model - export) <= tolerance.absolute + tolerance.relative * np.abs(model)
    # An infinite tolerance would let anything pass for an infinity.
    near &= np.isfinite(model)
    near |= (model == export) | (np.isnan(model) & np.isnan(export))
    return _rows(~near)


def labels_differ(expected: NDArray[Any], got: NDArray[Any]) -> Mask:
    """(n,): whether labels of a row differ. 1, 1.0 and true are one label; text is text."""
    if expected.shape != got.shape:
        return np.ones(len(expected), dtype=np.bool_)
    if _is_text(expected) != _is_text(got):
        return np.ones(len(expected), dtype=np.bool_)
    if _is_text(expected):
        return _rows(expected.astype(object) != got.astype(object))
    return _rows(expected.astype(np.float64) != got.astype(np.float64))


def _is_text(values: NDArray[Any]) -> bool:
    if values.dtype.kind == "O":
        return bool(values.size) and isinstance(values.flat[0], str)
    return values.dtype.kind in "UST"


def _rows(mask: NDArray[Any]) -> Mask:
    """(n,): whether any of a row."""
    return np.asarray(mask if mask.ndim == 1 else mask.any(axis=1), dtype=np.bool_)


def furthest(expected: NDArray[Any], got: NDArray[Any]) -> tuple[float, float]:
    """The largest |a - b| and |a - b| / |b| of finite numbers, b being the model's."""
    if expected.shape != got.shape:
        return 0.0, 0.0
    model, export = expected.astype(np.float64), got.astype(np.float64)
    with np.errstate(all="ignore"):
        distance = np.abs(model - export)
        distance[~np.isfinite(distance)] = 0.0
        share = np.divide(distance, np.abs(model), where=model != 0, out=np.zeros_like(distance))
    share[~np.isfinite(share)] = 0.0
    return float(distance.max(initial=0.0)), float(share.max(initial=0.0))


def rounded_up(value: float) -> float:
    """Two digits, never less; nothing where it is noise of float64.

    Processors add in other orders, and that must not change the bytes of a bundle.
    """
    if value < _NOISE or not np.isfinite(value):
        return 0.0
    unit = 10.0 ** (np.floor(np.log10(value)) - 1)
    return float(f"{np.ceil(value / unit) * unit:.1e}")


def undecided(scores: NDArray[np.float64], chosen: NDArray[np.intp], tolerance: Tolerance) -> Mask:
    """(n,): whether a score is as good as the best one, within the tolerance; or none is a number.

    Args:
        scores: (n, k): what the model decides by.
        chosen: (n,): the class that the export says; -1 for one that the model does not know.
        tolerance: Of numbers.
    """
    best = scores.max(axis=1)
    its = scores[np.arange(len(scores)), chosen]
    with np.errstate(invalid="ignore"):
        near = best - its <= 2 * (tolerance.absolute + tolerance.relative * np.abs(best))
    near |= (best == its) | np.isnan(scores).any(axis=1)  # they overflowed
    return np.asarray(near & (chosen >= 0), dtype=np.bool_)

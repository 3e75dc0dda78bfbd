# mypy: disable-error-code="no-any-return"
"""B-splines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.conversion.frame import Data, matrix
from assay.packaging.conversion.refusal import unsupported
from assay.packaging.conversion.registry import converts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assay.packaging.conversion.tensor import Tensor


@converts("sklearn.SplineTransformer", method="transform")
def splines(transformer: Any, data: Data) -> Tensor:
    """The basis functions of each column; outside of the knots as `extrapolation` says."""
    if getattr(transformer, "handle_missing", "error") != "error":
        raise unsupported(transformer, f"`handle_missing={transformer.handle_missing!r}`")
    values = matrix(data)
    parts = []
    for place, spline in enumerate(transformer.bsplines_):
        made = _evaluated(values.column(place), spline, transformer.extrapolation)
        width = spline.c.shape[1]
        parts.append(made if transformer.include_bias else made.take(range(width - 1)))
    return values.graph.concat(parts)


def _evaluated(x: Tensor, spline: Any, extrapolation: str) -> Tensor:
    knots, degree = np.asarray(spline.t, dtype=np.float64), int(spline.k)
    low, high = float(knots[degree]), float(knots[-degree - 1])
    if extrapolation == "continue":
        return _basis(x, knots, degree) @ spline.c
    if extrapolation == "periodic":
        span = high - low
        turns = ((x - low) / span).op("Floor")
        return _basis(x - turns * span, knots, degree) @ spline.c
    made = _basis(x.clip(low, high), knots, degree) @ spline.c
    if extrapolation != "linear":
        return made
    slope = spline.derivative()
    below, above = (x - low).clip(None, 0.0), (x - high).clip(0.0, None)
    return made + below * slope(low)[None, :] + above * slope(high)[None, :]


def _basis(x: Tensor, knots: NDArray[np.float64], degree: int) -> Tensor:
    """All basis functions by de Boor's recurrence: (n, functions).

    The first and the last interval between the outer knots reach as far as x does.
    """
    count = len(knots) - 1
    lower, upper = knots[:-1].copy(), knots[1:].copy()
    lower[degree], upper[count - degree - 1] = -np.inf, np.inf
    inner = np.zeros(count, dtype=bool)
    inner[degree : count - degree] = True
    made = ((x >= lower[None, :]) & (x < upper[None, :]) & inner[None, :]).cast("float64")
    for power in range(1, degree + 1):
        size = count - power
        rise = knots[power : power + size] - knots[:size]
        fall = knots[power + 1 : power + 1 + size] - knots[1 : size + 1]
        up = (x - knots[None, :size]) / np.where(rise > 0, rise, 1.0)[None, :]
        down = (knots[None, power + 1 : power + 1 + size] - x) / np.where(fall > 0, fall, 1.0)[
            None, :
        ]
        left, right = made.take(range(size)), made.take(range(1, size + 1))
        made = (
            up * left * (rise > 0).astype(float)[None, :]
            + down * right * (fall > 0).astype(float)[None, :]
        )
    return made

"""NumPy's elementwise functions of a `Tensor`, by name; those that onnxruntime has in float64."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.conversion.tensor import Tensor, promoted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SAME = {
    "exp": "Exp",
    "log": "Log",
    "sqrt": "Sqrt",
    "absolute": "Abs",
    "fabs": "Abs",
    "tanh": "Tanh",
    "sin": "Sin",
    "floor": "Floor",
    "ceil": "Ceil",
    "rint": "Round",
    "sign": "Sign",
    "negative": "Neg",
}
"""By NumPy's name; each in ONNX means the same."""
WHOLE = {"absolute", "sign", "negative", "square", "isnan", "logical_not", "invert"}
"""Of one operand, which need not be a float."""


def log1p(x: Tensor) -> Tensor:
    """log(1 + x), exact for small x too (Kahan's formula)."""
    u = x + 1.0
    return u.equals(1.0).where(x, u.op("Log") * x / (u - 1.0))


def expm1(x: Tensor) -> Tensor:
    """exp(x) - 1, exact for small x too (Kahan's formula)."""
    u = x.op("Exp")
    near = u.equals(1.0).where(x, (u - 1.0) * x / u.op("Log"))
    return (x.op("Abs") > 1.0).where(u - 1.0, near)


def chebyshev(
    x: Tensor, function: Callable[[Any], Any], low: float, high: float, degree: int
) -> Tensor:
    """A smooth function between two bounds as a polynomial, beyond them as at the bound."""
    from numpy.polynomial import chebyshev as basis

    middle, half = (low + high) / 2.0, (high - low) / 2.0
    weights = basis.chebinterpolate(lambda at: function(at * half + middle), degree)
    at = (x.clip(low, high) - middle) / half
    # Clenshaw's recurrence
    first, second = at * 0.0, at * 0.0
    for weight in weights[:0:-1]:
        first, second = at * first * 2.0 - second + float(weight), first
    return at * first - second + float(weights[0])


def erf(x: Tensor) -> Tensor:
    """The error function, which onnxruntime has in float32 alone; exact to 1e-15."""
    from scipy import special

    size = x.op("Abs").clip(None, 6.0)
    squares = size * size
    near = size * chebyshev(
        squares, lambda at: special.erf(np.sqrt(at)) / np.sqrt(at), 0.0, 4.0, 20
    )
    far = 1.0 - chebyshev(size, special.erfcx, 2.0, 6.0, 30) * (-squares).op("Exp")
    return x.op("Sign") * (size <= 2.0).where(near, far)


def ndtri(p: Tensor) -> Tensor:
    """The quantile of the normal distribution, of p between 1e-8 and 1 - 1e-8; exact to 1e-13."""
    from scipy import special

    off = p - 0.5
    # the distance from the nearer end, whose logarithm the tail is a smooth function of
    end = (off > 0.0).where(1.0 - p, p).clip(1e-9, 0.5)
    depth = (end.op("Log") * -2.0).op("Sqrt")
    tail = chebyshev(depth, lambda at: -special.ndtri(np.exp(at * at / -2.0)), 1.5, 6.5, 40)
    middle = off * chebyshev(
        off * off, lambda at: special.ndtri(np.sqrt(at) + 0.5) / np.sqrt(at), 0.0, 0.18, 40
    )
    return (off.op("Abs") <= 0.42).where(middle, off.op("Sign") * tail)


CALLS: dict[str, Callable[..., Tensor]] = {
    "where": lambda condition, yes, no: condition.cast("bool").where(yes, no),
    "column_stack": lambda parts: parts[0].graph.concat(parts),
    "hstack": lambda parts: parts[0].graph.concat(parts),
    "concatenate": lambda parts, axis: parts[0].graph.concat(parts, axis),
    "clip": lambda x, a_min=None, a_max=None: x.clip(a_min, a_max),
}


def call(function: Any, inputs: Sequence[Any], options: dict[str, Any]) -> Any:
    """A function of NumPy's that is no ufunc; `NotImplemented` as of `trace`."""
    name = getattr(function, "__name__", "")
    return CALLS[name](*inputs, **options) if name in CALLS else NotImplemented


DERIVED: dict[str, Callable[..., Tensor]] = {
    "log1p": log1p,
    "expm1": expm1,
    "log2": lambda x: x.op("Log") / 0.6931471805599453,
    "log10": lambda x: x.op("Log") / 2.302585092994046,
    "exp2": lambda x: (x * 0.6931471805599453).op("Exp"),
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1.0 / x,
    "cos": lambda x: (x + 1.5707963267948966).op("Sin"),
    "isnan": lambda x: x.isnan(),
    "maximum": lambda x, y: (x.isnan() | (x >= y)).where(x, y),
    "minimum": lambda x, y: (x.isnan() | (x <= y)).where(x, y),
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "power": lambda x, y: x**y,
    "matmul": lambda x, y: x @ y,
    "equal": lambda x, y: x.equals(y),
    "not_equal": lambda x, y: ~x.equals(y),
    "logical_and": lambda x, y: x & y,
    "logical_or": lambda x, y: x | y,
    "logical_not": lambda x: ~x,
    "bitwise_and": lambda x, y: x & y,
    "bitwise_or": lambda x, y: x | y,
    "invert": lambda x: ~x,
    "less": lambda x, y: x < y,
    "less_equal": lambda x, y: x <= y,
    "greater": lambda x, y: x > y,
    "greater_equal": lambda x, y: x >= y,
}


def trace(tensor: Tensor, ufunc: np.ufunc, inputs: Sequence[Any]) -> Any:
    """A ufunc of tensors; `NotImplemented`, NumPy's word for an error, for one that is not here."""
    operands = promoted(tensor.graph, *inputs)
    if len(operands) == 1 and ufunc.__name__ not in WHOLE:
        operands = [operands[0].floating()]
    if ufunc.__name__ in SAME:
        return operands[0].op(SAME[ufunc.__name__])
    if ufunc.__name__ in DERIVED:
        return DERIVED[ufunc.__name__](*operands)
    return NotImplemented

"""NumPy's elementwise functions of a `Tensor`, by name; those that onnxruntime has in float64."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.packaging.conversion.graph import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

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


def log1p(x: Tensor) -> Tensor:
    """log(1 + x), exact for small x too (Kahan's formula)."""
    u = x + 1.0
    return u.equals(1.0).where(x, u.op("Log") * x / (u - 1.0))


def expm1(x: Tensor) -> Tensor:
    """exp(x) - 1, exact for small x too (Kahan's formula)."""
    u = x.op("Exp")
    near = u.equals(1.0).where(x, (u - 1.0) * x / u.op("Log"))
    return (x.op("Abs") > 1.0).where(u - 1.0, near)


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
    "less": lambda x, y: x < y,
    "less_equal": lambda x, y: x <= y,
    "greater": lambda x, y: x > y,
    "greater_equal": lambda x, y: x >= y,
}


def trace(tensor: Tensor, ufunc: np.ufunc, inputs: Sequence[Any]) -> Tensor:
    """A ufunc of tensors; `NotImplemented` for one that we do not have, which NumPy turns into an
    error.
    """
    operands = [tensor.like(one) for one in inputs]
    if ufunc.__name__ in SAME:
        return operands[0].op(SAME[ufunc.__name__])
    if ufunc.__name__ in DERIVED:
        return DERIVED[ufunc.__name__](*operands)
    return NotImplemented

"""Weights as 8-bit integers: a matrix an eighth of the size, and answers less exact.

Only what is stored is made of integers: each constant matrix that rows are multiplied by, with one
scale a column, turned back into floats when the graph runs. Dynamic quantization of onnxruntime
makes integers of the rows too, with one scale for a whole batch: the answer to a row would depend
on the rows that happen to be sent with it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assay.packaging.facts import Conversion, Parity

_CHANGE = "Weights of matrices are 8-bit integers."
_LARGEST = 127
_PRODUCTS = frozenset({"MatMul", "Gemm"})


def quantized(model: bytes) -> bytes:
    """A graph with quantized weights.

    Raises:
        UsageError: It multiplies by no matrix, as trees do not.
    """
    onnx = importlib.import_module("onnx")
    graph = onnx.load_from_string(model)
    factors = {name for one in graph.graph.node if one.op_type in _PRODUCTS for name in one.input}
    weights = [one for one in graph.graph.initializer if one.name in factors and len(one.dims) == 2]
    if not weights:
        raise UsageError(
            "There is nothing to quantize: the model multiplies by no matrix of weights.",
            hint="Set `package.quantize: false`.",
        )
    nodes = [node for one in weights for node in _quantize(graph.graph, one, onnx)]
    others = list(graph.graph.node)
    del graph.graph.node[:]
    graph.graph.node.extend([*nodes, *others])
    return bytes(graph.SerializeToString(deterministic=True))


def _quantize(graph: Any, weights: Any, onnx: Any) -> list[Any]:
    """Put integers in the place of a matrix; the nodes that make floats of them again."""
    name, kind = weights.name, weights.data_type
    values, scales = rounded(onnx.numpy_helper.to_array(weights))
    graph.initializer.remove(weights)
    parts = {f"{name}_int8": values, f"{name}_scale": scales}
    graph.initializer.extend(
        onnx.numpy_helper.from_array(array, part) for part, array in parts.items()
    )
    make = onnx.helper.make_node
    return [
        make("DequantizeLinear", list(parts), [f"{name}_float32"], axis=1),
        make("Cast", [f"{name}_float32"], [name], to=kind),
    ]


def rounded(weights: NDArray[Any]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """A matrix (d, k) as whole numbers (d, k) from -127 to 127, and a scale (k,) a column."""
    scales = (np.abs(weights).max(axis=0) / _LARGEST).astype(np.float32)
    scales[scales == 0] = 1.0  # nothing, or nothing that float32 knows
    return np.round(weights / scales).clip(-_LARGEST, _LARGEST).astype(np.int8), scales


def facts(before: Conversion, model: bytes) -> Conversion:
    """How the quantized model became what it is."""
    onnx = importlib.import_module("onnx")
    return before.model_copy(
        update={
            "changes": (*before.changes, _CHANGE),
            "quantized": True,
            "nodes": len(onnx.load_from_string(model).graph.node),
            "bytes": len(model),
        }
    )


def judged(parity: Parity) -> Parity:
    """A parity whose cause is known: the graph held before it was quantized."""
    if parity.passed:
        return parity
    tolerance = parity.tolerance
    cause = (
        "Weights of 8 bits are too coarse for the tolerance "
        f"({tolerance.absolute:g} + {tolerance.relative:g} of the value)."
    )
    return parity.model_copy(update={"cause": cause})

"""Weights as 8-bit integers: a graph a quarter or an eighth of the size, and answers less exact.

onnxruntime quantizes products of float32 matrices. So those with constant weights are made float32
first, between casts; all else in the graph stays as it is.
"""

from __future__ import annotations

import importlib
import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.packaging.facts import Conversion, Parity

_CHANGE = "Weights of matrices are 8-bit integers."


def quantized(model: bytes) -> bytes:
    """A graph with quantized weights.

    Raises:
        UsageError: It multiplies by no matrix, as trees do not.
    """
    onnx = importlib.import_module("onnx")
    graph = onnx.load_from_string(model)
    if not _narrowed(graph, onnx):
        raise UsageError(
            "There is nothing to quantize: the model multiplies by no matrix of weights.",
            hint="Set `package.quantize: false`.",
        )
    quantization = importlib.import_module("onnxruntime.quantization")
    level = logging.getLogger().level
    with tempfile.TemporaryDirectory() as folder:
        whole, small = Path(folder, "whole.onnx"), Path(folder, "small.onnx")
        whole.write_bytes(graph.SerializeToString(deterministic=True))
        logging.getLogger().setLevel(logging.ERROR)  # it advises to preprocess: nothing to gain
        try:
            quantization.quantize_dynamic(
                whole,
                small,
                weight_type=quantization.QuantType.QInt8,
                op_types_to_quantize=["MatMul"],
            )
        finally:
            logging.getLogger().setLevel(level)
        return bytes(onnx.load(small).SerializeToString(deterministic=True))


def _narrowed(model: Any, onnx: Any) -> int:
    """Let products with constant matrices of float64 be of float32, in place; how many."""
    numpy_helper, helper = onnx.numpy_helper, onnx.helper
    weights = {one.name: one for one in model.graph.initializer}
    nodes, count = [], 0
    for node in model.graph.node:
        constant = [name in weights and len(weights[name].dims) == 2 for name in node.input]
        if node.op_type != "MatMul" or constant != [False, True]:
            nodes.append(node)
            continue
        count += 1
        data, name, result = node.input[0], node.input[1], node.output[0]
        narrow = f"{name}_float32"
        if weights[name].data_type == onnx.TensorProto.DOUBLE:
            if all(one.name != narrow for one in model.graph.initializer):
                values = numpy_helper.to_array(weights[name]).astype("float32")
                model.graph.initializer.append(numpy_helper.from_array(values, narrow))
            nodes += [
                helper.make_node("Cast", [data], [f"{result}_from"], to=onnx.TensorProto.FLOAT),
                helper.make_node("MatMul", [f"{result}_from", narrow], [f"{result}_to"]),
                helper.make_node("Cast", [f"{result}_to"], [result], to=onnx.TensorProto.DOUBLE),
            ]
        else:
            nodes.append(node)
    used = {name for node in nodes for name in node.input}
    kept = [one for one in model.graph.initializer if one.name in used]
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(kept)
    return count


def facts(before: Conversion, model: bytes) -> Conversion:
    """How the quantized model became what it is."""
    onnx = importlib.import_module("onnx")
    graph = onnx.load_from_string(model)
    return before.model_copy(
        update={
            "opset": {one.domain: one.version for one in graph.opset_import},
            "changes": (*before.changes, _CHANGE),
            "quantized": True,
            "nodes": len(graph.graph.node),
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

"""Estimators that skl2onnx has a converter for and we have not: above all a user's own.

Whoever wrote a transformer registers a converter with `skl2onnx.update_registered_converter`, in
the module that defines the class: loading the model imports that module. Importing skl2onnx takes
seconds, so nothing else does.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import warnings
from typing import TYPE_CHECKING, Any

from assay.packaging.conversion.frame import Data, Frame, blocks_of
from assay.packaging.conversion.graph import ML, OPSET, OPSET_ML
from assay.packaging.conversion.refusal import NotConvertible, no_converter
from assay.packaging.conversion.tensor import Tensor

if TYPE_CHECKING:
    from onnx import ModelProto

PLACES = {"predict": 0, "predict_proba": 1, "decision_function": 1, "transform": 0}
"""Which of its outputs a method is."""
OURS = {"sklearn", "lightgbm", "xgboost", "catboost"}
"""What we have no converter for in these, nobody else has right in float64."""


def knows(estimator: Any) -> bool:
    """Whether skl2onnx has a converter for exactly this class."""
    if type(estimator).__module__.partition(".")[0] in OURS:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module("skl2onnx")
            known = importlib.import_module("skl2onnx._supported_operators")
    except ImportError:
        return False
    return type(estimator) in known.sklearn_operator_name_map


def convert(estimator: Any, method: str, data: Data) -> Tensor:
    """What skl2onnx makes of one estimator, as part of our graph.

    Raises:
        NotConvertible: It cannot; or it does not know the method.
    """
    if method not in PLACES:
        raise no_converter(estimator, method)
    blocks = blocks_of(data)
    graph = blocks[0].graph
    made = _model(estimator, data, raw_scores=method == "decision_function")
    names = {one.name: block.name for one, block in zip(made.graph.input, blocks, strict=True)}
    for one in made.graph.initializer:
        names[one.name] = graph.adopt(one)
    for node in made.graph.node:
        for name in node.output:
            names[name] = graph.fresh(node.op_type)
        node.input[:] = [names[name] if name else "" for name in node.input]
        node.output[:] = [names[name] for name in node.output]
        graph.insert(node)
    output = made.graph.output[PLACES[method]]
    kind = type(estimator).__qualname__
    graph.changes.append(f"{kind} was converted by skl2onnx.")
    result = Tensor(graph, names[output.name], _dtype(output.type.tensor_type.elem_type))
    return result if result.dtype == "string" else result.cast("float64")


def _model(estimator: Any, data: Data, *, raw_scores: bool) -> ModelProto:
    convert_sklearn = importlib.import_module("skl2onnx").convert_sklearn
    blocks = blocks_of(data)
    whole = (getattr(estimator, "n_features_in_", None),)
    widths = data.widths if isinstance(data, Frame) else whole
    types = [
        (f"input{place}", _type(block.dtype)([None, width]))
        for place, (block, width) in enumerate(zip(blocks, widths, strict=True))
    ]
    options: dict[str, Any] = {}
    if hasattr(estimator, "classes_"):
        options = {"zipmap": False, **({"raw_scores": True} if raw_scores else {})}
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            made: ModelProto = convert_sklearn(
                estimator,
                initial_types=types,
                options={id(estimator): options} if options else None,
                target_opset={"": OPSET, ML: OPSET_ML},
            )
    except Exception as error:
        kind = type(estimator)
        raise NotConvertible(
            f"The converter to ONNX of `{kind.__qualname__}` (module `{kind.__module__}`) that is "
            f"registered in skl2onnx failed: {type(error).__name__}: {str(error).strip()[:300]}",
            hint="Fix the converter, or set `package.format: native`.",
        ) from error
    return made


def _type(dtype: str) -> Any:
    data_types = importlib.import_module("skl2onnx.common.data_types")
    kinds = {"float64": "Double", "float32": "Float", "int64": "Int64", "bool": "Boolean"}
    return getattr(data_types, f"{kinds.get(dtype, 'String')}TensorType")


def _dtype(number: int) -> str:
    from onnx import TensorProto, helper

    if number == TensorProto.STRING:
        return "string"
    return str(helper.tensor_dtype_to_np_dtype(number).name)

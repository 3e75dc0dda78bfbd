"""A fitted estimator as an ONNX graph that gives its answers, in float64 throughout.

`graph` writes nodes as NumPy writes formulas; `converters` holds, one family a module, what each
class of scikit-learn, LightGBM, XGBoost and CatBoost computes; `foreign` asks skl2onnx for a
user's own class that is registered there. Why not skl2onnx for everything: its graphs compute in
float32, and a value that falls on the other side of a tree's threshold for that is a wrong answer,
not a rounding error; and importing it takes seconds.

Conventions of the graph:
- Text that is missing is the empty string; a number that is missing is NaN.
- Columns of integers and booleans keep their type; an estimator that takes a matrix gets float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.packaging.conversion.frame import Data, Frame, matrix
from assay.packaging.conversion.graph import Graph
from assay.packaging.conversion.refusal import NotConvertible
from assay.packaging.conversion.registry import apply
from assay.packaging.facts import Conversion

if TYPE_CHECKING:
    import pandas as pd

    from assay.packaging.conversion.tensor import Tensor
    from assay.packaging.facts import OutputSpec, Signature

__all__ = ["Converted", "NotConvertible", "convert"]


@dataclass(frozen=True, eq=False)
class Converted:
    """A model as ONNX."""

    model: bytes
    """The same estimator and signature give the same bytes."""
    conversion: Conversion


def convert(estimator: Any, signature: Signature, sample: pd.DataFrame) -> Converted:
    """A fitted estimator as ONNX.

    Args:
        estimator: A classifier, regressor, clusterer or outlier detector, alone or as a pipeline.
        signature: Its inputs and outputs: the names, dtypes and shapes of the graph's.
        sample: Some rows of what it is given: which columns have the type `category`.

    Raises:
        NotConvertible: Something inside of it cannot become ONNX; says what, and what to do.
    """
    graph = Graph(sample=sample)
    data = _inputs(graph, signature)
    for spec in signature.outputs:
        answer = _answer(estimator, spec, data).cast(spec.dtype)
        if spec.meaning == "score" and signature.task == "binary" and spec.shape[1:] == (2,):
            answer = graph.concat([-answer, answer])
        graph.output(answer.reshape(-1) if len(spec.shape) == 1 else answer, spec.name, spec.shape)
    model = graph.model()
    content = model.SerializeToString(deterministic=True)
    conversion = Conversion(
        opset={one.domain: one.version for one in model.opset_import},
        precision="float64",
        changes=tuple(dict.fromkeys(graph.changes)),
        nodes=len(model.graph.node),
        bytes=len(content),
    )
    return Converted(content, conversion)


def _inputs(graph: Graph, signature: Signature) -> Data:
    names = [spec.name for spec in signature.inputs]
    if clash := {spec.name for spec in signature.outputs}.intersection(names):
        raise NotConvertible(
            f"A column is called `{min(clash)}`, as an output of the ONNX model is; ONNX takes "
            "one of a name.",
            hint="Rename the column, or set `package.format: native`.",
        )
    tensors = [graph.input(spec.name, spec.dtype, spec.shape) for spec in signature.inputs]
    first = signature.inputs[0]
    if len(tensors) == 1 and first.shape[-1] != 1:
        return tensors[0]
    return Frame(
        tuple(tensors), tuple(spec.shape[-1] or 1 for spec in signature.inputs), tuple(names)
    )


METHODS = {
    "label": "predict",
    "value": "predict",
    "probability": "predict_proba",
    "score": "decision_function",
}


def _answer(estimator: Any, spec: OutputSpec, data: Data) -> Tensor:
    """One output: (n, k); of several labels, `probability` is that each holds."""
    answer = apply(estimator, METHODS[spec.meaning], data)
    if isinstance(answer, list):
        graph: Graph = answer[0].graph
        return graph.concat([one.column(1) for one in answer])
    return matrix(answer) if isinstance(answer, Frame) else answer

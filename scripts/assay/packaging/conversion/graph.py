"""An ONNX graph: nodes, constants, inputs and outputs.

Every number is float64 unless a converter asks for something else, so that a formula gives what
scikit-learn's gives. Equal nodes are one node: converters need not care who computed what before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.conversion.tensor import Tensor, tensor_type

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from onnx import AttributeProto, ModelProto, NodeProto, TensorProto

OPSET = 21
OPSET_ML = 3
IR_VERSION = 10
"""The newest that onnxruntime 1.19 runs. `TreeEnsemble` of ai.onnx.ml 5 came with 1.21, and what
its `BRANCH_MEMBER` answers for numbers that are no integers has changed since."""
ML = "ai.onnx.ml"


@dataclass(eq=False)
class Graph:
    """Nodes in the order in which they can run."""

    inputs: dict[str, tuple[str, tuple[int | None, ...]]] = field(default_factory=dict)
    """Name to dtype and shape."""
    memo: dict[tuple[object, ...], Any] = field(default_factory=dict)
    """What converters have made already: see `registry.apply`."""
    sample: Any = None
    """Some rows of what the model is given: a DataFrame."""
    changes: list[str] = field(default_factory=list)
    """`Conversion.changes`."""
    _nodes: list[NodeProto] = field(default_factory=list)
    _made: dict[bytes, tuple[str, ...]] = field(default_factory=dict)
    _constants: dict[tuple[object, ...], str] = field(default_factory=dict)
    _initializers: list[TensorProto] = field(default_factory=list)
    _outputs: dict[str, tuple[str, tuple[int | None, ...]]] = field(default_factory=dict)
    _count: int = 0

    def input(self, name: str, dtype: str, shape: tuple[int | None, ...]) -> Tensor:
        """An input of the model."""
        self.inputs[name] = dtype, shape
        return Tensor(self, name, dtype)

    def output(self, tensor: Tensor, name: str, shape: tuple[int | None, ...]) -> None:
        """An output of the model."""
        from onnx import helper

        self._nodes.append(helper.make_node("Identity", [tensor.name], [name]))
        self._outputs[name] = tensor.dtype, shape

    def constant(self, values: Any) -> Tensor:
        """An array of numbers, booleans or text."""
        array = np.asarray(values)
        text = array.dtype.kind in "OUS"
        kind = "string" if text else array.dtype.name
        content = repr(array.tolist()).encode() if text else array.tobytes()
        key = (kind, array.shape, content)
        if key not in self._constants:
            self._constants[key] = self.fresh("constant")
            self._initializers.append(proto(array, self._constants[key]))
        return Tensor(self, self._constants[key], kind)

    def node(
        self, kind: str, operands: Sequence[Tensor], *, dtype: str, **attributes: Any
    ) -> Tensor:
        """A node with one result."""
        return self.nodes(kind, operands, dtypes=(dtype,), **attributes)[0]

    def nodes(
        self,
        kind: str,
        operands: Sequence[Tensor],
        *,
        dtypes: Sequence[str],
        long: Sequence[AttributeProto] = (),
        **attributes: Any,
    ) -> tuple[Tensor, ...]:
        """A node with several results.

        Args:
            kind: ONNX's name of the operator.
            operands: Its inputs.
            dtypes: Of its results.
            long: Attributes that are made already: those of trees have a million elements.
            attributes: The others; `domain` is among them.
        """
        from onnx import helper

        made = helper.make_node(kind, [operand.name for operand in operands], [], **attributes)
        made.attribute.extend(long)
        key = made.SerializeToString(deterministic=True)
        if key not in self._made:
            self._made[key] = tuple(self.fresh(kind) for _ in dtypes)
            made.output.extend(self._made[key])
            self._nodes.append(made)
        names = self._made[key]
        return tuple(Tensor(self, name, dtype) for name, dtype in zip(names, dtypes, strict=True))

    def fresh(self, kind: str) -> str:
        """A name that nothing has; columns of users have no control characters."""
        self._count += 1
        return f"{kind}\x1f{self._count}"

    def adopt(self, initializer: TensorProto) -> str:
        """A constant that was made elsewhere: its name here."""
        copy = type(initializer)()
        copy.CopyFrom(initializer)
        copy.name = self.fresh("constant")
        self._initializers.append(copy)
        return copy.name

    def insert(self, node: NodeProto) -> None:
        """A node that was made elsewhere, with names of `fresh`."""
        self._nodes.append(node)

    def concat(self, parts: Sequence[Tensor], axis: int = 1) -> Tensor:
        """Side by side; numbers of several kinds become float64."""
        if len(parts) == 1:
            return parts[0]
        if len({part.dtype for part in parts}) > 1:
            parts = [part.cast("float64") for part in parts]
        return self.node("Concat", parts, dtype=parts[0].dtype, axis=axis)

    def loop(
        self,
        states: Sequence[Tensor],
        body: Callable[[Graph, list[Tensor]], tuple[Tensor, list[Tensor]]],
        *,
        limit: int,
    ) -> tuple[Tensor, ...]:
        """What states come to, step by step.

        Args:
            states: What is known before.
            body: (a graph of its own, states) to (whether to go on, states). It may use tensors of
                this graph, as `Tensor(graph, outer.name, outer.dtype)`.
            limit: How many steps there are at most.
        """
        from onnx import helper

        inner = Graph(_count=self._count)
        step, going = inner.fresh("step"), inner.fresh("going")
        held = [Tensor(inner, inner.fresh("state"), state.dtype) for state in states]
        more, results = body(inner, held)
        self._count = inner._count
        described = [_described(one.name, one.dtype, None) for one in (*held, more, *results)]
        graph = helper.make_graph(
            inner._nodes,
            "body",
            [_described(step, "int64", ()), _described(going, "bool", ()), *described[: len(held)]],
            described[len(held) :],
            inner._initializers,
        )
        most, true = self.constant(np.array(limit)), self.constant(np.ones((), dtype=np.bool_))
        dtypes = [state.dtype for state in states]
        return self.nodes("Loop", [most, true, *states], dtypes=dtypes, body=graph)

    def model(self) -> ModelProto:
        """The whole as ONNX, without what no output needs; names are numbered in order."""
        from onnx import helper

        nodes = _needed(self._nodes, set(self._outputs))
        used = {name for node in nodes for name in node.input}
        used |= {name for node in nodes for one in node.attribute for name in _outer(one)}
        initializers = [one for one in self._initializers if one.name in used]
        _rename(nodes, initializers, taken={*self.inputs, *self._outputs})
        graph = helper.make_graph(
            nodes,
            "model",
            [_described(name, *spec) for name, spec in self.inputs.items()],
            [_described(name, *spec) for name, spec in self._outputs.items()],
            initializers,
        )
        domains = {node.domain for node in nodes}
        versions = {"": OPSET, ML: OPSET_ML, "com.microsoft": 1}
        opsets = [
            helper.make_opsetid(name, version)
            for name, version in versions.items()
            if name in domains or not name
        ]
        return helper.make_model(
            graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="assay"
        )


def proto(array: NDArray[Any], name: str = "") -> TensorProto:
    """An array as ONNX."""
    from onnx import TensorProto, helper, numpy_helper

    if array.dtype.kind in "OUS":
        texts = [str(text).encode() for text in array.ravel()]
        return helper.make_tensor(name, TensorProto.STRING, array.shape, texts)  # type: ignore[arg-type]  # text is bytes
    return numpy_helper.from_array(np.asarray(array, order="C"), name)


def _described(name: str, dtype: str, shape: tuple[int | None, ...] | None) -> Any:
    from onnx import helper

    sizes = None if shape is None else [*shape]
    return helper.make_tensor_value_info(name, tensor_type(dtype), sizes)


def _needed(nodes: Sequence[NodeProto], wanted: set[str]) -> list[NodeProto]:
    kept = []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            for attribute in node.attribute:
                wanted.update(_outer(attribute))
            kept.append(node)
    return kept[::-1]


def _outer(attribute: AttributeProto) -> set[str]:
    """What the body of a loop reads, its own names too."""
    inside = {name for node in attribute.g.node for name in node.input}
    return inside.union(one.name for one in attribute.g.output)


def _rename(
    nodes: Sequence[NodeProto], initializers: Sequence[TensorProto], *, taken: set[str]
) -> None:
    r"""`kind\x1f12` becomes `kind_3`, or `kind_3_` where a column is called so."""
    short: dict[str, str] = {}

    def renamed(name: str) -> str:
        if "\x1f" not in name:
            return name
        if name not in short:
            candidate = f"{name.partition(chr(31))[0]}_{len(short)}"
            while candidate in taken:
                candidate += "_"
            short[name] = candidate
        return short[name]

    def rename(part: Sequence[NodeProto]) -> None:
        for node in part:
            node.input[:] = [renamed(name) for name in node.input]
            for attribute in node.attribute:
                for one in (*attribute.g.input, *attribute.g.output, *attribute.g.initializer):
                    one.name = renamed(one.name)
                rename(attribute.g.node)
            node.output[:] = [renamed(name) for name in node.output]
            node.name = node.output[0]

    for one in initializers:
        one.name = renamed(one.name)
    rename(nodes)

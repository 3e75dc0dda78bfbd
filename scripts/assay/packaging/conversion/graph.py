"""An ONNX graph written as NumPy is: `Tensor` overloads operators, and `Graph` holds the nodes.

Every number is float64 unless a converter asks for something else, so that a formula gives what
scikit-learn's gives. Equal nodes are one node: converters need not care who computed what before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

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
Operand = "Tensor | NDArray[Any] | float"


@dataclass(frozen=True, eq=False)
class Tensor:
    """A result of a node: (n, ...) as in NumPy, and a dtype as in `facts.DType`."""

    graph: Graph
    name: str
    dtype: str

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Tensor:
        """NumPy leaves `array - tensor` and `np.log(tensor)` to us: a user's function is traced."""
        from assay.packaging.conversion import ufuncs

        if method != "__call__" or options:
            return NotImplemented
        return ufuncs.trace(self, ufunc, inputs)

    def __array_function__(
        self, function: Any, kinds: Any, inputs: Sequence[Any], options: dict[str, Any]
    ) -> Tensor:
        """The same for `np.where` and `np.clip`."""
        from assay.packaging.conversion import ufuncs

        del kinds
        return ufuncs.call(self, function, inputs, options)

    def __bool__(self) -> bool:
        """Nobody knows while the graph is made."""
        raise TypeError("The numbers are not known while the graph is made.")

    def op(self, kind: str, *others: Operand, dtype: str | None = None, **attributes: Any) -> Tensor:
        """A node whose first operand this is; numbers and arrays become constants of its dtype."""
        operands = [self, *(self.like(other) for other in others)]
        return self.graph.node(kind, operands, dtype=dtype or self.dtype, **attributes)

    def like(self, other: Operand) -> Tensor:
        """Another operand as a tensor; its dtype is this one's, unless it is a tensor already."""
        if isinstance(other, Tensor):
            return other
        kind = object if self.dtype == "string" else self.dtype
        return self.graph.constant(np.asarray(other, dtype=kind))

    def _pair(self, kind: str, other: Operand, *, swap: bool = False, to: str = "") -> Tensor:
        left, right = self, self.like(other)
        if left.dtype != right.dtype:
            left, right = left.cast("float64"), right.cast("float64")
        operands = [right, left] if swap else [left, right]
        return self.graph.node(kind, operands, dtype=to or left.dtype)

    def __add__(self, other: Operand) -> Tensor:
        return self._pair("Add", other)

    __radd__ = __add__

    def __sub__(self, other: Operand) -> Tensor:
        return self._pair("Sub", other)

    def __rsub__(self, other: Operand) -> Tensor:
        return self._pair("Sub", other, swap=True)

    def __mul__(self, other: Operand) -> Tensor:
        return self._pair("Mul", other)

    __rmul__ = __mul__

    def __truediv__(self, other: Operand) -> Tensor:
        return self._pair("Div", other)

    def __rtruediv__(self, other: Operand) -> Tensor:
        return self._pair("Div", other, swap=True)

    def __pow__(self, other: Operand) -> Tensor:
        return self._pair("Pow", other)

    def __matmul__(self, other: Operand) -> Tensor:
        return self._pair("MatMul", other)

    def __rmatmul__(self, other: Operand) -> Tensor:
        return self._pair("MatMul", other, swap=True)

    def __neg__(self) -> Tensor:
        return self.op("Neg")

    def __lt__(self, other: Operand) -> Tensor:
        return self._pair("Less", other, to="bool")

    def __le__(self, other: Operand) -> Tensor:
        return self._pair("LessOrEqual", other, to="bool")

    def __gt__(self, other: Operand) -> Tensor:
        return self._pair("Greater", other, to="bool")

    def __ge__(self, other: Operand) -> Tensor:
        return self._pair("GreaterOrEqual", other, to="bool")

    def __and__(self, other: Operand) -> Tensor:
        return self._pair("And", other, to="bool")

    def __or__(self, other: Operand) -> Tensor:
        return self._pair("Or", other, to="bool")

    def __invert__(self) -> Tensor:
        return self.op("Not")

    def equals(self, other: Operand) -> Tensor:
        """Elementwise `==`; NaN equals nothing."""
        return self._pair("Equal", other, to="bool")

    def cast(self, dtype: str) -> Tensor:
        """In another dtype; `float32` rounds to nearest, as NumPy does."""
        if dtype == self.dtype:
            return self
        return self.op("Cast", dtype=dtype, to=tensor_type(dtype))

    def where(self, yes: Tensor, no: Operand) -> Tensor:
        """`yes` where this boolean tensor holds, else `no`."""
        return self.graph.node("Where", [self, yes, yes.like(no)], dtype=yes.dtype)

    def reduce(self, kind: str, axis: int, *, keep: bool = True) -> Tensor:
        """`Sum`, `Mean`, `Max` or `Min` along an axis."""
        axes = self.graph.constant(np.array([axis]))
        return self.graph.node(f"Reduce{kind}", [self, axes], dtype=self.dtype, keepdims=int(keep))

    def sum(self, axis: int = 1, *, keep: bool = True) -> Tensor:
        """The sum along an axis."""
        return self.reduce("Sum", axis, keep=keep)

    def max(self, axis: int = 1, *, keep: bool = True) -> Tensor:
        """The maximum along an axis."""
        return self.reduce("Max", axis, keep=keep)

    def argmax(self, axis: int = 1) -> Tensor:
        """The first place of the maximum: int64; the axis stays, with length 1."""
        return self.op("ArgMax", dtype="int64", axis=axis, keepdims=1)

    def any(self, axis: int = 1, *, keep: bool = True) -> Tensor:
        """Whether any holds along an axis."""
        return self.cast("int64").reduce("Max", axis, keep=keep).cast("bool")

    def isnan(self) -> Tensor:
        """Whether it is NaN; nothing but a float ever is."""
        floats = self if self.dtype.startswith("float") else self.cast("float64")
        return floats.op("IsNaN", dtype="bool")

    def clip(self, low: float | None = None, high: float | None = None) -> Tensor:
        """Within two bounds; NaN stays NaN."""
        kept = self if low is None else (self < low).where(self.like(low), self)
        return kept if high is None else (kept > high).where(kept.like(high), kept)

    def sigmoid(self) -> Tensor:
        """1 / (1 + exp(-x)); onnxruntime's `Sigmoid` is stable in float64 too."""
        return self.op("Sigmoid")

    def softmax(self, axis: int = 1) -> Tensor:
        """As `sklearn.utils.extmath.softmax`."""
        shifted = (self - self.max(axis)).op("Exp")
        return shifted / shifted.sum(axis)

    def logsumexp(self, axis: int = 1) -> Tensor:
        """log(sum(exp(x))) without overflow."""
        top = self.max(axis)
        return (self - top).op("Exp").sum(axis).op("Log") + top

    def take(self, indices: Tensor | NDArray[Any] | Sequence[int], axis: int = 1) -> Tensor:
        """Columns by position, as `np.take`."""
        if not isinstance(indices, Tensor):
            indices = self.graph.constant(np.asarray(indices, dtype=np.int64))
        return self.graph.node("Gather", [self, indices], dtype=self.dtype, axis=axis)

    def column(self, place: int) -> Tensor:
        """One column: (n, 1)."""
        return self.take([place])

    def reshape(self, *shape: int) -> Tensor:
        """As NumPy; 0 keeps an axis as it is."""
        target = self.graph.constant(np.array(shape, dtype=np.int64))
        return self.graph.node("Reshape", [self, target], dtype=self.dtype)

    def transpose(self, *order: int) -> Tensor:
        """As NumPy; without an order of axes, of a matrix."""
        return self.op("Transpose", perm=list(order or (1, 0)))

    def sort_top(self, count: int, *, largest: bool = False) -> tuple[Tensor, Tensor]:
        """The first `count` of each row in order, and their places; ties by the lower place."""
        counted = self.graph.constant(np.array([count], dtype=np.int64))
        return self.graph.nodes(
            "TopK", [self, counted], dtypes=(self.dtype, "int64"), axis=1, largest=int(largest), sorted=1
        )  # type: ignore[return-value]


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

    def constant(self, values: Any, dtype: str | None = None) -> Tensor:
        """An array of numbers, booleans or text."""
        array = np.asarray(values, dtype=dtype)
        text = array.dtype.kind in "OUS"
        kind = "string" if text else array.dtype.name
        content = repr(array.tolist()).encode() if text else array.tobytes()
        key = (kind, array.shape, content)
        if key not in self._constants:
            self._constants[key] = self.fresh("constant")
            self._initializers.append(proto(array, self._constants[key]))
        return Tensor(self, self._constants[key], kind)

    def node(self, kind: str, operands: Sequence[Tensor], *, dtype: str, **attributes: Any) -> Tensor:
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
        most, true = self.constant(np.array(limit)), self.constant(np.array(True))
        dtypes = [state.dtype for state in states]
        return self.nodes("Loop", [most, true, *states], dtypes=dtypes, body=graph)

    def model(self) -> ModelProto:
        """The whole as ONNX, without what no output needs; names are numbered in order."""
        from onnx import helper

        nodes = _needed(self._nodes, set(self._outputs))
        used = {name for node in nodes for name in node.input}
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


def tensor_type(dtype: str) -> int:
    """ONNX's number of a dtype."""
    from onnx import TensorProto, helper

    return int(TensorProto.STRING if dtype == "string" else helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


def proto(array: NDArray[Any], name: str = "") -> TensorProto:
    """An array as ONNX."""
    from onnx import TensorProto, helper, numpy_helper

    if array.dtype.kind in "OUS":
        texts = [str(text).encode() for text in array.ravel()]
        return helper.make_tensor(name, TensorProto.STRING, array.shape, texts)
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


def _rename(nodes: Sequence[NodeProto], initializers: Sequence[TensorProto], *, taken: set[str]) -> None:
    """`kind\x1f12` becomes `kind_3`, or `kind_3_` where a column is called so."""
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

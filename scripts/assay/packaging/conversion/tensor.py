"""A result of a node of an ONNX graph, to be written with as NumPy's arrays are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from assay.packaging.conversion.graph import Graph

Operand: TypeAlias = Any
"""A tensor, or what becomes a constant: an array, a number, text."""


class Unknown:
    """What has no numbers while the graph is made."""

    def __bool__(self, *_: Any, **__: Any) -> NoReturn:
        """Nobody knows."""
        raise TypeError("The numbers are not known while the graph is made.")

    __array__ = __bool__


@dataclass(frozen=True, eq=False)
class Tensor(Unknown):
    """A result of a node: (n, ...) as in NumPy, and a dtype as in `facts.DType`."""

    graph: Graph
    name: str
    dtype: str

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """NumPy leaves `array - tensor` and `np.log(tensor)` to us: a user's function is traced."""
        from assay.packaging.conversion import ufuncs

        if method != "__call__" or options:
            return NotImplemented
        return ufuncs.trace(self, ufunc, inputs)

    def __array_function__(
        self, function: Any, kinds: Any, inputs: Sequence[Any], options: dict[str, Any]
    ) -> Any:
        """The same for `np.where` and `np.clip`."""
        from assay.packaging.conversion import ufuncs

        del kinds
        return ufuncs.call(function, inputs, options)

    def op(
        self, kind: str, *others: Operand, dtype: str | None = None, **attributes: Any
    ) -> Tensor:
        """A node whose first operand this is; numbers and arrays become constants of its dtype."""
        operands = [self, *(self.like(other) for other in others)]
        return self.graph.node(kind, operands, dtype=dtype or self.dtype, **attributes)

    def like(self, other: Operand) -> Tensor:
        """Another operand as a tensor; its dtype is this one's, unless it is a tensor already.

        Raises:
            TypeError: It is a fraction, and this is an integer: see `promoted`.
        """
        if isinstance(other, Tensor):
            return other
        kind = object if self.dtype == "string" else self.dtype
        return self.graph.constant(np.asarray(other).astype(kind, casting="same_kind"))

    def _pair(self, kind: str, other: Operand, *, swap: bool = False, to: str = "") -> Tensor:
        operands = promoted(self.graph, self, other)
        dtype = to or operands[0].dtype
        return self.graph.node(kind, operands[::-1] if swap else operands, dtype=dtype)

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
        return self.floating()._pair("Div", other)

    def __rtruediv__(self, other: Operand) -> Tensor:
        return self.floating()._pair("Div", other, swap=True)

    def floating(self) -> Tensor:
        """A float as it is, anything else as float64."""
        return self if self.dtype.startswith("float") else self.cast("float64")

    def __pow__(self, other: Operand) -> Tensor:
        return self._pair("Pow", other)

    def __matmul__(self, other: Operand) -> Tensor:
        return self._pair("MatMul", other)

    def __rmatmul__(self, other: Operand) -> Tensor:
        return self._pair("MatMul", other, swap=True)

    def __neg__(self) -> Tensor:
        return self.op("Neg")

    def __eq__(self, other: Operand) -> Tensor:  # type: ignore[override]  # as NumPy: elementwise
        return self.equals(other)

    def __ne__(self, other: Operand) -> Tensor:  # type: ignore[override]  # as NumPy: elementwise
        return ~self.equals(other)

    __hash__ = object.__hash__

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

    def astype(self, dtype: Any) -> Tensor:
        """As pandas and NumPy: to a number or a boolean."""
        return self.cast(np.dtype(dtype).name)

    def isna(self) -> Tensor:
        """Whether it is missing: NaN, or the empty text."""
        return self.equals("") if self.dtype == "string" else self.isnan()

    def fillna(self, value: float | str) -> Tensor:
        """With a value in place of what is missing."""
        return self.isna().where(value, self)

    def isin(self, values: Sequence[Any]) -> Tensor:
        """Whether it is one of some values."""
        found = self.equals(values[0])
        for value in values[1:]:
            found |= self.equals(value)
        return found

    def where(self, yes: Operand, no: Operand) -> Tensor:
        """`yes` where this boolean tensor holds, else `no`."""
        either = promoted(self.graph, yes, no)
        return self.graph.node("Where", [self, *either], dtype=either[0].dtype)

    def reduce(self, kind: str, axis: int, *, keep: bool = True) -> Tensor:
        """`Sum`, `Mean`, `Max` or `Min` along an axis."""
        axes = self.graph.constant(np.array([axis]))
        return self.graph.node(f"Reduce{kind}", [self, axes], dtype=self.dtype, keepdims=int(keep))

    def sum(self, axis: int = 1, *, keep: bool = True) -> Tensor:
        """The sum along an axis."""
        return self.reduce("Sum", axis, keep=keep)

    def max(self, axis: int = 1) -> Tensor:
        """The maximum along an axis."""
        return self.reduce("Max", axis)

    def argmax(self, axis: int = 1) -> Tensor:
        """The first place of the maximum: int64; the axis stays, with length 1."""
        return self.cast("float64").op("ArgMax", dtype="int64", axis=axis, keepdims=1)

    def any(self, axis: int = 1, *, keep: bool = True) -> Tensor:
        """Whether any holds along an axis."""
        return self.cast("int64").reduce("Max", axis, keep=keep).cast("bool")

    def isnan(self) -> Tensor:
        """Whether it is NaN; nothing but a float ever is."""
        return self.floating().op("IsNaN", dtype="bool")

    def clip(self, low: float | None = None, high: float | None = None) -> Tensor:
        """Within two bounds; NaN stays NaN."""
        kept = self if low is None else (self < low).where(low, self)
        return kept if high is None else (kept > high).where(high, kept)

    def divisor(self) -> Tensor:
        """1 in place of 0, as scikit-learn's `_handle_zeros_in_scale`."""
        return self.equals(0.0).where(1.0, self)

    def sigmoid(self) -> Tensor:
        """1 / (1 + exp(-x)); onnxruntime's `Sigmoid` is stable in float64 too."""
        return self.op("Sigmoid")

    def softmax(self) -> Tensor:
        """As `sklearn.utils.extmath.softmax`."""
        shifted = (self - self.max()).op("Exp")
        return shifted / shifted.sum()

    def logsumexp(self) -> Tensor:
        """log(sum(exp(x))) without overflow."""
        top = self.max()
        return (self - top).op("Exp").sum().op("Log") + top

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

    def sort_top(self, count: int) -> tuple[Tensor, Tensor]:
        """The first `count` of each row in order, and their places; ties by the lower place."""
        counted = self.graph.constant(np.array([count], dtype=np.int64))
        dtypes = (self.dtype, "int64")
        ordered, places = self.graph.nodes(
            "TopK", [self, counted], dtypes=dtypes, axis=1, largest=0, sorted=1
        )
        return ordered, places


def promoted(graph: Graph, *operands: Operand) -> list[Tensor]:
    """Operands in the dtype that NumPy has for all of them; beside a float no constant counts.

    Raises:
        TypeError: There are text and numbers among them.
    """
    known = [_dtype(one) for one in operands]
    if len({one == "string" for one in known}) > 1:
        raise TypeError("Text stands beside numbers.")
    tensors = [one.dtype for one in operands if isinstance(one, Tensor)]
    counted = tensors if any(one.startswith("float") for one in tensors) else known
    common = "string" if "string" in known else np.result_type(*counted).name
    kind = object if common == "string" else common
    return [
        one.cast(common) if isinstance(one, Tensor) else graph.constant(np.asarray(one, dtype=kind))
        for one in operands
    ]


def _dtype(operand: Operand) -> str:
    if isinstance(operand, Tensor):
        return operand.dtype
    kind = np.asarray(operand).dtype
    return "string" if kind.kind in "OUS" else kind.name


def tensor_type(dtype: str) -> int:
    """ONNX's number of a dtype."""
    from onnx import TensorProto, helper

    return int(
        TensorProto.STRING
        if dtype == "string"
        else helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    )

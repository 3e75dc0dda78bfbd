"""Trees of every library as one `TreeEnsembleRegressor`, exact in float64.

That operator compares in float64 but sums in float32. So it is asked only in which leaf a row
ends, a number that float32 holds, and the leaves' values are looked up and summed in float64.
`TreeEnsemble` of ai.onnx.ml 5 sums in float64, but runs on no onnxruntime before 1.21, and a leaf
of it has one value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.conversion.graph import ML, proto

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from onnx import AttributeProto

    from assay.packaging.conversion.tensor import Tensor


@dataclass(frozen=True, eq=False)
class Tree:
    """One tree: arrays over its nodes, of which the first is the root."""

    feature: NDArray[np.int64]
    """(m,): the column that is compared; -1 of a leaf."""
    threshold: NDArray[np.float64]
    """(m,): left is where the column is at most this, or below (`leaves`)."""
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    missing_left: NDArray[np.bool_]
    """(m,): whether NaN goes left."""
    value: NDArray[np.float64]
    """(m, k): what a leaf gives."""


def grown(
    root: dict[str, Any],
    ways: tuple[str, str],
    split: Callable[[dict[str, Any]], tuple[int, float, bool]],
    value: Callable[[dict[str, Any]], Any],
) -> Tree:
    """A tree of nodes that hold each other, numbered as they are met.

    Args:
        root: The first node.
        ways: Where a node holds the one to the left and the one to the right; a leaf has neither.
        split: Column, threshold, and whether NaN goes left, of a node that is no leaf.
        value: What a leaf gives: a number, or k of them.
    """
    rows: list[tuple[int, float, bool]] = []
    values: list[Any] = []
    next_to: list[list[int]] = []
    pending = [(root, -1, 0)]
    while pending:
        node, parent, side = pending.pop()
        place = len(rows)
        if parent >= 0:
            next_to[parent][side] = place
        next_to.append([0, 0])
        leaf = ways[0] not in node
        rows.append((-1, 0.0, False) if leaf else split(node))
        values.append(np.atleast_1d(value(node)) if leaf else None)
        if not leaf:
            pending += [(node[ways[1]], place, 1), (node[ways[0]], place, 0)]
    feature, threshold, missing_left = zip(*rows, strict=True)
    nothing = np.zeros_like(next(one for one in values if one is not None))
    return Tree(
        feature=np.array(feature, dtype=np.int64),
        threshold=np.array(threshold, dtype=np.float64),
        left=np.array([left for left, _ in next_to], dtype=np.int64),
        right=np.array([right for _, right in next_to], dtype=np.int64),
        missing_left=np.array(missing_left, dtype=np.bool_),
        value=np.array([nothing if one is None else one for one in values], dtype=np.float64),
    )


def leaves(values: Tensor, trees: Sequence[Tree], *, below: bool = False) -> Tensor:
    """The leaf of each row in each tree: (n, trees) int64, a row of `table(trees)`.

    Args:
        values: (n, d) float64, rounded to float32 already where the library compares so.
        trees: The trees.
        below: Whether left is `<` instead of `<=`.
    """
    sizes = [len(tree.feature) for tree in trees]
    leaf = np.concatenate([tree.feature for tree in trees]) < 0
    number = np.repeat(np.arange(len(trees)), sizes)
    node = np.concatenate([np.arange(size) for size in sizes])
    branch = b"BRANCH_LT" if below else b"BRANCH_LEQ"
    places = np.concatenate([_places(tree) for tree in trees])
    long = [
        _ints("nodes_treeids", number),
        _ints("nodes_nodeids", node),
        _ints("nodes_featureids", _of(trees, "feature", leaf)),
        _ints("nodes_truenodeids", _of(trees, "left", leaf)),
        _ints("nodes_falsenodeids", _of(trees, "right", leaf)),
        _ints("nodes_missing_value_tracks_true", _of(trees, "missing_left", leaf)),
        _texts("nodes_modes", [b"LEAF" if one else branch for one in leaf.tolist()]),
        _numbers("nodes_values_as_tensor", _of(trees, "threshold", leaf).astype(np.float64)),
        _ints("target_treeids", number[leaf]),
        _ints("target_nodeids", node[leaf]),
        _ints("target_ids", number[leaf]),
        _numbers("target_weights_as_tensor", places[leaf]),
    ]
    (found,) = values.graph.nodes(
        "TreeEnsembleRegressor",
        [values],
        dtypes=("float32",),
        long=long,
        domain=ML,
        n_targets=len(trees),
    )
    starts = np.cumsum([0, *(int((tree.feature < 0).sum()) for tree in trees)])[:-1]
    return found.cast("int64") + starts.astype(np.int64)[None, :]


def table(trees: Sequence[Tree]) -> NDArray[np.float64]:
    """(leaves, k): the values of all leaves, tree by tree."""
    return np.concatenate([tree.value[tree.feature < 0] for tree in trees])


def total(values: Tensor, trees: Sequence[Tree], *, below: bool = False) -> Tensor:
    """The sum of the trees' values: (n, k)."""
    rows = leaves(values, trees, below=below)
    return values.graph.constant(table(trees)).take(rows, axis=0).sum(axis=1, keep=False)


class Sides:
    """Splits by category as columns of their own: 0 goes left, 1 goes right.

    A tree of ONNX compares numbers. So a set of categories becomes a column, looked up by the
    category's code, and equal sets share it.

    Args:
        features: How many columns there are.
    """

    def __init__(self, features: int) -> None:
        self._features = features
        self._columns: dict[tuple[int, tuple[float, ...], float], int] = {}

    def column(self, feature: int, right: NDArray[np.float64], other: float) -> int:
        """The column of a split.

        Args:
            feature: The column with the category's code.
            right: 1 where a code goes right, by code.
            other: The same of a code behind those, and of a negative one; NaN stays NaN.
        """
        key = feature, tuple(right.tolist()), other
        return self._columns.setdefault(key, self._features + len(self._columns))

    def extend(self, values: Tensor) -> Tensor:
        """The columns, and those of the splits behind them."""
        parts, order = [values], []
        for feature in sorted({key[0] for key in self._columns}):
            keys = [key for key in self._columns if key[0] == feature]
            order += [self._columns[key] for key in keys]
            size = max(len(right) for _, right, _ in keys)
            rows = np.array(
                [[*right, *[other] * (size + 1 - len(right))] for _, right, other in keys]
            )
            code = values.column(feature)
            place = code_of(code, size)
            side = values.graph.constant(np.ascontiguousarray(rows.T)).take(place, axis=0)
            parts.append(code.isnan().where(np.nan, side))
        back = np.argsort(np.array([*range(self._features), *order]))
        return values.graph.concat(parts).take(back) if order else values


def code_of(column: Tensor, size: int) -> Tensor:
    """A column of codes as int64 (n,); `size` stands for NaN and for what is none of them."""
    known = column.isnan().where(float(size), column)
    code = known.clip(-1.0, float(size)).cast("int64").reshape(-1)
    return (code < 0).where(size, code)


def _places(tree: Tree) -> NDArray[np.float64]:
    return np.asarray(np.cumsum(tree.feature < 0) - 1.0)


def _of(trees: Sequence[Tree], name: str, leaf: NDArray[np.bool_]) -> NDArray[Any]:
    return np.where(leaf, 0, np.concatenate([getattr(tree, name) for tree in trees]))


def _ints(name: str, values: NDArray[Any]) -> AttributeProto:
    from onnx import AttributeProto

    return AttributeProto(
        name=name, type=AttributeProto.INTS, ints=values.astype(np.int64).tolist()
    )


def _texts(name: str, values: list[bytes]) -> AttributeProto:
    from onnx import AttributeProto

    return AttributeProto(name=name, type=AttributeProto.STRINGS, strings=values)


def _numbers(name: str, values: NDArray[Any]) -> AttributeProto:
    from onnx import AttributeProto

    return AttributeProto(name=name, type=AttributeProto.TENSOR, t=proto(values, name))

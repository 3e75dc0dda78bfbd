"""Tensors of a graph against NumPy's arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from assay.packaging.conversion import ufuncs
from assay.packaging.conversion.graph import Graph
from assay.packaging.conversion.tensor import Tensor
from assay.packaging.conversion.tracing import Table
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special


def run(made: Tensor, **arrays: Any) -> np.ndarray[Any, Any]:
    """What onnxruntime makes of the graph of a tensor."""
    made.graph.output(made, "result", (None,) * 2)
    session = onnxruntime.InferenceSession(
        made.graph.model().SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found: np.ndarray[Any, Any] = session.run(["result"], arrays)[0]
    return found


def one(function: Any, values: Any) -> np.ndarray[Any, Any]:
    """A function of one column."""
    column = np.asarray(values, dtype=np.float64).reshape(-1, 1)
    return run(function(Graph().input("x", "float64", (None, 1))), x=column)[:, 0]


class TestFunctions:
    @pytest.mark.parametrize(
        ("made", "expected", "low", "high", "tolerance"),
        [
            (ufuncs.erf, special.erf, -8.0, 8.0, 1e-14),
            (ufuncs.ndtri, special.ndtri, 1e-7, 1 - 1e-7, 1e-11),
            (ufuncs.log1p, np.log1p, -0.9, 50.0, 1e-15),
            (ufuncs.expm1, np.expm1, -30.0, 30.0, 1e-14),
        ],
        ids=["erf", "ndtri", "log1p", "expm1"],
    )
    def test_against_scipy(self, made, expected, low, high, tolerance):
        values = np.concatenate([np.linspace(low, high, 4001), np.geomspace(1e-7, 0.5, 200)])
        np.testing.assert_allclose(one(made, values), expected(values), tolerance, 1e-15)

    @settings(max_examples=30)
    @given(st.lists(st.floats(width=64), min_size=1, max_size=20))
    def test_clip_and_where_keep_nan(self, values):
        array = np.array(values)
        got = one(lambda x: np.clip(x, -1.0, 2.0), array)
        np.testing.assert_array_equal(got, np.clip(array, -1.0, 2.0))
        got = one(lambda x: np.where(x > 0, x, 7.0), array)
        np.testing.assert_array_equal(got, np.where(array > 0, array, 7.0))

    def test_arrays_on_either_side(self):
        values, array = np.array([1.0, 4.0]), np.array([[2.0, 3.0]])

        def formula(x: Any) -> Any:
            return ((array - x) * (x / array) + array / x) @ np.array([[1.0], [2.0]])

        expected = formula(values.reshape(-1, 1))[:, 0]
        np.testing.assert_allclose(one(formula, values), expected, 1e-15)

    @pytest.mark.parametrize("dtype", ["int64", "bool", "float32"])
    @pytest.mark.parametrize(
        "formula",
        [
            lambda x: np.where(x > 0, 0.5, x),
            lambda x: np.where(x > 0, x, np.nan),
            lambda x: np.where(x > 0, 1, 0.5),
            lambda x: np.where(x > 0, "yes", "no"),
            lambda x: np.minimum(x, 0.5),
            lambda x: np.maximum(0.5, x),
            lambda x: np.clip(x, 0.25, 1.5),
            lambda x: 0.5 - x * 1.5,
            lambda x: (x + 2) ** 0.5,
            lambda x: np.multiply(x, 0.5),
            lambda x: np.log1p(np.add(x, 2)),
            lambda x: x > 0.5,
            lambda x: x == 2,
            lambda x: np.less(0.5, x),
        ],
    )
    def test_numbers_have_the_type_that_numpy_gives_them(self, formula, dtype):
        column = np.array([[-1], [0], [1], [2]]).astype(dtype)
        expected = formula(column)
        got = run(formula(Graph().input("x", dtype, (None, 1))), x=column)
        if expected.dtype.kind == "U":
            assert got.tolist() == expected.tolist()
        else:
            np.testing.assert_allclose(got, expected, 1e-6)
            assert got.dtype.kind == expected.dtype.kind

    @pytest.mark.parametrize(
        "formula",
        [lambda x: x == 1, lambda x: np.where(x == "1", x, 0.5), lambda x: x.fillna(0.5)],
        ids=["compared", "chosen", "filled"],
    )
    def test_text_beside_numbers(self, formula):
        with pytest.raises(TypeError, match="Text stands beside numbers"):
            formula(Graph().input("x", "string", (None, 1)))

    def test_an_operand_of_a_type_loses_no_fraction(self):
        with pytest.raises(TypeError, match="Cannot cast"):
            Graph().input("x", "int64", (None, 1)).op("Max", 0.5)

    def test_nobody_can_ask_for_a_value_while_the_graph_is_made(self):
        column = Graph().input("x", "float64", (None, 1))
        for unknown in (column > 0, Table({"x": column})):
            for ask in (bool, np.asarray):
                with pytest.raises(TypeError, match="not known"):
                    ask(unknown)

    def test_a_function_that_is_not_here(self):
        with pytest.raises(TypeError):
            np.arctan(Graph().input("x", "float64", (None, 1)))


class TestGraph:
    def test_equal_nodes_are_one(self):
        graph = Graph()
        x = graph.input("x", "float64", (None, 2))
        made = (x + 1.0) * (x + 1.0)
        graph.output(made, "y", (None, 2))
        assert [node.op_type for node in graph.model().graph.node] == ["Add", "Mul", "Identity"]

    def test_a_loop_that_doubles_until_all_are_large(self):
        graph = Graph()
        x = graph.input("x", "float64", (None, 1))
        limit = graph.constant(np.array([[100.0]]))

        def body(inner: Graph, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
            top = Tensor(inner, limit.name, limit.dtype)
            doubled = (states[0] < top).where(states[0] * 2.0, states[0])
            going = (doubled < top).cast("int64").reshape(-1).reduce("Max", 0, keep=False)
            return going.cast("bool"), [doubled]

        (made,) = graph.loop([x], body, limit=50)
        assert run(made, x=np.array([[1.0], [3.0], [200.0]]))[:, 0].tolist() == [128, 192, 200]

    def test_the_model_is_valid_and_names_are_plain(self):
        graph = Graph()
        x = graph.input("x", "float64", (None, 2))
        graph.output(x.softmax(), "y", (None, 2))
        model = graph.model()
        onnx.checker.check_model(model, full_check=True)
        names = {name for node in model.graph.node for name in (*node.input, *node.output)}
        assert all(name.isprintable() for name in names)

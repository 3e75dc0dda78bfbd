"""An ONNX file asked in the names and types of its signature."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from assay.errors import DataError
from assay.packaging.facts import InputSpec, OutputSpec, Signature
from assay.packaging.parity.session import Session, column
from onnx import TensorProto, helper, numpy_helper

VALUE = OutputSpec(name="value", meaning="value", dtype="float64", shape=(None,))


def graph(nodes: list[Any], inputs: dict[str, Any], outputs: dict[str, Any]) -> bytes:
    """A model of ONNX; inputs and outputs are (type, shape) by name."""
    made = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(name, *spec) for name, spec in inputs.items()],
        [helper.make_tensor_value_info(name, *spec) for name, spec in outputs.items()],
        [numpy_helper.from_array(np.asarray([1], dtype=np.int64), "one")],
    )
    opset = [helper.make_opsetid("", 21)]
    return bytes(helper.make_model(made, opset_imports=opset, ir_version=10).SerializeToString())


def signature(*names: str, dtype: Any = "float64", shape: Any = (None, 1)) -> Signature:
    inputs = tuple(InputSpec(name=name, dtype=dtype, shape=shape) for name in names)
    return Signature(task="regression", inputs=inputs, outputs=(VALUE,))


DOUBLE, FLOAT, TEXT = TensorProto.DOUBLE, TensorProto.FLOAT, TensorProto.STRING
SUM = graph(
    [
        helper.make_node("Cast", ["age"], ["wide"], to=DOUBLE),
        helper.make_node("Add", ["size", "wide"], ["value"]),
    ],
    {"size": (DOUBLE, [None, 1]), "age": (TensorProto.INT32, [None, 1])},
    {"value": (DOUBLE, [None, 1])},
)


class TestSession:
    def test_columns_by_name_in_the_types_of_the_graph(self):
        frame = pd.DataFrame({"age": [1, 2], "size": [0.5, 1.5], "more": ["x", "y"]})
        session = Session(SUM, signature("size", "age"))
        assert session.ask(frame)["value"].tolist() == [1.5, 3.5]
        assert [one.dtype for one in session.signature.inputs] == ["float64", "int32"]

    def test_a_matrix(self):
        mean = helper.make_node("ReduceSum", ["X", "one"], ["value"], keepdims=0)
        model = graph([mean], {"X": (FLOAT, [None, 3])}, {"value": (FLOAT, [None])})
        session = Session(model, signature("X", shape=(None, 3)))
        frame = pd.DataFrame([[1.0, 2.0, 3.0]], columns=["a", "b", "c"])
        assert session.ask(frame)["value"].tolist() == [6.0]
        assert session.signature.inputs[0].dtype == "float32"
        assert session.signature.outputs[0].dtype == "float32"

    def test_a_matrix_of_one_column(self):
        same = helper.make_node("Identity", ["X"], ["value"])
        model = graph([same], {"X": (DOUBLE, [None, 1])}, {"value": (DOUBLE, [None, 1])})
        frame = pd.DataFrame({"a": [1.0, 2.0]})
        assert Session(model, signature("X")).ask(frame)["value"].tolist() == [1.0, 2.0]

    def test_text(self):
        same = helper.make_node("Identity", ["town"], ["value"])
        model = graph([same], {"town": (TEXT, [None, 1])}, {"value": (TEXT, [None, 1])})
        frame = pd.DataFrame({"town": ["Köln", None, ""]})
        found = Session(model, signature("town", dtype="string")).ask(frame)
        assert found["value"].tolist() == ["Köln", "", ""]

    def test_an_output_that_there_is_not(self):
        same = helper.make_node("Identity", ["a"], ["label"])
        model = graph([same], {"a": (DOUBLE, [None, 1])}, {"label": (DOUBLE, [None, 1])})
        with pytest.raises(DataError) as caught:
            Session(model, signature("a"))
        assert caught.value.message == "the graph has no output value"

    def test_what_onnxruntime_does_not_run(self):
        with pytest.raises(DataError) as caught:
            Session(b"no graph", signature("a"))
        assert caught.value.message.startswith("onnxruntime does not run the graph: ")
        assert "\n" not in caught.value.message

    def test_rows_that_it_refuses(self):
        take = helper.make_node("Gather", ["one", "place"], ["value"])
        model = graph(
            [take],
            {"place": (TensorProto.INT64, [None, 1])},
            {"value": (TensorProto.INT64, [None, 1])},
        )
        session = Session(model, signature("place", dtype="int64"))
        assert session.ask(pd.DataFrame({"place": [0]}))["value"].tolist() == [1]
        with pytest.raises(DataError) as caught:
            session.ask(pd.DataFrame({"place": [7]}))
        assert caught.value.message.startswith("onnxruntime raises: ")

    def test_the_graph_is_what_it_looks_like(self):
        onnx.checker.check_model(onnx.load_from_string(SUM), full_check=True)


class TestColumn:
    @pytest.mark.parametrize(
        ("values", "dtype", "expected"),
        [
            (pd.Series([1, None], dtype="Int64"), "float64", [1.0, np.nan]),
            (pd.Series([True, None], dtype="boolean"), "float64", [1.0, np.nan]),
            (pd.Series([True, None], dtype=object), "float64", [1.0, np.nan]),
            (pd.Series([1, 2], dtype="Int8"), "int8", [1, 2]),
            (pd.Series([2**53 + 1]), "int64", [2**53 + 1]),
            (pd.Series([1.5, np.nan], dtype="float32"), "float64", [1.5, np.nan]),
            (pd.Series([1e300]), "float32", [np.inf]),
            (pd.Series(["a", None], dtype="category"), "string", ["a", ""]),
            (pd.Series(["a", np.nan], dtype=object), "string", ["a", ""]),
            (pd.Series([3, 4], dtype="category"), "int64", [3, 4]),
            (pd.Series([3, None], dtype="category"), "float64", [3, np.nan]),
            (pd.Series([True, False]), "bool", [True, False]),
        ],
        ids=str,
    )
    def test_values(self, values: pd.Series, dtype: Any, expected: list[Any]):
        found = column(values, dtype)
        assert found.shape == (len(values), 1)
        np.testing.assert_array_equal(found[:, 0], np.asarray(expected, dtype=found.dtype))

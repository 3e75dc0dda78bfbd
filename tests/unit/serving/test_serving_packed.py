"""A row of numbers as bytes: checked, asked, counted and logged as arrays are."""

from __future__ import annotations

import json
import math
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import pytest
from assay.packaging.facts import InputSpec, OutputSpec, Signature
from assay.packaging.profile import Numbers, Profile, numbers
from assay.serving import packed, predictiontable
from assay.serving.app import App, create_app
from assay.serving.errors import RequestError
from assay.serving.hooks import Call
from assay.serving.inputs import Column, Table
from assay.serving.loaded import Loaded, _onnx
from assay.serving.predictiontable import Entry
from assay.serving.protocols.base import Request
from assay.serving.settings import ServeSettings
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

if TYPE_CHECKING:
    from pathlib import Path

    from assay.packaging.facts import DType

TYPES: dict[DType, int] = {
    "int64": TensorProto.INT64,
    "float64": TensorProto.DOUBLE,
    "float32": TensorProto.FLOAT,
    "uint8": TensorProto.UINT8,
    "bool": TensorProto.BOOL,
}
ROW: dict[str, Any] = {"int64": -7, "float64": 1.5, "float32": 0.1, "uint8": 3, "bool": True}
SIGNATURE = Signature(
    task="binary",
    inputs=tuple(InputSpec(name=name, dtype=name) for name in TYPES),
    outputs=(
        OutputSpec(name="label", meaning="label", dtype="int64", shape=(None,)),
        OutputSpec(name="sums", meaning="score", dtype="float64", shape=(None, 2)),
    ),
    classes=(0, 1),
)
NUMBER = st.integers() | st.floats(allow_nan=False, allow_infinity=False)


def graph(sums: int = TensorProto.DOUBLE) -> bytes:
    """`sums` is the sum of a row, and its negative; `label` whether that is above zero."""
    casts = [helper.make_node("Cast", [one], [f"{one}_"], to=TensorProto.DOUBLE) for one in TYPES]
    nodes = [
        *casts,
        helper.make_node("Sum", [f"{one}_" for one in TYPES], ["sum"]),
        helper.make_node("Neg", ["sum"], ["neg"]),
        helper.make_node("Concat", ["sum", "neg"], ["both"], axis=1),
        helper.make_node("Cast", ["both"], ["sums"], to=sums),
        helper.make_node("ArgMin", ["both"], ["label"], axis=1, keepdims=0),
    ]
    inputs = [helper.make_tensor_value_info(one, kind, [None, 1]) for one, kind in TYPES.items()]
    outputs = [
        helper.make_tensor_value_info("label", TensorProto.INT64, [None]),
        helper.make_tensor_value_info("sums", sums, [None, 2]),
    ]
    whole = helper.make_graph(nodes, "sums", inputs, outputs)
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(whole, opset_imports=opset, ir_version=8).SerializeToString()


def table(signature: Signature = SIGNATURE) -> Table:
    return Table([Column.of(one, None) for one in signature.inputs], 10)


def arrays(row: dict[str, Any]) -> dict[str, Any]:
    return {name: np.array([[value]], name) for name, value in row.items()}


@pytest.fixture(scope="module")
def predict(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return _onnx(graph(), SIGNATURE, tmp_path_factory.getbasetemp())


@pytest.mark.parametrize("dtype", TYPES)
@given(value=NUMBER | st.booleans() | st.none() | st.text(max_size=2))
def test_a_value_is_taken_as_one_of_many_is(dtype: DType, value: Any) -> None:
    signature = SIGNATURE.model_copy(update={"inputs": (InputSpec(name="x", dtype=dtype),)})
    column, asked = Column.of(signature.inputs[0], None), table(signature)
    said = []
    for ask in (lambda: column.many([value], 1), lambda: asked.row({"x": value})["x"]):
        try:
            found = ask()
            said.append((str(found.dtype), found.tobytes()))
        except RequestError as error:
            said.append(("refused", error.message.encode()))
    assert said[0] == said[1]
    if said[0][0] != "refused":
        assert type(asked.row({"x": value})) is packed.Row


def test_what_is_missing_or_a_known_category_is_taken_and_no_other() -> None:
    inputs = (
        InputSpec(name="a", dtype="float64", nullable=True),
        InputSpec(name="b", dtype="int64", categories=(1, 2)),
    )
    asked = table(SIGNATURE.model_copy(update={"inputs": inputs}))
    assert type(asked.row({"a": 1, "b": 2})) is packed.Row
    assert math.isnan(asked.row({"a": None, "b": 2})["a"][0, 0])
    with pytest.raises(RequestError, match="3 is a category that the model does not know"):
        asked.row({"a": 1.0, "b": 3})


@pytest.mark.parametrize(
    "one",
    [InputSpec(name="x", dtype="string"), InputSpec(name="x", dtype="int64", shape=(None, 2))],
)
def test_text_and_matrices_are_not_packed(one: InputSpec) -> None:
    assert packed.packing([Column.of(one, None)]) is None


@given(
    st.tuples(
        st.integers(-(2**40), 2**40),
        st.floats(-1e9, 1e9),
        st.floats(-1e3, 1e3, width=32),
        st.integers(0, 255),
        st.booleans(),
    )
)
def test_a_graph_says_the_same_of_a_row_and_of_arrays(predict: Any, given_values: Any) -> None:
    row = table().row(dict(zip(TYPES, given_values, strict=True)))
    assert type(row) is packed.Row

    found, usual = predict(row), predict(dict(row))

    assert list(found) == list(usual) == ["label", "sums"]
    for name, values in found.items():
        assert values.dtype == usual[name].dtype
        assert values.shape == usual[name].shape
        assert values.tobytes() == usual[name].tobytes()
    assert usual["sums"][0, 0] == pytest.approx(math.fsum(given_values), abs=1e-3)


def test_an_answer_stays_when_the_next_is_asked(predict: Any) -> None:
    first = predict(table().row(ROW))["sums"]
    kept = first.copy()
    predict(table().row({**ROW, "float64": 1000.0}))
    assert first.tolist() == kept.tolist()


def test_threads_that_ask_at_once_all_get_their_own_answer(predict: Any) -> None:
    wrong: list[float] = []

    def ask(start: int) -> None:
        for at in range(start, start + 300):
            row = {**dict.fromkeys(ROW, 0), "int64": at, "bool": False}
            if predict(table().row(row))["sums"][0, 0] != at:
                wrong.append(at)

    threads = [threading.Thread(target=ask, args=(start,)) for start in (0, 1000, 2000)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert wrong == []


def test_one_that_is_asked_already_is_left_to_the_usual_way() -> None:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(graph(), options, providers=["CPUExecutionProvider"])
    packing = packed.packing(table().columns.values())
    assert packing is not None
    bound = packed.Bound(session, packing, SIGNATURE.outputs)
    row: Any = table().row(ROW)
    with bound._turn:
        assert bound.ask(row) is None
    assert bound.ask(row) is not None


def test_a_graph_that_answers_in_another_type_is_asked_the_usual_way(tmp_path: Path) -> None:
    predict = _onnx(graph(TensorProto.FLOAT), SIGNATURE, tmp_path)

    assert predict(table().row(ROW))["sums"].dtype == np.float32


def test_rows_and_arrays_are_stacked_alike() -> None:
    rows = [table().row({**ROW, "int64": at}) for at in range(3)]
    plain = [dict(one) for one in rows]
    for several in (rows, [rows[0], plain[1], rows[2]]):
        found = dict(packed.stacked(several))
        for name, values in packed.stacked(plain):
            assert found[name].dtype == values.dtype
            assert found[name].tolist() == values.tolist()


def test_what_leaves_a_column_away_does_not_keep_its_bytes() -> None:
    row = table().row(ROW)
    assert row["int64"].base is None or row["int64"].base.nbytes == 8
    assert row["int64"].flags.writeable


PROFILE = Profile(
    rows=2,
    features=tuple(numbers(name, np.array([0.0, 1.0, 2.0])) for name in TYPES),
    predictions=(Numbers(name="sums[0]", count=2, nulls=0),),
)


def test_a_row_is_logged_as_arrays_are() -> None:
    layout = predictiontable.layout(SIGNATURE, PROFILE, model="m", version="v", digest="d" * 64)
    row = table().row({**ROW, "float64": 3})
    entry = Entry("a", 1.5, 1, row, {"label": np.array([1]), "sums": np.array([[0.5, -0.5]])})
    usual = entry._replace(feeds=dict(row))

    def lines(*entries: Entry) -> list[bytes]:
        return list(predictiontable.lines(predictiontable.columns(layout, entries)))

    (line,) = lines(entry)
    assert lines(usual) == [line]
    assert lines(entry, entry) == lines(entry, usual) == [line, line]
    assert b'"feature.float64":3.0,' in line
    assert json.loads(line)["feature.float32"] == pytest.approx(0.1)


def test_rows_are_counted_as_arrays_are(predict: Any) -> None:
    loaded = Loaded("m", "v", "d" * 64, SIGNATURE, predict, profile=PROFILE, inline_rows=1)
    counted = []
    for form in (lambda one: one, dict):
        app: App = create_app(loaded, ServeSettings())
        for at in range(300):
            row = table().row({**ROW, "int64": at % 4, "float64": at / 100})
            call = Call({"method": "POST"}, "/predict", 0.0)
            call.protocol, call.status = "rows", 200
            call.request, call.answers = Request(form(row), 1, "a"), predict(row)
            app.metrics.observe(call)
        app.metrics.count()
        counted.append([(one.name, one.counts, one.nulls) for one in app.metrics.features])
    assert counted[0] == counted[1]
    assert sum(counted[0][0][1]) == 300

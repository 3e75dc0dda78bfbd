"""What a request may be: names, shapes, types, counts, and what is said of all others."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from assay.packaging.facts import InputSpec, OutputSpec, ParityOutput, ParityRows, Signature
from assay.serving.errors import RequestError
from assay.serving.inputs import Column, Table
from assay.serving.loaded import Loaded
from assay.serving.protocols.rows import Rows
from assay.serving.protocols.v2 import V2
from hypothesis import given
from hypothesis import strategies as st

from tests.serving_bundles import ROW, expected, loaded, rows
from tests.serving_live import tensors
from tests.unit.packaging.bundles import PARITY

if TYPE_CHECKING:
    from assay.packaging.facts import DType, Parity
    from assay.serving.protocols.base import Request, Speaks

MOST = 50


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return loaded(tmp_path_factory.mktemp("served"))


def table(model: Loaded) -> Table:
    return Table([Column.of(one, model.parity) for one in model.signature.inputs], MOST)


@pytest.fixture(scope="module")
def by_rows(model: Loaded) -> Rows:
    return Rows(model, table(model))


@pytest.fixture(scope="module")
def by_v2(model: Loaded) -> V2:
    return V2(model, table(model))


def parsed(speaks: Speaks, body: Any) -> Request:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return speaks.parse(content, {}, "given")


def refused(speaks: Speaks, body: Any) -> tuple[int, str]:
    with pytest.raises(RequestError) as error:
        parsed(speaks, body)
    return error.value.status, error.value.message


def outcome(speaks: Speaks, body: Any) -> Request | RequestError:
    try:
        return parsed(speaks, body)
    except RequestError as error:
        return error


def row(**change: Any) -> dict[str, Any]:
    return {**ROW, **change}


BODIES = {
    b"": "The body is no JSON: ",
    b"{": "The body is no JSON: ",
    b'{"hour": NaN}': "The body is no JSON: ",
    b'{"hour": 1e999}': "The body is no JSON: ",
    b'{"season": "\xff"}': "The body is no JSON: ",
    b'{"season": "\\ud800"}': "The body is no JSON: ",
    b"\xef\xbb\xbf{}": "The body is no JSON: ",
    b"[" * 5000: "The body is no JSON: ",
    b"[]": "The body is no JSON object.",
    b"3": "The body is no JSON object.",
    b"null": "The body is no JSON object.",
    b'"text"': "The body is no JSON object.",
}


@pytest.mark.parametrize("body", BODIES)
def test_a_body_that_is_no_json_object(by_rows: Rows, by_v2: V2, body: bytes) -> None:
    for speaks in (by_rows, by_v2):
        status, message = refused(speaks, body)
        assert status == 400
        assert message.startswith(BODIES[body])


VALUES: dict[str, tuple[dict[str, Any], str]] = {
    "text": ({"hour": "8"}, "Input `hour`, row 1: '8' is not a whole number."),
    "fraction": ({"hour": 8.5}, "Input `hour`, row 1: 8.5 is not a whole number."),
    "whole float": ({"hour": 8.0}, "Input `hour`, row 1: 8.0 is not a whole number."),
    "true": ({"hour": True}, "Input `hour`, row 1: true is not a whole number."),
    "null": ({"hour": None}, "Input `hour`, row 1: null is not a whole number."),
    "nested": ({"hour": [8]}, "Input `hour`, row 1: a list is not a whole number."),
    "object": ({"hour": {"a": 1}}, "Input `hour`, row 1: an object is not a whole number."),
    "beyond int64": (
        {"hour": 2**63},
        f"Input `hour`, row 1: {2**63} is no int64: those are {-(2**63)} to {2**63 - 1}.",
    ),
    "beyond 64 bits": ({"hour": 2**70}, "is not a whole number."),
    "bool for float": ({"temperature": False}, "false is not a number or null."),
    "text for float": ({"temperature": "x" * 99}, "xxx... is not a number or null."),
    "number for text": ({"season": 1}, "Input `season`, row 1: 1 is not text."),
    "null for text": ({"season": None}, "Input `season`, row 1: null is not text."),
    "category": (
        {"season": "monsoon"},
        "does not know. It knows 'autumn', 'spring', 'summer'.",
    ),
    "case": ({"season": "Summer"}, "'Summer' is a category that the model does not know."),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_of_another_type(by_rows: Rows, by_v2: V2, name: str) -> None:
    change, message = VALUES[name]
    answers = [
        refused(by_rows, row(**change)),
        refused(by_rows, {"rows": [row(**change)]}),
        *([] if name == "nested" else [refused(by_v2, tensors([row(**change)]))]),
    ]
    for status, found in answers:
        assert status == 400
        assert message in found
    in_third = refused(by_rows, {"rows": [ROW, ROW, row(**change)]})
    assert in_third[1] == answers[0][1].replace("row 1", "row 3")


NAMES = "The model takes `hour`, `temperature`, `season`."
ROWS: dict[str, tuple[Any, str]] = {
    "no name": ({}, f"Input `hour` is missing. {NAMES}"),
    "missing": ({"hour": 1, "season": "summer"}, f"Input `temperature` is missing. {NAMES}"),
    "unknown": (row(wind=3), f"There is no input 'wind'. {NAMES}"),
    "case": (
        {"Hour": 1, "temperature": 2.0, "season": "summer"},
        f"There is no input 'Hour'. {NAMES}",
    ),
    "second row": ({"rows": [ROW, {"hour": 1}]}, f"Input `temperature` is missing. {NAMES}"),
    "empty": ({"rows": []}, "The request has no rows."),
    "no list": ({"rows": ROW}, "`rows` is no list of objects."),
    "text": ({"rows": "all"}, "`rows` is no list of objects."),
    "null": ({"rows": None}, f"There is no input 'rows'. {NAMES}"),
    "no objects": ({"rows": [ROW, 3]}, "Row 2 is 3, and no object of values by name."),
    "lists": ({"rows": [[1, 2, 3]]}, "Row 1 is a list, and no object of values by name."),
    "more": ({"rows": [ROW], "id": "x"}, "Beside `rows` there may be nothing: 'id' is not known."),
}


@pytest.mark.parametrize("name", ROWS)
def test_rows_that_are_none(by_rows: Rows, name: str) -> None:
    body, message = ROWS[name]
    assert refused(by_rows, body) == (400, message)


def tensor(at: int = 0, **change: Any) -> dict[str, Any]:
    """A good request but for one tensor."""
    body = tensors([ROW, ROW])
    body["inputs"][at].update(change)
    return body


def without(key: str) -> dict[str, Any]:
    body = tensors([ROW])
    del body["inputs"][0][key]
    return body


V2_BODIES: dict[str, tuple[Any, str]] = {
    "no inputs": ({}, "`inputs` is no list of tensors."),
    "inputs null": ({"inputs": None}, "`inputs` is no list of tensors."),
    "inputs object": ({"inputs": {}}, "`inputs` is no list of tensors."),
    "empty": ({"inputs": []}, f"Input `hour` is missing. {NAMES}"),
    "unknown field": (
        {**tensors([ROW]), "rows": 1},
        "The request has 'rows', which the protocol does",
    ),
    "tensor is text": ({"inputs": ["hour"]}, "An input is no object with `name`, `shape`,"),
    "tensor has more": (tensor(dtype="INT64"), "An input has 'dtype', which the protocol does not"),
    "no name": (without("name"), "An input has no `name`."),
    "name is a list": (tensor(name=["hour"]), "An input has no `name`."),
    "wrong name": (tensor(name="hours"), f"There is no input 'hours'. {NAMES}"),
    "twice": (tensor(1, name="hour", datatype="INT64", data=[1, 2]), "Input `hour` is there twice"),
    "no datatype": (without("datatype"), "Input `hour`: datatype null is not 'INT64'."),
    "wrong datatype": (tensor(datatype="INT32"), "Input `hour`: datatype 'INT32' is not 'INT64'."),
    "lower case": (tensor(datatype="int64"), "Input `hour`: datatype 'int64' is not 'INT64'."),
    "float for int": (tensor(datatype="FP64"), "Input `hour`: datatype 'FP64' is not 'INT64'."),
    "no shape": (without("shape"), "Input `hour`: `shape` is not [rows, 1]."),
    "flat shape": (tensor(shape=[2]), "Input `hour`: `shape` is not [rows, 1]."),
    "wide shape": (tensor(shape=[1, 2]), "Input `hour`: `shape` is not [rows, 1]."),
    "three axes": (tensor(shape=[2, 1, 1]), "Input `hour`: `shape` is not [rows, 1]."),
    "negative": (tensor(shape=[-1, 1]), "Input `hour`: `shape` is not [rows, 1]."),
    "shape of bools": (tensor(shape=[2, True]), "Input `hour`: `shape` is not [rows, 1]."),
    "shape of floats": (tensor(shape=[2.0, 1]), "Input `hour`: `shape` is not [rows, 1]."),
    "huge shape": (tensor(shape=[10**18, 1]), "those before it 1,000,000,000,000,000,000."),
    "other count": (tensor(1, shape=[3, 1]), "Input `temperature` has 3 rows, and those before it"),
    "too few": (tensor(data=[1]), "Input `hour` has 1 values; 2 rows need 2."),
    "too many": (tensor(data=[1, 2, 3]), "Input `hour` has 3 values; 2 rows need 2."),
    "no data": (without("data"), "Input `hour`: `data` is no list."),
    "data is a number": (tensor(data=7), "Input `hour`: `data` is no list."),
    "nested wide": (tensor(data=[[1, 2]]), "Input `hour`: `data` is not nested as [2, 1]."),
    "nested deep": (tensor(data=[[[1]], [[2]]]), "a list is not a whole number."),
    "half nested": (tensor(data=[[1], 2]), "Input `hour`: `data` is not nested as [2, 1]."),
    "no rows": (
        {"inputs": [{**one, "shape": [0, 1], "data": []} for one in tensors([])["inputs"]]},
        "The request has no rows.",
    ),
    "missing": ({"inputs": tensors([ROW])["inputs"][:2]}, f"Input `season` is missing. {NAMES}"),
    "id is a number": (tensors([ROW], id=1), "`id` is no text of at most 256 characters."),
    "id is null": (tensors([ROW], id=None), "`id` is no text of at most 256 characters."),
    "id is long": (tensors([ROW], id="x" * 257), "`id` is no text of at most 256 characters."),
    "parameters": (tensors([ROW], parameters=[1]), "The request: `parameters` is no object."),
    "parameters of one": (tensor(parameters=1), "An input: `parameters` is no object."),
    "outputs": (tensors([ROW], outputs="label"), "`outputs` is no list."),
    "output": (tensors([ROW], outputs=["label"]), "An output is no object with a `name`."),
    "no such output": (
        tensors([ROW], outputs=[{"name": "score"}]),
        "There is no output 'score'. There are `label`, `probabilities`.",
    ),
    "output twice": (
        tensors([ROW], outputs=[{"name": "label"}] * 2),
        "Output `label` is asked for twice.",
    ),
    "output has more": (
        tensors([ROW], outputs=[{"name": "label", "shape": [1]}]),
        "An output has 'shape', which the protocol does not know.",
    ),
}


@pytest.mark.parametrize("name", V2_BODIES)
def test_tensors_that_are_no_request(by_v2: V2, name: str) -> None:
    body, message = V2_BODIES[name]
    status, found = refused(by_v2, body)
    assert message in found
    assert status == 400


SINGLE: dict[str, tuple[dict[str, Any], str]] = {
    "shape of bools": ({"shape": [1, True]}, "Input `hour`: `shape` is not [rows, 1]."),
    "shape of floats": ({"shape": [1.0, 1]}, "Input `hour`: `shape` is not [rows, 1]."),
    "unknown name and type": (
        {"name": "hours", "datatype": None},
        f"There is no input 'hours'. {NAMES}",
    ),
    "twice": (
        {"name": "temperature", "datatype": "FP64"},
        "Input `temperature` is there twice.",
    ),
    "nested deep": ({"data": [[[1]]]}, "a list is not a whole number."),
    "too many": ({"data": [1, 2]}, "Input `hour` has 2 values; 1 rows need 1."),
    "value": ({"data": ["8"]}, "Input `hour`, row 1: '8' is not a whole number."),
    "no integer": ({"data": [8.0]}, "Input `hour`, row 1: 8.0 is not a whole number."),
}
"""One row goes a shorter way, which must refuse what the long one does."""


@pytest.mark.parametrize("name", SINGLE)
def test_a_single_row_is_checked_as_many_are(by_v2: V2, name: str) -> None:
    change, message = SINGLE[name]
    body = tensors([ROW])
    body["inputs"][0].update(change)
    status, found = refused(by_v2, body)
    assert message in found
    assert status == 400


def test_a_single_row_may_lack_no_input(by_v2: V2) -> None:
    body = tensors([ROW])
    last = body["inputs"].pop()["name"]
    assert refused(by_v2, body) == (400, f"Input `{last}` is missing. {NAMES}")


def test_as_many_rows_as_there_may_be(by_rows: Rows, by_v2: V2) -> None:
    for speaks, body in ((by_rows, {"rows": rows(MOST)}), (by_v2, tensors(rows(MOST)))):
        assert parsed(speaks, body).rows == MOST
    for speaks, body in ((by_rows, {"rows": rows(MOST + 1)}), (by_v2, tensors(rows(MOST + 1)))):
        assert refused(speaks, body) == (
            413,
            "The request has 51 rows; at most 50 are answered at once.",
        )


@given(asked=st.builds(rows, st.integers(1, MOST), st.integers(0, 2**32 - 1)), nested=st.booleans())
def test_every_way_to_ask_is_answered_alike_and_right(
    asked: list[dict[str, Any]], nested: bool, by_rows: Rows, by_v2: V2, model: Loaded
) -> None:
    body = tensors(asked)
    if nested:
        for one in body["inputs"]:
            one["data"] = [[value] for value in one["data"]]
    said = []
    for speaks, content in ((by_rows, {"rows": asked}), (by_v2, body)):
        request = parsed(speaks, content)
        answers = model.predict(request.feeds)
        np.testing.assert_allclose(answers["probabilities"][:, 1], expected(asked), rtol=1e-12)
        said.append(json.loads(speaks.render(request, answers)[0]))
    by_name = {one["name"]: one for one in said[1]["outputs"]}
    assert [one["label"] for one in said[0]["predictions"]] == by_name["label"]["data"]
    flat = [one["probabilities"][mark] for one in said[0]["predictions"] for mark in "01"]
    assert flat == by_name["probabilities"]["data"]
    assert by_name["probabilities"]["shape"] == [len(asked), 2]


def test_a_single_row_is_asked_as_one_of_many(by_rows: Rows, model: Loaded) -> None:
    alone, listed = parsed(by_rows, ROW), parsed(by_rows, {"rows": [ROW]})
    both = parsed(by_rows, {"rows": [ROW, ROW]})
    for name, values in alone.feeds.items():
        for other in (listed, both):
            assert values.dtype == other.feeds[name].dtype
            assert values[0] == other.feeds[name][0]
        assert values.shape == (1, 1)


def test_what_is_optional_is_left_out(by_v2: V2, model: Loaded) -> None:
    request = parsed(by_v2, tensors([ROW]))
    assert request.id == "given"
    said = json.loads(by_v2.render(request, model.predict(request.feeds))[0])
    assert list(said) == ["model_name", "model_version", "outputs"]
    assert [list(one) for one in said["outputs"]] == [["name", "shape", "datatype", "data"]] * 2


def test_an_id_and_outputs_that_are_asked_for(by_v2: V2, model: Loaded) -> None:
    wanted = [{"name": "probabilities", "parameters": {"any": 1}}]
    request = parsed(by_v2, tensors([ROW], id="mine", outputs=wanted, parameters={"a": 1}))
    said = json.loads(by_v2.render(request, model.predict(request.feeds))[0])
    assert (request.id, said["id"]) == ("mine", "mine")
    assert [one["name"] for one in said["outputs"]] == ["probabilities"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
KEYS = st.sampled_from(["name", "shape", "datatype", "data", "parameters", "inputs", "outputs"])


@given(body=st.binary(max_size=40) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_refused_or_a_request(by_rows: Rows, by_v2: V2, body: bytes) -> None:
    for speaks in (by_rows, by_v2):
        assert refused(speaks, body)[0] == 400


@given(at=st.integers(0, 2), key=KEYS, value=JSON)
def test_a_request_with_any_one_thing_changed(at: int, key: str, value: Any, by_v2: V2) -> None:
    body = tensors([ROW, ROW])
    (body if key in {"inputs", "outputs"} else body["inputs"][at])[key] = value
    found = outcome(by_v2, body)
    if isinstance(found, RequestError):
        assert found.status == 400
        assert len(found.message) < 400
    else:
        assert found.rows in {1, 2}
        assert all(len(one) == found.rows for one in found.feeds.values())


@given(name=st.sampled_from([*ROW, "other"]), value=JSON)
def test_a_row_with_any_one_value_changed(name: str, value: Any, by_rows: Rows) -> None:
    body = {**ROW, name: value}
    found = outcome(by_rows, body)
    if isinstance(found, RequestError):
        assert found.status == 400
    else:
        assert name != "other"
        given = found.feeds[name][0, 0]
        assert given == value or (value is None and math.isnan(given))


def spec(dtype: DType, **given: Any) -> InputSpec:
    return InputSpec(name="x", dtype=dtype, **given)


WHOLE: tuple[DType, ...] = (
    *("int8", "int16", "int32", "int64"),
    *("uint8", "uint16", "uint32", "uint64"),
)


@pytest.mark.parametrize("dtype", WHOLE)
def test_whole_numbers_up_to_their_ends(dtype: DType) -> None:
    column = Column.of(spec(dtype), None)
    ends = np.iinfo(np.dtype(dtype))
    for value in (int(ends.min), 0, int(ends.max)):
        assert column.one(value)[0, 0] == value
        assert column.many([value], 1).dtype == np.dtype(dtype)
    for value in (int(ends.min) - 1, int(ends.max) + 1):
        for ask in (column.one, lambda one: column.many([0, one], 2)):
            with pytest.raises(RequestError, match=f"is no {dtype}: those are"):
                ask(value)


def test_a_number_too_large_for_float32() -> None:
    column = Column.of(spec("float32"), None)
    assert column.one(1e38)[0, 0] == np.float32(1e38)
    for value in (1e39, -1e300, 10**50):
        with pytest.raises(RequestError, match="too large for float32"):
            column.one(value)


def test_truth_values_are_no_numbers() -> None:
    column = Column.of(spec("bool"), None)
    assert column.one(True).dtype == np.bool_
    with pytest.raises(RequestError, match="1 is not true or false"):
        column.one(1)


def test_a_missing_value_only_where_the_model_answers_without() -> None:
    assert math.isnan(Column.of(spec("float64", nullable=True), None).one(None)[0, 0])
    assert Column.of(spec("string", nullable=True), None).one(None)[0, 0] == ""
    for never in (spec("float64"), spec("string"), spec("int64", nullable=True)):
        with pytest.raises(RequestError, match="null is not"):
            Column.of(never, None).one(None)


def unseen(**given: Any) -> Parity:
    one = ParityRows(name="unseen categories", outputs=(ParityOutput(output="label"),), **given)
    return PARITY.model_copy(update={"rows": (*PARITY.rows, one)})


@pytest.mark.parametrize(
    ("parity", "answers"),
    [
        (PARITY, False),
        (unseen(count=8), True),
        (unseen(count=8, undefined=1), False),
        (unseen(count=0), False),
        (None, False),
    ],
)
def test_an_unknown_category_where_the_model_was_shown_to_answer_it(
    parity: Parity | None, answers: bool
) -> None:
    column = Column.of(spec("string", categories=("a", "b"), nullable=True), parity)
    assert column.one("a")[0, 0] == "a"
    assert column.one(None)[0, 0] == ""
    if answers:
        assert column.one("c")[0, 0] == "c"
    else:
        with pytest.raises(RequestError, match="It knows 'a', 'b'"):
            column.one("c")


def test_categories_that_are_numbers() -> None:
    column = Column.of(spec("float64", categories=(1.0, 2.0), nullable=True), None)
    assert math.isnan(column.one(None)[0, 0])
    assert column.one(2)[0, 0] == 2.0
    with pytest.raises(RequestError, match="3 is a category that the model does not know"):
        column.one(3)


def test_an_array_that_came_as_bytes() -> None:
    column = Column.of(spec("float64"), None)
    assert column.given(np.array([[1.0]]))[0, 0] == 1.0
    for value, what in ((np.nan, "missing"), (np.inf, "infinite"), (-np.inf, "infinite")):
        with pytest.raises(RequestError, match=what):
            column.given(np.array([[1.0], [value]]))
    nullable = Column.of(spec("float64", nullable=True), None)
    assert math.isnan(nullable.given(np.array([[np.nan]]))[0, 0])


@pytest.fixture(scope="module")
def matrix(model: Loaded) -> Loaded:
    signature = Signature(
        task="regression",
        inputs=(InputSpec(name="X", dtype="float64", shape=(None, 3)),),
        outputs=(OutputSpec(name="value", meaning="value", dtype="float64", shape=(None,)),),
    )
    return Loaded("m", "1", "d" * 64, signature, lambda feeds: {"value": feeds["X"].sum(axis=1)})


def test_a_model_that_takes_a_matrix(matrix: Loaded) -> None:
    by_rows, by_v2 = Rows(matrix, table(matrix)), V2(matrix, table(matrix))
    one = {"name": "X", "shape": [2, 3], "datatype": "FP64"}
    for data in ([1, 2, 3, 4, 5, 6.5], [[1, 2, 3], [4, 5, 6.5]]):
        request = parsed(by_v2, {"inputs": [{**one, "data": data}]})
        assert request.feeds["X"].tolist() == [[1, 2, 3], [4, 5, 6.5]]
    request = parsed(by_rows, {"rows": [{"X": [1, 2, 3]}, {"X": [4, 5, 6.5]}]})
    said = json.loads(by_rows.render(request, matrix.predict(request.feeds))[0])
    assert said["predictions"] == [{"value": 6.0}, {"value": 15.5}]
    assert parsed(by_rows, {"X": [1, 2, 3]}).rows == 1
    for wrong in ([1, 2], 3, [1, 2, 3, 4], None):
        status, message = refused(by_rows, {"X": wrong})
        assert (status, message) == (400, "Input `X`, row 1: a list of 3 values is needed.")
    for data in ([[1, 2, 3]], [[1, 2], [3, 4], [5, 6]], [1, 2, 3]):
        assert refused(by_v2, {"inputs": [{**one, "data": data}]})[0] == 400


def test_a_column_that_is_called_rows(model: Loaded) -> None:
    signature = model.signature.model_copy(
        update={"inputs": (InputSpec(name="rows", dtype="int64"),)}
    )
    named = Loaded("m", "1", "d" * 64, signature, model.predict)
    speaks = Rows(named, table(named))
    assert parsed(speaks, {"rows": 3}).feeds["rows"].tolist() == [[3]]
    assert parsed(speaks, {"rows": [{"rows": 3}, {"rows": 4}]}).rows == 2

"""TensorFlow Serving's REST API: what its documentation and its parser say."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import numpy as np
import pytest
from assay.packaging.facts import InputSpec, OutputSpec, Signature
from assay.serving.errors import RequestError
from assay.serving.inputs import Column, Table
from assay.serving.protocols import tfserving
from assay.serving.protocols.tfserving import TfServing
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.packaging.bundles import SIGNATURE

MATRIX = Signature(
    task="regression",
    inputs=(InputSpec(name="X", dtype="float64", shape=(None, 2)),),
    outputs=(OutputSpec(name="value", meaning="value", dtype="float64", shape=(None,)),),
)
ONE = {"hour": 8, "temperature": 12.5, "season": "summer"}


def speaks(signature: Signature = SIGNATURE, most: int = 5) -> TfServing:
    columns = [Column.of(one, None) for one in signature.inputs]
    return TfServing(signature, Table(columns, most))


def parsed(body: Any, signature: Signature = SIGNATURE) -> dict[str, Any]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    feeds = speaks(signature).parse(content, {}, "given").feeds
    return {name: values.tolist() for name, values in feeds.items()}


def test_rows_and_columns_say_the_same() -> None:
    rows = [ONE, {"hour": 3, "temperature": -1.0, "season": "autumn"}]

    by_row = parsed({"signature_name": "serving_default", "instances": rows})
    by_column = parsed({"inputs": {name: [one[name] for one in rows] for name in ONE}})

    assert by_row == by_column
    assert by_row["hour"] == [[8], [3]]


@pytest.mark.parametrize("key", ["instances", "inputs"])
def test_a_value_of_a_column_may_be_a_tensor_of_one(key: str) -> None:
    boxed = {name: [value] for name, value in ONE.items()}
    body = {"instances": [boxed]} if key == "instances" else {"inputs": boxed}

    assert parsed(body) == parsed({"instances": [ONE]})


@pytest.mark.parametrize(
    "body",
    [
        {"instances": [[1, 2], [3, 4]]},
        {"inputs": [[1, 2], [3, 4]]},
        {"inputs": {"X": [[1, 2], [3, 4]]}},
        {"instances": [{"X": [1, 2]}, {"X": [3, 4]}]},
    ],
)
def test_the_one_input_of_a_model_needs_no_name(body: Any) -> None:
    assert parsed(body, MATRIX) == {"X": [[1.0, 2.0], [3.0, 4.0]]}


def test_nan_is_missing_and_base64_is_text() -> None:
    text = base64.b64encode(b"summer").decode()
    body = f'{{"instances": [{{"hour": 8, "temperature": NaN, "season": {{"b64": "{text}"}}}}]}}'

    feeds = parsed(body.encode())

    assert math.isnan(feeds["temperature"][0][0])
    assert feeds["season"] == [["summer"]]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 400, "no JSON"),
        (b"[]", 400, "JSON object"),
        (b"{}", 400, "one of `instances` and `inputs`"),
        ({"instances": [ONE], "inputs": {}}, 400, "one of `instances` and `inputs`"),
        ({"instances": []}, 400, "at least one row"),
        ({"instances": {"a": 1}}, 400, "at least one row"),
        ({"instances": [ONE, 3]}, 400, "one or the other"),
        ({"instances": [1, 2]}, 400, "3 inputs"),
        ({"inputs": [1, 2]}, 400, "3 inputs"),
        ({"inputs": {**ONE}}, 400, "has to be a list"),
        ({"instances": [{**ONE, "wind": 1}]}, 400, "'wind'"),
        ({"inputs": {"hour": [1]}}, 400, "`temperature` is missing"),
        ({"instances": [{**ONE, "hour": 1.5}]}, 400, "1.5 is not a whole number"),
        ({"instances": [{**ONE, "hour": [1, 2]}]}, 400, "whole number"),
        ({"instances": [{**ONE, "season": {"b64": "!"}}]}, 400, "no text in base64"),
        ({"instances": [{**ONE, "season": {"b64": "/w=="}}]}, 400, "no text in base64"),
        ({"instances": [{**ONE, "season": {"b64": 7}}]}, 400, "no text in base64"),
        (
            {"inputs": {"hour": [[1, 2]], "temperature": [1], "season": [""]}},
            400,
            "a list of 1 is needed",
        ),
        (
            {"inputs": {"hour": [1, 2], "temperature": [1], "season": ["", ""]}},
            400,
            "`temperature`",
        ),
        ({"signature_name": "regress", "instances": [ONE]}, 400, "'regress'"),
        ({"signature_name": ["x"], "instances": [ONE]}, 400, "signature"),
        ({"instances": [ONE] * 6}, 413, "at most 5"),
        (b'{"instances": [{"hour": 8, "temperature": Infinity, "season": ""}]}', 400, "infinite"),
        (b'{"instances": [{"hour": NaN, "temperature": 1, "season": ""}]}', 400, "hour"),
        (b'{"instances": [NaN, "\\ud800"]}', 400, "no JSON"),
        (b"[" * 100_000 + b"NaN", 400, "no JSON"),
        (b'{"instances": [NaN, ' + b"9" * 5000 + b"]}", 400, "no JSON"),
    ],
)
def test_what_is_no_request_is_refused(body: Any, status: int, said: str) -> None:
    with pytest.raises(RequestError) as caught:
        parsed(body)

    assert caught.value.status == status
    assert said in caught.value.message


def test_answers_are_rows_or_columns_as_the_question_was() -> None:
    answers = {"label": np.array([1, 0]), "probabilities": np.array([[0.1, 0.9], [0.5, 0.5]])}
    protocol = speaks()
    body = json.dumps({"instances": [ONE, ONE]}).encode()
    rows = protocol.parse(body, {}, "given")
    columns = protocol.parse(
        json.dumps({"inputs": {name: [value] * 2 for name, value in ONE.items()}}).encode(), {}, ""
    )

    assert json.loads(protocol.render(rows, answers)[0]) == {
        "predictions": [
            {"label": 1, "probabilities": [0.1, 0.9]},
            {"label": 0, "probabilities": [0.5, 0.5]},
        ]
    }
    assert json.loads(protocol.render(columns, answers)[0]) == {
        "outputs": {"label": [1, 0], "probabilities": [[0.1, 0.9], [0.5, 0.5]]}
    }


def test_one_output_has_no_name() -> None:
    protocol = speaks(MATRIX)
    request = protocol.parse(b'{"instances": [[1, 2]]}', {}, "given")

    body, _ = protocol.render(request, {"value": np.array([2.5])})

    assert json.loads(body) == {"predictions": [2.5]}


def test_metadata_has_the_form_of_its_protobuf() -> None:
    found = tfserving.metadata("peak-hour", "v1", SIGNATURE)

    assert found["model_spec"] == {"name": "peak-hour", "signature_name": "", "version": "v1"}
    definition = found["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert definition["method_name"] == "tensorflow/serving/predict"
    assert definition["inputs"]["season"] == {
        "dtype": "DT_STRING",
        "tensor_shape": {
            "dim": [{"size": "-1", "name": ""}, {"size": "1", "name": ""}],
            "unknown_rank": False,
        },
        "name": "season",
    }
    assert definition["inputs"]["hour"]["dtype"] == "DT_INT64"
    assert definition["outputs"]["probabilities"]["dtype"] == "DT_DOUBLE"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*ONE, "b64", "instances"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(key=st.sampled_from(["instances", "inputs"]), value=JSON)
def test_whatever_is_sent_is_a_request_or_refused(key: str, value: Any) -> None:
    body = json.dumps({key: value}).encode(errors="surrogatepass")
    for signature in (SIGNATURE, MATRIX):
        protocol = speaks(signature)
        try:
            request = protocol.parse(body, {}, "given")
        except RequestError as error:
            status = error.status
        else:
            status = 200
            assert {len(values) for values in request.feeds.values()} == {request.rows}
        assert status in (200, 400, 413)

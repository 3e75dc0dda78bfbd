"""The binary tensor data extension of V2: Triton's description is the oracle."""

from __future__ import annotations

import json
import struct
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from assay.packaging.facts import InputSpec, Signature
from assay.serving.errors import RequestError
from assay.serving.inputs import Column, Table
from assay.serving.protocols.v2binary import HEADER, V2Binary, from_bytes, to_bytes
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.packaging.bundles import SIGNATURE

ANSWERS = {"label": np.array([1, 0]), "probabilities": np.array([[0.1, 0.9], [0.5, 0.5]])}


def speaks(signature: Signature = SIGNATURE) -> V2Binary:
    table = Table([Column.of(one, None) for one in signature.inputs], 1000)
    loaded: Any = SimpleNamespace(name="peak-hour", version="v1", signature=signature)
    return V2Binary(loaded, table)


def tensor(name: str, datatype: str, rows: int, **more: Any) -> dict[str, Any]:
    return {"name": name, "shape": [rows, 1], "datatype": datatype, **more}


def binary(name: str, datatype: str, rows: int, content: bytes) -> dict[str, Any]:
    return tensor(name, datatype, rows, parameters={"binary_data_size": len(content)})


HOURS = struct.pack("<2q", 8, -3)
TEMPERATURES = struct.pack("<2d", 12.5, float("nan"))
SEASONS = b"\x06\x00\x00\x00summer\x06\x00\x00\x00autumn"


def document(**more: Any) -> dict[str, Any]:
    inputs = [
        binary("hour", "INT64", 2, HOURS),
        binary("temperature", "FP64", 2, TEMPERATURES),
        binary("season", "BYTES", 2, SEASONS),
    ]
    return {"inputs": inputs, **more}


def sent(found: Any, tail: bytes = b"") -> tuple[bytes, dict[bytes, bytes]]:
    head = json.dumps(found).encode()
    return head + tail, {HEADER: str(len(head)).encode()}


def test_tensors_come_in_the_order_of_the_inputs() -> None:
    request = speaks().parse(*sent(document(id="mine"), HOURS + TEMPERATURES + SEASONS), "given")

    assert (request.id, request.rows) == ("mine", 2)
    assert request.feeds["hour"].tolist() == [[8], [-3]]
    assert request.feeds["temperature"].dtype == np.float64
    assert np.isnan(request.feeds["temperature"][1, 0])
    assert request.feeds["season"].tolist() == [["summer"], ["autumn"]]
    assert request.feeds["hour"].flags.aligned


def test_json_and_binary_tensors_may_be_mixed() -> None:
    found = document()
    found["inputs"][1] = tensor("temperature", "FP64", 2, data=[1, None])

    request = speaks().parse(*sent(found, HOURS + SEASONS), "given")

    assert request.feeds["temperature"][0, 0] == 1.0
    assert request.feeds["season"].tolist() == [["summer"], ["autumn"]]


def answered(**more: Any) -> tuple[dict[str, Any], bytes, dict[bytes, bytes]]:
    protocol = speaks()
    body, headers = sent(document(**more), HOURS + TEMPERATURES + SEASONS)
    said, given_headers = protocol.render(protocol.parse(body, headers, "given"), ANSWERS)
    found = dict(given_headers)
    length = int(found.get(HEADER, len(said)))
    return json.loads(said[:length]), said[length:], found


def test_every_output_can_be_asked_for_as_bytes() -> None:
    found, tail, headers = answered(parameters={"binary_data_output": True})

    assert headers[b"content-type"] == b"application/octet-stream"
    assert [one["parameters"]["binary_data_size"] for one in found["outputs"]] == [16, 32]
    assert all("data" not in one for one in found["outputs"])
    assert tail == struct.pack("<2q4d", 1, 0, 0.1, 0.9, 0.5, 0.5)


def test_an_output_s_own_wish_beats_the_request_s() -> None:
    wanted = [
        {"name": "probabilities", "parameters": {"binary_data": False}},
        {"name": "label"},
    ]

    found, tail, _ = answered(parameters={"binary_data_output": True}, outputs=wanted)

    assert [one["name"] for one in found["outputs"]] == ["probabilities", "label"]
    assert found["outputs"][0]["data"] == [0.1, 0.9, 0.5, 0.5]
    assert tail == struct.pack("<2q", 1, 0)


def test_nothing_is_bytes_that_was_not_asked_for() -> None:
    found, tail, headers = answered()

    assert (tail, headers) == (b"", {b"content-type": b"application/json"})
    assert found["outputs"][0]["data"] == [1, 0]


def test_a_request_in_json_may_ask_for_bytes() -> None:
    protocol = speaks()
    inputs = [
        tensor("hour", "INT64", 2, data=[8, 3]),
        tensor("temperature", "FP64", 2, data=[1, 2]),
        tensor("season", "BYTES", 2, data=["summer", "autumn"]),
    ]
    outputs = [{"name": "label", "parameters": {"binary_data": True}}]
    body = json.dumps({"inputs": inputs, "outputs": outputs}).encode()

    said, headers = protocol.render(protocol.parse(body, {}, "given"), ANSWERS)

    assert said[int(dict(headers)[HEADER]) :] == struct.pack("<2q", 1, 0)


TAIL = HOURS + TEMPERATURES + SEASONS


def changed(at: int, **more: Any) -> dict[str, Any]:
    found = document()
    found["inputs"][at] |= more
    return found


@pytest.mark.parametrize(
    ("found", "tail", "length", "said"),
    [
        (document(), TAIL, b"x", "Inference-Header-Content-Length is 'x'"),
        (document(), TAIL, b"-1", "Inference-Header-Content-Length"),
        (document(), TAIL, b"9" * 30, "Inference-Header-Content-Length"),
        (document(), TAIL, b"99999", "Inference-Header-Content-Length is '99999'"),
        (document(), TAIL, b"3", "no JSON"),
        (document(), TAIL[:-1], None, "bytes are left behind the JSON"),
        (document(), TAIL + b"x", None, "1 bytes behind the JSON are of no tensor"),
        (changed(0, parameters={"binary_data_size": -1}), TAIL, None, "`binary_data_size` is -1"),
        (changed(0, parameters={"binary_data_size": True}), TAIL, None, "`binary_data_size`"),
        (changed(0, parameters={"binary_data_size": "16"}), TAIL, None, "`binary_data_size`"),
        (changed(0, parameters={"binary_data_size": 8}), TAIL, None, "behind the JSON"),
        (changed(0, data=[1, 2]), TAIL, None, "`data` and `binary_data_size`"),
        (changed(0, datatype="FP64"), TAIL, None, "datatype 'FP64' is not 'INT64'"),
        (changed(0, shape=[3, 1]), TAIL, None, "16 bytes are not 3 of INT64, which are 24"),
        (changed(0, shape=[2, 2]), TAIL, None, "`shape`"),
        (document(parameters={"binary_data_output": 1}), TAIL, None, "neither true nor false"),
        (
            document(outputs=[{"name": "label", "parameters": {"binary_data": "yes"}}]),
            TAIL,
            None,
            "neither true nor false",
        ),
        (document(inputs=3), b"", None, "`inputs` is no list"),
        (document(), HOURS + TEMPERATURES + SEASONS[:-1] + b"\xff", None, "no UTF-8"),
        (
            document(),
            HOURS + TEMPERATURES + b"\xff\xff\xff\x7f" + SEASONS[4:],
            None,
            "longer than the tensor",
        ),
        (document(), HOURS + struct.pack("<2d", 1, float("inf")) + SEASONS, None, "infinite"),
    ],
)
def test_what_does_not_fit_is_refused(
    found: dict[str, Any], tail: bytes, length: bytes | None, said: str
) -> None:
    body, headers = sent(found, tail)
    if length is not None:
        headers = {HEADER: length}

    with pytest.raises(RequestError) as caught:
        speaks().parse(body, headers, "given")

    assert caught.value.status == 400
    assert said in caught.value.message


def test_without_the_header_there_are_no_tensors_behind_the_json() -> None:
    body = json.dumps(document()).encode()

    with pytest.raises(RequestError, match="0 bytes are left behind the JSON"):
        speaks().parse(body, {}, "given")


def test_a_byte_of_bool_is_0_or_1() -> None:
    assert from_bytes(memoryview(b"\0\1"), "BOOL", 2, 1, "it").tolist() == [[False], [True]]
    with pytest.raises(RequestError, match="neither"):
        from_bytes(memoryview(b"\0\2"), "BOOL", 2, 1, "it")


@given(
    datatype=st.sampled_from(["INT8", "UINT16", "INT32", "UINT64", "FP32", "FP64", "BOOL"]),
    content=st.binary(max_size=64),
    rows=st.integers(1, 8),
)
def test_numbers_come_back_as_they_were(datatype: str, content: bytes, rows: int) -> None:
    try:
        found = from_bytes(memoryview(content), datatype, rows, 1, "it")
    except RequestError:
        return
    assert found.shape == (rows, 1)
    if not np.isnan(found.astype(np.float64)).any():  # which NaN it was is not kept
        assert to_bytes(found, datatype) == content


@given(texts=st.lists(st.text(max_size=5), min_size=1, max_size=5))
def test_text_comes_back_as_it_was(texts: list[str]) -> None:
    content = to_bytes(np.array(texts, object), "BYTES")

    found = from_bytes(memoryview(content), "BYTES", len(texts), 1, "it")

    assert found[:, 0].tolist() == texts


@given(head=st.binary(max_size=40), tail=st.binary(max_size=40), length=st.integers(0, 100))
def test_whatever_is_sent_is_a_request_or_refused(head: bytes, tail: bytes, length: int) -> None:
    with pytest.raises(RequestError):
        speaks().parse(head + tail, {HEADER: str(length).encode()}, "given")


def test_a_matrix_is_one_tensor() -> None:
    signature = SIGNATURE.model_copy(
        update={"inputs": (InputSpec(name="X", dtype="float32", shape=(None, 3)),)}
    )
    content = struct.pack("<6f", *range(6))
    found = {"inputs": [{**binary("X", "FP32", 2, content), "shape": [2, 3]}]}

    request = speaks(signature).parse(*sent(found, content), "given")

    assert request.feeds["X"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert request.feeds["X"].dtype == np.float32

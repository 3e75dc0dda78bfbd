"""The binary tensor data extension of the Open Inference Protocol V2, in both directions.

After
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md,
which KServe publishes too:

- The body is the JSON of the request, of `Inference-Header-Content-Length` bytes, and behind it the
  tensors that have the parameter `binary_data_size`, in the order of `inputs`, without anything
  between them. They have no `data`.
- Numbers are little endian and row major. BOOL is a byte, 0 or 1. An element of BYTES is its
  length, 4 bytes unsigned, and then that many bytes: UTF-8 here, because a model takes text.
- The parameter `binary_data` of an output, or `binary_data_output` of the request for all of them,
  asks for an answer of the same form. A request without binary tensors may ask for it too.

What JSON has to say null for is NaN in a tensor of numbers, and no bytes in one of text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from assay.serving.errors import shown, wrong
from assay.serving.inputs import Table
from assay.serving.protocols.rows import document
from assay.serving.protocols.v2 import V2

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from assay.serving.loaded import Loaded
    from assay.serving.protocols.base import Answers, Document, Feeds, Headers, Request

HEADER = b"inference-header-content-length"
SIZE, ONE, ALL = "binary_data_size", "binary_data", "binary_data_output"
TEXT = "BYTES"
DTYPES = {
    "BOOL": "u1",
    "INT8": "i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "UINT8": "u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "FP32": "<f4",
    "FP64": "<f8",
}
"""By the protocol's datatype, as numpy reads bytes; BYTES has no fixed size."""
_PREFIX = 4
"""Bytes of the length of an element of BYTES."""
_DIGITS = 12


class _Table(Table):
    """Inputs of which some come as arrays."""

    def feeds(self, columns: Mapping[str, Any], rows: int) -> Feeds:
        """Columns, checked; see `Table`."""
        if np.ndarray not in map(type, columns.values()):
            return super().feeds(columns, rows)
        self.check_rows(rows)
        self.check_names(columns)
        return {
            name: column.given(values)
            if isinstance(values := columns[name], np.ndarray)
            else column.many(values, rows)
            for name, column in self.columns.items()
        }


class V2Binary(V2):
    """The protocol with its extension; what is all JSON costs no more than without."""

    extensions = ("binary_tensor_data",)

    def __init__(self, loaded: Loaded, table: Table) -> None:
        super().__init__(loaded, _Table(table.columns.values(), table.most))

    def parse(self, body: bytes, headers: Mapping[bytes, bytes], given_id: str) -> Request:
        """A request; see `Speaks`."""
        length = headers.get(HEADER)
        if length is None and b"binary_data" not in body:
            return super().parse(body, headers, given_id)
        head = len(body) if length is None else _length(length, body)
        found = document(body[:head])
        _attach(found, memoryview(body)[head:])
        _check_wishes(found)
        return self.request(found, given_id)

    def _data(self, one: Document, name: str, rows: int) -> Any:
        data = one.get("data")
        if not isinstance(data, memoryview):
            return super()._data(one, name, rows)
        column = self.table.columns[name]
        return from_bytes(data, self.datatypes[name], rows, column.width, f"Input `{name}`").astype(
            column.dtype, copy=False
        )

    def render(self, request: Request, answers: Answers) -> tuple[bytes, Headers]:
        """An answer; see `Speaks`."""
        found = request.document
        names = request.outputs or tuple(self.outputs)
        binary = _wished(found, names) if "parameters" in found or "outputs" in found else ()
        if not binary:
            return super().render(request, answers)
        tensors: list[Document] = []
        tail: list[bytes] = []
        for name in names:
            tensor: Document = {
                "name": name,
                "shape": answers[name].shape,
                "datatype": self.outputs[name],
            }
            if name in binary:
                tail.append(to_bytes(answers[name], self.outputs[name]))
                tensor["parameters"] = {SIZE: len(tail[-1])}
            else:
                tensor["data"] = answers[name].ravel().tolist()
            tensors.append(tensor)
        given = {"id": request.id} if "id" in found else {}
        head = orjson.dumps({**self._head, **given, "outputs": tensors})
        return b"".join([head, *tail]), [
            (b"content-type", b"application/octet-stream"),
            (HEADER, str(len(head)).encode()),
        ]


def _length(text: bytes, body: bytes) -> int:
    """Of the JSON, as the header says."""
    if not text.isdigit() or len(text) > _DIGITS or int(text) > len(body):
        raise wrong(
            f"Inference-Header-Content-Length is {shown(text.decode('latin-1'))}; it has to be the "
            f"length of the JSON, of the {len(body):,} bytes that came."
        )
    return int(text)


def _attach(found: Document, tail: memoryview) -> None:
    """Give every binary tensor its bytes, as its `data`. What is no tensor is refused later."""
    inputs = found.get("inputs")
    for one in inputs if isinstance(inputs, list) else ():
        parameters = one.get("parameters") if isinstance(one, dict) else None
        if not isinstance(parameters, dict) or SIZE not in parameters:
            continue
        size = parameters[SIZE]
        if type(size) is not int or not 0 <= size <= len(tail):
            raise wrong(f"`{SIZE}` is {shown(size)}; {len(tail):,} bytes are left behind the JSON.")
        if "data" in one:
            raise wrong(f"An input has `data` and `{SIZE}`; it can have one of them.")
        one["data"], tail = tail[:size], tail[size:]
    if len(tail):
        raise wrong(f"{len(tail):,} bytes behind the JSON are of no tensor.")


def _check_wishes(found: Document) -> None:
    """Whether what asks for binary answers is true or false."""
    outputs = found.get("outputs")
    for one, name in (
        (found, ALL),
        *((one, ONE) for one in (outputs if isinstance(outputs, list) else ())),
    ):
        parameters = one.get("parameters") if isinstance(one, dict) else None
        wish = parameters.get(name, False) if isinstance(parameters, dict) else False
        if not isinstance(wish, bool):
            raise wrong(f"`{name}` is {shown(wish)}, and neither true nor false.")


def _wished(found: Document, names: Iterable[str]) -> set[str]:
    """The outputs that are wanted as bytes."""
    every = found.get("parameters", {}).get(ALL, False)
    single = {one["name"]: one.get("parameters", {}).get(ONE) for one in found.get("outputs", ())}
    return {name for name in names if (every if (wish := single.get(name)) is None else wish)}


def from_bytes(
    content: memoryview, datatype: str, rows: int, width: int, what: str
) -> NDArray[Any]:
    """(rows, width): a tensor of the protocol; text as objects.

    Args:
        content: Its bytes.
        datatype: What the protocol calls the type.
        rows: That it has to have.
        width: That it has to have.
        what: Whose bytes they are, for messages.

    Raises:
        RequestError: They are not so many elements of the type.
    """
    count = rows * width
    if datatype == TEXT:
        return np.array(_texts(content, count, what), object).reshape(rows, width)
    dtype = np.dtype(DTYPES[datatype])
    if len(content) != count * dtype.itemsize:
        raise wrong(
            f"{what}: {len(content):,} bytes are not {count:,} of {datatype}, which are "
            f"{count * dtype.itemsize:,}."
        )
    # A copy: what lies in a request may lie at an odd address.
    found = np.frombuffer(content, dtype).astype(dtype.newbyteorder("="), copy=True)
    if datatype == "BOOL":
        if (found > 1).any():
            raise wrong(f"{what}: a byte of BOOL is 0 or 1, and one is neither.")
        found = found.astype(bool)
    return found.reshape(rows, width)


def _texts(content: memoryview, count: int, what: str) -> list[str]:
    found: list[str] = []
    at = 0
    while at < len(content):
        start = at + _PREFIX
        at = start + int.from_bytes(content[at:start], "little")
        if start > len(content) or at > len(content):
            raise wrong(f"{what}: an element of BYTES is longer than the tensor.")
        try:
            found.append(str(content[start:at], "utf-8"))
        except UnicodeDecodeError:
            raise wrong(f"{what}: an element of BYTES is no UTF-8.") from None
    if len(found) != count:
        raise wrong(f"{what}: {len(found):,} elements of BYTES are not {count:,}.")
    return found


def to_bytes(values: NDArray[Any], datatype: str) -> bytes:
    """A tensor as the protocol writes it."""
    if datatype != TEXT:
        return np.ascontiguousarray(values, np.dtype(DTYPES[datatype])).tobytes()
    texts = [str(one).encode() for one in values.ravel().tolist()]
    return b"".join(len(text).to_bytes(_PREFIX, "little") + text for text in texts)

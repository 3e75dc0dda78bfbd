"""The Open Inference Protocol V2, JSON: `POST /v2/models/{model}/infer`.

As https://github.com/kserve/open-inference-protocol says, strictly: a name, shape, datatype or
count that is not the model's is an error. Numbers may be flat or nested in rows. A missing value,
which the protocol does not know, is null where the model answers without it. What is optional and
not there is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from assay.serving.errors import RequestError, shown, wrong
from assay.serving.protocols.base import JSON, Request
from assay.serving.protocols.rows import document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assay.packaging.facts import DType, InputSpec, OutputSpec
    from assay.serving.inputs import Table
    from assay.serving.loaded import Loaded
    from assay.serving.protocols.base import Answers, Document, Headers

DATATYPES: dict[DType, str] = {
    "bool": "BOOL",
    "int8": "INT8",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
    "uint8": "UINT8",
    "uint16": "UINT16",
    "uint32": "UINT32",
    "uint64": "UINT64",
    "float32": "FP32",
    "float64": "FP64",
    "string": "BYTES",
}
"""What the protocol calls a type."""
_REQUEST = {"id", "parameters", "inputs", "outputs"}
_INPUT = {"name", "shape", "datatype", "parameters", "data"}
_OUTPUT = {"name", "parameters"}
_PLAIN = 4
"""Members of a tensor without parameters: name, shape, datatype and data."""
_ONE = 1
_LONGEST_ID = 256


def tensor_metadata(spec: InputSpec | OutputSpec) -> Document:
    """An input or output as the protocol describes it; -1 is the number of rows."""
    shape = [-1 if length is None else length for length in spec.shape]
    return {"name": spec.name, "datatype": DATATYPES[spec.dtype], "shape": shape}


def metadata(loaded: Loaded) -> Document:
    """The model, as `GET /v2/models/{model}` tells it."""
    return {
        "name": loaded.name,
        "versions": [loaded.version],
        "platform": "onnx_onnxv1" if loaded.kind == "onnx" else "skops",
        "inputs": [tensor_metadata(one) for one in loaded.signature.inputs],
        "outputs": [tensor_metadata(one) for one in loaded.signature.outputs],
    }


class V2:
    """The protocol, for one model."""

    name = "v2"

    def __init__(self, loaded: Loaded, table: Table) -> None:
        self.table = table
        self.datatypes = {one.name: DATATYPES[one.dtype] for one in loaded.signature.inputs}
        self.outputs = {one.name: DATATYPES[one.dtype] for one in loaded.signature.outputs}
        self._widths = {name: one.width for name, one in table.columns.items()}
        self._plain_types = {
            name: self.datatypes[name] for name, width in self._widths.items() if width == 1
        }
        self._head = {"model_name": loaded.name, "model_version": loaded.version}

    def parse(self, body: bytes, headers: Mapping[bytes, bytes], given_id: str) -> Request:
        """A request; see `Speaks`."""
        del headers
        return self.request(document(body), given_id)

    def request(self, found: Document, given_id: str) -> Request:
        """The request that a JSON document is.

        Raises:
            RequestError: It is none that the model can be asked.
        """
        if not _REQUEST.issuperset(found):
            raise _unknown(found, _REQUEST, "The request")
        inputs = found.get("inputs")
        if type(inputs) is not list:
            raise wrong("`inputs` is no list of tensors.")
        values = self._single(inputs)
        if values is not None:
            feeds = self.table.row(values)
            return Request(feeds, 1, _id(found, given_id), self._wanted(found), found)
        columns: dict[str, list[Any]] = {}
        rows = -1
        for one in inputs:
            name, count = self.check_tensor(one)
            if name in columns:
                raise wrong(f"Input `{name}` is there twice.")
            if rows not in (-1, count):
                raise wrong(f"Input `{name}` has {count:,} rows, and those before it {rows:,}.")
            rows = count
            columns[name] = self._data(one, name, count)
        if not columns:
            self.table.check_names(columns)
        return Request(
            self.table.feeds(columns, rows),
            rows,
            _id(found, given_id),
            self._wanted(found),
            found,
        )

    def _single(self, inputs: list[Any]) -> dict[str, Any] | None:
        """The values of one row of plain tensors, the most frequent request.

        Returns:
            `None` of all others, and of what is wrong: those are looked at one thing after another.
        """
        values: dict[str, Any] = {}
        types = self._plain_types
        try:
            for one in inputs:
                name, (rows, width), data = one["name"], one["shape"], one["data"]
                if (
                    len(one) != _PLAIN
                    or one["datatype"] != types[name]
                    or rows is not _ONE  # 1.0 and true equal it
                    or width is not _ONE
                    or type(data) is not list
                    or len(data) != 1
                    or type(data[0]) is list
                ):
                    return None
                values[name] = data[0]
        except (KeyError, TypeError, ValueError):
            return None
        return values if values and len(values) == len(inputs) else None

    def check_tensor(self, one: Any) -> tuple[str, int]:
        """(name, number of rows) of a tensor of a request.

        Raises:
            RequestError: It is not an input of the model.
        """
        if type(one) is not dict:
            raise wrong("An input is no object with `name`, `shape`, `datatype` and `data`.")
        if not _INPUT.issuperset(one):
            raise _unknown(one, _INPUT, "An input")
        if "parameters" in one:
            _check_parameters(one, "An input")
        name, shape = one.get("name"), one.get("shape")
        if type(name) is not str:
            raise wrong("An input has no `name`.")
        expected = self.datatypes.get(name)
        if expected is None:
            self.table.check_names({name: None})
        if one.get("datatype") != expected:
            raise wrong(
                f"Input `{name}`: datatype {shown(one.get('datatype'))} is not {expected!r}."
            )
        # Equal is not enough: 1.0 and true equal 1.
        if (
            type(shape) is not list
            or len(shape) != 2
            or shape[1] != self._widths[name]
            or type(shape[1]) is not int
            or type(shape[0]) is not int
            or shape[0] < 0
        ):
            raise wrong(f"Input `{name}`: `shape` is not [rows, {self._widths[name]}].")
        return name, shape[0]

    def _data(self, one: Document, name: str, rows: int) -> list[Any]:
        """The values of a tensor, flat."""
        data = one.get("data")
        if type(data) is not list:
            raise wrong(f"Input `{name}`: `data` is no list.")
        if not data or type(data[0]) is not list:
            return data
        width = self._widths[name]
        if len(data) != rows or any(type(row) is not list or len(row) != width for row in data):
            raise wrong(f"Input `{name}`: `data` is not nested as [{rows}, {width}].")
        return [value for row in data for value in row]

    def _wanted(self, found: Document) -> tuple[str, ...] | None:
        """The outputs that are asked for; `None` for all."""
        _check_parameters(found, "The request")
        if "outputs" not in found:
            return None
        outputs = found["outputs"]
        if type(outputs) is not list:
            raise wrong("`outputs` is no list.")
        names: list[str] = []
        for one in outputs:
            if type(one) is not dict or type(one.get("name")) is not str:
                raise wrong("An output is no object with a `name`.")
            if not _OUTPUT.issuperset(one):
                raise _unknown(one, _OUTPUT, "An output")
            _check_parameters(one, "An output")
            if one["name"] not in self.outputs:
                known = ", ".join(f"`{name}`" for name in self.outputs)
                raise wrong(f"There is no output {shown(one['name'])}. There are {known}.")
            if one["name"] in names:
                raise wrong(f"Output `{one['name']}` is asked for twice.")
            names.append(one["name"])
        return tuple(names) or None

    def render(self, request: Request, answers: Answers) -> tuple[bytes, Headers]:
        """An answer; see `Speaks`."""
        said = {**self._head, **_given_id(request)}
        said["outputs"] = [
            {
                "name": name,
                "shape": answers[name].shape,
                "datatype": self.outputs[name],
                "data": answers[name].ravel().tolist(),
            }
            for name in request.outputs or self.outputs
        ]
        return orjson.dumps(said), JSON


def _given_id(request: Request) -> Document:
    return {"id": request.id} if "id" in request.document else {}


def _id(found: Document, given_id: str) -> str:
    if "id" not in found:
        return given_id
    one = found["id"]
    if type(one) is not str or len(one) > _LONGEST_ID:
        raise wrong(f"`id` is no text of at most {_LONGEST_ID} characters.")
    return one


def _check_parameters(one: Document, what: str) -> None:
    if "parameters" in one and type(one["parameters"]) is not dict:
        raise wrong(f"{what}: `parameters` is no object.")


def _unknown(one: Document, known: set[str], what: str) -> RequestError:
    name = next(name for name in one if name not in known)
    return wrong(f"{what} has {shown(name)}, which the protocol does not know.")

"""TensorFlow Serving's REST API: predict, metadata and status, so that its clients need no change.

After https://www.tensorflow.org/tfx/serving/api_rest and what its server does
(`tensorflow_serving/util/json_tensor.cc`):

- `instances` is a list of objects, one a row, or of plain values where the model has one input; the
  answer has `predictions`. `inputs` is an object of columns, or one column; the answer has
  `outputs`. A request has one of the two. One output is given without its name.
- A column of a table is a tensor of shape (rows, 1): a value may be written as `3` and as `[3]`.
- `{"b64": "..."}` stands for text, in UTF-8. `NaN` and `Infinity` are no JSON, and are read as
  TensorFlow Serving does; NaN is a missing value, and infinity no model is asked about.
- `signature_name` is `serving_default`, or left out. Classify and regress take `tf.Example`, which
  no model here does.

Other than there, a name in `inputs` that the model does not know is refused, and versions are
text: `v1.2.3` is no int64. A label is a name for a version; the one version that is here has those
that it was started with.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from typing import TYPE_CHECKING, Any

import orjson

from assay.serving.errors import shown, wrong
from assay.serving.protocols.base import JSON, Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assay.packaging.facts import InputSpec, OutputSpec, Signature
    from assay.serving.inputs import Table
    from assay.serving.protocols.base import Answers, Document, Headers

DEFAULT = "serving_default"
_TYPES = {"bool": "DT_BOOL", "string": "DT_STRING", "float32": "DT_FLOAT", "float64": "DT_DOUBLE"}
_ROWS, _COLUMNS = "instances", "inputs"


class TfServing:
    """The predict API of one model.

    Args:
        signature: Of the model.
        table: Its inputs.
    """

    name = "tf"

    def __init__(self, signature: Signature, table: Table) -> None:
        self._table = table
        self._inputs = tuple(one.name for one in signature.inputs)
        self._outputs = tuple(one.name for one in signature.outputs)

    def parse(self, body: bytes, headers: Mapping[bytes, bytes], given_id: str) -> Request:  # noqa: ARG002 (what every protocol is given)
        """A request; see the module.

        Raises:
            RequestError: It is none that the model can be asked.
        """
        document = _document(body)
        _check_signature(document.get("signature_name", ""))
        if (_ROWS in document) == (_COLUMNS in document):
            raise wrong("The request has to have one of `instances` and `inputs`.")
        if _ROWS in document:
            return self._of_rows(document[_ROWS], given_id)
        return self._of_columns(document[_COLUMNS], given_id)

    def _of_rows(self, instances: Any, given_id: str) -> Request:
        if not isinstance(instances, list) or not instances:
            raise wrong("`instances` has to be a list of at least one row.")
        self._table.check_rows(len(instances))
        objects = {_is_object(one) for one in instances}
        if len(objects) > 1:
            raise wrong("`instances` has objects and plain values; it has to be one or the other.")
        if True in objects:
            rows: list[Mapping[str, Any]] = [
                {name: _value(item) for name, item in one.items()} for one in instances
            ]
            feeds = self._table.row(rows[0]) if len(rows) == 1 else self._table.rows(rows)
        else:
            ((name, values),) = self._only(instances, _ROWS).items()
            columns = {name: _column(name, values, self._table.columns[name].width)}
            feeds = self._table.feeds(columns, len(instances))
        return Request(feeds=feeds, rows=len(instances), id=given_id, document=_ROWS)

    def _of_columns(self, inputs: Any, given_id: str) -> Request:
        named = inputs if _is_object(inputs) else self._only(inputs, _COLUMNS)
        self._table.check_names(named)
        columns = {
            name: _column(name, named[name], column.width)
            for name, column in self._table.columns.items()
        }
        rows = len(columns[self._inputs[0]]) // self._table.columns[self._inputs[0]].width
        feeds = self._table.feeds(columns, rows)
        return Request(feeds=feeds, rows=rows, id=given_id, document=_COLUMNS)

    def _only(self, values: Any, key: str) -> dict[str, Any]:
        """Plain values, as the column of the one input that there is."""
        if len(self._inputs) > 1:
            raise wrong(f"`{key}` has no names, and the model has {len(self._inputs)} inputs.")
        return {self._inputs[0]: values}

    def render(self, request: Request, answers: Answers) -> tuple[bytes, Headers]:
        """(body, its headers) of the answer."""
        plain = {name: answers[name].tolist() for name in self._outputs}
        if len(plain) == 1:
            (found,) = plain.values()
        elif request.document == _COLUMNS:
            found = plain
        else:
            found = [
                dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True)
            ]
        key = "outputs" if request.document == _COLUMNS else "predictions"
        return orjson.dumps({key: found}), JSON


def _document(body: bytes) -> Document:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        found = _with_infinity(body, error)
    if not isinstance(found, dict):
        raise wrong("The request has to be a JSON object.")
    return found


def _with_infinity(body: bytes, first: ValueError) -> Any:
    """JSON that may have `NaN` and `Infinity` in it."""
    if b"NaN" not in body and b"Infinity" not in body:
        raise wrong(f"The request is no JSON: {first}.") from None
    try:
        found = json.loads(body.decode())
        orjson.dumps(found)  # neither halves of surrogate pairs, nor numbers without end
    except (ValueError, TypeError, RecursionError) as error:
        raise wrong(f"The request is no JSON: {error}.") from None
    return found


def _check_signature(name: Any) -> None:
    if name not in ("", DEFAULT):
        raise wrong(f"There is no signature {shown(name)}; there is `{DEFAULT}`.")


def _is_object(one: Any) -> bool:
    """Whether it has names, and is not text in base64."""
    return isinstance(one, dict) and one.keys() != {"b64"}


def _value(item: Any) -> Any:
    """A value of a row: `[3]` is `3`; of a matrix it stays a list."""
    if isinstance(item, list):
        return _plain(item[0]) if len(item) == 1 else [_plain(one) for one in item]
    return _plain(item)


def _plain(item: Any) -> Any:
    """A value with what JSON has no word for made what the model's inputs are checked for."""
    if isinstance(item, float) and not math.isfinite(item):
        if math.isnan(item):
            return None
        raise wrong("A number is infinite; no model is asked about that.")
    if isinstance(item, dict) and item.keys() == {"b64"}:
        return _decoded(item["b64"])
    return item


def _decoded(text: Any) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, TypeError, ValueError):
        raise wrong(f"`b64` is {shown(text)}, which is no text in base64.") from None


def _column(name: str, values: Any, width: int) -> list[Any]:
    """(rows * width,): a column as it is written, (rows,) or (rows, width)."""
    if not isinstance(values, list):
        raise wrong(f"Input {shown(name)} has to be a list, with a value for each row.")
    nested = [isinstance(one, list) for one in values]
    if not any(nested) and width == 1:
        return [_plain(one) for one in values]
    for row, one in enumerate(values, start=1):
        if not isinstance(one, list) or len(one) != width:
            raise wrong(f"Input {shown(name)}, row {row}: a list of {width} is needed.")
    return [_plain(item) for one in values for item in one]


def status(version: str) -> Document:
    """What `GET /v1/models/NAME` answers: `GetModelStatusResponse`."""
    return {
        "model_version_status": [
            {
                "version": version,
                "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            }
        ]
    }


def metadata(name: str, version: str, signature: Signature) -> Document:
    """What `GET /v1/models/NAME/metadata` answers: `GetModelMetadataResponse`."""
    definition = {
        "inputs": {one.name: _tensor(one) for one in signature.inputs},
        "outputs": {one.name: _tensor(one) for one in signature.outputs},
        "method_name": "tensorflow/serving/predict",
    }
    return {
        "model_spec": {"name": name, "signature_name": "", "version": version},
        "metadata": {"signature_def": {"signature_def": {DEFAULT: definition}}},
    }


def _tensor(one: InputSpec | OutputSpec) -> Document:
    sizes = [{"size": str(-1 if size is None else size), "name": ""} for size in one.shape]
    return {
        "dtype": _TYPES.get(one.dtype, f"DT_{one.dtype.upper()}"),
        "tensor_shape": {"dim": sizes, "unknown_rank": False},
        "name": one.name,
    }

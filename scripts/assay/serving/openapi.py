"""The server's OpenAPI document (3.1.0), from the signature of the model: `GET /openapi.json`.

Rows are described exactly: names, types, ranges, categories, what may be null. Of the tensors of
the other protocols the parts are; that all of them have as many rows, no schema can say.
"""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING

from assay.packaging.profile import Profile
from assay.serving.feedback import PATH as FEEDBACK
from assay.serving.hooks import Route
from assay.serving.inputs import Column
from assay.serving.protocols.base import JSON
from assay.serving.protocols.tfserving import DEFAULT
from assay.serving.protocols.v2 import DATATYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.packaging.facts import InputSpec, OutputSpec, Scalar
    from assay.serving.hooks import Answer, Call
    from assay.serving.loaded import Loaded
    from assay.serving.protocols.base import Document, Headers
    from assay.serving.settings import ServeSettings

_TYPES = {"b": "boolean", "i": "integer", "u": "integer", "f": "number", "O": "string"}
_OUTPUT_TYPES = {"string": "string", "bool": "boolean", "float32": "number", "float64": "number"}
_ERRORS = {
    "400": "The request is not one that the model can be asked.",
    "401": "Nobody who is known asks.",
    "404": "There is no such model or version here.",
    "405": "The path takes another method.",
    "408": "The request did not come in time.",
    "411": "The request does not say how long it is.",
    "413": "The request is too large.",
    "415": "The body is not of a type that is taken.",
    "422": "The model has no answer for a row that is unlike all that it was tested with.",
    "500": "The server failed, or the model gave no finite number.",
    "503": "As many requests as there may be are being answered.",
    "504": "The model did not answer in time.",
}
_NULL = {"type": "null"}


def routes(
    loaded: Loaded, settings: ServeSettings, *, keys: bool, feedback: bool, labels: Sequence[str]
) -> list[Route]:
    """The document, and the pages that show it.

    Args:
        loaded: The model.
        settings: Limits.
        keys: Whether a key or a token is needed.
        feedback: Whether the truth is taken.
        labels: Names of this version.
    """

    # Made when somebody asks: the server has to start before.
    @functools.cache
    def pages() -> dict[str, tuple[bytes, Headers]]:
        from assay.serving import docspage

        found = document(loaded, settings, keys=keys, feedback=feedback, labels=labels)
        return {
            "/openapi.json": (json.dumps(found, ensure_ascii=False).encode(), JSON),
            "/": (docspage.index(loaded), docspage.HEADERS),
            "/docs": (docspage.docs(loaded, found), docspage.HEADERS),
        }

    def page(path: str) -> Route:
        def handler(call: Call) -> Answer:
            del call
            return 200, *pages()[path]

        return Route("GET", path, handler, guarded=False)

    return [page(path) for path in ("/openapi.json", "/", "/docs")]


def document(
    loaded: Loaded,
    settings: ServeSettings,
    *,
    keys: bool = False,
    feedback: bool = False,
    labels: Sequence[str] = (),
) -> Document:
    """The document; arguments as of `routes`."""
    signature = loaded.signature
    columns = [(one, Column.of(one, loaded.parity)) for one in signature.inputs]
    examples = example(loaded)
    model, tf = f"/v2/models/{loaded.name}", f"/v1/models/{loaded.name}"
    paths: Document = {
        "/predict": _asks("Predict rows", "rows", "Row", "Predictions", {"rows": [examples]}),
    }
    for at in (model, f"{model}/versions/{loaded.version}"):
        paths[at] = _tells("The model: inputs and outputs", "v2")
        paths[f"{at}/ready"] = _tells("Whether the model is ready", "v2")
        paths[f"{at}/infer"] = _asks(
            "Predict tensors (Open Inference Protocol V2)",
            "v2",
            "Tensors",
            "TensorsSaid",
            tensors(loaded, [examples]),
        )
    for at in (
        tf,
        f"{tf}/versions/{loaded.version}",
        *(f"{tf}/labels/{label}" for label in labels),
    ):
        paths[at] = _tells("Whether the version is available", "tf")
        paths[f"{at}/metadata"] = _tells("The model: inputs and outputs", "tf")
        paths[f"{at}:predict"] = _asks(
            "Predict instances (TensorFlow Serving)",
            "tf",
            "Instances",
            "InstancesSaid",
            {"instances": [examples]},
        )
    paths["/v2"] = _tells("The server", "v2")
    for at in ("/health", "/v2/health"):
        paths[f"{at}/live"] = _tells("Whether the process lives", "health")
        paths[f"{at}/ready"] = _tells("Whether it wants requests", "health")
    paths["/metrics"] = _tells("Metrics, for Prometheus", "health", media="text/plain")
    if feedback:
        truth = {"id": "the answer's", "truth": [1]}
        paths[FEEDBACK] = _asks("The truth of an answer", "feedback", "Truth", "Counted", truth)
    found: Document = {
        "openapi": "3.1.0",
        "info": {
            "title": loaded.name,
            "version": loaded.version,
            "description": loaded.description or "",
        },
        "paths": paths,
        "components": {
            "schemas": {
                **_requests(columns, settings),
                **_answers(loaded),
                "Error": _object({"error": {"type": "string"}}),
            }
        },
    }
    if keys:
        found["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        for path, methods in paths.items():
            if not path.startswith(("/health", "/v2/health", "/metrics")):
                for operation in methods.values():
                    operation["security"] = [{"key": []}]
    return found


def example(loaded: Loaded) -> Document:
    """A row like those that the model was tested on."""
    from assay.packaging import usage  # a server has to start before anybody asks for this

    profile = loaded.profile or Profile(rows=0, features=(), predictions=())
    return usage.row(loaded.signature, profile)


def tensors(loaded: Loaded, rows: Sequence[Document]) -> Document:
    """Rows as a request of the Open Inference Protocol V2."""
    return {
        "inputs": [
            {
                "name": one.name,
                "shape": [len(rows), one.shape[-1] or 1],
                "datatype": DATATYPES[one.dtype],
                "data": [row[one.name] for row in rows],
            }
            for one in loaded.signature.inputs
        ]
    }


def _asks(summary: str, tag: str, takes: str, gives: str, shown: Document) -> Document:
    return {
        "post": {
            "summary": summary,
            "tags": [tag],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": _ref(takes), "example": shown}},
            },
            "responses": {"200": _content("The answer.", _ref(gives)), **_errors()},
        }
    }


def _tells(summary: str, tag: str, media: str = "application/json") -> Document:
    schema = {"type": "object"} if media == "application/json" else {"type": "string"}
    answer = {"description": summary, "content": {media: {"schema": schema}}}
    return {
        "get": {"summary": summary, "tags": [tag], "responses": {"200": answer, **_errors()}},
    }


def _errors() -> Document:
    return {status: _content(why, _ref("Error")) for status, why in _ERRORS.items()}


def _content(description: str, schema: Document) -> Document:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _ref(name: str) -> Document:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: Document, optional: Sequence[str] = ()) -> Document:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _list(items: Document, least: int = 0, most: int | None = None) -> Document:
    found: Document = {"type": "array", "items": items, "minItems": least}
    return found if most is None else {**found, "maxItems": most}


def _requests(
    columns: Sequence[tuple[InputSpec, Column]], settings: ServeSettings
) -> dict[str, Document]:
    row = _object({spec.name: _cells(column) for spec, column in columns})
    most = settings.max_rows
    many = {spec.name: _list(_cells(column), 1, most) for spec, column in columns}
    name = {"signature_name": {"enum": [DEFAULT, ""]}}
    return {
        "Row": {"anyOf": [_object({"rows": _list(row, 1, most)}), row]},
        "Instances": {
            "anyOf": [
                _object({**name, "instances": _list(row, 1, most)}, ["signature_name"]),
                _object({**name, "inputs": _object(many)}, ["signature_name"]),
            ]
        },
        "Tensors": _object(
            {
                "id": {"type": "string", "maxLength": 256},
                "parameters": {"type": "object"},
                "inputs": _list(
                    {"anyOf": [_tensor(spec, column, most) for spec, column in columns]},
                    len(columns),
                    len(columns),
                ),
            },
            ["id", "parameters"],
        ),
        "Truth": _object({"id": {"type": "string"}, "truth": _list({})}),
    }


def _tensor(spec: InputSpec, column: Column, most: int) -> Document:
    cell = _cell(column)
    rows = {"type": "integer", "minimum": 1, "maximum": most}
    shape = {"type": "array", "prefixItems": [rows, {"const": column.width}], "items": False}
    return _object(
        {
            "name": {"const": spec.name},
            "shape": {**shape, "minItems": 2},
            "datatype": {"const": DATATYPES[spec.dtype]},
            "data": _list(cell if column.width == 1 else {"anyOf": [cell, _cells(column)]}, 1),
        }
    )


def _cells(column: Column) -> Document:
    """What a row has of an input: a value, or a list of them."""
    if column.width == 1:
        return _cell(column)
    return _list(_cell(column), column.width, column.width)


def _cell(column: Column) -> Document:
    found: Document = {"type": _TYPES[column.dtype.kind]}
    if column.limits is not None:
        found |= dict(zip(("minimum", "maximum"), column.limits, strict=True))
    if column.categories is not None:
        found = {"enum": sorted(column.categories, key=str)}
    return found if column.missing is None else {"anyOf": [found, _NULL]}


def _answers(loaded: Loaded) -> dict[str, Document]:
    outputs = loaded.signature.outputs
    classes = loaded.signature.classes or ()
    head = {"model": {"type": "string"}, "version": {"type": "string"}, "id": {"type": "string"}}
    row = _object({one.name: _said(one, classes, named=True) for one in outputs})
    plain = _object({one.name: _said(one, classes, named=False) for one in outputs})
    whole = _object({one.name: _list(_said(one, classes, named=False)) for one in outputs})
    if len(outputs) == 1:
        plain = _said(outputs[0], classes, named=False)
        whole = _list(plain)
    tensor = _object(
        {
            "name": {"enum": [one.name for one in outputs]},
            "shape": _list({"type": "integer"}, 1),
            "datatype": {"enum": sorted({DATATYPES[one.dtype] for one in outputs})},
            "data": _list({}),
        }
    )
    return {
        "Predictions": _object({**head, "predictions": _list(row)}),
        "InstancesSaid": {
            "anyOf": [_object({"predictions": _list(plain)}), _object({"outputs": whole})]
        },
        "TensorsSaid": _object(
            {
                "model_name": {"const": loaded.name},
                "model_version": {"const": loaded.version},
                "id": {"type": "string"},
                "outputs": _list(tensor),
            },
            ["id"],
        ),
        "Counted": _object({"id": {"type": "string"}, "rows": {"type": "integer"}}),
    }


def _said(one: OutputSpec, classes: Sequence[Scalar], *, named: bool) -> Document:
    """What is answered of a row."""
    value: Document = {"type": _OUTPUT_TYPES.get(one.dtype, "integer")}
    if len(one.shape) == 1:
        return value
    width = one.shape[1]
    if named and width == len(classes):
        return _object({str(mark): value for mark in classes})
    return _list(value, width or 0, width)

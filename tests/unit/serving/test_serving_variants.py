"""Signatures of every kind through every protocol, as the OpenAPI document shows them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import jsonschema
import numpy as np
import pytest
from assay.packaging.facts import InputSpec, OutputSpec, Signature
from assay.serving.app import App, create_app
from assay.serving.beside import Beside, hooks
from assay.serving.loaded import Loaded
from assay.serving.settings import ServeSettings


def column(name: str, dtype: Any, **more: Any) -> InputSpec:
    return InputSpec(name=name, dtype=dtype, **more)


VALUE = OutputSpec(name="value", meaning="value", dtype="float32", shape=(None,))
MIXED = Signature(
    task="multiclass",
    classes=("a", "b", "c"),
    inputs=(
        column("i8", "int8"),
        column("u64", "uint64"),
        column("b", "bool"),
        column("s", "string", nullable=True),
        column("rows", "float64", nullable=True),
        column("c", "int64", categories=(1, 2, 3)),
    ),
    outputs=(
        OutputSpec(name="label", meaning="label", dtype="string", shape=(None,)),
        OutputSpec(name="probabilities", meaning="probability", dtype="float32", shape=(None, 3)),
    ),
)
SIGNATURES = {
    "matrix": Signature(
        task="regression",
        inputs=(column("X", "float32", shape=(None, 3), nullable=True),),
        outputs=(VALUE,),
    ),
    "mixed": MIXED,
    "odd name": Signature(
        task="regression", inputs=(column("x y/ü", "float64"),), outputs=(VALUE,)
    ),
    "text": Signature(
        task="regression",
        inputs=(column("t", "string"),),
        outputs=(VALUE.model_copy(update={"shape": (None, 1)}),),
    ),
    "multilabel": Signature(
        task="multilabel",
        inputs=(column("x", "float64"),),
        outputs=(OutputSpec(name="label", meaning="label", dtype="int64", shape=(None, 2)),),
    ),
}


def said(signature: Signature, rows: int) -> dict[str, Any]:
    """Answers of the right shapes and types."""
    return {
        one.name: np.full(
            (rows, *one.shape[1:]),
            "b" if one.dtype == "string" else 1,
            object if one.dtype == "string" else one.dtype,
        )
        for one in signature.outputs
    }


def app_of(signature: Signature, **beside: Any) -> App:
    loaded = Loaded(
        name="m",
        version="v",
        digest="d" * 64,
        signature=signature,
        predict=lambda feeds: said(signature, len(next(iter(feeds.values())))),
        inline_rows=0 if "batch_rows" in beside else 100,
    )
    settings = ServeSettings()
    return create_app(loaded, settings, hooks(loaded, settings, Beside(**beside)))


async def asked(app: App, method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
    """(status, document) of an answer."""
    messages: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        messages.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": [], "root_path": ""}
    await app(scope, receive, send)
    return messages[0]["status"], json.loads(messages[1]["body"])


@pytest.mark.parametrize("beside", [{}, {"batch_rows": 4, "batch_wait": 0.0}], ids=["", "batches"])
@pytest.mark.parametrize("name", SIGNATURES)
def test_what_the_document_shows_is_answered_as_it_says(name: str, beside: Any) -> None:
    async def main() -> int:
        app = app_of(SIGNATURES[name], **beside)
        _, document = await asked(app, "GET", "/openapi.json")
        count = 0
        for path, methods in document["paths"].items():
            if "post" not in methods:
                continue
            example = methods["post"]["requestBody"]["content"]["application/json"]["example"]
            status, answer = await asked(app, "POST", path, json.dumps(example).encode())
            assert status == 200, answer
            schema = methods["post"]["responses"]["200"]["content"]["application/json"]["schema"]
            jsonschema.Draft202012Validator(
                {**schema, "components": document["components"]}
            ).validate(answer)
            count += 1
        await app.close()
        return count

    assert asyncio.run(main()) == 5

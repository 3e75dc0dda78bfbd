"""The barest server of the model: it believes what it is sent, and knows nothing afterwards."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import orjson
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(os.environ["BENCH_MODEL"], options)


async def predict(request: Request) -> Response:
    row = orjson.loads(await request.body())
    feeds = {name: np.array([[value]]) for name, value in row.items()}
    label, probabilities = session.run(None, feeds)
    found = {"label": int(label[0]), "probabilities": probabilities[0].tolist()}
    return Response(orjson.dumps(found), media_type="application/json")


app = Starlette(routes=[Route("/predict", predict, methods=["POST"])])

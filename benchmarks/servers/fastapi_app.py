"""FastAPI as a person writes it who reads its first page: a model of the row, a function.

`plain` is an ordinary function, which FastAPI runs in a thread; `eager` is a coroutine, which it
runs on the event loop: faster, and what its documentation advises against for work that computes.
"""

from __future__ import annotations

import os

import numpy as np
import onnxruntime
from fastapi import FastAPI
from pydantic import BaseModel


class Row(BaseModel):
    hour: int
    working_day: int
    temperature: float | None = None
    humidity: float | None = None
    windspeed: float | None = None
    severity: float | None = None
    wet_lately: float | None = None


class Answer(BaseModel):
    label: int
    probabilities: list[float]


options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(os.environ["BENCH_MODEL"], options)
app = FastAPI()


@app.post("/plain")
def plain(row: Row) -> Answer:
    return answer(row)


@app.post("/eager")
async def eager(row: Row) -> Answer:
    return answer(row)


def answer(row: Row) -> Answer:
    values = {name: np.nan if value is None else value for name, value in row}
    feeds = {name: np.array([[value]]) for name, value in values.items()}
    label, probabilities = session.run(None, feeds)
    return Answer(label=label[0], probabilities=probabilities[0].tolist())

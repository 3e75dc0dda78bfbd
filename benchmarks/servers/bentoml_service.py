"""A service as BentoML's documentation shows it, with onnxruntime inside."""

from __future__ import annotations

import os

import bentoml
import numpy as np
import onnxruntime


@bentoml.service
class PeakHour:
    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(os.environ["BENCH_MODEL"], options)

    @bentoml.api
    def predict(self, row: dict[str, float]) -> dict[str, object]:
        whole = {"hour", "working_day"}
        feeds = {
            name: np.array([[value]], dtype=np.int64 if name in whole else np.float64)
            for name, value in row.items()
        }
        label, probabilities = self.session.run(None, feeds)
        return {"label": int(label[0]), "probabilities": probabilities[0].tolist()}

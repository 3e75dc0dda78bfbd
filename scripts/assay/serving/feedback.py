"""`POST /feedback`: the truth of rows that were answered, as soon as somebody knows it.

    {"id": "7f3c-1a", "truth": [1, 0]}

`id` is the answer's (`X-Request-Id`, or `id` of the body), `truth` has one value a row: the label
of a classifier, the number of a regression; of several targets, a list. It is compared with what
was answered and counted, for who judges a version by it: right labels, or absolute errors in bins.

The answers of the latest `MOST` rows are remembered, those of each request once. What is older, or
was answered by another process, is 404: whoever routes requests to several servers sends feedback
to all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from assay.rollout.latency import BINS as LATENCY_BINS
from assay.serving.bins import latency_bin
from assay.serving.errors import RequestError, shown, wrong
from assay.serving.protocols.base import JSON
from assay.serving.protocols.rows import document

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assay.packaging.facts import OutputSpec
    from assay.rollout.snapshot import Labelled
    from assay.serving.hooks import Answer, Call

PATH = "/feedback"
MOST = 50_000
"""Rows whose answers are remembered."""


class Feedback:
    """Answers that were given lately, and how good they were.

    Args:
        output: The first of the model: its label or value.
        most: Rows that are remembered.
    """

    def __init__(self, output: OutputSpec, most: int = MOST) -> None:
        self._output = output
        self._most = most
        # Lists: an array of a single number takes four times as much.
        self._answers: dict[str, list[Any]] = {}
        self._other: dict[str, str] = {}
        self._remembered = 0
        self._types = {"string": (str,), "bool": (bool,), "int64": (int,)}.get(
            output.dtype, (int, float)
        )
        self._rows = self._correct = 0
        self._errors = [0] * LATENCY_BINS

    def observe(self, call: Call) -> None:
        """Remember an answer; see `Observer`."""
        if call.answers is None or call.request is None:
            return
        values = call.answers[self._output.name].tolist()
        self._remember(call.id, values)
        if call.request.id != call.id:  # V2 has an id of its own in the body
            self._remember(call.request.id, values)
            self._other |= {call.id: call.request.id, call.request.id: call.id}
        while self._remembered > self._most:
            self._forget(next(iter(self._answers)))

    def _remember(self, ident: str, values: list[Any]) -> None:
        self._forget(ident)
        self._answers[ident] = values
        self._remembered += len(values)

    def _forget(self, ident: str) -> None:
        self._other.pop(ident, None)
        self._remembered -= len(self._answers.pop(ident, ()))

    def page(self, call: Call) -> Answer:
        """The endpoint.

        Raises:
            RequestError: It is no truth of an answer that is remembered.
        """
        found = document(call.body)
        ident, truth = found.get("id"), found.get("truth")
        if found.keys() != {"id", "truth"} or type(ident) is not str or type(truth) is not list:
            raise wrong("Feedback is an object with `id`, a text, and `truth`, a list.")
        values = self._answers.get(ident)
        if values is None:
            raise RequestError(
                404, f"No answer with the id {shown(ident)} is remembered, or its truth is known."
            )
        self._count(self._array(values), self._checked(truth, values))
        other = self._other.get(ident, ident)
        if self._answers.get(other) is values:
            self._forget(other)
        self._forget(ident)
        return 200, orjson.dumps({"id": ident, "rows": len(values)}), JSON

    def _array(self, values: list[Any]) -> NDArray[Any]:
        return np.array(values, object if self._output.dtype == "string" else None)

    def _checked(self, truth: list[Any], values: list[Any]) -> NDArray[Any]:
        if len(truth) != len(values):
            raise wrong(f"`truth` has {len(truth):,} rows, and the answer {len(values):,}.")
        width = len(values[0]) if isinstance(values[0], list) else None
        for row, one in enumerate(truth, start=1):
            parts = one if type(one) is list and width is not None else [one]
            if len(parts) != (width or 1) or any(type(part) not in self._types for part in parts):
                raise wrong(f"`truth`, row {row}: {shown(one)} is no {self._output.name}.")
        return self._array(truth)

    def _count(self, values: NDArray[Any], truth: NDArray[Any]) -> None:
        self._rows += len(values)
        if self._output.meaning == "label":
            same = values == truth
            self._correct += int((same.all(axis=1) if same.ndim == 2 else same).sum())
            return
        errors = np.abs(values.astype(np.float64) - truth.astype(np.float64))
        for error in (errors.mean(axis=1) if errors.ndim == 2 else errors).tolist():
            self._errors[latency_bin(error)] += 1

    def labelled(self) -> Labelled | None:
        """What was counted; `None` of nothing."""
        if not self._rows:
            return None
        from assay.rollout.snapshot import Labelled

        if self._output.meaning == "label":
            return Labelled(rows=self._rows, correct=self._correct)
        return Labelled(rows=self._rows, absolute_error=tuple(self._errors))

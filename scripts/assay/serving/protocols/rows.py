"""Rows as JSON, as people write them by hand: `POST /predict`.

`{"rows": [{"hour": 8, "season": "spring"}, ...]}`, or one row alone, is answered with
`{"model": ..., "version": ..., "id": ..., "predictions": [{"label": 1, "probabilities":
{"0": 0.1, "1": 0.9}}, ...]}`: by class where there is one number a class, else a list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from assay.serving.errors import shown, wrong
from assay.serving.protocols.base import JSON, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from assay.serving.inputs import Table
    from assay.serving.loaded import Loaded
    from assay.serving.protocols.base import Answers, Headers

ROWS = "rows"


def document(body: bytes) -> dict[str, Any]:
    """The JSON object that a body is.

    Raises:
        RequestError: It is none.
    """
    try:
        found = orjson.loads(body)
    except ValueError as error:
        raise wrong(f"The body is no JSON: {str(error)[:200]}.") from None
    if type(found) is not dict:
        raise wrong("The body is no JSON object.")
    return found


class Rows:
    """The protocol, for one model."""

    name = "rows"

    def __init__(self, loaded: Loaded, table: Table) -> None:
        self.table = table
        self._is_column = ROWS in table.columns
        self._head = {"model": loaded.name, "version": loaded.version}
        classes = [str(one) for one in loaded.signature.classes or ()]
        self._outputs: list[tuple[str, Callable[[list[Any]], list[Any]]]] = [
            (one.name, _by_class(classes) if one.shape[1:] == (len(classes),) else list)
            for one in loaded.signature.outputs
        ]

    def parse(self, body: bytes, headers: Mapping[bytes, bytes], given_id: str) -> Request:
        """A request; see `Speaks`."""
        del headers
        found = document(body)
        rows = found.get(ROWS)
        if rows is None or (self._is_column and type(rows) is not list):
            return Request(self.table.row(found), 1, given_id)
        if len(found) > 1:
            other = next(name for name in found if name != ROWS)
            raise wrong(f"Beside `rows` there may be nothing: {shown(other)} is not known.")
        if type(rows) is not list:
            raise wrong("`rows` is no list of objects.")
        for at, one in enumerate(rows, start=1):
            if type(one) is not dict:
                raise wrong(f"Row {at} is {shown(one)}, and no object of values by name.")
        if len(rows) == 1:
            return Request(self.table.row(rows[0]), 1, given_id)
        return Request(self.table.rows(rows), len(rows), given_id)

    def render(self, request: Request, answers: Answers) -> tuple[bytes, Headers]:
        """An answer; see `Speaks`."""
        names = [name for name, _ in self._outputs]
        columns = [form(answers[name].tolist()) for name, form in self._outputs]
        said = {
            **self._head,
            "id": request.id,
            "predictions": [
                dict(zip(names, one, strict=True)) for one in zip(*columns, strict=True)
            ],
        }
        return orjson.dumps(said), JSON


def _by_class(classes: list[str]) -> Callable[[list[Any]], list[Any]]:
    def named(rows: list[Any]) -> list[Any]:
        return [dict(zip(classes, one, strict=True)) for one in rows]

    return named

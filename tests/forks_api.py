"""GitHub's answers by path, where a whole server would be too much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.forge.refusal import MissingError
from assay.forge.transport import Api

if TYPE_CHECKING:
    from collections.abc import Iterator


class Answers(Api):
    """Answers what it was given; there is no connection."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def request(self, verb: str, path: str, data: object = None) -> object:
        self.asked.append(path)
        assert (verb, data) == ("GET", None)
        if path not in self.answers:
            message = "not there"
            raise MissingError(message)
        return self.answers[path]

    def pages(self, path: str, key: str | None = None) -> Iterator[object]:
        page = self.request("GET", path)
        yield from page[key] if isinstance(page, dict) else page  # type: ignore[attr-defined]

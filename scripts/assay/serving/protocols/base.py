"""What every protocol gives: bytes to a checked request, and answers to bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray

Feeds = Mapping[str, "NDArray[Any]"]
"""Input by name: (n, 1), or (n, k) of a matrix; in the types of the signature. Of a single row
often a `packed.Row`."""
Answers = dict[str, "NDArray[Any]"]
"""Output by name: (n,), or (n, k)."""
Headers = list[tuple[bytes, bytes]]
"""As ASGI has them: names in lower case."""
Document = dict[str, Any]

JSON: Headers = [(b"content-type", b"application/json")]


@dataclass(slots=True, eq=False)
class Request:
    """What a client asks, checked: a model can be asked it."""

    feeds: Feeds
    rows: int
    id: str
    """The client's own, or the one that the server gave it."""
    outputs: tuple[str, ...] | None = None
    """Which are wanted; `None` for all."""
    document: Any = None
    """What else the protocol needs to answer."""


class Speaks(Protocol):
    """One way to ask. Built once, for one model."""

    name: str
    """As metrics and logs call it."""

    def parse(self, body: bytes, headers: Mapping[bytes, bytes], given_id: str) -> Request:
        """A request.

        Args:
            body: As it came.
            headers: Names in lower case.
            given_id: What it is called, unless it says so itself.

        Raises:
            RequestError: It is none that the model can be asked.
        """

    def render(self, request: Request, answers: Answers) -> tuple[bytes, Headers]:
        """(body, its headers) of the answer; the answers are finite."""

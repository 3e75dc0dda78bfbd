"""What a request is refused with: a status, and a sentence for whoever sent it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Literal

Kind = Literal["internal", "not_finite", "timeout", "overload"]
"""Whose fault is the server's; each is counted, and a rollout goes back for it."""
_LONGEST = 60


class RequestError(Exception):
    """A request that gets no answer.

    Args:
        status: Of HTTP: 4xx where the client has to do something, 5xx where it is us.
        message: What is wrong and what is allowed, in a sentence.
        kind: What went wrong, of 5xx.
        headers: Further ones of the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: Kind | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = HTTPStatus(status).value
        self.message = message
        self.kind = kind
        self.headers = headers


def wrong(message: str) -> RequestError:
    """The request is not one that the model can be asked: 400."""
    return RequestError(400, message)


def shown(value: Any) -> str:
    """A value that a client sent, short enough for a message."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    text = {None: "null", True: "true", False: "false"}[value] if _is_word(value) else repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _is_word(value: Any) -> bool:
    return value is None or isinstance(value, bool)

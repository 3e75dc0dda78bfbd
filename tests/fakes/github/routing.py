"""A request, its answer, and which function makes the one from the other."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from tests.fakes.github.state import Level, Repository, State, Token

DEFAULT_PAGE = 30
MAX_PAGE = 100
DOCUMENTATION = "https://docs.github.com/rest"

Json = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """JSON's data, or bytes (with a `Content-Type`) or text (HTML) to send as they are."""

    status: int
    data: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Refused(Exception):  # noqa: N818 (an answer of the server, not a failure of the test)
    """Ends a request with one of GitHub's error documents."""

    def __init__(
        self, status: int, message: str, *, errors: list[Json] | None = None, **headers: str
    ) -> None:
        document: Json = {"message": message, "documentation_url": DOCUMENTATION}
        if errors is not None:
            document["errors"] = errors
        super().__init__(message)
        self.reply = Reply(status, {**document, "status": str(status)}, headers)


NOT_FOUND = (404, "Not Found")


@dataclass
class Call:
    """A request after all that is common to requests was checked."""

    state: State
    root: str
    """The API's URL, as the client wrote it."""
    parameters: dict[str, Any]
    query: dict[str, str]
    token: Token | None
    path: str
    name: str = ""
    """The repository's full name, on routes below one."""
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    """By lower-case name."""

    @property
    def repository(self) -> Repository:
        return self.state.repositories[self.name]

    @property
    def login(self) -> str:
        assert self.token is not None, "routes that write have a token"
        return self.token.login

    def data(self) -> Json:
        """The request's JSON object."""
        try:
            data = json.loads(self.content)
        except ValueError:
            raise Refused(400, "Problems parsing JSON") from None
        if not isinstance(data, dict):
            raise Refused(400, "Body should be a JSON object")
        return data

    def page(self, items: Sequence[Json], key: str | None = None) -> Reply:
        """One page of a list, with the `Link` header that leads to the others.

        Args:
            items: The whole list.
            key: What the list is called, for endpoints that wrap it and count its items.

        https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api
        """
        size = min(max(_number(self.query.get("per_page"), DEFAULT_PAGE), 1), MAX_PAGE)
        page = max(_number(self.query.get("page"), 1), 1)
        last = max(-(-len(items) // size), 1)
        targets: dict[str, int] = {}
        if page > 1:
            targets |= {"prev": min(page - 1, last), "first": 1}
        if page < last:
            targets |= {"next": page + 1, "last": last}
        path = self.path.replace(f"/repos/{self.name}/", f"/repositories/{self.repository.id}/")
        links = [
            f'<{self.root}{path}?{urlencode({**self.query, "page": number})}>; rel="{rel}"'
            for rel, number in targets.items()
        ]
        headers = {"Link": ", ".join(links)} if links else {}
        found = list(items[(page - 1) * size : page * size])
        return Reply(200, {"total_count": len(items), key: found} if key else found, headers)


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() else default


Handler = Callable[[Call], Reply]


@dataclass(frozen=True)
class Endpoint:
    path: str
    handler: Handler
    level: Level
    permissions: tuple[str, ...]


ENDPOINTS: dict[tuple[str, str], Endpoint] = {}


def route(method: str, path: str, *permissions: str) -> Callable[[Handler], Handler]:
    """Serve a path; the token needs one of the permissions (reading public things needs none)."""

    def register(handler: Handler) -> Handler:
        level: Level = "read" if method == "GET" else "write"
        ENDPOINTS[method, path] = Endpoint(path, handler, level, permissions)
        return handler

    return register

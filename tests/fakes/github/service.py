"""The rules that every request meets, from HTTP to an endpoint and back."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from tests.fakes.github import described
from tests.fakes.github.routing import (
    DOCUMENTATION,
    ENDPOINTS,
    NOT_FOUND,
    Call,
    Endpoint,
    Refused,
    Reply,
)
from tests.fakes.github.state import Logged

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from tests.fakes.github.state import Failure, State, Token

METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]


class Service:
    """From an HTTP request to an endpoint and back."""

    def __init__(self, state: State, changed: Callable[[], None], *, watch: bool = True) -> None:
        self.state = state
        self._changed = changed
        self._watch = watch

    def application(self) -> ASGIApp:
        routes = [
            Route(path, self._endpoint(endpoint), methods=[method])
            for (method, path), endpoint in ENDPOINTS.items()
        ]
        inner = Starlette(
            routes=[*routes, Route("/{path:path}", self._endpoint(None), methods=METHODS)]
        )

        async def entrance(scope: Scope, receive: Receive, send: Send) -> None:
            """Turn every way to write a path into one."""
            if scope["type"] == "http":
                path = scope["path"]
                prefix = "/api/v3" if path.startswith("/api/v3/") else ""
                path = self._named(path.removeprefix(prefix))
                scope = {**scope, "path": path, "raw_path": path.encode(), "prefix": prefix}
            await inner(scope, receive, send)

        return entrance

    def _named(self, path: str) -> str:
        names = {str(repo.id): name for name, repo in self.state.repositories.items()}
        return re.sub(
            r"^/repositories/(\d+)",
            lambda match: f"/repos/{names.get(match[1], 'unknown/unknown')}",
            path,
        )

    def _endpoint(self, endpoint: Endpoint | None) -> Callable[[Request], Any]:
        async def respond(request: Request) -> Response:
            content = await request.body()
            secret = _secret(request)
            token = self.state.tokens.get(secret)
            try:
                reply = self._answer(request, endpoint, content, secret, token)
            except Refused as refused:
                reply = refused.reply
            self.state.requests.append(
                Logged(
                    method=request.method,
                    path=request.url.path,
                    query=request.url.query,
                    status=reply.status,
                    login=token.login if token else None,
                    token_outside_header=self._leaks(request, content),
                )
            )
            self._changed()
            return self._response(reply)

        return respond

    def _answer(
        self,
        request: Request,
        endpoint: Endpoint | None,
        content: bytes,
        secret: str,
        token: Token | None,
    ) -> Reply:
        failure = self._failure(request)
        if failure and not failure.after:
            return _failed(failure)
        if secret and token is None:
            raise Refused(401, "Bad credentials")
        if endpoint is None:
            raise Refused(*NOT_FOUND)
        root = f"{request.url.scheme}://{request.url.netloc}{request.scope['prefix']}"
        call = Call(
            state=self.state,
            root=root,
            parameters=request.path_params,
            query=dict(request.query_params),
            token=token,
            path=request.url.path,
            content=content,
            headers=dict(request.headers),
        )
        if "repo" in request.path_params:
            call.name = self._repository(call, request.method)
            self._authorize(call, endpoint)
        reply = self._watched(call, endpoint, request.method)
        return _failed(failure) if failure else reply

    def _watched(self, call: Call, endpoint: Endpoint, method: str) -> Reply:
        """The endpoint's answer, after a look that GitHub could have given it."""
        try:
            reply = endpoint.handler(call)
        except Refused as refused:
            reply = refused.reply
        if self._watch:
            exchange = described.Exchange(
                verb=method,
                path=endpoint.path,
                query=call.query,
                content=call.content,
                status=reply.status,
                answer=reply.data,
            )
            described.look(exchange)
        return reply

    def _failure(self, request: Request) -> Failure | None:
        for failure in self.state.failures:
            if failure.method not in {None, request.method}:
                continue
            if failure.path is None or failure.path in request.url.path:
                failure.seen += 1
                if failure.seen % failure.every:
                    continue
                failure.times -= 1
                if failure.times == 0:
                    self.state.failures.remove(failure)
                return failure
        return None

    def _repository(self, call: Call, method: str) -> str:
        name = f"{call.parameters['owner']}/{call.parameters['repo']}"
        for known, repository in self.state.repositories.items():
            if known.lower() == name.lower():  # GitHub's names know no case
                return known
            if name in repository.former_names:
                target = call.path.replace(f"/repos/{name}", f"/repositories/{repository.id}")
                query = f"?{urlencode(call.query)}" if call.query else ""
                status = 301 if method == "GET" else 307
                message = "Moved Permanently" if method == "GET" else "Temporary Redirect"
                raise Refused(status, message, Location=f"{call.root}{target}{query}")
        raise Refused(*NOT_FOUND)

    def _authorize(self, call: Call, endpoint: Endpoint) -> None:
        """https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps"""
        token, repository = call.token, call.repository
        member = token is not None and (
            token.repositories is None or call.name in token.repositories
        )
        if repository.private and not member:
            raise Refused(*NOT_FOUND)  # GitHub does not give away that it exists
        if endpoint.level == "read" and not repository.private:
            return
        if token is None:
            raise Refused(401, "Requires authentication")
        granted = not endpoint.permissions or any(
            token.may(endpoint.level, permission) for permission in endpoint.permissions
        )
        if not (member and granted):
            by = "integration" if token.kind == "app" else "personal access token"
            # Semicolons stand between alternatives:
            # https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api
            wanted = "; ".join(f"{name}={endpoint.level}" for name in endpoint.permissions)
            refused = Refused(403, f"Resource not accessible by {by}")
            if wanted:
                refused.reply.headers["X-Accepted-GitHub-Permissions"] = wanted
            raise refused

    def _leaks(self, request: Request, content: bytes) -> bool:
        headers = [value for name, value in request.headers.items() if name != "authorization"]
        places = [str(request.url), content.decode(errors="replace"), *headers]
        return any(secret in place for secret in self.state.tokens for place in places)

    def _response(self, reply: Reply) -> Response:
        headers = {
            "x-github-media-type": "github.v3; format=json",
            "x-ratelimit-limit": "5000",
            "x-ratelimit-remaining": str(max(5000 - len(self.state.requests), 1)),
            "x-ratelimit-reset": str(int(time.time()) + 3600),
        } | {name.lower(): value for name, value in reply.headers.items()}
        if isinstance(reply.data, bytes):
            return Response(reply.data, reply.status, headers)
        if isinstance(reply.data, str):
            return Response(reply.data, reply.status, headers, media_type="text/html")
        content = b"" if reply.data is None else json.dumps(reply.data).encode()
        media_type = "application/json; charset=utf-8"
        return Response(content, reply.status, headers, media_type=media_type)


def _failed(failure: Failure) -> Reply:
    document = {"message": failure.message, "documentation_url": DOCUMENTATION}
    return Reply(failure.status, failure.raw or document, failure.headers)


def _secret(request: Request) -> str:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret if scheme.lower() in {"token", "bearer"} else ""

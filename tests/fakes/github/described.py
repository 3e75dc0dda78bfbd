"""Holds requests and answers to GitHub's own OpenAPI description.

`openapi.json` is the part of it that is about the fake's endpoints; `renew.py` makes it. A request
that the fake took and GitHub's description does not allow is noted, and so is every answer that
GitHub would not give; `tests/conftest.py` fails the test in which that happened. What the fake
refuses by itself is no problem of the request: the client has got to know.

`jsonschema` reads it, and not `openapi-core`: that checks the same, and brings a framework's worth
of packages and an upper bound on Starlette.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.fakes.github.routing import ENDPOINTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FILE = Path(__file__).with_name("openapi.json")
LICENSE = Path(__file__).with_name("openapi.LICENSE.txt")
ROOT = "urn:openapi"
UPLOADS = "/api/uploads"
"""Before the path of files, as on an Enterprise server; github.com has a host for them."""
PROBLEMS: list[str] = []
"""What was found since somebody looked."""

FORMATS = FormatChecker(())


def _is_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def _is_url(value: object) -> bool:
    return not isinstance(value, str) or bool(urlsplit(value).scheme)


FORMATS.checks("date-time", raises=ValueError)(_is_time)
FORMATS.checks("uri")(_is_url)


def taken() -> list[str]:
    """The problems so far, which are then forgotten."""
    found = PROBLEMS.copy()
    PROBLEMS.clear()
    return found


def described_endpoints() -> set[tuple[str, str]]:
    """Those of the API; the web site and the storage are described nowhere."""
    known = {(verb, path.removeprefix(UPLOADS)) for verb, path in ENDPOINTS}
    return {key for key in known if key[1].startswith(("/repos/", "/user"))}


def shape(path: str) -> str:
    """A path without its parameters' names, which GitHub's description and the fake choose."""
    return re.sub(r"\{[^}]*\}", "{}", path)


@dataclass(frozen=True)
class Exchange:
    """A request and its answer."""

    verb: str
    path: str
    """As the endpoint has it, with its parameters' names."""
    query: Mapping[str, str]
    content: bytes
    status: int
    answer: Any
    """JSON's data; bytes or None where there is none."""


def look(exchange: Exchange) -> None:
    """Note what GitHub's description does not allow."""
    operation = _operations().get((exchange.verb, shape(exchange.path.removeprefix(UPLOADS))))
    if operation is None:
        return
    problems = list(_of_answer(exchange, operation))
    if exchange.status < 400:
        problems += [*_of_query(exchange, operation), *_of_body(exchange, operation)]
    where = f"{exchange.verb} {exchange.path}"
    PROBLEMS.extend(f"{where} ({exchange.status}): {problem}" for problem in problems)


@cache
def _description() -> dict[str, Any]:
    whole: dict[str, Any] = json.loads(FILE.read_bytes())
    return whole


@cache
def _operations() -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (verb.upper(), shape(path)): operation
        for path, verbs in _description()["paths"].items()
        for verb, operation in verbs.items()
    }


@cache
def _registry() -> Registry[Any]:
    resource = DRAFT202012.create_resource(_description())
    registry: Registry[Any] = Registry().with_resource(ROOT, resource)
    return registry


def _resolved(part: dict[str, Any]) -> dict[str, Any]:
    """Follows a reference to a component."""
    while "$ref" in part:
        found = _description()
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        part = found
    return part


_VALIDATORS: dict[int, Draft202012Validator] = {}


def _errors(schema: dict[str, Any], value: object, what: str) -> Iterator[str]:
    # The schemas live as long as the description, so that their identity names them.
    if id(schema) not in _VALIDATORS:
        absolute = json.loads(json.dumps(schema).replace('"#/components/', f'"{ROOT}#/components/'))
        _VALIDATORS[id(schema)] = Draft202012Validator(
            absolute, registry=_registry(), format_checker=FORMATS
        )
    for error in _VALIDATORS[id(schema)].iter_errors(value):
        deepest = error
        while deepest.context:  # the branch of an anyOf that came closest
            deepest = max(deepest.context, key=lambda one: len(one.absolute_path))
        message = deepest.message if len(deepest.message) < 300 else f"{deepest.message[:300]}..."
        yield f"{what}{deepest.json_path.removeprefix('$')}: {message}"


def _of_answer(exchange: Exchange, operation: dict[str, Any]) -> Iterator[str]:
    known = operation["responses"].get(str(exchange.status))
    if known is None:
        if exchange.status < 300:
            yield f"answer: the description has no status {exchange.status}"
        return  # an error, which it does not list for every path
    content = _resolved(known).get("content", {})
    if "application/json" in content and not isinstance(exchange.answer, bytes):
        yield from _errors(content["application/json"]["schema"], exchange.answer, "answer")


def _of_query(exchange: Exchange, operation: dict[str, Any]) -> Iterator[str]:
    known = [_resolved(parameter) for parameter in operation.get("parameters", [])]
    schemas = {one["name"]: one["schema"] for one in known if one["in"] == "query"}
    for name, text in exchange.query.items():
        if name not in schemas:
            yield f"query.{name}: GitHub does not know it"
            continue
        numeric = _resolved(schemas[name]).get("type") == "integer" and text.isdecimal()
        yield from _errors(schemas[name], int(text) if numeric else text, f"query.{name}")


def _of_body(exchange: Exchange, operation: dict[str, Any]) -> Iterator[str]:
    body = operation.get("requestBody")
    if body is None or "application/json" not in body["content"]:
        return
    schema = body["content"]["application/json"]["schema"]
    if not exchange.content:
        if body.get("required"):
            yield "request: has no body"
        return
    data = json.loads(exchange.content)
    yield from _errors(schema, data, "request")
    for name in data.keys() - _names(schema):
        # GitHub ignores it, so that nobody would ever notice a slip of the pen.
        yield f"request.{name}: GitHub does not know it"


def _names(schema: dict[str, Any]) -> set[str]:
    schema = _resolved(schema)
    parts = [part for key in ("oneOf", "anyOf", "allOf") for part in schema.get(key, [])]
    return set(schema.get("properties", ())).union(*map(_names, parts))

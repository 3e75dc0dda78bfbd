"""What is wrong in `assay.yaml`, in words: the key, its value, what is allowed."""

from __future__ import annotations

import difflib
import re
import reprlib
import types
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from assay.console import printable
from assay.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import ValidationError

    from assay.yamlfile import KeyPath, YamlDocument

MOST = 5
"""Mistakes that are told at once."""
_SLICE_FORMS = (
    "a column's name; `column` with `bins` or `quantiles`; `name` and `where`, for an expression; "
    "or `cross`, for several columns"
)


def explain(
    error: ValidationError, document: YamlDocument, file: str, *, model: type[BaseModel]
) -> ConfigError:
    """The first mistake of the file in full, and the next few in its hint."""
    told: dict[KeyPath, tuple[int, bool, str, str | None]] = {}
    for problem in error.errors(include_url=False):
        path = _path(problem, document)
        message, hint = _message(problem, printable(".".join(map(str, path))), model)
        unknown = problem["type"] == "extra_forbidden"  # it explains what is missing beside it
        told.setdefault(path, (document.line(path) or 0, not unknown, message, hint))
    first, *others = sorted(told.values(), key=lambda one: one[:2])
    line, _, message, hint = first
    also = [f"line {at}: {text.rstrip('.')}" for at, _, text, _ in others[: MOST - 1]]
    left = len(others) - len(also)
    also += [f"and {left} more"] if left else []
    hints = [hint] if hint else []
    hints += [f"Also wrong: {'; '.join(also)}."] if also else []
    return ConfigError(message, file=file, line=line or None, hint=" ".join(hints) or None)


def kind(value: object) -> str:
    """What people call the type of a value."""
    names = {
        dict: "a mapping",
        list: "a list",
        str: "text",
        bool: "true/false",
        type(None): "empty",
    }
    return names.get(type(value), "a number")


def allowed(model: type[BaseModel], path: tuple[str | int, ...] = ()) -> str:
    """The keys that may stand at `path`, as a list for people."""
    return ", ".join(f"`{name}`" for name in _keys(model, path))


def _path(problem: Any, document: YamlDocument) -> KeyPath:
    """Where the mistake stands in the file: the place of what is missing, where it would stand.

    Of a union (`score: str | mapping`) pydantic adds the name of a branch, which is no key of the
    user's; and where one item stands for a list of one, it counts the item.
    """
    if problem["type"] == "needs":
        return tuple(problem["ctx"]["key"])
    path: KeyPath = ()
    for part in problem["loc"]:
        known = next((p for p in ((*path, part), (*path, str(part))) if p in document.lines), None)
        if known is not None:
            path = known
        elif part != 0 and not _is_tag(part):
            break
    return (*path, str(problem["loc"][-1])) if problem["type"] == "missing" else path


def _message(problem: Any, key: str, model: type[BaseModel]) -> tuple[str, str | None]:
    """What is wrong, and what to do."""
    given = problem["input"]
    if problem["type"] == "invalid_key" or problem["loc"][-1:] == ("[key]",):
        return f"A key is {given!r} ({kind(given)}).", "Keys are text: quote it."
    if problem["type"] == "extra_forbidden":
        keys, name = _keys(model, problem["loc"][:-1]), problem["loc"][-1]
        return f"Unknown key `{key}`.", f"{_guess(name, keys)}Allowed here: {_listed(keys)}."
    told = _TOLD.get(problem["type"], _value)
    return told(key, given, problem)


def _missing(key: str, _: object, __: Any) -> tuple[str, str | None]:
    return f"`{key}` is required.", "Add it."


def _literal(key: str, given: object, problem: Any) -> tuple[str, str | None]:
    expected = problem["ctx"]["expected"]
    guess = _guess(given, re.findall(r"'([^']*)'", expected))
    return f"`{key}` is {given!r}.", f"{guess}Allowed: {expected}."


def _own(key: str, _: object, problem: Any) -> tuple[str, str | None]:
    """What a validator of ours says."""
    return f"`{key}` {problem['ctx']['error']}.", None


def _needs(key: str, _: object, problem: Any) -> tuple[str, str | None]:
    return f"`{key}` needs {problem['ctx']['what']}.", problem["ctx"]["why"]


def _no_slice(key: str, given: object, problem: Any) -> tuple[str, str | None]:
    if not isinstance(given, dict):
        return _value(key, given, problem)
    forms = ["column", "where", "cross"]
    guess = next((found for name in given if (found := _guess(name, forms))), "")
    return f"`{key}` has none of {_listed(forms)}.", f"{guess}A slice is {_SLICE_FORMS}."


def _no_target(key: str, given: object, problem: Any) -> tuple[str, str | None]:
    if not isinstance(given, dict):
        return _value(key, given, problem)
    kind = given.get("kind")
    guess = _guess(kind, ["host", "command"])
    return f"`{key}.kind` is {kind!r}.", f"{guess}Allowed: 'host' or 'command'."


def _value(key: str, given: object, problem: Any) -> tuple[str, str | None]:
    shown = "empty" if given is None else f"{reprlib.repr(given)} ({kind(given)})"
    return f"`{key}` is {shown}.", f"It should be {_wanted(problem)}."


_TOLD = {
    "missing": _missing,
    "literal_error": _literal,
    "value_error": _own,
    "needs": _needs,
    "union_tag_not_found": _no_slice,
    "no_target": _no_target,
}


def _wanted(problem: Any) -> str:
    sort, context = problem["type"], problem.get("ctx", {})
    for key in ("score", "positive"):
        if problem["loc"][:2] == ("predictions", key):
            return _WANTED[key]
    if sort in ("too_short", "too_long"):
        word, end = ("least", "min_length") if sort == "too_short" else ("most", "max_length")
        return f"a list of at {word} {context[end]}"
    told = _PATTERNS if sort == "string_pattern_mismatch" else _WANTED
    name = ".".join(map(str, problem["loc"])) if told is _PATTERNS else sort
    return told.get(name) or problem["msg"].removeprefix("Input should be ").rstrip(".")


_WANTED = {
    "score": "the name of a column, or a mapping of each class to its column",
    "positive": "a single value: text, a number, or true/false",
    "tuple_type": "a list",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "string_type": "text",
    "string_too_short": "a name or a path",
    "float_parsing": "a number",
    "float_type": "a number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "union_tag_not_found": _SLICE_FORMS,
}

_PATTERNS = {
    "package.name": "a name that a tag of a version can hold: letters, digits, `-`, `_` and `/`, "
    "with a letter or a digit at both ends",
    "release.checked_by": "the name of a workflow's file, as `model-check.yml`",
}
"""By the keys that have one."""


def _keys(model: type[BaseModel], path: tuple[str | int, ...]) -> list[str]:
    """The keys of the model that stands at `path`, which is one of pydantic's."""
    found: list[Any] = [model]
    for part in path:
        if _is_tag(part):
            found = [one for one in found if one.__name__ == str(part).strip("<>")]
        else:
            found = [below for one in found for below in _below(one, part)]
    models = [one for one in found if isinstance(one, type) and issubclass(one, BaseModel)]
    fields = models[0].model_fields if models else {}
    return [field.alias or name for name, field in fields.items()]


def _below(annotation: Any, part: str | int) -> list[Any]:
    """What may stand at a key, or at a place in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields.items()
        return [
            option
            for name, field in fields
            if part == (field.alias or name)
            for option in _options(field.annotation)
        ]
    if get_origin(annotation) is dict:
        return _options(get_args(annotation)[1])
    return _options(get_args(annotation)[0]) if get_origin(annotation) is tuple else []


def _options(annotation: Any) -> list[Any]:
    """The types that a union is of, bare."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _options(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [option for one in get_args(annotation) for option in _options(one)]
    return [annotation]


def _is_tag(part: str | int) -> bool:
    """Whether it is the name that a discriminated union gives to one of its models."""
    return str(part).startswith("<") and str(part).endswith(">")


def _guess(given: object, names: list[str]) -> str:
    close = difflib.get_close_matches(str(given), names, n=1)
    return f"Did you mean `{close[0]}`? " if close else ""


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)

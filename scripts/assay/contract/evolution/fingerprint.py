"""Whether a function of the user's is still the same: a hash of its source, and of what it uses.

Comments and layout do not count. Constants and functions of the user's that it refers to do: a
limit is often written above the check that applies it.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import sysconfig
import textwrap
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLAIN = (type(None), bool, int, float, str, bytes, Decimal, date, timedelta)
_DEEPEST = 6
_STANDARD = (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))


def of(function: Any) -> str:
    """The fingerprint of a function."""
    digest = hashlib.sha256()
    for part in _parts(function, set(), 0):
        digest.update(part.encode(errors="surrogatepass") + b"\0")
    return digest.hexdigest()[:16]


def _parts(found: Any, seen: set[int], depth: int) -> Iterator[str]:
    if isinstance(found, _PLAIN):
        yield repr(found)
    elif depth > _DEEPEST or id(found) in seen:
        yield type(found).__name__
    elif isinstance(found, ModuleType):
        yield found.__name__
    elif isinstance(found, dict | list | tuple | set | frozenset):
        yield type(found).__name__
        parts = ["\1".join(_parts(each, seen, depth + 1)) for each in _members(found)]
        yield from sorted(parts) if isinstance(found, set | frozenset) else parts
    elif isinstance(found, functools.partial):
        yield from _parts((found.func, found.args, found.keywords), seen, depth + 1)
    elif isinstance(found, MethodType | classmethod | staticmethod):
        yield from _parts(found.__func__, seen, depth)
    elif isinstance(found, FunctionType):
        seen.add(id(found))
        yield from _of_function(found, seen, depth)
    elif type(found).__name__ == "FieldCheckInfo" or hasattr(found, "check_fn"):
        yield from _parts(found.check_fn, seen, depth + 1)  # Pandera's note of a method
    else:
        yield _named(found)


def _members(found: Any) -> list[Any]:
    return list(found.items()) if isinstance(found, dict) else list(found)


def _named(found: Any) -> str:
    """What is not looked into: by its name, never by a `repr` that holds an address."""
    named = found if isinstance(found, type) else type(found)
    name = getattr(found, "__qualname__", "")
    return f"{named.__module__}.{named.__qualname__}:{name}"


def _of_function(function: FunctionType, seen: set[int], depth: int) -> Iterator[str]:
    if not _is_users(function):
        yield f"{function.__module__}.{function.__qualname__}"
        # Pandera wraps methods into functions of its own.
        if not function.__module__.startswith("pandera"):
            return
    else:
        yield _source(function)
    for value in (function.__defaults__, function.__kwdefaults__):
        yield from _parts(value, seen, depth + 1)
    if _is_users(function):
        yield from _of_globals(function, seen, depth)
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        yield name
        try:
            yield from _parts(cell.cell_contents, seen, depth + 1)
        except ValueError:  # not filled yet
            yield "empty"


def _of_globals(function: FunctionType, seen: set[int], depth: int) -> Iterator[str]:
    names = sorted(set(_names(function.__code__)))
    for name in names:
        if name not in function.__globals__:
            continue
        found = function.__globals__[name]
        yield name
        if isinstance(found, ModuleType):
            yield from _of_module(found, names, seen, depth + 1)
        else:
            yield from _parts(found, seen, depth + 1)


def _of_module(module: ModuleType, names: list[str], seen: set[int], depth: int) -> Iterator[str]:
    """What of a module of the user's a function may use: `limits.LOW` names both."""
    yield module.__name__
    if depth > _DEEPEST or not _is_users_file(getattr(module, "__file__", None)):
        return
    for name in names:
        found = vars(module).get(name)
        if isinstance(found, ModuleType):
            yield from _of_module(found, names, seen, depth + 1)
        elif found is not None:
            yield name
            yield from _parts(found, seen, depth + 1)


def _is_users(function: FunctionType) -> bool:
    return _is_users_file(function.__code__.co_filename)


def _is_users_file(file: str | None) -> bool:
    """Whether code may differ between two commits: it is in no installed package."""
    if file is None or file.startswith("<frozen"):
        return False
    installed = {"site-packages", "dist-packages"}.intersection(Path(file).parts)
    return not installed and not file.startswith(_STANDARD)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _source(function: FunctionType) -> str:
    """The source without comments, layout and docstring; the bytecode where there is none."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)).lstrip("."))
    except (OSError, SyntaxError, TypeError):  # a lambda inside of a call cannot stand alone
        return _bytecode(function.__code__)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


def _bytecode(code: CodeType) -> str:
    constants = [
        _bytecode(constant)
        if isinstance(constant, CodeType)
        # Sets of texts have another order in each process.
        else "\1".join(_parts(constant, set(), 0))
        for constant in code.co_consts
    ]
    return f"{code.co_code.hex()} {code.co_names} {code.co_varnames} {constants}"

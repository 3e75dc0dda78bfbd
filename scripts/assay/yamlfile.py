"""YAML with the line of every key, so that an error can point at it."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from assay.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

KeyPath = tuple[str | int, ...]

# libyaml's parser where the wheel has it: ten times faster on a large dvc.lock.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class YamlDocument:
    """A parsed document and where its keys stand."""

    value: Any
    lines: dict[KeyPath, int] = field(default_factory=dict)

    def line(self, path: Sequence[str | int]) -> int | None:
        """The line of the key at `path`, or of its nearest parent that has one."""
        for end in range(len(path), 0, -1):
            if (found := self.lines.get(tuple(path[:end]))) is not None:
                return found
        return None


def load(text: str, *, file: str) -> Any:
    """Parse `text` without line numbers.

    Raises:
        ConfigError: It is not YAML, or stands for more than anybody writes.
    """
    with _read(text, file) as (loader, node):
        return None if node is None else loader.construct_document(node)


def load_document(text: str, *, file: str) -> YamlDocument:
    """Parse `text` and keep the line of every key.

    Raises:
        ConfigError: See `load`; or one mapping has a key twice (YAML forbids it; most parsers
            take the last one silently).
    """
    with _read(text, file) as (loader, node):
        lines: dict[KeyPath, int] = {}
        if node is None:
            return YamlDocument(value=None)
        _collect(node, (), lines, file, set())
        return YamlDocument(value=loader.construct_document(node), lines=lines)


MAX_DEPTH = 200
MAX_VALUES = 1_000_000
"""With every alias replaced by what it stands for."""


@contextmanager
def _read(text: str, file: str) -> Iterator[tuple[Any, yaml.Node | None]]:
    """A loader and the document's node, which is harmless to walk through and to construct."""
    _refuse_deep(text, file)
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is not None and "*" in text:
            _refuse_large(node, file)
        yield loader, node
    except (yaml.YAMLError, ValueError) as error:
        raise _syntax_error(error, text, file) from error
    except RecursionError:  # block style, one space a level: the text says nothing about its depth
        raise _too_deep(file) from None
    finally:
        loader.dispose()


def _refuse_deep(text: str, file: str) -> None:
    """Refuse nesting that nobody writes: libyaml's binding recurses in C, and would crash."""
    depth = 0
    brackets = (
        re.findall(r"[\[\]{}]", text) if text.count("[") + text.count("{") > MAX_DEPTH else ()
    )
    for bracket in brackets:
        depth += 1 if bracket in "[{" else -1
        if depth > MAX_DEPTH:
            break
    if depth > MAX_DEPTH or re.search(rf"(?:[-?][ \t]+){{{MAX_DEPTH}}}", text):
        raise _too_deep(file)


def _too_deep(file: str) -> ConfigError:
    return ConfigError("This file is nested too deeply to be read.", file=file)


def _refuse_large(node: yaml.Node, file: str) -> None:
    """Refuse what aliases of aliases, or an alias in its own anchor, make of a small file."""
    sizes: dict[int, int | None] = {}

    def size(node: yaml.Node) -> int:
        if id(node) in sizes:
            known = sizes[id(node)]
            if known is None:
                raise ConfigError(
                    "An alias in this file stands inside of what it stands for.",
                    file=file,
                    line=node.start_mark.line + 1,
                )
            return known
        sizes[id(node)] = None
        children = node.value if isinstance(node, yaml.CollectionNode) else ()
        parts = (part for c in children for part in (c if isinstance(c, tuple) else (c,)))
        sizes[id(node)] = total = 1 + sum(map(size, parts))
        return total

    if size(node) > MAX_VALUES:
        raise ConfigError(
            f"The aliases in this file stand for more than {MAX_VALUES:,} values.", file=file
        )


def _collect(
    node: yaml.Node, path: KeyPath, lines: dict[KeyPath, int], file: str, seen: set[int]
) -> None:
    # An anchor's node is met again at each alias: it may hold itself, and aliases of aliases of
    # aliases are how a small file becomes a huge one.
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            here = (*path, str(key.value))
            line = key.start_mark.line + 1
            if here in lines:
                message = f"`{key.value}` is written twice (first on line {lines[here]})."
                raise ConfigError(message, file=file, line=line, hint="Remove one of the two.")
            lines[here] = line
            _collect(child, here, lines, file, seen)
    elif isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            lines[(*path, index)] = child.start_mark.line + 1
            _collect(child, (*path, index), lines, file, seen)


def _syntax_error(error: Exception, text: str, file: str) -> ConfigError:
    if conflict := re.search(r"^<{7}( |$)", text, re.MULTILINE):
        return ConfigError(
            "A merge conflict in this file has not been resolved.",
            file=file,
            line=text.count("\n", 0, conflict.start()) + 1,
            hint="Choose one of the two sides and remove the markers.",
        )
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return ConfigError(
        f"This is not valid YAML: {problem}.",
        file=file,
        line=None if mark is None else mark.line + 1,
        hint="Indent with spaces, and quote values that hold `: ` or start with a sign.",
    )

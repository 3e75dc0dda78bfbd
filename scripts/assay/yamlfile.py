"""YAML with the line of every key, so that an error can point at it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from assay.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        ConfigError: It is not YAML.
    """
    _refuse_deep(text, file)
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 (a safe loader)
    except (yaml.YAMLError, ValueError) as error:
        raise _syntax_error(error, text, file) from error


def load_document(text: str, *, file: str) -> YamlDocument:
    """Parse `text` and keep the line of every key.

    Raises:
        ConfigError: It is not YAML, or one mapping has a key twice (YAML forbids it; most
            parsers take the last one silently).
    """
    _refuse_deep(text, file)
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            lines: dict[KeyPath, int] = {}
            if node is not None:
                _collect(node, (), lines, file, set())
            value = None if node is None else loader.construct_document(node)
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError) as error:
        raise _syntax_error(error, text, file) from error
    return YamlDocument(value=value, lines=lines)


MAX_DEPTH = 200


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
        raise ConfigError("This file is nested too deeply to be read.", file=file)


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

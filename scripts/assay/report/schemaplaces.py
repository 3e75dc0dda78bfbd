"""Where a schema declares a column, by its source alone: nothing of the user's is imported here."""

from __future__ import annotations

import ast
import posixpath
from typing import TYPE_CHECKING

from assay import yamlfile
from assay.errors import AssayError
from assay.workspace.dvcfiles import is_inside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_DOCUMENTS = (".yaml", ".yml", ".json")
_MOST_BYTES = 1_000_000
"""Of a file that is parsed: nobody writes more by hand."""


def place(
    reference: str, column: str | None, read: Callable[[str], bytes | None]
) -> tuple[str, int] | None:
    """File and line of a column, or of the schema where it names no column; `None` if unknown.

    Args:
        reference: `file.py:Name`, `package.module:Name` or a document of Pandera's.
        column: `None` asks for the schema itself.
        read: The files of the project.
    """
    if reference.lower().endswith(_DOCUMENTS):
        line = _in_document(text(read, reference), reference, column)
        return None if line is None else (reference, line)
    target, _, name = reference.rpartition(":") if ":" in reference else (reference, "", "")
    for file in _files(target):
        source = text(read, file)
        if source is not None:
            line = _in_module(source, name, column)
            return None if line is None else (file, line)
    return None


def text(read: Callable[[str], bytes | None], file: str) -> str | None:
    """A file as text; `None` where it is missing, outside, too large or not UTF-8.

    Names of files come from the record, which a stranger's run may have written.
    """
    if not file.isprintable() or "\\" in file or not is_inside(posixpath.normpath(file)):
        return None
    content = read(file)
    if content is None or len(content) > _MOST_BYTES:
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def parsed(source: str) -> ast.Module | None:
    """The syntax tree of a Python file, or `None`."""
    try:
        return ast.parse(source)
    # The last two: nested more deeply than the parser goes.
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def document(content: str, file: str) -> yamlfile.YamlDocument | None:
    """A YAML file, or a JSON file, with the lines of its keys; `None` if it is neither."""
    try:
        return yamlfile.load_document(content, file=file)
    except AssayError:
        return None


def _files(target: str) -> tuple[str, ...]:
    if target.endswith(".py"):
        return (target,)
    folder = target.replace(".", "/")
    return tuple(
        f"{start}{folder}{end}" for start in ("", "src/") for end in (".py", "/__init__.py")
    )


def _in_document(content: str | None, file: str, column: str | None) -> int | None:
    found = None if content is None else document(content, file)
    if found is None:
        return None
    path = ("columns",) if column is None else ("columns", column)
    return found.lines.get(path)


def _in_module(source: str, name: str, column: str | None) -> int | None:
    tree = parsed(source)
    if tree is None:
        return None
    scope = _named(tree, name) if name else None
    if column is None:
        return None if scope is None else scope.lineno
    for part in _lineage(tree, scope) if scope is not None else iter([tree]):
        line = _declared(part, column)
        if line is not None:
            return line
    return None if scope is None else scope.lineno


def _named(tree: ast.Module, name: str) -> ast.stmt | None:
    """The class, or the assignment, that a reference names; `Outer.Inner` within each other."""
    body: list[ast.stmt] = tree.body
    found: ast.stmt | None = None
    for part in name.split("."):
        found = next((node for node in reversed(body) if part in _names(node)), None)
        if found is None:
            return None
        body = found.body if isinstance(found, ast.ClassDef) else []
    return found


def _names(node: ast.stmt) -> tuple[str, ...]:
    if isinstance(node, ast.ClassDef):
        return (node.name,)
    if isinstance(node, ast.AnnAssign):
        return (node.target.id,) if isinstance(node.target, ast.Name) else ()
    targets = node.targets if isinstance(node, ast.Assign) else []
    return tuple(target.id for target in targets if isinstance(target, ast.Name))


def _lineage(tree: ast.Module, scope: ast.stmt) -> Iterator[ast.stmt]:
    """A class and those in the same file that it derives from, the nearest first."""
    waiting, seen = [scope], set[int]()
    while waiting:
        part = waiting.pop(0)
        if id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        bases = part.bases if isinstance(part, ast.ClassDef) else []
        waiting += [
            node
            for base in bases
            if isinstance(base, ast.Name) and (node := _named(tree, base.id)) is not None
        ]


def _declared(scope: ast.AST, column: str) -> int | None:
    """The line that declares a column: its own name, an alias, a key, the name of a `Column`."""
    body = scope.body if isinstance(scope, ast.ClassDef) else []
    for node in body:
        if column in _aliases(node):
            return node.lineno
    for node in body:
        if column in _names(node):
            return node.lineno
    if isinstance(scope, ast.ClassDef):
        return None
    keys = (
        key.lineno
        for node in ast.walk(scope)
        for key in _keys(node)
        if isinstance(key, ast.Constant) and key.value == column
    )
    return min(keys, default=None)


def _aliases(node: ast.stmt) -> tuple[str, ...]:
    """What `pa.Field(alias="hr")` calls the column of a class attribute."""
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    keywords = value.keywords if isinstance(value, ast.Call) else []
    return tuple(
        keyword.value.value
        for keyword in keywords
        if keyword.arg == "alias"
        and isinstance(keyword.value, ast.Constant)
        and isinstance(keyword.value.value, str)
    )


def _keys(node: ast.AST) -> Iterator[ast.expr]:
    """Of `{"hr": Column(int)}` the key; of `Column(int, name="hr")` the name."""
    if isinstance(node, ast.Dict):
        yield from (key for key in node.keys if key is not None)
    elif isinstance(node, ast.Call):
        yield from node.args[:1]
        yield from (keyword.value for keyword in node.keywords if keyword.arg == "name")

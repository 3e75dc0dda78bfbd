"""Where a schema promises what failed, by its source alone: nothing of the user's is run here.

A promise is a keyword of a `Field`, a `Check`, a method, an attribute of `Config`. Where the source
does not show it, its column is named, and where it does not show that, the schema.
"""

from __future__ import annotations

import ast
import functools
import itertools
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay import yamlfile
from assay.contract import beside, declared, declareddocument
from assay.contract.patterns import matches
from assay.errors import AssayError
from assay.workspace import read_inside
from assay.workspace.dvcfiles import is_inside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from assay.stages.validate import CheckFailure

    Read = Callable[[str], bytes | None]
    """The content of a file of the project."""
    Place = tuple[str, int]
    """File and line."""

DOCUMENTS = (".yaml", ".yml", ".json")
MOST_BYTES = 300_000
"""Of a file that is parsed: nobody writes more by hand."""
_MOST_PARTS = 20
"""Classes and tables that one schema is looked for in."""
_MOST_ORIGINS = 500
"""Names in one of them that are looked up."""


def lines_of(reference: str, read: Read) -> Callable[[str | None, str | None], Place | None]:
    """Where a schema promises checks: a function of column and check.

    Args:
        reference: `file.py:Name`, `package.module:Name` or a document of Pandera's.
        read: The files of the project.

    Returns:
        What takes a column (`None`: the whole table) and a check as Pandera prints it (`None`: any)
        and returns file and line; `None` if they are not known.
    """
    if reference.lower().endswith(DOCUMENTS):
        content = text(read, reference)
        found = None if content is None else document(content, reference)
        return lambda column, check: _in_document(found, reference, column, check)
    target, _, name = reference.rpartition(":") if ":" in reference else (reference, "", "")
    modules = _Modules(read)
    start = next(filter(None, map(modules.get, module_files(target))), None)
    parts = [] if start is None else _parts(modules, start, name)
    return lambda column, check: _in_parts(parts, column, check, named=bool(name))


def place(reference: str, column: str | None, read: Read, check: str | None = None) -> Place | None:
    """File and line of one promise; see `lines_of`."""
    return lines_of(reference, read)(column, check)


def placed(
    failures: Iterable[CheckFailure],
    places: Callable[[str | None, str | None], Place | None],
    schema: Any,
) -> tuple[CheckFailure, ...]:
    """Failures with the file and the line of what they break, where the schema promises that.

    Those that have a file keep it.

    Args:
        failures: What a table breaks.
        places: From `lines_of`.
        schema: Pandera's, which knows the columns that a regular expression stands for.
    """
    found = []
    for failure in failures:
        known = None
        if failure.file is None and beside.key(failure.check, failure.column) is None:
            known = places(_declared_as(failure.column, schema), failure.check)
        update = {} if known is None else {"file": known[0], "line": known[1]}
        found.append(failure.model_copy(update=update))
    return tuple(found)


def _declared_as(column: str | None, schema: Any) -> str | None:
    """A column's name in the schema: its own, or the regular expression that it matches."""
    if column is None or column in schema.columns:
        return column
    patterns = (str(name) for name, one in schema.columns.items() if getattr(one, "regex", False))
    return next((pattern for pattern in patterns if matches(pattern, column)), column)


def inside(root: Path) -> Read:
    """The files of a project folder, as the functions here read them."""
    return lambda file: read_inside(root, file, MOST_BYTES)


def text(read: Read, file: str) -> str | None:
    """A file as text; `None` where it is missing, outside, too large or not UTF-8.

    Names of files come from the record, which a stranger's run may have written.
    """
    if not file.isprintable() or "\\" in file or not is_inside(posixpath.normpath(file)):
        return None
    content = read(file)
    if content is None or len(content) > MOST_BYTES:
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


@dataclass(frozen=True)
class _Module:
    """A Python file of the project."""

    file: str
    tree: ast.Module

    @functools.cached_property
    def top(self) -> dict[str, ast.stmt]:
        """What it defines, by name."""
        return declared.top(self.tree.body)

    @functools.cached_property
    def imports(self) -> dict[str, list[tuple[ast.Import | ast.ImportFrom, str]]]:
        """Where it imports each name, and what that is called there."""
        found: dict[str, list[tuple[ast.Import | ast.ImportFrom, str]]] = {}
        for node in self.tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                for alias in node.names:
                    found.setdefault(alias.asname or alias.name, []).append((node, alias.name))
        return found

    def named(self, dotted: str) -> ast.stmt | None:
        """A class or an assignment; `Outer.Inner` within each other."""
        first, *rest = dotted.split(".")
        found = self.top.get(first)
        for part in rest:
            body = found.body if isinstance(found, ast.ClassDef) else []
            found = declared.top(body).get(part)
        return found

    def follow(self, name: str) -> ast.expr | None:
        """What a name is assigned."""
        node = self.top.get(name)
        return node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None


@dataclass(frozen=True)
class _Part:
    """A class, or an assignment, that a schema is made of."""

    module: _Module
    node: ast.stmt

    @functools.cached_property
    def columns(self) -> dict[str, list[tuple[int, ast.expr | None]]]:
        """What it declares."""
        return declared.columns(self.node)


class _Modules:
    """The project's modules, each parsed once."""

    def __init__(self, read: Read) -> None:
        @functools.cache
        def get(file: str) -> _Module | None:
            source = text(read, file)
            tree = None if source is None else parsed(source)
            return None if tree is None else _Module(file, tree)

        self.get = get

    def find(self, module: _Module, dotted: str) -> _Part | None:
        """What a dotted name stands for in a module; imports are followed within the project."""
        for _ in range(_MOST_PARTS):  # two modules may import a name from each other
            node = module.named(dotted)
            if node is not None:
                return _Part(module, node)
            imported = self._imported(module, dotted)
            if imported is None:
                return None
            module, dotted = imported
        return None

    def _imported(self, module: _Module, dotted: str) -> tuple[_Module, str] | None:
        """The module that a name was imported from, and its name there."""
        first, _, rest = dotted.partition(".")
        for node, original in module.imports.get(first, [])[:_MOST_PARTS]:
            if isinstance(node, ast.ImportFrom):
                source = f"{'.' * node.level}{node.module or ''}"
                inner = f"{source}{'' if source.endswith('.') else '.'}{original}"
                pairs = [(source, dotted.replace(first, original, 1)), (inner, rest)]
            else:
                pairs = [(original, rest)]
            for target, name in pairs:
                files = imported_files(module.file, target) if name else ()
                found = next(filter(None, map(self.get, files)), None)
                if found is not None:
                    return found, name
        return None


def module_files(target: str) -> tuple[str, ...]:
    """Where a module that a reference names may be, relative to the project folder."""
    if target.endswith(".py"):
        return (target,)
    folder = target.replace(".", "/")
    return tuple(
        f"{start}{folder}{end}" for start in ("", "src/") for end in (".py", "/__init__.py")
    )


def imported_files(importer: str, target: str) -> tuple[str, ...]:
    """Where a module that another one imports may be; a script's neighbours are found too."""
    folder = posixpath.dirname(importer)
    level = len(target) - len(target.lstrip("."))
    inner = target[level:].replace(".", "/")
    if not level:
        near = (f"{folder}/{inner}.py",) if folder else ()
        return (*module_files(target), *near)
    module = posixpath.normpath(posixpath.join(folder, *[".."] * (level - 1), inner))
    return (f"{module}.py", f"{module}/__init__.py")


def _parts(modules: _Modules, start: _Module, name: str) -> list[_Part]:
    """What a schema is made of: itself first, then what it derives from, the nearest first."""
    if name:
        first = modules.find(start, name)
        waiting = [] if first is None else [first]
    else:
        waiting = [_Part(start, node) for node in start.tree.body if declared.names(node)]
    found: dict[int, _Part] = {}
    while waiting and len(found) < _MOST_PARTS:
        part = waiting.pop(0)
        if id(part.node) in found:
            continue
        found[id(part.node)] = part
        origins = itertools.islice(_origins(part.node), _MOST_ORIGINS)
        bases = (modules.find(part.module, dotted) for dotted in origins)
        waiting += [base for base in bases if base is not None]
    return list(found.values())


def _origins(node: ast.stmt) -> Iterator[str]:
    """The names that a class derives from, or that a table is built from."""
    if isinstance(node, ast.ClassDef):
        roots: list[ast.expr] = node.bases
    else:
        value = getattr(node, "value", None)
        inside = () if value is None else ast.walk(value)
        roots = [part for part in inside if isinstance(part, ast.Name | ast.Attribute)]
    for root in roots:
        inner = root.value if isinstance(root, ast.Subscript) else root  # `Base[int]`
        if dotted := _dotted(inner):
            yield dotted


def _dotted(node: ast.expr) -> str:
    """`a.b.c`; empty for anything else, and for what nobody writes."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute) and len(parts) < _MOST_PARTS:
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def _in_parts(
    parts: list[_Part], column: str | None, check: str | None, *, named: bool
) -> Place | None:
    """The promise of a check; else the column; else the schema, where a reference names it."""
    declaring: Place | None = None
    for part in parts if column is not None and check not in declared.OF_TABLE else []:
        found = part.columns.get(column or "")
        if not found:
            continue
        values = [value for _, value in found if value is not None]
        line = None if check is None else declared.column_line(values, check, part.module.follow)
        if line is not None:
            return part.module.file, line
        declaring = declaring or (part.module.file, min(line for line, _ in found))
        if isinstance(part.node, ast.ClassDef):
            break  # a field takes the place of that of a class above
    for part in parts if check is not None else []:
        line = declared.method_line(part.node, check or "")
        if line is None and (column is None or check in declared.OF_TABLE):
            line = declared.table_line(part.node, check or "", part.module.follow)
        if line is not None:
            return part.module.file, line
    schema = (parts[0].module.file, parts[0].node.lineno) if parts and named else None
    return declaring or schema


def _in_document(
    found: yamlfile.YamlDocument | None, file: str, column: str | None, check: str | None
) -> Place | None:
    line = None if found is None else declareddocument.line(found, column, check)
    return None if line is None else (file, line)

"""Which line of a declaration promises a check: a keyword of `Field`, a `Check`, a method.

Syntax trees alone; nothing of the user's is run.
"""

from __future__ import annotations

import ast
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Follow = Callable[[str], ast.expr | None]
    """What a name of the same module stands for."""
    Declaration = tuple[int, ast.expr | None]
    """The line of a column, and what it is made of."""

INDEX = "(index)"
"""Stands for an index without a name, as in `CheckFailure.column`."""

# What Pandera calls a check when it fails, and what makes it in a schema: keywords of `Field`,
# methods of `Check`, arguments of `Column` and of `DataFrameSchema`, attributes of `Config`.
_WORDS = {
    "equal_to": ("eq",),
    "not_equal_to": ("ne",),
    "greater_than": ("gt",),
    "greater_than_or_equal_to": ("ge",),
    "less_than": ("lt",),
    "less_than_or_equal_to": ("le",),
    "in_range": ("between",),
    "not_nullable": ("nullable",),
    "field_uniqueness": ("unique",),
    "column_in_dataframe": ("required",),
    "no_regex_column_match": ("regex",),
    "dtype": (),
    "coerce_dtype": ("dtype",),
    "column_in_schema": ("strict",),
    "column_ordered": ("ordered",),
    "multiple_fields_uniqueness": ("unique",),
    "dataframe_column_labels_unique": ("unique_column_names",),
    "add_missing_has_default": ("add_missing_columns",),
    "multiindex_strict": ("strict",),
    "multiindex_unique": ("unique",),
    "column_in_index": ("strict",),
}
OF_TABLE = frozenset({"column_in_schema", "column_ordered", "add_missing_has_default"})
"""Checks that name a column and are promised by the whole table."""

_MOST_NODES = 500
"""Of what a declaration is made of: a stranger's may lead everywhere."""
_COLUMNS = frozenset({"Column", "Index", "MultiIndex"})


class _Found(NamedTuple):
    line: int
    arguments: str


def words(check: str) -> tuple[str, ...]:
    """What a check is called in a schema: `in_range(0, 23)` is `in_range` or `between`."""
    name = check.partition("(")[0]
    return (name, *_WORDS.get(name, ()))


def column_line(declarations: Iterable[ast.expr], check: str, follow: Follow) -> int | None:
    """The line in the declarations of a column that promises a check."""
    makers = list(_makers(declarations, follow))
    return _dtype(makers, check) if "dtype" in words(check) else _best(makers, check)


def table_line(scope: ast.stmt, check: str, follow: Follow) -> int | None:
    """The line of a `DataFrameSchema(...)`, or of a model's own attributes, that promises it."""
    if isinstance(scope, ast.ClassDef):
        return _config(scope, check)
    value = scope.value if isinstance(scope, ast.Assign | ast.AnnAssign) else None
    return None if value is None else _best(_makers([value], follow, of_columns=False), check)


def method_line(scope: ast.stmt, check: str) -> int | None:
    """The line of the method that `@check` or `@dataframe_check` made a check."""
    for node in scope.body if isinstance(scope, ast.ClassDef) else []:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for decorator in node.decorator_list:
            call = decorator if isinstance(decorator, ast.Call) else None
            name = _name(decorator if call is None else call.func)
            said = {node.name, *_texts(call)} if call is not None else {node.name}
            if name in {"check", "dataframe_check"} and check in said:
                return node.lineno
    return None


def _config(scope: ast.ClassDef, check: str) -> int | None:
    """The line of an attribute of a model's `Config`."""
    wanted = words(check)
    for config in scope.body:
        if isinstance(config, ast.ClassDef) and config.name == "Config":
            for node in config.body:
                targets = node.targets if isinstance(node, ast.Assign) else []
                targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
                if any(isinstance(name, ast.Name) and name.id in wanted for name in targets):
                    return node.lineno
    return None


def _makers(
    declarations: Iterable[ast.expr], follow: Follow, *, of_columns: bool = True
) -> Iterator[ast.Call]:
    """The calls that a declaration is made of; names are looked up where they stand.

    Of what is passed to a check nothing is looked at: it is about what the check does.

    Args:
        declarations: Expressions that make a column or a table.
        follow: What a name stands for.
        of_columns: Whether to look into a table's columns.
    """
    waiting: deque[ast.AST] = deque(declarations)
    seen: set[int] = set()
    while waiting and len(seen) < _MOST_NODES:
        node = waiting.popleft()
        if id(node) in seen or isinstance(node, ast.Lambda):
            continue
        seen.add(id(node))
        if isinstance(node, ast.Name):
            waiting.extend([found] if (found := follow(node.id)) is not None else [])
            continue
        column = isinstance(node, ast.Call) and _name(node.func) in _COLUMNS
        if not of_columns and (column or isinstance(node, ast.Dict)):
            continue
        if isinstance(node, ast.Call):
            yield node
            if _is_check(node):
                continue
        waiting.extend(ast.iter_child_nodes(node))


def _best(calls: Iterable[ast.Call], check: str) -> int | None:
    """The line of the only call, or keyword, that can be meant."""
    calls = list(calls)
    named = {call.lineno for call in calls if _is_check(call) and check in _custom(call)}
    if len(named) == 1:
        return named.pop()
    found = [place for call in calls for place in _builtin(call, words(check))]
    if len({place.line for place in found}) > 1:
        wanted = check.partition("(")[2].removesuffix(")")
        found = [place for place in found if place.arguments == wanted]
    lines = {place.line for place in found}
    return lines.pop() if len(lines) == 1 else None


def _builtin(call: ast.Call, wanted: tuple[str, ...]) -> Iterator[_Found]:
    """`Check.ge(0)`, or `ge=0` of a field."""
    if _is_check(call):
        if isinstance(call.func, ast.Attribute) and call.func.attr in wanted:
            values = [*call.args, *(keyword.value for keyword in call.keywords)]
            yield _Found(call.func.end_lineno or call.lineno, ", ".join(map(_shown, values)))
        return
    for keyword in call.keywords:
        if keyword.arg in wanted:
            value = keyword.value
            values = value.values if isinstance(value, ast.Dict) else [value]
            yield _Found(keyword.lineno, ", ".join(map(_shown, values)))


def _shown(value: ast.expr) -> str:
    """A value as Pandera prints it."""
    try:
        return repr(ast.literal_eval(value))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return "..."


def _is_check(call: ast.Call) -> bool:
    """`Check(...)`, `pa.Check.ge(...)`."""
    func = call.func
    if isinstance(func, ast.Attribute) and _name(func.value) == "Check":
        return True
    return _name(func) == "Check"


def _custom(call: ast.Call) -> set[str]:
    """What a check of the user's is called: by `error`, by `name`, else by its function."""
    said = _texts(call)
    if (
        said
        or not call.args
        or (isinstance(call.func, ast.Attribute) and call.func.attr != "Check")
    ):
        return said
    function = call.args[0]
    return {"<lambda>" if isinstance(function, ast.Lambda) else _name(function)}


def _texts(call: ast.Call) -> set[str]:
    return {
        keyword.value.value
        for keyword in call.keywords
        if keyword.arg in {"error", "name"}
        and isinstance(keyword.value, ast.Constant)
        and isinstance(keyword.value.value, str)
    }


def _dtype(calls: Iterable[ast.Call], check: str) -> int | None:
    """The line of a column's type, where it is an argument."""
    for call in calls:
        if _name(call.func) not in _COLUMNS:
            continue
        if call.args and _name(call.func) != "MultiIndex":
            return call.args[0].lineno
        lines = [keyword.lineno for keyword in call.keywords if keyword.arg in words(check)]
        if lines:
            return lines[0]
    return None


def _name(node: ast.expr) -> str:
    """The last part of a dotted name; empty for anything else."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def top(body: list[ast.stmt]) -> dict[str, ast.stmt]:
    """The classes and assignments of a module or a class by name; the last of a name counts."""
    return {name: node for node in body for name in names(node)}


def names(node: ast.stmt) -> tuple[str, ...]:
    """What a class or an assignment is called."""
    if isinstance(node, ast.ClassDef):
        return (node.name,)
    if isinstance(node, ast.AnnAssign):
        return (node.target.id,) if isinstance(node.target, ast.Name) else ()
    targets = node.targets if isinstance(node, ast.Assign) else []
    return tuple(target.id for target in targets if isinstance(target, ast.Name))


def columns(scope: ast.stmt) -> dict[str, list[Declaration]]:
    """Where a class or an assignment declares its columns: lines, and what they are made of.

    By their own names, an alias, a key, the name of a `Column`; an index without a name by its
    type.
    """
    found: dict[str, list[Declaration]] = {}
    if isinstance(scope, ast.ClassDef):
        fields = [node for node in scope.body if isinstance(node, ast.Assign | ast.AnnAssign)]
        for called in (_aliases, _own_names):
            for field in fields:
                for name in called(field):
                    found.setdefault(name, [(field.lineno, field.value)])
        return found
    for key, value in (pair for inner in ast.walk(scope) for pair in _named_by(inner)):
        found.setdefault(str(key.value), []).append((key.lineno, value))
    return found


def _named_by(node: ast.AST) -> Iterator[tuple[ast.Constant, ast.expr]]:
    """What may be the name of a column, and the column: a key, an argument of `Column`."""
    pairs: list[tuple[ast.expr | None, ast.expr]] = []
    if isinstance(node, ast.Dict):
        pairs = list(zip(node.keys, node.values, strict=True))
    elif isinstance(node, ast.Call):
        pairs = [(value, node) for value in node.args[:1]]
        pairs += [(one.value, node) for one in node.keywords if one.arg == "name"]
        indexes = [one for one in node.keywords if one.arg == "index"]
        pairs += [(ast.Constant(INDEX, lineno=one.lineno), one.value) for one in indexes]
    for key, value in pairs:
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            yield key, value


def _aliases(node: ast.Assign | ast.AnnAssign) -> tuple[str, ...]:
    """What `pa.Field(alias="hr")` calls the column of a class attribute."""
    keywords = node.value.keywords if isinstance(node.value, ast.Call) else []
    return tuple(
        keyword.value.value
        for keyword in keywords
        if keyword.arg == "alias"
        and isinstance(keyword.value, ast.Constant)
        and isinstance(keyword.value.value, str)
    )


def _own_names(node: ast.Assign | ast.AnnAssign) -> tuple[str, ...]:
    if isinstance(node, ast.AnnAssign) and isinstance(node.annotation, ast.Subscript):
        index = (INDEX,) if _name(node.annotation.value) == "Index" else ()
        return (*names(node), *index)
    return names(node)

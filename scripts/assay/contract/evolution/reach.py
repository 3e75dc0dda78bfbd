"""What a schema's code is made of, by its source alone: which changes of files can change it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from assay.contract import promises

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MOST_MODULES = 200


def matters(reference: str, changed: set[str], root: Path) -> bool:
    """Whether a schema may not be any more what it was before some files changed.

    They matter if the schema is written in them, if they are modules that it imports, directly or
    not, or if one of those names them, as code does that reads a list of values from a file.

    Args:
        reference: The schema, as `assay.yaml` names it.
        changed: Files relative to the project folder, removed ones too.
        root: The project folder.
    """
    if reference.lower().endswith(promises.DOCUMENTS):
        return reference in changed
    others = {name.rpartition("/")[2] for name in changed if not name.endswith(".py")}
    target = reference.rpartition(":")[0] if ":" in reference else reference
    read = promises.inside(root)
    waiting, seen = list(promises.module_files(target)), set[str]()
    while waiting and len(seen) < _MOST_MODULES:
        file = waiting.pop()
        if file in seen:
            continue
        seen.add(file)
        if file in changed:
            return True
        source = promises.text(read, file)
        if source is None:
            continue
        if any(name in source for name in others):
            return True
        waiting += _imports(source, file)
    return len(seen) >= _MOST_MODULES


def _imports(source: str, file: str) -> Iterator[str]:
    """The files of the project that a module may import."""
    tree = promises.parsed(source)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = f"{'.' * node.level}{node.module or ''}"
            dot = "" if start.endswith(".") else "."
            targets = [start, *(f"{start}{dot}{alias.name}" for alias in node.names)]
        else:
            continue
        for target in targets:
            yield from promises.imported_files(file, target)

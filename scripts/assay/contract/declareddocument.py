"""Which line of a document of Pandera's, in YAML or JSON, promises a check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.contract import declared

if TYPE_CHECKING:
    from assay.yamlfile import YamlDocument


def line(found: YamlDocument, column: str | None, check: str | None) -> int | None:
    """The line of a check, else of its column, else of all columns."""
    of_table = column is None or check in declared.OF_TABLE
    path: tuple[str | int, ...] = () if of_table else ("columns", column or "")
    if column == declared.INDEX:
        path = ("index", 0)
    content = _at(found.value, path)
    words = () if check is None else declared.words(check)
    wanted: list[tuple[str | int, ...]] = [(*path, word) for word in words]
    wanted += [(*path, "checks", word) for word in words]
    checks = content.get("checks") if isinstance(content, dict) else None
    for number, one in enumerate(checks if isinstance(checks, list) else []):
        options = one.get("options") if isinstance(one, dict) else None
        if isinstance(options, dict) and options.get("check_name") in words:
            wanted.append((*path, "checks", number))
    wanted.append(path or ("columns",))
    lines = (found.lines.get(key) for key in wanted)
    return next((number for number in lines if number is not None), None)


def _at(content: object, path: tuple[str | int, ...]) -> object:
    """What stands at a path of a document."""
    for key in path:
        if isinstance(content, dict):
            content = content.get(key)
        elif isinstance(content, list) and isinstance(key, int):
            content = content[key] if key < len(content) else None
        else:
            return None
    return content

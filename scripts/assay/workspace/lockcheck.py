"""Whether dvc.lock is of the files that are here, as far as that costs nothing.

`dvc status` tells it exactly, after a second of imports and the hashing of all data. Where nothing
is trained that would be most of the run; so code, parameters and the hashes that DVC's own files
hold are compared, and folders and large files are not.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from assay import metricsfile, yamlfile
from assay.errors import AssayError
from assay.workspace.dvcfiles import is_inside
from assay.workspace.git import named
from assay.workspace.objects import content_hash

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from assay.workspace.dvcfiles import DvcFiles, Tree

LARGEST = 20_000_000
"""Bytes of a file that is hashed; code and configuration are smaller."""


def outdated(root: Path, tree: Tree, files: DvcFiles) -> tuple[str, ...]:
    """What stages of dvc.lock were run with and is another now: `src/train.py`, `depth`.

    Says nothing of what it cannot tell: the answer may lack something, and is never wrong.
    """
    found: dict[str, None] = {}
    for path, locked in _dependencies(tree):
        if _differs(root, path, locked, files):
            found[path] = None
    for name in _parameters(root, files):
        found[name] = None
    return tuple(found)


def _dependencies(tree: Tree) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Paths from the project's folder, and what dvc.lock says of them."""
    for lock in named(tree.files(), name="dvc.lock"):
        folder = posixpath.dirname(lock)
        stages = _stages(tree, lock)
        declared = _stages(tree, posixpath.join(folder, "dvc.yaml"))
        for name, entry in stages.items():
            definition = _mapping(declared.get(name.partition("@")[0]))
            body = _mapping(definition.get("do")) or definition
            wdir = str(body.get("wdir") or ".")
            if not body or body.get("frozen") or "${" in wdir:
                continue
            deps = _mapping(entry).get("deps")
            for locked in map(_mapping, deps if isinstance(deps, list) else ()):
                path = posixpath.normpath(posixpath.join(folder, wdir, str(locked.get("path"))))
                if is_inside(path):
                    yield path, locked


def _stages(tree: Tree, path: str) -> dict[str, Any]:
    text = (tree.read(path) or b"").decode("utf-8", errors="replace")
    return _mapping(_mapping(yamlfile.load(text, file=path)).get("stages"))


def _mapping(value: object) -> dict[str, Any]:
    return {str(key): item for key, item in value.items()} if isinstance(value, dict) else {}


def _differs(root: Path, path: str, locked: Mapping[str, Any], files: DvcFiles) -> bool:
    """Whether a dependency is another than the one that dvc.lock names."""
    md5 = locked.get("md5")
    if not isinstance(md5, str):
        return False  # outside of the project, or in a cloud
    known = next((out for out in files.outputs if out.path == path), None)
    if known is not None:
        # DVC 2 and 3 hash text in different ways.
        comparable = known.md5 is not None and known.legacy == ("hash" not in locked)
        return comparable and known.md5 != md5
    target = root / path
    if not target.exists():
        # What lies in a folder that DVC tracks need not have been fetched.
        return files.output(path) is None
    if md5.endswith(".dir") or not target.is_file():
        return False
    size = target.stat().st_size
    if "hash" not in locked or size > LARGEST:
        return False
    return size != locked.get("size", size) or content_hash(target) != md5


def _parameters(root: Path, files: DvcFiles) -> Iterator[str]:
    """Parameters whose value is another now."""
    now = {file: _values(root, file) for file in {file for file, _, _ in files.locked_params}}
    for file, key, locked in files.locked_params:
        values = now[file]
        if values is None:
            continue
        before = dict(_flat(key, locked))
        below = {n: v for n, v in values.items() if n == key or n.startswith(f"{key}.")}
        for name in dict.fromkeys([*before, *below]):
            missing = name not in before or name not in below
            if missing or _is_other(before[name], below[name]):
                yield name


def _values(root: Path, file: str) -> dict[str, Any] | None:
    """By dotted name; `None` of a file that is not here, or that we do not read."""
    if not is_inside(file) or not file.endswith((".yaml", ".yml", ".json", ".toml")):
        return None
    try:
        return metricsfile.leaves((root / file).read_bytes(), file=file)
    except (AssayError, OSError):
        return None


def _flat(name: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _flat(f"{name}.{key}", child)
    else:
        yield name, value


def _is_other(before: object, now: object) -> bool:
    """Whether two values differ, and not only in how YAML 1.1 and 1.2 read them (`1e-3`, `yes`)."""
    if isinstance(before, str) != isinstance(now, str):
        try:
            return float(str(before)) != float(str(now))
        except ValueError:
            return False
    return before != now

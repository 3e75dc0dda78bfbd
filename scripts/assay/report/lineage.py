"""Which stages lead to a file, as `dvc.lock` has them: with resolved paths and parameters."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay import yamlfile
from assay.errors import AssayError

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Stage:
    """A stage that ran."""

    name: str
    deps: tuple[str, ...]
    outs: tuple[str, ...]
    params: tuple[tuple[str, str], ...]
    """(file, key)."""


def stages(lock: str | None) -> tuple[Stage, ...]:
    """The stages in the text of a `dvc.lock`; none where there is no file that can be read."""
    if lock is None:
        return ()
    try:
        content = yamlfile.load(lock, file="dvc.lock")
    except AssayError:
        return ()
    entries = content.get("stages") if isinstance(content, dict) else None
    if not isinstance(entries, dict):
        return ()
    return tuple(
        _stage(str(name), entry) for name, entry in entries.items() if isinstance(entry, dict)
    )


def behind(found: Sequence[Stage], source: str | None) -> frozenset[tuple[str, str]] | None:
    """The parameters, as (file, key), of the stages that lead to the file `source`.

    `None` where the pipeline does not say what makes it: every parameter may be behind it.
    """
    waiting = [stage for stage in found if source is not None and _makes(stage, source)]
    if not waiting:
        return None
    seen: dict[str, Stage] = {}
    while waiting:
        stage = waiting.pop()
        if stage.name not in seen:
            seen[stage.name] = stage
            waiting += [other for other in found if any(_makes(other, d) for d in stage.deps)]
    return frozenset(param for stage in seen.values() for param in stage.params)


def reads(params: frozenset[tuple[str, str]] | None, file: str, key: str) -> bool:
    """Whether a parameter is one of those that `behind` found, or within one of them."""
    if params is None:
        return True
    return any(where == file and _covers(name, key) for where, name in params)


def _makes(stage: Stage, path: str) -> bool:
    """Whether a stage makes this file, the folder that it is in, or something in this folder."""
    return any(
        path == out or path.startswith(f"{out}/") or out.startswith(f"{path}/")
        for out in stage.outs
    )


def _covers(name: str, key: str) -> bool:
    return key == name or key.startswith(f"{name}.") or name.startswith(f"{key}.")


def _stage(name: str, entry: dict[str, Any]) -> Stage:
    params = entry.get("params")
    return Stage(
        name=name,
        deps=_paths(entry.get("deps")),
        outs=_paths(entry.get("outs")),
        params=tuple(
            (posixpath.normpath(str(file)), str(key))
            for file, values in (params.items() if isinstance(params, dict) else ())
            for key in (values if isinstance(values, dict) else ())
        ),
    )


def _paths(entries: object) -> tuple[str, ...]:
    return tuple(
        posixpath.normpath(str(entry["path"]))
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, dict) and "path" in entry
    )

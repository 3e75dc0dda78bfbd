"""A model as skops writes it: for what cannot become ONNX. What it names has to be harmless.

skops names what it writes by memory addresses, and stamps it with the time. Here equal models give
equal files.
"""

from __future__ import annotations

import importlib
import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

from assay import extras
from assay.contract import usercode
from assay.errors import ProjectEnvironmentError, UsageError
from assay.packaging import skopsfile
from assay.packaging.loading import HARMLESS, strange_types
from assay.stats.columns import listed

if TYPE_CHECKING:
    from pathlib import Path

_SCHEMA = "schema.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip file can hold."""


def dumped(estimator: Any, *, root: Path) -> bytes:
    """A fitted estimator as a file of skops.

    Args:
        estimator: Fitted.
        root: The project, whose classes may be in it.

    Raises:
        UsageError: skops cannot write it, or it needs what a reader could not trust.
    """
    skops = _skops()
    try:
        content = reproducible(skops.dumps(estimator))
    except Exception as error:  # skops lets through what the model's own classes raise
        raise UsageError(
            f"skops cannot write the model: {type(error).__name__}: {usercode.first_line(error)}.",
            hint="Functions without a name (lambda), open files and the like cannot be written: "
            "use a function of a module.",
        ) from error
    _check(content, root)
    return content


def loaded(content: bytes, *, root: Path) -> Any:
    """The estimator of a file that `dumped` gave. Call it inside `usercode.importable`.

    Args:
        content: The file, whoever made it.
        root: The project, whose classes may be in it.

    Raises:
        UsageError: It names what a reader could not trust, or does not come back.
    """
    skops = _skops()
    _check(content, root)
    try:
        return skops.loads(content, trusted=skops.get_untrusted_types(data=content))
    except Exception as error:  # as above
        raise UsageError(
            "What skops wrote cannot be read again: "
            f"{type(error).__name__}: {usercode.first_line(error)}.",
            hint="A class of the model has a state that skops does not restore.",
        ) from error


def _check(content: bytes, root: Path) -> None:
    try:
        strange = strange_types(skopsfile.needed(io.BytesIO(content)), root)
    except skopsfile.NotSkopsError as error:
        raise UsageError(f"The model is no file that skops wrote: {error}.") from error
    if strange:
        raise UsageError(
            f"The model needs {listed(strange)}, which a reader of the bundle could not trust.",
            hint=HARMLESS,
        )


def _skops() -> Any:
    try:
        return importlib.import_module("skops.io")
    except ImportError as error:
        raise ProjectEnvironmentError(
            "A native bundle needs skops, which is not installed.",
            hint=extras.hint("onnx"),
        ) from error


def reproducible(content: bytes) -> bytes:
    """A file of skops whose names and times depend on the model alone."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        schema = json.loads(archive.read(_SCHEMA))
        files: dict[str, str] = {}
        _renamed(schema, {}, files)
        parts = {new: archive.read(old) for old, new in files.items()}
    parts[_SCHEMA] = json.dumps(schema, indent=1).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, part in parts.items():
            archive.writestr(zipfile.ZipInfo(name, date_time=_EPOCH), part)
    return buffer.getvalue()


def _renamed(node: Any, ids: dict[int, int], files: dict[str, str]) -> None:
    """Number objects and files by the order in which they come, in place."""
    if isinstance(node, list):
        for one in node:
            _renamed(one, ids, files)
    elif isinstance(node, dict):
        if isinstance(node.get("__id__"), int):
            node["__id__"] = ids.setdefault(node["__id__"], len(ids) + 1)
        name = node.get("file")
        if "__loader__" in node and isinstance(name, str):
            suffix = name.rpartition(".")[2]
            node["file"] = files.setdefault(name, f"{len(files) + 1}.{suffix}")
        for one in node.values():
            _renamed(one, ids, files)

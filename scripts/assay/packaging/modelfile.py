"""Whether the files of a bundle are what its manifest says they are. No code of them is run."""

from __future__ import annotations

import importlib
import importlib.util
import json
from typing import TYPE_CHECKING, Any

from assay.console import printable
from assay.packaging import onnxfile
from assay.report.wording import listed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from assay.packaging.bundle import Bundle
    from assay.packaging.manifest import Manifest

BOM, CARD = "bom.cdx.json", "README.md"
_CHECKED = 100_000_000
"""Bytes of a model that ONNX's own checker is asked about; it holds the model in memory."""
_LARGEST = 10_000_000
"""Bytes of a document within a bundle, which is read into memory."""


def complaints(bundle: Bundle, *, checker: bool = True) -> Iterator[str]:
    """What is wrong with the model's file, one sentence a finding.

    Args:
        bundle: As it was read.
        checker: Whether ONNX's own checker is asked, where it is installed.
    """
    path = bundle.folder / bundle.manifest.model
    if bundle.manifest.kind == "onnx":
        try:
            yield from _of_onnx(path, bundle.manifest, checker=checker)
        except onnxfile.NotOnnxError as error:
            yield f"{path.name} is no ONNX model: {error}."
    else:
        yield from _of_skops(path)


def _of_skops(path: Path) -> Iterator[str]:
    from assay.packaging import skopsfile  # a server of ONNX starts without

    try:
        if refused := list(filter(skopsfile.is_refused, skopsfile.needed(path))):
            yield f"{path.name} asks for {listed(refused)}, which no model needs."
    except skopsfile.NotSkopsError:
        yield f"{path.name} is no file that skops wrote."


def described(bundle: Bundle) -> str:
    """What a sound model is, in a few words."""
    manifest = bundle.manifest
    if manifest.kind == "onnx":
        opset = manifest.conversion.opset.get("", 0) if manifest.conversion else 0
        return f"ONNX {opset}, of onnxruntime's own operators, all in one file"
    from assay.packaging import skopsfile

    named = skopsfile.needed(bundle.folder / manifest.model)
    own = [name for name in named if not skopsfile.is_vouched(name)]
    if not own:
        return "skops, of scikit-learn, NumPy and their like alone"
    return f"skops; whoever loads it has to trust {listed(own)}"


def _of_onnx(path: Path, manifest: Manifest, *, checker: bool) -> Iterator[str]:
    found = onnxfile.asked(path)
    if foreign := sorted(found.domains - onnxfile.BUILT_IN):
        names = listed([printable(name) for name in foreign])
        yield f"{path.name} needs operators of {names}, which come with no onnxruntime."
    if found.external:
        yield f"{path.name} reads weights from other files."
    if manifest.conversion is None or found.opset != manifest.conversion.opset:
        yield f"{path.name} has other versions of operators than the manifest says."
    signature = manifest.signature
    inputs = [one.name for one in signature.inputs]
    if found.inputs != inputs or found.outputs != [one.name for one in signature.outputs]:
        yield f"{path.name} has other inputs or outputs than the manifest says."
    if checker and path.stat().st_size <= _CHECKED and importlib.util.find_spec("onnx"):
        try:
            importlib.import_module("onnx.checker").check_model(str(path))
        except Exception as error:  # noqa: BLE001 (its own, protobuf's, and what C++ raises)
            first = printable((str(error).splitlines() or [""])[0][:200])
            yield f"{path.name} is refused by ONNX's checker: {first}."


def strangers(bundle: Bundle) -> Iterator[str]:
    """Documents of the bundle that are about another model, one sentence a finding."""
    manifest = bundle.manifest
    digests = {entry.path: entry.sha256 for entry in manifest.files}
    if BOM in digests:
        component = _component(bundle.folder / BOM)
        hashes = [{"alg": "SHA-256", "content": digests.get(manifest.model)}]
        said = (component.get("name"), component.get("version"), component.get("hashes"))
        if said != (manifest.name, manifest.source.commit, hashes):
            yield f"{BOM} is the bill of materials of another model."
    if CARD in digests and manifest.source.commit not in _read(bundle.folder / CARD):
        yield f"{CARD} is the card of another model: it does not name this commit."


def _component(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(_read(path))["metadata"]["component"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _read(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_LARGEST).decode(errors="replace")

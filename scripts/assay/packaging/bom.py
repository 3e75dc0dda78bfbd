"""What the model is made of, as a CycloneDX 1.6 bill of materials: data, packages, model card.

https://cyclonedx.org/docs/1.6/json/ The library that writes such files would be one more package
in the project's environment; the tests hold its validator against what is written here.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from assay import __version__
from assay.console import printable
from assay.report.wording import metric_title

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from assay.packaging.licenses import Installed
    from assay.packaging.manifest import Manifest, MetricValue, Tracked

_MODEL = "model"
_TASKS = {
    "binary": "binary classification",
    "multiclass": "classification",
    "multilabel": "multi-label classification",
    "outliers": "outlier detection",
}
_UNSUPERVISED = ("clustering", "outliers")


def of(
    manifest: Manifest,
    *,
    installed: Installed,
    needed: Iterable[str],
    sha256: str,
    pictures: Mapping[str, str],
) -> bytes:
    """The bill of materials as JSON; equal facts give equal bytes.

    Args:
        manifest: Of the bundle.
        installed: For the licences of packages.
        needed: The packages that serving the model needs.
        sha256: Of the model's file.
        pictures: Title by file of the bundle.
    """
    packages = manifest.environment.packages
    data = {one.path: f"data:{quote(one.path)}" for one in manifest.source.data}
    serving = sorted(_purl(name, packages[name]) for name in needed if name in packages)
    bom = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": manifest.source.committed,
            "lifecycles": [{"phase": "build"}],
            "tools": {
                "components": [{"type": "application", "name": "assay", "version": __version__}]
            },
            "component": _model(manifest, data.values(), sha256, pictures),
        },
        "components": [
            *(_data(one, data[one.path]) for one in manifest.source.data),
            *(_package(name, version, installed) for name, version in packages.items()),
        ],
        "dependencies": [{"ref": _MODEL, "dependsOn": [*data.values(), *serving]}],
    }
    return _text({"serialNumber": _serial(bom), **bom})


def _serial(bom: Mapping[str, Any]) -> str:
    """An identity that is no accident: the same content has the same."""
    digest = hashlib.sha256(_text(bom)).hexdigest()
    return uuid.uuid5(uuid.NAMESPACE_URL, f"sha256:{digest}").urn


def _text(bom: Mapping[str, Any]) -> bytes:
    return (json.dumps(bom, indent=1, ensure_ascii=False) + "\n").encode()


def _model(
    manifest: Manifest, data: Iterable[str], sha256: str, pictures: Mapping[str, str]
) -> dict[str, Any]:
    source = manifest.source
    found: dict[str, Any] = {
        "type": "machine-learning-model",
        "bom-ref": _MODEL,
        "name": manifest.name,
        "version": source.commit,
        "hashes": [{"alg": "SHA-256", "content": sha256}],
        "modelCard": {
            "modelParameters": _parameters(manifest, data),
            "quantitativeAnalysis": _analysis(manifest, pictures),
        },
        "properties": [
            *_properties("dvc", {"path": source.model.path, "md5": source.model.md5}),
            *_properties("git", {"commit": source.commit, "project": source.project}),
            *_properties("lock", {"sha256": source.lock or ""}),
            *_properties("python", {"version": manifest.environment.python}),
            *_properties("parameter", source.parameters),
        ],
    }
    if manifest.description:
        found["description"] = printable(manifest.description)
    if manifest.license:
        found["licenses"] = [{"expression": manifest.license}]
    return found


def _properties(kind: str, values: Mapping[str, str]) -> Iterator[dict[str, str]]:
    for name, value in values.items():
        if value:
            yield {"name": f"assay:{kind}:{printable(name)}", "value": printable(value)}


def _parameters(manifest: Manifest, data: Iterable[str]) -> dict[str, Any]:
    signature = manifest.signature
    task, unsupervised = signature.task, signature.task in _UNSUPERVISED
    return {
        "approach": {"type": "unsupervised" if unsupervised else "supervised"},
        "task": _TASKS.get(task, task),
        "modelArchitecture": manifest.estimator,
        "datasets": [{"ref": ref} for ref in data],
        "inputs": [{"format": f"{printable(i.name)}: {i.dtype}"} for i in signature.inputs],
        "outputs": [{"format": f"{o.name}: {o.dtype}"} for o in signature.outputs],
    }


def _analysis(manifest: Manifest, pictures: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {"performanceMetrics": [_metric(one) for one in manifest.metrics]}
    if pictures:
        found["graphics"] = {
            "description": "Files of the bundle.",
            "collection": [{"name": f"{title} ({path})"} for path, title in pictures.items()],
        }
    return found


def _metric(metric: MetricValue) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": printable(metric_title(metric.name)),
        "value": repr(metric.value),
    }
    if metric.low is not None and metric.high is not None:
        found["confidenceInterval"] = {
            "lowerBound": repr(metric.low),
            "upperBound": repr(metric.high),
        }
    return found


def _data(tracked: Tracked, ref: str) -> dict[str, Any]:
    name = printable(tracked.path)
    found: dict[str, Any] = {
        "type": "data",
        "bom-ref": ref,
        "name": name,
        "data": [{"type": "dataset", "name": name}],
        "properties": list(_properties("dvc", {"md5": tracked.md5})),
    }
    if re.fullmatch("[0-9a-f]{32}", tracked.md5):  # of a folder it is that of a list
        found["hashes"] = [{"alg": "MD5", "content": tracked.md5}]
    return found


def _package(name: str, version: str, installed: Installed) -> dict[str, Any]:
    purl = _purl(name, version)
    found: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
    }
    if (said := installed.license(name)) is not None:
        text, spdx = said
        found["licenses"] = [{"expression": text} if spdx else {"license": {"name": text}}]
    return found


def _purl(name: str, version: str) -> str:
    return f"pkg:pypi/{quote(name)}@{quote(version, safe='')}"

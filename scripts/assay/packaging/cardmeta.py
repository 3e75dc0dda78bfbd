"""The front matter of a model card, as Hugging Face reads it.

https://github.com/huggingface/hub-docs/blob/main/modelcard.md
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from assay.console import printable
from assay.report.wording import metric_title

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.packaging.facts import Kind
    from assay.packaging.manifest import Manifest

_NAMES = (
    "apache-2.0 mit afl-3.0 artistic-2.0 bsl-1.0 bsd-2-clause bsd-3-clause bsd-3-clause-clear "
    "cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 "
    "cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 "
    "cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 ecl-2.0 epl-1.0 epl-2.0 eupl-1.1 eupl-1.2 isc "
    "lppl-1.3c ms-pl mpl-2.0 odc-by ofl-1.1 osl-3.0 postgresql ncsa unlicense zlib pddl"
)
_LICENSES = frozenset(_NAMES.split())
"""Those of https://huggingface.co/docs/hub/repositories-licenses that are called as in SPDX."""
_GNU = re.compile(r"(a?gpl|lgpl)-(\d\.\d)(?:-only|-or-later)?")
_LIBRARY: dict[Kind, str] = {"onnx": "onnx", "native": "sklearn"}
_TASKS = {
    "binary": "tabular-classification",
    "multiclass": "tabular-classification",
    "multilabel": "tabular-classification",
    "regression": "tabular-regression",
}


def front_matter(manifest: Manifest, labels: Sequence[str] = ()) -> str:
    """YAML between two lines of dashes; the labels are tags too."""
    task = _TASKS.get(manifest.signature.task)
    own = [manifest.kind, manifest.signature.task, *([task] if task else [])]
    data: dict[str, Any] = {
        **_license(manifest.license),
        "library_name": _LIBRARY[manifest.kind],
        "tags": list(dict.fromkeys([*own, *map(printable, labels)])),
        **({"pipeline_tag": task} if task else {}),
    }
    if manifest.metrics and task:
        data["metrics"] = [printable(one.name) for one in manifest.metrics]
        data["model-index"] = [
            {
                "name": manifest.name,
                "results": [
                    {
                        "task": {"type": task},
                        "dataset": {"type": "dvc", "name": "evaluation data"},
                        "metrics": [
                            {
                                "type": printable(one.name),
                                "name": printable(metric_title(one.name)),
                                "value": one.value,
                            }
                            for one in manifest.metrics
                        ],
                    }
                ],
            }
        ]
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)
    return f"---\n{text}---\n"


def _license(expression: str | None) -> dict[str, str]:
    """In the words of Hugging Face, or as `other` with its own name."""
    if expression is None:
        return {}
    lower = expression.lower()
    if lower in _LICENSES:
        return {"license": lower}
    if gnu := _GNU.fullmatch(lower):
        return {"license": f"{gnu[1]}-{gnu[2]}"}
    return {"license": "other", "license_name": expression}

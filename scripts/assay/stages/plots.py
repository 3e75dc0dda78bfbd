"""The plots that `dvc.yaml` declares, of head and base, as files beside the record."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.errors import AssayError
from assay.section import Reason
from assay.workspace import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.context import Context
    from assay.stages.evaluate import DeclaredPlot

FOLDER = "plots"


def declared_plots(context: Context) -> tuple[tuple[DeclaredPlot, ...], list[Reason]]:
    """Have DVC make its plots; a plot that it cannot make is a note, not a failure."""
    workspace, base = context.workspace, context.record.base
    folder = workspace.state / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    try:
        if not workspace.head_files().has_plots:
            return (), []
    except AssayError:  # the stage itself says what is wrong with the files
        return (), []
    folder.mkdir(parents=True)
    which = ["show"] if base is None else ["diff", base.sha]
    try:
        found = workspace.dvc.json("plots", *which, "--json", "-o", str(folder))
        data = found["data"].items()
    except (AssayError, AttributeError, KeyError, TypeError) as error:
        why = f": {error.message}" if isinstance(error, AssayError) else "."
        message = f"The plots that dvc.yaml declares could not be made{why}"
        return (), [Reason(message=message, severity="note", file="dvc.yaml")]
    names = {"workspace": "head", **({base.sha: "base", base.sha[:7]: "base"} if base else {})}
    return tuple(_plots(dict(data), folder, names)), []


def _plots(data: dict[str, Any], folder: Path, names: dict[str, str]) -> Iterator[DeclaredPlot]:
    from assay.stages.evaluate import DeclaredPlot

    for number, (name, versions) in enumerate(data.items()):
        for version in versions:
            if version.get("type") == "vega" and version.get("content"):
                file = folder / f"{number}.vl.json"
                write_atomically(file, json.dumps(_renamed(version["content"], names)))
                yield DeclaredPlot(name=name, kind="vega", file=f"{FOLDER}/{file.name}")
            elif version.get("type") == "image":
                image = Path(str(version.get("url") or ""))
                revision = names.get((version.get("revisions") or [""])[0])
                if image.parent == folder and image.is_file() and revision in ("head", "base"):
                    clean = re.sub(r"[^A-Za-z0-9.-]", "_", image.name)
                    target = image.replace(folder / f"{number}-{clean}")
                    yield DeclaredPlot(
                        name=name,
                        kind="image",
                        file=f"{FOLDER}/{target.name}",
                        revision="head" if revision == "head" else "base",
                    )


def _renamed(content: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """Revisions called head and base, as everywhere else."""
    values = (content.get("data") or {}).get("values")
    if isinstance(values, list):
        for row in values:
            if isinstance(row, dict) and row.get("rev") in names:
                row["rev"] = names[row["rev"]]
    return content

"""The plots that `dvc.yaml` declares, of head and base, as files beside the record."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from assay.console import printable
from assay.errors import AssayError
from assay.section import Fact, Reason
from assay.workspace import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.context import Context


FOLDER = "plots"


class DeclaredPlot(Fact):
    """A plot that `dvc plots` declares, both revisions in one."""

    name: str
    kind: Literal["vega", "image"]
    file: str
    """A Vega-Lite specification or an image, relative to the record's folder."""
    revision: Literal["head", "base"] | None = None
    """Whose image it is; a Vega-Lite plot holds both."""


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
    except AssayError as error:
        return (), [_note(error.message)]
    data = found.get("data") if isinstance(found, dict) else None
    problems = found.get("errors") if isinstance(found, dict) else None
    if not isinstance(data, dict):
        return (), [_note(_said(problems))]
    names = {"workspace": "head", **({base.sha: "base", base.sha[:7]: "base"} if base else {})}
    reasons = [_note(_said(problems))] if problems else []
    return tuple(_plots(data, folder, names)), reasons


def _note(why: str) -> Reason:
    message = f"Plots that dvc.yaml declares could not be made{f': {why}' if why else '.'}"
    return Reason(message=message, severity="note", file="dvc.yaml")


def _said(problems: Any) -> str:
    """What DVC lists as errors, each once."""
    if not isinstance(problems, list):
        return ""
    texts = (f"{p.get('name') or ''} {p.get('msg') or p.get('type') or ''}" for p in problems)
    return "; ".join(dict.fromkeys(printable(text.strip()) for text in texts))


def _plots(data: dict[str, Any], folder: Path, names: dict[str, str]) -> Iterator[DeclaredPlot]:
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


def _renamed(content: Any, names: dict[str, str]) -> Any:
    """Revisions called head and base, as everywhere else: in the rows and in the colours."""
    if isinstance(content, list):
        return [_renamed(value, names) for value in content]
    if isinstance(content, dict):
        return {
            key: [_row(row, names) for row in value]
            if key == "values" and isinstance(value, list)
            else _renamed(value, names)
            for key, value in content.items()
        }
    return names.get(content, content) if isinstance(content, str) else content


def _row(row: Any, names: dict[str, str]) -> Any:
    """Other columns of a row are the user's data, and may well hold the word `workspace`."""
    if not isinstance(row, dict) or "rev" not in row:
        return row
    return {**row, "rev": names.get(str(row["rev"]), row["rev"])}

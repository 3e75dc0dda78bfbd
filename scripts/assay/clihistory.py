"""`assay history`: the versions of a model. Parses, calls, prints."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from assay.clioptions import HERE, ConfigFile, Root

if TYPE_CHECKING:
    from assay.packaging.manifest import Manifest
    from assay.workspace import Workspace


def history(
    name: Annotated[
        str | None, typer.Argument(help="The artifact. Default: all.", show_default=False)
    ] = None,
    *,
    root: Root = HERE,
    config: ConfigFile = "assay.yaml",
    as_json: Annotated[
        bool, typer.Option("--json", help="All that is known, for programs.")
    ] = False,
) -> None:
    """Show the versions with their metrics, data and stages, by git alone."""
    from assay import config as configuration
    from assay.release import history as versions
    from assay.workspace import Workspace

    workspace = Workspace(root.resolve(), os.environ)
    spec = configuration.load(workspace.root, name=config)
    found = versions.of(
        workspace.git, name, model=spec.model, manifests=_bundles_at_hand(workspace)
    )
    if as_json:
        sys.stdout.write(versions.to_json(found))
        return
    from rich.console import Console

    from assay.release import historytable

    if sys.stdout.isatty():
        Console().print(historytable.render(found, metrics=spec.metrics))
    else:
        sys.stdout.write(historytable.text(found, metrics=spec.metrics))


def _bundles_at_hand(workspace: Workspace) -> dict[str, Manifest]:
    """Manifests of bundles that were made in this folder, by commit."""
    paths = sorted((workspace.state / "bundles").glob("*/manifest.json"))
    if not paths:
        return {}
    from assay.packaging.manifest import Manifest

    found: dict[str, Manifest] = {}
    for path in paths:
        try:
            manifest = Manifest.model_validate_json(path.read_bytes())
        except (OSError, ValueError):  # `assay verify` is what tells of it
            continue
        found[manifest.source.commit] = manifest
    return found

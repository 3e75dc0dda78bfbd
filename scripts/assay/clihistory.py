"""`assay history` and `assay reproduce`: what was released, and whether it can be built again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.clioptions import HERE, ConfigFile, Root, prepared

if TYPE_CHECKING:
    from assay.packaging.manifest import Manifest
    from assay.release.likeness import Likeness
    from assay.workspace import Workspace

AsJson = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]


def history(
    name: Annotated[
        str | None, typer.Argument(help="The artifact. By default all.", show_default=False)
    ] = None,
    *,
    root: Root = HERE,
    config: ConfigFile = "assay.yaml",
    as_json: AsJson = False,
) -> None:
    """List the versions of a model, with data, metrics and stages."""
    from assay import config as configuration
    from assay.release import history as versions
    from assay.release import historytable
    from assay.workspace import Workspace

    settings = configuration.load(root.resolve(), name=config)
    workspace = Workspace(root.resolve(), os.environ)
    found = versions.of(
        workspace.git, name, model=settings.model, manifests=_bundles_at_hand(workspace)
    )
    if as_json:
        typer.echo(versions.to_json(found), nl=False)
        return
    typer.echo(historytable.text(found, metrics=settings.metrics), nl=False)


def _bundles_at_hand(workspace: Workspace) -> dict[str, Manifest]:
    """Manifests of bundles that were made in this folder, by commit."""
    from assay.packaging import bundle

    manifests = (one.manifest for one in bundle.at_hand(workspace.state))
    return {manifest.source.commit: manifest for manifest in manifests}


def reproduce(
    tag: Annotated[str, typer.Argument(help="The version: NAME@VERSION.")],
    *,
    root: Root = HERE,
    config: ConfigFile = "assay.yaml",
    bundle: Annotated[
        Path | None,
        typer.Option(help="The bundle that was released. By default that of the GitHub Release."),
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(help="Leave the rebuilt bundle in this folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Build a release again, and say whether it is the same."""
    from tempfile import TemporaryDirectory

    from assay import extras
    from assay.release import howto, released
    from assay.release.reproduce import reproduce as build

    extras.require(howto.PACKAGES, extra="release", what="Releases need")
    context, problem = prepared(root, config=config, base=None, train=None, fresh=True)
    if problem is not None:
        raise problem
    with TemporaryDirectory(prefix="assay-released-") as scratch:
        found = released.bundle_of(context, tag, given=bundle, scratch=Path(scratch))
        likeness = build(found, context.workspace, context.console, keep=keep)
    _tell(likeness, tag, as_json=as_json)
    raise typer.Exit(1 if likeness.outcome == "different" else 0)


def _tell(likeness: Likeness, tag: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(likeness.model_dump_json(indent=1))
        return
    asked = f", asked about {likeness.rows:,} rows" if likeness.rows else ""
    said = {
        "identical": "identical: every byte of the bundle is as it was released.",
        "equivalent": f"equivalent: other bytes, the same answers{asked}.",
        "different": f"different{asked}.",
    }[likeness.outcome]
    typer.echo(f"\n{tag} is {said}")
    for finding in likeness.findings:
        typer.echo(f"  {finding}")

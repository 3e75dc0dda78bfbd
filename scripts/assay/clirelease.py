"""`assay release`: a commit as a version of its model. Parses, calls, prints."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.clioptions import HERE, ConfigFile, Root, prepared

if TYPE_CHECKING:
    from assay.release.section import ReleaseSection


def release(
    name: Annotated[
        str,
        typer.Argument(
            envvar="ASSAY_NAME",
            help="The artifact. By default the project's own.",
            show_default=False,
        ),
    ] = "",
    *,
    root: Root = HERE,
    config: ConfigFile = "assay.yaml",
    version: Annotated[
        str,
        typer.Option(
            envvar="ASSAY_VERSION",
            help="v1.2.3, major, minor or patch. By default what changed decides.",
        ),
    ] = "",
    bundle: Annotated[
        str,
        typer.Option(
            envvar="ASSAY_BUNDLE",
            help="In a workflow: the signed bundle. By default the one that was signed here.",
        ),
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
    unsigned: Annotated[
        bool,
        typer.Option(
            "--unsigned",
            envvar="ASSAY_UNSIGNED",
            help="In a workflow: release a bundle that nobody signed.",
        ),
    ] = False,
) -> None:
    """Tag this commit as the next version; in CI, publish it.

    On a laptop it decides the version and pushes its tag, which starts the workflow.
    """
    from assay.stages import release as stage

    context, problem = prepared(root, config=config, base=None, train=None, fresh=True)
    if problem is not None:
        raise problem
    wish = stage.Wish(name, version.strip(), bundle, dry_run=dry_run, unsigned=unsigned)
    section = stage.run(context, wish)
    for reason in section.reasons:
        context.console.annotate(reason)
    _hand_over(section)
    raise typer.Exit(section.exit_code)


def _hand_over(section: ReleaseSection) -> None:
    """The outputs of the action."""
    from assay.report import outputs

    path = os.environ.get("GITHUB_OUTPUT")
    if not path or section.exit_code or section.url is None:
        return
    facts = {
        "tag": section.tag,
        "version": section.version,
        "url": section.url,
        "digest": section.digest,
    }
    outputs.write(Path(path), {name: str(value) for name, value in facts.items()})

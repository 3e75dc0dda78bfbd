"""`assay host`: what runs on a machine that versions are deployed to. Parses, calls, prints."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    help="On a machine that versions are deployed to: its agent.",
)
Folder = Annotated[
    Path,
    typer.Option(
        "--folder",
        envvar="ASSAY_HOST_FOLDER",
        show_default=False,
        help="The folder of the environment, `target.folder` in assay.yaml.",
    ),
]


@app.command()
def session() -> None:
    """Answer a deployer's questions on standard input, as over SSH."""
    from assay.rollout.host import session as sessions

    sessions.run(sys.stdin.buffer, sys.stdout.buffer)


@app.command()
def up(folder: Folder) -> None:
    """Have all run again that should, as after a reboot."""
    from assay.rollout.host.agent import local

    local(_existing(folder)).up()


@app.command()
def down(folder: Folder) -> None:
    """End nginx and all servers; `up` brings them back."""
    from assay.rollout.host.agent import local

    local(_existing(folder)).down()


@app.command()
def state(folder: Folder) -> None:
    """Print what is deployed, runs and answers, as JSON."""
    from assay.rollout.host.agent import local

    typer.echo(local(_existing(folder)).state().model_dump_json(indent=1))


def _existing(folder: Path) -> Path:
    from assay.errors import UsageError

    if not (folder / "versions").is_dir():
        raise UsageError(
            f"{folder} is no folder that versions were deployed to.",
            hint="Name the one that is `target.folder` in assay.yaml.",
        )
    return folder

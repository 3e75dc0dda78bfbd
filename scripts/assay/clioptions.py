"""What commands of the command line share: options, and the objects that they start from."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from assay.console import Console
    from assay.context import Context
    from assay.errors import AssayError
    from assay.standby import Standby

Root = Annotated[
    Path,
    typer.Option(
        "--working-directory",
        "-C",
        envvar="ASSAY_WORKING_DIRECTORY",
        help="The project: the folder with dvc.yaml and assay.yaml.",
    ),
]
ConfigFile = Annotated[
    str, typer.Option("--config", envvar="ASSAY_CONFIG", help="Configuration file in the project.")
]
Base = Annotated[
    str | None,
    typer.Option(
        envvar="ASSAY_BASE",
        help="Revision to compare with. Default: where this branch left the default branch.",
    ),
]
Train = Annotated[
    str | None,
    typer.Option("--train", envvar="ASSAY_TRAIN", help="run, verify or skip; beats assay.yaml."),
]
Debug = Annotated[
    bool, typer.Option("--debug", envvar="ASSAY_DEBUG", help="Show tracebacks of expected errors.")
]
BundlePath = Annotated[
    Path | None,
    typer.Argument(
        envvar="ASSAY_BUNDLE",
        show_default=False,
        help="A bundle: its folder or .tar.zst. By default the one that was packaged here.",
    ),
]
SignerKey = Annotated[
    Path | None,
    typer.Option(envvar="ASSAY_VERIFICATION_KEY", help="The signer's public key, a file."),
]
Roots = Annotated[Path | None, typer.Option(help="Root certificates of who may sign, a file.")]
Identity = Annotated[
    str | None, typer.Option(help="The workflow that signed without a key, at its revision.")
]
Issuer = Annotated[
    str | None, typer.Option(help="Who says so. Default: GitHub.", show_default=False)
]
HERE = Path()


def prepared(
    root: Path,
    *,
    config: str,
    base: str | None,
    train: str | None,
    fresh: bool,
    standby: Standby | None = None,
) -> tuple[Context, AssayError | None]:
    """Build every object that stages use; what is wrong with the configuration comes beside it.

    A wrong configuration must not keep the report from being made, so it is not raised here: the
    first stage ends with it.
    """
    from assay import ci, prepare
    from assay.console import Console
    from assay.workspace import Workspace

    context = ci.detect(os.environ, prepare.event_payload(os.environ))
    return prepare.context(
        workspace=Workspace(root.resolve(), os.environ, standby),
        ci=context,
        console=Console(github=context.host == "github"),
        clock=time.monotonic,
        config_name=config,
        base=base,
        train=train,
        fresh=fresh,
    )


def without_base(root: Path, config: str) -> Context:
    """What commands need that compare nothing: no base is looked for, which may take a while.

    Raises:
        ConfigError: The configuration is wrong.
    """
    from assay import ci, prepare, record
    from assay import config as configuration
    from assay.console import Console
    from assay.context import Context
    from assay.workspace import Workspace

    found = ci.detect(os.environ, prepare.event_payload(os.environ))
    settings = configuration.load(root.resolve(), name=config)
    return Context(
        config=settings,
        workspace=Workspace(root.resolve(), os.environ),
        ci=found,
        record=record.new(ci=found, config=settings, head=None, project=""),
        console=Console(github=found.host == "github"),
        clock=time.monotonic,
        environ=os.environ,
        config_file=config,
    )


def console_of_host() -> Console:
    """A console that speaks as the host of this run wants to be spoken to."""
    from assay.console import Console

    return Console(github=os.environ.get("GITHUB_ACTIONS") == "true")

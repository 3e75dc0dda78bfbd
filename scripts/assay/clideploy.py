"""`assay deploy`, `assay rollback`, `assay rollout`: versions to users and back. Parses, prints."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.clioptions import HERE, ConfigFile, Issuer, Root, Roots, without_base

if TYPE_CHECKING:
    from assay.context import Context
    from assay.report.rollout import Told

Environment = Annotated[
    str,
    typer.Option(
        "--env",
        envvar="ASSAY_ENVIRONMENT",
        show_default=False,
        help="The environment, of those in assay.yaml.",
    ),
]


def deploy(
    version: Annotated[
        str,
        typer.Argument(
            envvar="ASSAY_VERSION",
            show_default=False,
            help="NAME@VERSION, or a commit. By default the tag that started the workflow.",
        ),
    ] = "",
    *,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            envvar="ASSAY_ENVIRONMENT",
            show_default=False,
            help="The environment, of those in assay.yaml.",
        ),
    ],
    root: Root = HERE,
    config: ConfigFile = "assay.yaml",
    bundle: Annotated[
        Path | None,
        typer.Option(
            envvar="ASSAY_BUNDLE",
            help="The bundle that was released. By default that of the GitHub Release.",
        ),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(
            envvar="ASSAY_VERIFICATION_KEY",
            help="The public key of who must have signed it. By default `key` of the environment.",
        ),
    ] = None,
    certificate: Roots = None,
    identity: Annotated[
        str | None,
        typer.Option(
            envvar="ASSAY_IDENTITY", help="The workflow that signs without a key, at its revision."
        ),
    ] = None,
    issuer: Issuer = None,
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="Deploy a bundle by anybody: not for users.")
    ] = False,
) -> None:
    """Bring a released version to users step by step, or go back.

    Ends with 0 when it is there, 1 when it was rolled back, 5 when nobody can say.
    """
    from assay.rollout import sshaccess
    from assay.rollout.placing import Whose
    from assay.stages import deploy as stage

    context = _context(root, config)
    whose = Whose(key, certificate, identity, issuer, unsigned)
    with sshaccess.given(os.environ):
        told = stage.run(context, stage.Wish(to, version.strip(), bundle), who=whose)
    _end(context, told)


def rollback(
    *,
    environment: Environment,
    to: Annotated[
        str,
        typer.Option(
            envvar="ASSAY_VERSION",
            show_default=False,
            help="A version that is on the target. By default the last good one.",
        ),
    ] = "",
    root: Root = HERE,
    config: ConfigFile = "assay.yaml",
) -> None:
    """Send all requests back to the version before, at once.

    No gate, no build, no download.
    """
    from assay.rollout import sshaccess
    from assay.stages import rollback as stage

    context = _context(root, config)
    with sshaccess.given(os.environ):
        told = stage.run(context, environment, to=to.strip() or None)
    _end(context, told)


app = typer.Typer(
    no_args_is_help=True,
    help="Say what an environment is like; end what was interrupted.",
)


@app.command()
def status(
    *, environment: Environment, root: Root = HERE, config: ConfigFile = "assay.yaml"
) -> None:
    """Say who answers users, who runs, and what happened last."""
    from assay.rollout import sshaccess
    from assay.stages import rollback as stage

    context = _context(root, config)
    with sshaccess.given(os.environ):
        context.console.line(stage.status(context, environment))


@app.command()
def resume(
    *, environment: Environment, root: Root = HERE, config: ConfigFile = "assay.yaml"
) -> None:
    """Go back to the stable version where a rollout was killed in the middle."""
    from assay.rollout import sshaccess
    from assay.stages import rollback as stage

    context = _context(root, config)
    with sshaccess.given(os.environ):
        told = stage.resume(context, environment)
    _end(context, told)


def _context(root: Path, config: str) -> Context:
    """What a rollout needs."""
    from assay import extras
    from assay.release import howto

    extras.require(howto.PACKAGES, extra="deploy", what="Rollouts need")
    return without_base(root, config)


def _end(context: Context, told: Told) -> None:
    """Say what it came to: here, in the job's summary, and as outputs."""
    from assay.report import rollout
    from assay.section import Reason

    for warning in told.warnings:
        context.console.annotate(Reason(message=warning, severity="warning"))
    outcome = told.outcome
    if outcome.exit_code and context.console.github:  # in a terminal it is said below
        reason = Reason(message=rollout.title(told), hint=outcome.reason.partition("\n")[0])
        context.console.annotate(reason)
    context.console.line()
    shown = rollout.text(told, shutil.get_terminal_size((100, 0)).columns)
    context.console.line(shown, style="red" if outcome.exit_code else "green")
    _hand_over(told)
    raise typer.Exit(outcome.exit_code)


def _hand_over(told: Told) -> None:
    from assay.report import outputs, rollout

    outcome = told.outcome
    if path := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(rollout.markdown(told))
    if path := os.environ.get("GITHUB_OUTPUT"):
        facts = {
            "outcome": outcome.ending.replace(" ", "-"),
            "version": str(outcome.version or ""),
            "stable": str(outcome.stable or ""),
            "url": told.url or "",
        }
        outputs.write(Path(path), facts)

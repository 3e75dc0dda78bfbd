"""The command line: one command a stage. Parses, calls, prints, exits; no logic.

Everything but Typer is imported inside the commands, so that `assay --help` answers at once.
Options can be given by environment variable (`ASSAY_BASE` for `--base`): that is how the actions
pass their inputs, which therefore never meet a shell.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import signal
import sys
from pathlib import Path  # noqa: TC003 (Typer reads the annotations)
from typing import Annotated

if sys.argv[1:2] == ["serve"]:
    gc.disable()  # until it serves: nothing of what is imported now ever goes

import typer

from assay import (
    __version__,
    clibundle,
    clicheck,
    clicontract,
    clideploy,
    clihistory,
    clihost,
    climonitor,
    clirelease,
    clireport,
    cliretrain,
    cliserve,
    cliservetest,
    leaving,
)
from assay.clioptions import HERE, Root, console_of_host

app = typer.Typer(
    name="assay",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: importing Rich would triple its time
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="CI/CD for machine-learning models: did this change make the model better?",
)

SWITCHES = ("comment", "check-run", "commit-status", "badge", "merge-only", "debug")
"""Inputs of the actions that are on or off."""
STARTS_WITH_DVC = ("check", "checkout", "train")
"""Commands that run DVC first: it can import itself while we do the same."""


app.command()(clicheck.check)
for _name, _help in clicheck.STAGES.items():
    app.command(_name, help=_help)(clicheck.stage(_name))
app.command()(clireport.report)
app.command()(clireport.comment)
app.command()(clireport.accept)


@app.command()
def init(
    root: Root = HERE,
    uses: Annotated[
        str, typer.Option(help="The action that the workflow uses: OWNER/NAME@REF.")
    ] = "your-org/assay@v1",
    release: Annotated[
        bool, typer.Option("--release", help="Also write the workflow that releases versions.")
    ] = False,
    deploy: Annotated[
        bool, typer.Option("--deploy", help="And the one that brings them to users.")
    ] = False,
    monitor: Annotated[
        bool, typer.Option("--monitor", help="And the one that watches them there, and retrains.")
    ] = False,
) -> None:
    """Say what is found here; write assay.yaml and the workflow."""
    from assay import initialize
    from assay.console import Console
    from assay.workspace import Workspace

    console = Console(github=False)
    workspace = Workspace(root.resolve(), os.environ)
    initialize.run(workspace, console, uses=uses, release=release, deploy=deploy, monitor=monitor)


gate_app = typer.Typer(help="The gates of the last run.")
app.add_typer(gate_app, name="gate")
app.add_typer(clicontract.app, name="contract")
app.add_typer(clideploy.app, name="rollout")
app.add_typer(clihost.app, name="host", hidden=True)
for _command in (
    clibundle.sign,
    clibundle.verify,
    clirelease.release,
    cliretrain.retrain,
    clideploy.deploy,
    clideploy.rollback,
    climonitor.monitor,
    cliserve.serve,
    cliservetest.serve_test,
    clihistory.history,
    clihistory.reproduce,
):
    app.command()(_command)
for _step in (cliretrain.decide, cliretrain.train, cliretrain.propose):
    app.command(f"retrain-{_step.__name__}", hidden=True)(_step)


@gate_app.command()
def explain(
    metric: Annotated[
        str | None, typer.Argument(help="Only what is about this metric, column or gate.")
    ] = None,
    root: Root = HERE,
    record: Annotated[
        Path | None, typer.Option(help="Another record than that of the last run here.")
    ] = None,
) -> None:
    """Print the rule, the numbers and the arithmetic behind each gate."""
    from assay import record as records
    from assay.gates.explain import explain as explained
    from assay.workspace import STATE

    path = record or root / STATE / records.FILE
    typer.echo(explained(records.load(path), metric), nl=False)


@app.command()
def schema() -> None:
    """Print the JSON Schema of assay.yaml, for editors."""
    from assay.config import json_schema

    typer.echo(json_schema(), nl=False)


def _version(wanted: bool) -> None:  # noqa: FBT001 (Typer's signature)
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of the program itself."""


def _check_switches() -> None:
    """Say which input is wrong in the words of the workflow; Typer would name a variable."""
    from assay.errors import UsageError

    for name in SWITCHES:
        value = os.environ.get(f"ASSAY_{name.upper().replace('-', '_')}", "")
        if value.lower() not in ("", "true", "false", "1", "0", "yes", "no", "on", "off"):
            raise UsageError(f"`{name}` is {value!r}.", hint="Allowed: true, false.")


def main() -> None:
    """Entry point: runs the command, and leaves at once."""
    with leaving.at_once():
        _run()


def _start_quickly() -> None:
    """Leave away what a server that starts need not wait for: other commands and plugins."""
    app.registered_commands = [
        one for one in app.registered_commands if one.callback is cliserve.serve
    ]
    app.registered_groups = []
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def _run() -> None:
    """The command: exceptions become one line and an exit code."""
    from assay.errors import AssayError

    # Runners that cancel a job end only us: the training has to be ended by our own clean-up.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _check_switches()
        if sys.argv[1:2] and sys.argv[1] in (*STARTS_WITH_DVC, "validate"):
            from assay import standby as programs

            # A check needs DVC for the pull, the training and the plots.
            standby = programs.Standby(
                os.environ,
                times=3 if sys.argv[1] == "check" else 1,
                program=programs.CONTRACT if sys.argv[1] == "validate" else programs.DVC,
            )
            standby.get_ready()  # before Typer parses: that imports pydantic
            atexit.register(standby.dismiss)
            app(obj=standby)
        if sys.argv[1:2] == ["serve"]:
            _start_quickly()
        app()
    except AssayError as error:
        from assay.section import Reason

        console = console_of_host()
        if os.environ.get("ASSAY_DEBUG"):
            console.trace()
        console.annotate(Reason.of(error))
        sys.exit(error.exit_code)
    except Exception:  # noqa: BLE001 (a defect of ours: 1 would read as "a gate said no")
        with contextlib.suppress(OSError):  # standard output itself may be what failed
            console_of_host().trace()
        sys.exit(AssayError.exit_code)


if __name__ == "__main__":
    main()

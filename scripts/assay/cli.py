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
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay import (
    __version__,
    clibundle,
    clicontract,
    clideploy,
    clihistory,
    clihost,
    clirelease,
    cliserve,
    cliservetest,
    leaving,
)
from assay.clioptions import (
    HERE,
    Base,
    ConfigFile,
    Debug,
    Root,
    Train,
    console_of_host,
    prepared,
)

if TYPE_CHECKING:
    from collections.abc import Callable


app = typer.Typer(
    name="assay",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: importing Rich would triple its time
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="CI/CD for machine-learning models: did this change make the model better?",
)

SWITCHES = ("comment", "check-run", "commit-status", "badge", "debug")
"""Inputs of the actions that are on or off."""
STARTS_WITH_DVC = ("check", "checkout", "train")
"""Commands that run DVC first: it can import itself while we do the same."""


@app.command()
def check(
    ctx: typer.Context,
    root: Root = HERE,
    config: ConfigFile = "assay.yaml",
    base: Base = None,
    train: Train = None,
    report: Annotated[
        bool,
        typer.Option(help="Print and write the report; without it the exit code is always 0."),
    ] = True,
    debug: Debug = False,
) -> None:
    """Run every stage and print what the pull request will say."""
    from assay import record as records
    from assay.pipeline import run_stages

    context, problem = prepared(
        root, config=config, base=base, train=train, fresh=True, standby=ctx.obj
    )
    if report:
        from assay.report import svg

        svg.warm_up()  # it takes 0.3 s, and a core is idle while DVC pulls
    context = run_stages(records.CHECK, context, problem=problem, debug=debug)
    if report:
        from assay.stages import report as reporting

        raise typer.Exit(reporting.run(context).verdict.exit_code)


def _stage(name: str) -> Callable[..., None]:
    """The command of one stage; its help is the first line of the stage's module."""

    def command(
        ctx: typer.Context,
        root: Root = HERE,
        config: ConfigFile = "assay.yaml",
        base: Base = None,
        train: Train = None,
        debug: Debug = False,
    ) -> None:
        from assay.pipeline import run_stages

        context, problem = prepared(
            root,
            config=config,
            base=base,
            train=train,
            fresh=name == "checkout",
            standby=ctx.obj,
        )
        context = run_stages([name], context, problem=problem, debug=debug)
        section = context.record.section(name)
        raise typer.Exit(section.exit_code if section else 0)

    return command


for _name, _help in (
    ("checkout", "Pull the DVC data of this revision, and what base needs."),
    ("validate", "Check the data against the Pandera schema."),
    ("test", "Run the project's pytest suite."),
    ("train", "Reproduce the DVC pipeline, or verify that somebody did."),
    ("evaluate", "Compute the metrics of this revision and of base."),
    ("compare", "Hold this revision against base, and decide the gates."),
    ("package", "Make the model a bundle that provably gives the same answers."),
):
    app.command(_name, help=_help)(_stage(_name))


Key = Annotated[
    str,
    typer.Option(
        "--comment-key", envvar="ASSAY_COMMENT_KEY", help="Tells several comments of one PR apart."
    ),
]
Matrix = Annotated[
    str, typer.Option(envvar="ASSAY_MATRIX", help="The matrix of the job as JSON.", hidden=True)
]
Title = Annotated[str, typer.Option(envvar="ASSAY_TITLE", help="What the report calls the model.")]
Plots = Annotated[
    str, typer.Option(envvar="ASSAY_PLOTS", help="In the comment: images, charts or none.")
]
CheckRun = Annotated[
    bool, typer.Option("--check-run", envvar="ASSAY_CHECK_RUN", help="Make a check run.")
]
CommitStatus = Annotated[
    bool,
    typer.Option("--commit-status", envvar="ASSAY_COMMIT_STATUS", help="Set a commit status."),
]
Artifact = Annotated[
    str, typer.Option(envvar="ASSAY_ARTIFACT", help="The artifact that holds the whole report.")
]


@app.command()
def report(
    root: Root = HERE,
    config: ConfigFile = "assay.yaml",
    comment: Annotated[
        bool,
        typer.Option(envvar="ASSAY_COMMENT", help="Post the comment on the pull request."),
    ] = False,
    key: Key = "",
    matrix: Matrix = "",
    title: Title = "",
    plots: Plots = "images",
    check_run: CheckRun = False,
    commit_status: CommitStatus = False,
    badge: Annotated[
        bool,
        typer.Option("--badge", envvar="ASSAY_BADGE", help="On the default branch: write a badge."),
    ] = False,
    publisher: Annotated[
        str, typer.Option(envvar="ASSAY_PUBLISHER", help="What posts the comment: github or cml.")
    ] = "github",
    artifact: Artifact = "",
) -> None:
    """Write the report on what ran, and post the comment."""
    from assay import ci, publish
    from assay.hearing import hear

    wanted = publish.Wanted(
        comment=comment,
        plots=plots,
        check_run=check_run,
        commit_status=commit_status,
        badge=badge,
        publisher=publisher,
    )
    context, problem = prepared(root, config=config, base=None, train=None, fresh=False)
    if not any(context.record.sections()):
        # Nothing ran at all. What kept the stages from running is what people have to read.
        from assay import prepare
        from assay.pipeline import run_stages

        problem = prepare.environment_problem(context.workspace) or problem
        if problem is not None:
            context = run_stages(["checkout"], context, problem=problem)
    named = ci.report_key(key, folder=context.record.project, matrix=matrix)
    context = hear(context, key=named, title=title or context.config.report.title)
    files = publish.show(context, wanted, link=publish.page_link(context.ci, artifact))
    raise typer.Exit(files.verdict.exit_code)


@app.command()
def comment(
    config: ConfigFile = "assay.yaml",
    folder: Annotated[
        str,
        typer.Option(
            "--working-directory",
            envvar="ASSAY_WORKING_DIRECTORY",
            help="The project, relative to the repository, which is not checked out.",
        ),
    ] = ".",
    number: Annotated[
        str,
        typer.Option(
            "--run", envvar="ASSAY_RUN", help="The number of the run. Default: the event's."
        ),
    ] = "",
    pull_requests: Annotated[
        str, typer.Option(envvar="ASSAY_PULL_REQUESTS", help="forks or all.")
    ] = "forks",
    key: Key = "",
    matrix: Matrix = "",
    title: Title = "",
    plots: Plots = "images",
    check_run: CheckRun = False,
    commit_status: CommitStatus = False,
    artifact: Artifact = "assay-report",
) -> None:
    """Post the report of a run that may not, as those of forks."""
    from assay import ci, prepare, publish
    from assay.forks import identity
    from assay.forks import run as forks

    wanted = publish.Wanted(
        comment=True, plots=plots, check_run=check_run, commit_status=commit_status
    )
    event = prepare.event_payload(os.environ) or {}
    key = ci.report_key(key, folder=identity.Given(project=folder).prefix, matrix=matrix)
    given = identity.Given(key=key, project=folder, config=config, title=title)
    found = ci.detect(os.environ, event)
    link = publish.page_link(found, artifact)
    here = forks.Here(
        ci=found,
        environ=os.environ,
        console=console_of_host(),
        show=lambda context, run: publish.post(context, wanted, run=run, link=link),
    )
    options = forks.Options(run=number, artifact=artifact, pull_requests=pull_requests, given=given)
    forks.run(here, event, options)


@app.command()
def accept(
    workflow: Annotated[
        str,
        typer.Option(
            envvar="ASSAY_WORKFLOW", help="File name of the workflow that checks the model."
        ),
    ] = "model-check.yml",
) -> None:
    """Obey `/assay accept` in a comment: check again."""
    from assay import ci, prepare
    from assay.acceptance import answer
    from assay.report import outputs

    event = prepare.event_payload(os.environ) or {}
    context = ci.detect(os.environ, event)
    accepted = answer(context, event, os.environ, console_of_host(), workflow=workflow)
    if path := os.environ.get("GITHUB_OUTPUT"):
        outputs.write(Path(path), {"accepted": str(accepted).lower()})


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
) -> None:
    """Say what is found here; write assay.yaml and the workflow."""
    from assay import initialize
    from assay.console import Console
    from assay.workspace import Workspace

    console = Console(github=False)
    workspace = Workspace(root.resolve(), os.environ)
    initialize.run(workspace, console, uses=uses, release=release, deploy=deploy)


gate_app = typer.Typer(help="The gates of the last run.")
app.add_typer(gate_app, name="gate")
app.add_typer(clicontract.app, name="contract")
app.add_typer(clideploy.app, name="rollout")
app.add_typer(clihost.app, name="host", hidden=True)
for _command in (
    clibundle.sign,
    clibundle.verify,
    clirelease.release,
    clideploy.deploy,
    clideploy.rollback,
    cliserve.serve,
    cliservetest.serve_test,
    clihistory.history,
    clihistory.reproduce,
):
    app.command()(_command)


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
    """Leave away what a server that starts need not wait for: other commands, plugins, the GC."""
    app.registered_commands = [
        one for one in app.registered_commands if one.callback is cliserve.serve
    ]
    app.registered_groups = []
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    gc.disable()  # until it serves


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

"""`assay report`, `comment` and `accept`: what people read, and answer. Parses, calls, exits."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from assay.clioptions import HERE, ConfigFile, Root, console_of_host, prepared

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

"""`assay check`, and the command of each of its stages. Parses, calls, prints, exits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from assay.clioptions import HERE, Base, ConfigFile, Debug, Root, Train, prepared

if TYPE_CHECKING:
    from collections.abc import Callable

STAGES = {
    "checkout": "Pull the DVC data of this revision, and what base needs.",
    "validate": "Check the data against the Pandera schema.",
    "test": "Run the project's pytest suite.",
    "train": "Reproduce the DVC pipeline, or verify that somebody did.",
    "evaluate": "Compute the metrics of this revision and of base.",
    "compare": "Hold this revision against base, and decide the gates.",
    "package": "Make the model a bundle that provably gives the same answers.",
}
"""The commands of the stages, with what their help says."""


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


def stage(name: str) -> Callable[..., None]:
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

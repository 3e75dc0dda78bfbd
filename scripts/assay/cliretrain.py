"""`assay retrain`: a candidate trained on newer data, as a pull request. Parses, prints.

In a workflow its three steps run apart: what runs the project's code has no token, and what has
one runs none of it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.clioptions import HERE, ConfigFile, Root, without_base

if TYPE_CHECKING:
    from assay.context import Context
    from assay.retrain.outcome import Outcome
    from assay.stages.retrain import Wish

Why = Annotated[
    str,
    typer.Option(
        "--why",
        envvar="ASSAY_WHY",
        show_default=False,
        help="drift, performance, schedule, data or hand. By default what the alarm is about.",
    ),
]
MergeOnly = Annotated[
    bool,
    typer.Option(
        "--merge-only",
        envvar="ASSAY_MERGE_ONLY",
        help="Train nothing: only merge the open pull request, if `retrain.merge` lets it.",
    ),
]


def retrain(
    why: Why = "",
    *,
    merge_only: MergeOnly = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say whether it would train, and do nothing.")
    ] = False,
    root: Root = HERE,
    config: ConfigFile = "assay.yaml",
) -> None:
    """Train a candidate on newer data, and open its pull request.

    Ends with 0, also where nothing was to be done, and with 1 where the pipeline failed.
    """
    from assay.stages import retrain as stage

    context = without_base(root, config)
    _end(context, stage.run(context, _wish(why, merge_only=merge_only, dry_run=dry_run)))


def decide(
    why: Why = "",
    *,
    merge_only: MergeOnly = False,
    root: Root = HERE,
    config: ConfigFile = "assay.yaml",
) -> None:
    """Say whether to train: the first step of three."""
    from assay.stages import retrain as stage

    context = without_base(root, config)
    ended = stage.decide(context, _wish(why, merge_only=merge_only))
    _leave(context, ended)
    _output({"retrain": str(ended is None).lower()})


def train(root: Root = HERE, config: ConfigFile = "assay.yaml") -> None:
    """Bring the data in and train: the second step, without a token."""
    from assay.stages import retrain as stage

    context = without_base(root, config)
    _leave(context, stage.train(context))


def propose(root: Root = HERE, config: ConfigFile = "assay.yaml") -> None:
    """Open the pull request, and say what it came to: the third step."""
    from assay.retrain import outcome
    from assay.stages import retrain as stage

    context = without_base(root, config)
    _end(context, outcome.ended(context.workspace) or stage.propose(context))


def _leave(context: Context, ended: Outcome | None) -> None:
    """The last step says what it came to, also where that is known before."""
    from assay.retrain import outcome

    if ended is not None:
        outcome.save(context.workspace, ended)
        context.console.line(ended.reason)


def _wish(why: str, *, merge_only: bool, dry_run: bool = False) -> Wish:
    from assay.console import printable
    from assay.errors import UsageError
    from assay.retrain import decision
    from assay.stages.retrain import Wish

    asked = why.strip()
    if asked and asked not in decision.WHYS:
        raise UsageError(
            f"`why` is {printable(asked)!r}.", hint=f"Allowed: {', '.join(decision.WHYS)}."
        )
    return Wish(asked or None, merge_only=merge_only, dry_run=dry_run)


def _end(context: Context, outcome: Outcome) -> None:
    """Say what it came to: here, in the job's summary, and as outputs."""
    from assay.report import retrain as report
    from assay.section import Reason

    if outcome.exit_code and context.console.github:  # in a terminal it is said below
        context.console.annotate(Reason(message=outcome.reason, hint=outcome.hint))
    style = "red" if outcome.exit_code else "green" if outcome.number else ""
    context.console.line(report.text(outcome), style=style)
    if path := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(report.markdown(outcome))
    number = "" if outcome.number is None else str(outcome.number)
    ending = outcome.ending.replace(" ", "-")
    _output({"outcome": ending, "pull-request": number, "url": outcome.url or ""})
    raise typer.Exit(outcome.exit_code)


def _output(facts: dict[str, str]) -> None:
    from assay.report import outputs

    if path := os.environ.get("GITHUB_OUTPUT"):
        outputs.write(Path(path), facts)

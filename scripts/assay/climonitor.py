"""`assay monitor`: what production sees against what the model was trained on. Parses, prints."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.clioptions import HERE, ConfigFile, Root, without_base

if TYPE_CHECKING:
    from datetime import datetime

    from assay.context import Context
    from assay.monitor.watched import MonitorSection


def monitor(
    root: Root = HERE,
    config: ConfigFile = "assay.yaml",
    until: Annotated[
        str,
        typer.Option(
            envvar="ASSAY_UNTIL",
            show_default=False,
            help="Judge the last window that is over by this time, as 2026-11-24. Default: now.",
        ),
    ] = "",
    bundle: Annotated[
        Path | None,
        typer.Option(
            envvar="ASSAY_BUNDLE",
            show_default=False,
            help="The bundle of the version that is watched. By default that of its release.",
        ),
    ] = None,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print all that was found as JSON.")
    ] = False,
) -> None:
    """Hold what production sees against where the model was tested.

    Ends with 0 without an alarm, 1 with one, 5 when nobody can say.
    """
    from dataclasses import replace

    from assay.console import Console
    from assay.stages import monitor as stage

    context = without_base(root, config)
    if as_json:  # what is said meanwhile must not stand in it
        context = replace(context, console=Console(github=context.console.github, out=sys.stderr))
    section = stage.run(context, stage.Wish(until=_moment(until), bundle=bundle))
    _end(context, section, as_json=as_json)


def _moment(text: str) -> datetime | None:
    """A time that a person wrote; without a zone it is of UTC."""
    from datetime import UTC, datetime

    from assay.console import printable
    from assay.errors import UsageError

    if not text.strip():
        return None
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(
            f"`--until` is {printable(text)!r}, which is no time.",
            hint="Write it as 2026-11-24 or 2026-11-24T06:00:00+00:00.",
        ) from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _end(context: Context, section: MonitorSection, *, as_json: bool) -> None:
    """Say what it came to: here, and as outputs of the step."""
    from assay.monitor.reasons import reasons
    from assay.report import outputs, watch

    if as_json:
        typer.echo(section.model_dump_json(indent=1))
    else:
        style = {"pass": "green", "warn": "yellow"}.get(section.status, "red")
        first, _, rest = watch.text(section).partition("\n")
        context.console.line(first, style=style)
        context.console.line(rest)
    # A terminal has read the verdict's own; who could not be told is news.
    known = () if context.console.github else reasons(section)
    for reason in section.reasons:
        if reason not in known:
            context.console.annotate(reason)
    if path := os.environ.get("GITHUB_OUTPUT"):
        outputs.write(Path(path), watch.facts(section))
    raise typer.Exit(section.exit_code)

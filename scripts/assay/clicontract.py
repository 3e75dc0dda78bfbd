"""`assay contract`: schemas from data, and what a change of one does. Parses, calls, prints."""

from __future__ import annotations

import os
import sys
from pathlib import Path  # noqa: TC003 (Typer reads the annotations)
from typing import TYPE_CHECKING, Annotated, cast

import typer

from assay.clioptions import HERE, Base, ConfigFile, Root, prepared

if TYPE_CHECKING:
    from assay.contract.infer.facts import Flavour

FLAVOURS = ("pandas", "polars")

app = typer.Typer(help="Propose a schema for data; say what a change of one does.")


@app.command()
def infer(
    path: Annotated[Path, typer.Argument(help="A data file, or a folder of Parquet files.")],
    flavour: Annotated[str, typer.Option(help="pandas or polars.")] = FLAVOURS[0],
    class_name: Annotated[str | None, typer.Option(help="By default after the file.")] = None,
    sensitive: Annotated[
        list[str] | None, typer.Option(help="A column of which no value is told. Repeatable.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A new file; else it is printed.")
    ] = None,
) -> None:
    """Propose a Pandera schema for data, as code."""
    from assay.contract import commands
    from assay.errors import UsageError
    from assay.workspace import write_atomically

    if flavour not in FLAVOURS:
        raise UsageError(f"`--flavour` is {flavour!r}.", hint=f"Allowed: {', '.join(FLAVOURS)}.")
    if output is not None and output.exists():
        raise UsageError(f"{output} exists already.", hint="Name another file, or remove it.")
    code = commands.infer(
        path,
        shown=str(path),
        flavour=cast("Flavour", flavour),
        class_name=class_name,
        sensitive=sensitive or (),
    )
    if output is None:
        sys.stdout.write(code)
        return
    write_atomically(output, code)
    typer.echo(f"Written: {output}. Read it, then name it in assay.yaml: `schema: {output}`.")


@app.command()
def diff(
    schema: Annotated[
        str | None,
        typer.Argument(help="schema.py:Schema or schema.py:Schema@REVISION. Default: assay.yaml's"),
    ] = None,
    other: Annotated[
        str | None, typer.Argument(help="What it is compared with. Default: the work tree's.")
    ] = None,
    root: Root = HERE,
    config: ConfigFile = "assay.yaml",
    base: Base = None,
) -> None:
    """Say what a change of a schema accepts and refuses, and what it breaks."""
    from assay.contract import commands
    from assay.workspace import Workspace

    if schema is not None:
        git = Workspace(root.resolve(), os.environ).git
        typer.echo(commands.diff(schema, other, git=git, environ=os.environ, on_line=_aside))
        return
    context, problem = prepared(root, config=config, base=base, train=None, fresh=True)
    if problem is not None:
        raise problem
    typer.echo(commands.diff_of(context))


def _aside(line: str) -> None:
    """What the user's code prints when it is imported is no part of the answer."""
    typer.echo(line, err=True)

"""Small builders that tests of several stages share."""

from __future__ import annotations

import io
import os
import time
from typing import TYPE_CHECKING

from assay import config as configs
from assay import record
from assay.ci import CiContext
from assay.console import Console
from assay.context import Context
from assay.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def make_context(
    root: Path,
    config: str = "",
    *,
    environ: Mapping[str, str] | None = None,
    github: bool = False,
) -> Context:
    """A context as `cli.py` builds it, writing to a string.

    Args:
        root: The project folder.
        config: The text of `assay.yaml`.
        environ: By default this process's own.
        github: Whether the console writes workflow commands.
    """
    environ = dict(os.environ) if environ is None else dict(environ)
    parsed = configs.parse(config)
    ci = CiContext()
    return Context(
        config=parsed,
        workspace=Workspace(root, environ),
        ci=ci,
        record=record.new(ci=ci, config=parsed),
        console=Console(out=io.StringIO(), github=github),
        clock=time.monotonic,
        environ=environ,
    )


def printed(context: Context) -> str:
    """What a context's console has printed."""
    assert isinstance(context.console.out, io.StringIO)
    return context.console.out.getvalue()


def write(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Files below `root`, their folders made."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root

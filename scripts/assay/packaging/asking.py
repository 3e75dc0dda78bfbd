"""The export in a process of its own: what it is asked, and its answer read with suspicion."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pydantic import ValidationError

from assay import process
from assay.console import printable
from assay.errors import OutsideError
from assay.packaging.job import ExportAnswer
from assay.workspace import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from assay.console import Console
    from assay.packaging.job import ExportJob


def export(
    job: ExportJob, scratch: Path, *, cwd: Path, environ: Mapping[str, str], console: Console
) -> ExportAnswer:
    """Let the model be exported.

    Args:
        job: What to do.
        scratch: Where job and answer are passed.
        cwd: The project.
        environ: The environment; the child gets it without secrets.
        console: Where its lines of progress are shown.

    Raises:
        OutsideError: The process was killed, as where memory runs out.
    """
    asked, answered = scratch / "export-job.json", scratch / "export-answer.json"
    answered.unlink(missing_ok=True)
    write_atomically(asked, job.model_dump_json(by_alias=True))
    argv = [sys.executable, "-P", "-m", "assay.packaging", str(asked), str(answered)]
    with console.untrusted():
        ended = process.stream(
            argv,
            cwd=cwd,
            env=process.user_environment(environ),
            on_line=lambda line: console.raw(printable(line)),
        )
    try:
        return ExportAnswer.model_validate_json(answered.read_bytes())
    except (OSError, ValidationError):
        tail = f" Its last lines: {printable(ended.tail)}" if ended.tail.strip() else ""
        raise OutsideError(
            f"The process that loads the model {ended.ending} without an answer.{tail}",
            hint="Out of memory, or code of the model's own ended it.",
        ) from None

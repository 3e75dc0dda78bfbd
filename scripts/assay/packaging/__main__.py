"""The model in a process of its own: `python -m assay.packaging JOB ANSWER`.

A model's file is code of the repository's: it cannot see a key or a token here, and when it ends
the process, the run goes on and says so. Both arguments are files: an `ExportJob` and an
`ExportAnswer` as JSON; the export lies in the folder that the job names.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from assay.contract import usercode
from assay.errors import AssayError, OutsideError, UsageError
from assay.packaging.export import export
from assay.packaging.job import ExportAnswer, ExportJob
from assay.section import Reason
from assay.workspace import Workspace, write_atomically


def main(job_file: Path, answer_file: Path) -> None:
    """Do a job."""
    job = ExportJob.model_validate_json(job_file.read_bytes())
    write_atomically(answer_file, answered(job).model_dump_json())


def answered(job: ExportJob) -> ExportAnswer:
    """The answer to a job, whatever the model's code does."""
    root = Path(job.root)
    try:
        with usercode.importable(root):
            return export(job, Workspace(root, os.environ).head_files())
    except AssayError as error:
        return refused(error)
    except MemoryError:
        return refused(
            OutsideError("The export needs more memory than there is.", hint="A larger runner.")
        )
    except SystemExit as error:
        return refused(UsageError(f"Code of the model ends the program (sys.exit: {error.code})."))


def refused(error: AssayError) -> ExportAnswer:
    """An answer without an export."""
    return ExportAnswer(reasons=(Reason.of(error),), exit_code=error.exit_code)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

"""The models in a process of their own: `python -m assay.rescoring JOB ANSWER`.

A model file is code of the repository's: it cannot see the forge's tokens here, and when it ends
the process, the run goes on and says so. Both arguments are files: a `Job` and an `Answer` as JSON;
arrays lie beside the answer, as `.npz`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from assay.contract import usercode
from assay.errors import AssayError
from assay.rescoring.facts import Answer, Job
from assay.rescoring.weigh import importance
from assay.rescoring.work import rescore
from assay.workspace import write_atomically

if TYPE_CHECKING:
    from assay.rescoring.rule import Columns


def main(job_file: Path, answer_file: Path) -> None:
    """Do a job."""
    job = Job.model_validate_json(job_file.read_bytes())
    with usercode.importable(Path(job.root)):
        answer, columns = _answer(job)
    if columns:
        # By position they are called `arr_0` and so on, whatever the columns' names.
        np.savez(answer_file.with_suffix(".npz"), *columns.values())
    write_atomically(answer_file, answer.model_dump_json())


def _answer(job: Job) -> tuple[Answer, Columns]:
    try:
        if job.task == "importance":
            return Answer(importance=importance(job)), {}
        fact, columns = rescore(job)
        return Answer(rescoring=fact, columns=tuple(columns)), columns
    except AssayError as error:
        return Answer(why=error.message, hint=error.hint), {}


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

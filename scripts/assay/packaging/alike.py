"""Two bundles asked about the same rows: `python -m assay.packaging.alike JOB ANSWER`.

In a process of its own, in the environment of the project: a native bundle needs its packages.
Both arguments are files: an `AlikeJob` and an `AlikeAnswer` as JSON.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from assay.contract import reader, usercode
from assay.errors import AssayError
from assay.packaging import bundle, native
from assay.packaging.facts import ParityOutput
from assay.packaging.job import AlikeAnswer, AlikeJob
from assay.packaging.parity.answers import Original
from assay.packaging.parity.compare import answers_differ, furthest, rounded_up
from assay.packaging.parity.session import Session
from assay.stats.columns import text_names
from assay.workspace import write_atomically

if TYPE_CHECKING:
    import pandas as pd

    from assay.packaging.facts import Signature, Tolerance
    from assay.packaging.parity.answers import Answerer, Answers


def main(job_file: Path, answer_file: Path) -> None:
    """Do a job."""
    job = AlikeJob.model_validate_json(job_file.read_bytes())
    try:
        with usercode.importable(Path(job.root)):
            answer = compare(job)
    except AssayError as error:
        answer = AlikeAnswer(problem=error.message)
    write_atomically(answer_file, answer.model_dump_json())


def compare(job: AlikeJob) -> AlikeAnswer:
    """Ask both bundles about all rows.

    Raises:
        AssayError: One of them cannot be loaded, or refuses the rows.
    """
    first, second = (bundle.read(Path(folder)) for folder in job.bundles)
    path = Path(job.features)
    table = reader.read(path, backend="pandas", shown=path.name)
    frame = text_names(table).drop(columns=list(job.apart), errors="ignore")
    expected, got = (_answers(one, frame, Path(job.root)) for one in (first, second))
    tolerance = first.manifest.parity.tolerance
    outputs = [_output(name, expected[name], got.get(name), tolerance) for name in expected]
    return AlikeAnswer(rows=len(frame), outputs=tuple(outputs))


def _answers(one: bundle.Bundle, frame: pd.DataFrame, root: Path) -> Answers:
    content = (one.folder / one.manifest.model).read_bytes()
    signature = one.manifest.signature
    names = [spec.name for spec in signature.inputs]
    given = frame if _is_matrix(signature) else frame[names]
    return _answerer(one, content, root).ask(given)


def _answerer(one: bundle.Bundle, content: bytes, root: Path) -> Answerer:
    signature = one.manifest.signature
    if one.manifest.kind == "onnx":
        return Session(content, signature)
    matrix = signature.inputs[0].dtype if _is_matrix(signature) else None
    estimator = native.loaded(content, root=root)
    return Original(estimator, matrix, tuple(spec.name for spec in signature.outputs))


def _is_matrix(signature: Signature) -> bool:
    return len(signature.inputs) == 1 and signature.inputs[0].shape != (None, 1)


def _output(name: str, expected: object, got: object, tolerance: Tolerance) -> ParityOutput:
    one, other = np.asarray(expected), np.asarray(got)
    mismatches = int(answers_differ(name, one, other, tolerance).sum())
    if name == "label":
        return ParityOutput(output=name, mismatches=mismatches)
    absolute, relative = furthest(one, other)
    return ParityOutput(
        output=name,
        mismatches=mismatches,
        max_absolute=rounded_up(absolute),
        max_relative=rounded_up(relative),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

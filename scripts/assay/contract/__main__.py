"""The contract in a process of its own: `python -m assay.contract JOB RESULTS`.

A schema is the user's code, and reading a file can take all memory. In a process of its own it
cannot see the forge's tokens, and when it dies, the run goes on and says so: a schema that calls
`os._exit(0)` must not look like a pass. Both arguments are files: a `Job` as JSON, and where one
line of JSON is added for each `Outcome`, the last of which is `DONE`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from assay.console import printable
from assay.contract import check, reader, schema, usercode
from assay.contract.job import DONE, Job, JobSpec, Outcome
from assay.errors import AssayError, DataError
from assay.section import Reason
from assay.stages.validate import FileResult

if TYPE_CHECKING:
    from collections.abc import Iterator


def main(job_file: Path, results: Path) -> None:
    """Do a job; every outcome is on disk before the next file is begun."""
    job = Job.model_validate_json(job_file.read_bytes())
    root = Path(job.root)
    with results.open("a", encoding="utf-8") as out, usercode.importable(root):
        for spec in job.specs:
            for outcome in outcomes(spec, root):
                print(outcome.model_dump_json(), file=out, flush=True)
        print(DONE, file=out, flush=True)


def outcomes(spec: JobSpec, root: Path) -> Iterator[Outcome]:
    """Load the schema of a spec, and check its files against it, one by one."""
    yield Outcome(begun=printable(spec.reference))
    try:
        loaded = schema.load(spec.reference, root)
    except AssayError as error:
        # One problem, however many files wait for this schema.
        problem = _problem(error)
        if problem.file is None or not (root / problem.file).is_file():
            problem = problem.model_copy(update={"key": ("data", spec.number, "schema")})
        yield Outcome(problem=problem, exit_code=error.exit_code)
        return
    for file in spec.files:
        yield Outcome(begun=printable(file))
        yield _outcome(file, spec, loaded, root)


def _outcome(file: str, spec: JobSpec, loaded: schema.LoadedSchema, root: Path) -> Outcome:
    path, shown = root / file, printable(file)
    result = FileResult(
        path=shown, schema_name=loaded.name, rows=None, columns=None, bytes=reader.size_of(path)
    )
    try:
        frame = reader.read(
            path,
            backend=loaded.backend,
            shown=shown,
            has_index=getattr(loaded.schema, "index", None) is not None,
            private=bool(spec.sensitive),
        )
        rows, columns = (int(size) for size in frame.shape)
        result = result.model_copy(update={"rows": rows, "columns": columns})
        found = check.check(frame, loaded, root=root, sensitive=spec.sensitive)
    except AssayError as error:
        _say(shown, result.rows, "error")
        return Outcome(
            file=result.model_copy(update={"error": error.message}),
            problem=_problem(error, data=shown),
            exit_code=error.exit_code,
        )
    failures = tuple(
        f.model_copy(update={"file": loaded.file, "line": loaded.lines.get(f.column)})
        if f.column is not None and f.column in loaded.lines
        else f
        for f in found.failures
    )
    _say(shown, result.rows, "fail" if failures else "pass")
    return Outcome(
        file=result.model_copy(update={"failures": failures, "warnings": found.warnings})
    )


def _problem(error: AssayError, *, data: str | None = None) -> Reason:
    file = error.file if error.file is not None or not isinstance(error, DataError) else data
    return Reason(message=error.message, hint=error.hint, file=file, line=error.line)


def _say(shown: str, rows: int | None, ending: str) -> None:
    size = "not read" if rows is None else f"{rows:,} row{'' if rows == 1 else 's'}"
    print(f"validate: {shown} ({size}) {ending}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

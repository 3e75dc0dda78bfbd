"""The contract in a process of its own: `python -m assay.contract JOB RESULTS`.

A schema is the user's code, and reading a file can take all memory. In a process of its own it
cannot see the forge's tokens, and when it dies, the run goes on and says so: a schema that calls
`os._exit(0)` must not look like a pass. Both arguments are files: a `Job` as JSON, and where one
line of JSON is added for each `Outcome`, the last of which is `DONE`.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import warnings
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay import leaving
from assay.console import printable
from assay.contract import reader, schema, usercode
from assay.contract.job import DONE, Job, JobSpec, Outcome, Table
from assay.contract.judge import Judge
from assay.errors import AssayError, DataError
from assay.section import Reason
from assay.stages.validate import FileResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ENGINES = {"duckdb", "_duckdb", "pyarrow", "polars", "pyo3_runtime", "pyspark", "py4j"}
"""Modules whose exceptions are about data that cannot be read."""


def warm_up() -> None:
    """Import what every schema needs, while the job is not there yet.

    What is wrong with it is said when a schema is loaded.
    """
    with warnings.catch_warnings(), contextlib.suppress(Exception):
        warnings.simplefilter("ignore")
        importlib.import_module("pandera")


def run(args: Sequence[str]) -> None:
    """The program: `JOB RESULTS`."""
    with leaving.at_once():
        main(Path(args[0]), Path(args[1]))


def main(job_file: Path, results: Path) -> None:
    """Do a job; every outcome is on disk before the next table is begun."""
    job = Job.model_validate_json(job_file.read_bytes())
    root = Path(job.root)
    with results.open("a", encoding="utf-8") as out, usercode.importable(root):
        for spec in job.specs:
            for outcome in outcomes(spec, job):
                print(outcome.model_dump_json(), file=out, flush=True)
        print(DONE, file=out, flush=True)


def outcomes(spec: JobSpec, job: Job) -> Iterator[Outcome]:
    """Load the schema of an entry, and hold its tables against it, one by one."""
    root = Path(job.root)
    yield Outcome(begun=printable(spec.reference))
    try:
        loaded = schema.load(spec.reference, root)
    except AssayError as error:
        # One problem, however many tables wait for this schema.
        problem = _problem(error)
        if problem.file is None or not (root / problem.file).is_file():
            problem = problem.model_copy(update={"key": ("data", spec.number, "schema")})
        yield Outcome(problem=problem, exit_code=error.exit_code)
        return
    now = datetime.fromisoformat(job.now)
    judge = Judge(spec=spec, loaded=loaded, root=root, state=Path(job.state), now=now)
    for table in spec.tables:
        yield Outcome(begun=printable(table.path))
        yield _without_address(_outcome(table, judge), spec)


def _outcome(table: Table, judge: Judge) -> Outcome:
    shown, loaded = printable(table.path), judge.loaded
    result = FileResult(
        path=shown, schema_name=loaded.name, rows=None, columns=None, bytes=judge.size(table)
    )
    place = None if judge.spec.connection else shown
    try:
        with _translated(judge.spec):
            judged = judge.judge(table)
    except AssayError as error:
        _say(shown, None, "error")
        return Outcome(
            file=result.model_copy(update={"error": error.message}),
            problem=_problem(error, data=place),
            exit_code=error.exit_code,
        )
    found, problem = judged.findings, judged.problem
    ending = "error" if problem is not None else "fail" if found.failures else "pass"
    _say(shown, found.rows, ending)
    facts = {
        "rows": found.rows,
        "columns": found.columns,
        "failures": found.failures,
        "warnings": found.warnings,
        "plan": found.plan,
        "failing_rows": judged.failing_rows,
        "error": None if problem is None else problem.message,
    }
    return Outcome(
        file=result.model_copy(update=facts),
        problem=None if problem is None else _problem(problem, data=place),
        exit_code=0 if problem is None else problem.exit_code,
    )


@contextlib.contextmanager
def _translated(spec: JobSpec) -> Iterator[None]:
    """What an engine raises in the middle of a table as an error of the data.

    Anything else is a defect of ours, whose traceback goes into the log. Its words do so only where
    they cannot quote a value of a sensitive column, or the address of a database.
    """
    try:
        yield
    except AssayError:
        raise
    except BaseException as error:
        if not reader.is_failure(error):
            raise
        private = bool(spec.sensitive)
        if type(error).__module__.partition(".")[0] in _ENGINES:
            from assay.contract.scan import query

            raise query.translated(error, private=private) from None
        if not private and spec.connection is None:
            raise
        hidden = RuntimeError(f"{type(error).__name__}, whose words are hidden")
        raise hidden.with_traceback(error.__traceback__) from None


def _without_address(outcome: Outcome, spec: JobSpec) -> Outcome:
    """What a driver said during a query or a check, without the address of the database."""
    url = os.environ.get(spec.connection or "")
    file, problem = outcome.file, outcome.problem
    if not url or file is None:
        return outcome
    from assay.contract.sources import database

    def clean(text: str | None) -> str | None:
        return None if text is None else database.without(text, secrets)

    secrets = database.secrets(url)
    failures = tuple(
        one.model_copy(update={"examples": tuple(map(clean, one.examples))})
        for one in file.failures
    )
    said = {"failures": failures, "warnings": tuple(map(clean, file.warnings))}
    update: dict[str, Any] = {"file": file.model_copy(update={**said, "error": clean(file.error)})}
    if problem is not None:
        told = {"message": clean(problem.message), "hint": clean(problem.hint)}
        update["problem"] = problem.model_copy(update=told)
    return outcome.model_copy(update=update)


def _problem(error: AssayError, *, data: str | None = None) -> Reason:
    about_data = isinstance(error, DataError) and error.file is None and error.key is None
    return Reason(
        message=error.message,
        hint=error.hint,
        file=data if about_data else error.file,
        line=error.line,
        key=error.key,
    )


def _say(shown: str, rows: int | None, ending: str) -> None:
    size = "not read" if rows is None else f"{rows:,} row{'' if rows == 1 else 's'}"
    print(f"validate: {shown} ({size}) {ending}", flush=True)


if __name__ == "__main__":
    run(sys.argv[1:])

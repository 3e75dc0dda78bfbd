"""validate: the user's data against the user's Pandera schema."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from assay import process, standby
from assay.console import printable
from assay.errors import ProgramError, SchemaError
from assay.section import Fact, Reason, Section, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.context import Context
    from assay.contract.job import JobSpec, Outcome

_STRUCTURE = re.compile(r"(dtype|coerce_dtype)\(|column_in_dataframe")
"""Checks without which others cannot be expected to run."""
REASONS = 20
"""So many at most: the record and the report hold everything."""


class CheckFailure(Fact):
    """One check that some rows of one file do not satisfy."""

    check: str
    """As Pandera prints it: `in_range(0, 23)`, `not_nullable`, `dtype('int64')`."""
    column: str | None = None
    """`None` for checks of the whole table."""
    count: int
    """Rows that fail; 1 for a property of the whole column or table."""
    share: float | None = None
    """`count` over the number of rows, 0 to 1; `None` where it has no meaning."""
    examples: tuple[str, ...] = ()
    """A few failing values with their rows, as text; empty for sensitive columns."""
    spread: str | None = None
    """All values of the column that a check sets bounds to, in one line; see `contract.spread`."""
    file: str | None = None
    """The schema's source, relative to the project folder, if it is known to name the column."""
    line: int | None = None
    """The line of `file` that declares the column."""
    raised: bool = False
    """Whether the check itself raised an exception, so that nobody knows whether it holds."""


class PlannedCheck(Fact):
    """One promise of a schema, and how it was looked at."""

    check: str
    """As in `CheckFailure`."""
    column: str | None = None
    """`None` for checks of the whole table."""
    how: Literal["scan", "batches", "column", "table"]
    """`scan`: as part of the one query. By Pandera itself: `batches` of rows, the whole `column`,
    or the whole `table` in memory."""
    why: str | None = None
    """Why it is no part of the query, for what Pandera looked at."""


class FileResult(Fact):
    """One data file."""

    path: str
    schema_name: str
    rows: int | None
    """`None` where the file could not be read."""
    columns: int | None
    bytes: int
    failures: tuple[CheckFailure, ...] = ()
    warnings: tuple[str, ...] = ()
    """Checks that only warn, and what makes the result less than it seems."""
    error: str | None = None
    """Why the file could not be read or checked."""
    plan: tuple[PlannedCheck, ...] = ()
    """How each promise of the schema was looked at; empty where Pandera looked at all of it."""
    failing_rows: str | None = None
    """A file with the first rows that fail, relative to the folder of the record."""


class ValidateSection(Section):
    """All files that `data:` names."""

    files: tuple[FileResult, ...] = ()


def run(context: Context) -> ValidateSection:
    """Check every file; collect every failure.

    Raises:
        ConfigError: `data:` names files outside of the project.
        ProgramError: The process that runs the user's schema was killed.
    """
    specs = context.config.data
    if not specs:
        return ValidateSection(
            status=Status.SKIPPED,
            reasons=(
                Reason(
                    message="No data is validated: assay.yaml has no `data`.",
                    severity="note",
                    hint="Add `data: [{path: data/*.csv, schema: schema.py:Schema}]`.",
                ),
            ),
        )
    from assay.contract import entries, failing

    failing.clear(context.workspace.state)
    with tempfile.TemporaryDirectory(prefix="assay-base-") as scratch:
        found, absent = entries.expand(context, Path(scratch))
        outcomes = [*absent, *(_validate(context, found) if found else ())]
    outcomes = list(failing.limited(context.workspace.state, outcomes))
    files = tuple(outcome.file for outcome in outcomes if outcome.file is not None)
    exit_code = max((outcome.exit_code for outcome in outcomes), default=0)
    if any(map(_is_broken, files)):
        exit_code = max(exit_code, SchemaError.exit_code)
    failed = any(file.failures for file in files)
    warned = any(file.warnings for file in files)
    if exit_code:
        status = Status.ERROR
    elif failed:
        status, exit_code = Status.FAIL, 1
    else:
        status = Status.WARN if warned else Status.PASS
    return ValidateSection(
        status=status, files=files, exit_code=exit_code, reasons=_reasons(outcomes)
    )


def _is_broken(file: FileResult) -> bool:
    """Whether a check raised, and not because the table is another than the check was written for.

    Pandera counts that as a failure of the data; it is one of the check.
    """
    raised = any(failure.raised for failure in file.failures)
    return raised and not any(_STRUCTURE.match(failure.check) for failure in file.failures)


def _validate(context: Context, specs: list[JobSpec]) -> list[Outcome]:
    """Run the contract in a process of its own; see `assay.contract.__main__`."""
    from assay.contract.job import DONE, Job, Outcome

    state = context.workspace.state
    job, results = state / "validate-job.json", state / "validate-results.jsonl"
    job.write_text(
        Job(
            root=str(context.workspace.root),
            state=str(state),
            now=datetime.now(UTC).isoformat(),
            specs=tuple(specs),
        ).model_dump_json(),
        encoding="utf-8",
    )
    results.write_text("", encoding="utf-8")
    # -P: a folder `assay` in the user's project must not stand in for this package.
    argv = [sys.executable, "-P", "-m", "assay.contract", str(job), str(results)]
    root, ahead = context.workspace.root, context.workspace.standby
    with context.console.untrusted():
        started = None
        if ahead is not None:
            started = ahead.take(root, argv[-2:], program=standby.CONTRACT)
        if started is None:
            env = process.user_environment(context.environ)
            started = process.start(argv, cwd=root, env=env, stdin=subprocess.DEVNULL)
        done = process.follow(started, context.console.raw)
    lines = results.read_text(encoding="utf-8").splitlines()
    job.unlink()
    results.unlink()
    outcomes = [Outcome.model_validate_json(line) for line in lines if line != DONE]
    if lines[-1:] != [DONE]:
        outcomes.append(_died(done, outcomes))
    return [outcome for outcome in outcomes if outcome.begun is None]


def _died(done: process.Completed, outcomes: list[Outcome]) -> Outcome:
    """The process ended before it was through: never a pass."""
    from assay.contract.job import Outcome

    if "Traceback" in done.tail and done.code == 1:
        raise RuntimeError(f"the contract process failed: {done.tail.splitlines()[-1]}")
    begun = next((o.begun for o in reversed(outcomes) if o.begun is not None), None)
    if begun is None:
        said = done.tail.splitlines()[-1:] or ["it printed nothing"]
        raise ProgramError(
            f"Validation {done.ending} before it began: {printable(said[0])[:300]}",
            hint="Check that Assay is installed for the Python that runs it.",
        )
    kind = ProgramError if done.code < 0 else SchemaError
    error = kind(
        f"Validation {done.ending} while it worked on {begun}.",
        hint="SIGKILL mostly means that memory ran out. Else look for what the schema calls.",
    )
    problem = Reason(message=error.message, hint=error.hint, file=begun.partition(":")[0])
    return Outcome(problem=problem, exit_code=error.exit_code)


def _reasons(outcomes: Sequence[Outcome]) -> tuple[Reason, ...]:
    reasons = [reason for outcome in outcomes for reason in _of(outcome)]
    reasons.sort(key=lambda reason: reason.severity != "error")  # stable: errors come first
    more = len(reasons) - REASONS
    if more > 0:
        rest = Reason(message=f"And {more} more; the report lists them all.", severity="note")
        reasons = [*reasons[:REASONS], rest]
    return tuple(reasons)


def _of(outcome: Outcome) -> Iterator[Reason]:
    if outcome.problem is not None:
        yield outcome.problem
    file = outcome.file
    if file is None:
        return
    for failure in file.failures:
        yield Reason(
            message=message(file, failure),
            file=failure.file or file.path,
            line=failure.line,
        )
    for warning in file.warnings:
        yield Reason(message=f"{file.path}: {warning}", severity="warning", file=file.path)


def message(file: FileResult, failure: CheckFailure) -> str:
    """What the reason says that a failure becomes; reports find one by the other."""
    return f"{file.path}: {describe(failure, file.rows)}"


def describe(failure: CheckFailure, rows: int | None) -> str:
    """A failure in one sentence."""
    name = "" if failure.column is None else f"column `{printable(failure.column)}`"
    if failure.check == "not_empty":
        return "the table has no rows."
    if failure.check == "column_in_dataframe":
        return f"{name} is missing."
    if failure.check == "column_in_schema":
        return f"{name} is not in the schema."
    subject = f"{name} fails" if name else "the table fails"
    counted = ""
    if failure.share is not None and rows is not None:
        counted = f" in {failure.count:,} of {rows:,} rows"
    shown = f" ({failure.examples[0]})" if failure.examples else ""
    return f"{subject} `{failure.check}`{counted}{shown}."

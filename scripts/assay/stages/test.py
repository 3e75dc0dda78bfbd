"""test: the user's own pytest suite, in the project environment."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from assay import process, testwatch
from assay.console import printable
from assay.errors import ConfigError, ProgramError
from assay.section import Fact, Reason, Section, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.context import Context
    from assay.junit import Suite

REASONS = 20
"""So many at most: the record and the report hold everything."""

# https://docs.pytest.org/en/stable/reference/exit-codes.html
_INTERRUPTED, _INTERNAL, _USAGE, _NOTHING_COLLECTED = 2, 3, 4, 5


class FailedTest(Fact):
    """A test that failed, or that could not be run."""

    name: str
    """pytest's node id, or what comes closest."""
    outcome: Literal["failed", "error"]
    message: str
    """The first line of the reason."""
    details: str = ""
    """The end of the traceback."""
    file: str | None = None
    """Relative to the root of the git repository, with `/`."""
    line: int | None = None


class TestSection(Section):
    """The counts of a test run, and what failed."""

    __test__ = False  # not a test class, whatever pytest makes of its name

    passed: int = 0
    failed: int = 0
    errors: int = 0
    skipped: int = 0
    failures: tuple[FailedTest, ...] = ()


def run(context: Context) -> TestSection:
    """Run pytest and read its JUnit file back.

    Raises:
        ConfigError: `tests:` holds what pytest would take for an option.
        ProgramError: pytest is not installed.
    """
    from assay import junit

    paths = _paths(context.config.tests)
    if importlib.util.find_spec("pytest") is None:
        raise ProgramError(
            "pytest is not installed in the project's environment.",
            hint="Add `pytest` to the project's requirements.",
        )
    state = context.workspace.state
    results, watched = state / "junit.xml", state / "running-test.json"
    for file in (results, watched):
        file.unlink(missing_ok=True)  # of an earlier run: it must not stand for this one
    # Paths are relative: pytest expands `~` and `$NAME` in the name of the JUnit file.
    argv = [sys.executable, "-m", "pytest", "-p", testwatch.__name__]
    argv += [f"--junitxml={results.relative_to(context.workspace.root)}"]
    argv += ["-o", "junit_family=xunit1", "-o", "junit_logging=no", *paths]  # xunit1 has lines
    env = process.user_environment(context.environ) | {testwatch.VARIABLE: str(watched)}
    with context.console.untrusted():
        done = process.stream(
            argv, cwd=context.workspace.root, env=env, on_line=context.console.raw
        )
    rootdir, running = _watched(watched, context.workspace.root)
    # With a test still running, even a 0 with results is an early end: `pytest.exit`, `os._exit`.
    if not results.is_file() or (running is not None and done.code == 0):
        return _without_results(done, running)
    places = junit.Places(project=context.workspace.root, rootdir=rootdir)
    return _section(junit.read(results, places), done, named=bool(paths))


def _paths(tests: Sequence[str] | None) -> tuple[str, ...]:
    for path in tests or ():
        if path.startswith(("-", "@")) or not path:
            raise ConfigError(
                f"`tests` holds {path!r}, which pytest would not take for a path.",
                hint="Set options in pytest's own configuration; write `./-name` for such a file.",
                key=("tests",),
            )
    return tuple(tests or ())


def _watched(file: Path, root: Path) -> tuple[Path, str | None]:
    """The root folder of pytest, and the test that was running when the process ended."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        test = found["test"]
        return Path(found["rootdir"]), None if test is None else str(test)
    except (OSError, ValueError, KeyError, TypeError):
        return root, None
    finally:
        file.unlink(missing_ok=True)


def _without_results(done: process.Completed, running: str | None) -> TestSection:
    """The run ended before its end."""
    # A test that ends the process may use any code; pytest says so when an error is its own.
    own = running is None or "INTERNALERROR" in done.tail
    if done.code in {_INTERNAL, _USAGE} and own:
        return _unusable(done)
    while_in = "" if running is None else f" while it ran {_short(running)}"
    if done.code >= 0:
        why = f"The tests {done.ending} before they were through{while_in}."
        hint = "Look for `os._exit`, `pytest.exit` and the like in the tests and their code."
    else:
        why = f"The interpreter {done.ending}{while_in}."
        hint = "SIGKILL mostly means that memory ran out, SIGSEGV a fault in compiled code."
    failure = FailedTest(
        name=running or "pytest", outcome="error", message=why, details=_tail(done)
    )
    reason = Reason(message=why, hint=hint)
    return TestSection(
        status=Status.FAIL, exit_code=1, errors=1, failures=(failure,), reasons=(reason,)
    )


def _unusable(done: process.Completed) -> TestSection:
    what = {
        _INTERRUPTED: "The test run was interrupted",
        _INTERNAL: "pytest had an internal error",
        _USAGE: "pytest was not used as it allows",
    }[done.code]
    said = [line for line in done.tail.splitlines() if line.strip()]
    telling = next((line for line in said if "error:" in line.lower()), said[-1] if said else "")
    message = f"{what} (exit code {done.code}): {printable(telling.strip())[:300]}"
    failure = FailedTest(name="pytest", outcome="error", message=message, details=_tail(done))
    return TestSection(
        status=Status.ERROR,
        exit_code=2,
        errors=1,
        failures=(failure,),
        reasons=(
            Reason(message=message, hint="Run `python -m pytest` in the project to see it all."),
        ),
    )


def _section(suite: Suite, done: process.Completed, *, named: bool) -> TestSection:
    failures, counts = suite.failures, suite.counts
    if done.code in {_INTERNAL, _USAGE} or (done.code == _INTERRUPTED and not failures):
        return _unusable(done)
    status, reasons = Status.PASS, [_reason(failure) for failure in failures]
    if failures:
        status = Status.FAIL
    elif done.code == _NOTHING_COLLECTED:
        # A repository without tests is none with a problem; one that names them is.
        status = Status.WARN if named else Status.SKIPPED
        reasons.append(
            Reason(
                message="No tests were collected.",
                severity="warning" if named else "note",
                hint="Set `tests` in assay.yaml to the folder of your tests.",
            )
        )
    elif done.code != 0:
        # Plugins do so: pytest-cov below its threshold, for one.
        status = Status.FAIL
        said = [line for line in done.tail.splitlines() if line.strip()]
        last = f": {printable(said[-1].strip())[:300]}" if said else ""
        reasons.append(Reason(message=f"No test failed, but pytest {done.ending}{last}"))
    elif not counts["passed"]:
        status = Status.WARN
        reasons.append(Reason(message="Every test was skipped.", severity="warning"))
    more = len(reasons) - REASONS
    if more > 0:
        rest = Reason(message=f"And {more} more; the report lists them all.", severity="note")
        reasons = [*reasons[:REASONS], rest]
    return TestSection(
        status=status,
        exit_code=int(status is Status.FAIL),
        passed=counts["passed"],
        failed=counts["failed"],
        errors=counts["error"],
        skipped=counts["skipped"],
        failures=failures,
        reasons=tuple(reasons),
    )


def _reason(failure: FailedTest) -> Reason:
    verb = "failed" if failure.outcome == "failed" else "could not be run"
    return Reason(
        message=f"{_short(failure.name)} {verb}: {failure.message}",
        file=failure.file,
        line=failure.line,
    )


def _short(name: str) -> str:
    """A node id on one line; parameters can make it endless."""
    shown = printable(name)
    return shown if len(shown) <= 200 else f"{shown[:199]}…"


def _tail(done: process.Completed) -> str:
    return done.tail[-4000:]

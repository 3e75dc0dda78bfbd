"""What every test gets: programs that are missing, and named at the end."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests import programs

if TYPE_CHECKING:
    from collections.abc import Iterator

# As many tests as there are cores run at the same time, with the programs that they start: threads
# of one would wait for each other, and spin.
os.environ.setdefault("OMP_NUM_THREADS", "1")

_MISSING = "needs the program "

# The same examples each time and everywhere: a test that fails tells of a change.
settings.register_profile("assay", derandomize=True, deadline=None, database=None)
settings.load_profile("assay")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        for program in marker.args:
            if programs.find(program) is None:
                package = programs.PACKAGES.get(program)
                hint = f" (Debian, Ubuntu: apt install {package})" if package else ""
                reason = f"{_MISSING}{program}, which is not installed{hint}"
                if os.environ.get("CI", "").lower() in {"1", "true"}:
                    pytest.fail(f"{reason}; with CI=true that is a failure", pytrace=False)
                pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """A test in which the fake GitHub met what the real one does not know fails."""
    try:
        yield
    except BaseException as error:
        if problems := _not_as_described():
            error.add_note(problems)
        raise
    if problems := _not_as_described():
        pytest.fail(problems, pytrace=False)


def _not_as_described() -> str:
    # Only a test that uses the fake has loaded it.
    described = sys.modules.get("tests.fakes.github.described")
    problems = described.taken() if described is not None else []
    return "\n".join(["not as GitHub describes it:", *problems]) if problems else ""


def _skipped(terminalreporter: pytest.TerminalReporter) -> Iterator[str]:
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if _MISSING in reason:
            yield reason.removeprefix("Skipped: ")


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reasons = list(_skipped(terminalreporter))
    if reasons:
        terminalreporter.section("not tested here", sep="-")
        for reason in sorted(set(reasons)):
            terminalreporter.write_line(f"{reasons.count(reason)} tests skipped: {reason}")

"""The test stage: a real pytest in a process of its own, on suites that behave and that do not."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from assay.errors import ConfigError, ProgramError
from assay.section import Status
from assay.stages import test as stage

from tests.builders import make_context, printed, write

if TYPE_CHECKING:
    from pathlib import Path

    from assay.context import Context
    from assay.stages.test import TestSection


@pytest.fixture(autouse=True)
def _environment_of_a_user(monkeypatch):
    for name in ("PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", "PYTEST_XDIST_WORKER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # Hydra's take longer than pytest


def context(root: Path, code: str | bytes | None, config: str = "", **options: object) -> Context:
    # A configuration file keeps pytest from looking for one in the folders above.
    write(root, {"pytest.ini": "[pytest]\n"} if not (root / "pytest.ini").exists() else {})
    if code is not None:
        write(root, {"tests/test_it.py": code})
    return make_context(root, config, **options)  # type: ignore[arg-type]


def run(root: Path, code: str | bytes | None, config: str = "", **options: object) -> TestSection:
    return stage.run(context(root, code, config, **options))


def test_run_counts_and_places_failures(tmp_path):
    code = """\
import pytest

def helper():
    assert 1 == 2, "not equal\\nsecond line"

def test_pass(): pass

def test_fail():
    x = 1
    helper()

class TestGroup:
    @pytest.mark.parametrize("n", [1, 2])
    def test_in_class(self, n):
        assert n == 1

@pytest.fixture
def broken():
    raise RuntimeError("no set-up")

def test_error(broken): pass

@pytest.mark.skip
def test_skip(): pass

@pytest.mark.xfail
def test_xfail(): assert False
"""
    made = context(tmp_path, code, "tests: tests")
    section = stage.run(made)
    assert (section.status, section.exit_code) == (Status.FAIL, 1)
    counts = (section.passed, section.failed, section.errors, section.skipped)
    assert counts == (2, 2, 1, 2)
    found = {f.name: (f.outcome, f.message, f.file, f.line) for f in section.failures}
    file = "tests/test_it.py"
    assert found == {
        f"{file}::test_fail": ("failed", "AssertionError: not equal", file, 4),
        f"{file}::TestGroup::test_in_class[2]": ("failed", "assert 2 == 1", file, 15),
        f"{file}::test_error": (
            "error",
            'failed on setup with "RuntimeError: no set-up"',
            file,
            19,
        ),
    }
    assert [(reason.file, reason.line) for reason in section.reasons] == [
        (f.file, f.line) for f in section.failures
    ]
    assert section.reasons[0].message == f"{file}::test_fail failed: AssertionError: not equal"
    assert "second line" in section.failures[0].details
    assert "3 failed" not in printed(made)
    assert "2 failed, 2 passed, 1 skipped, 1 xfailed, 1 error" in printed(made)


def test_run_passes(tmp_path):
    section = run(tmp_path, "def test_pass(): pass\n")
    assert (section.status, section.exit_code, section.passed) == (Status.PASS, 0, 1)
    assert section.reasons == ()


@pytest.mark.parametrize("style", ["short", "line", "native", "no"])
def test_run_places_failures_whatever_the_traceback_style(tmp_path, style):
    write(tmp_path, {"pytest.ini": f"[pytest]\naddopts = --tb={style}\n"})
    (failure,) = run(tmp_path, "def test_a():\n    x = 1\n    assert x == 2\n").failures
    assert failure.file == "tests/test_it.py"
    located = style in {"short", "native"}  # of the others only the definition is known
    assert failure.line == (3 if located else 1)


def test_run_file_that_does_not_import(tmp_path):
    section = run(tmp_path, "import os\nimport not_there_at_all\n")
    assert (section.status, section.errors) == (Status.FAIL, 1)
    (failure,) = section.failures
    assert failure.message == "ModuleNotFoundError: No module named 'not_there_at_all'"
    assert (failure.file, failure.line) == ("tests/test_it.py", 2)


@pytest.mark.parametrize(("config", "status"), [("", "skipped"), ("tests: [.]\n", "warn")])
def test_run_nothing_collected(tmp_path, config, status):
    section = run(tmp_path, None, config)
    assert (section.status, section.exit_code) == (status, 0)
    assert section.reasons[0].message == "No tests were collected."


def test_run_everything_skipped_warns(tmp_path):
    section = run(tmp_path, "import pytest\npytestmark = pytest.mark.skip\ndef test_a(): pass\n")
    assert (section.status, section.skipped) == (Status.WARN, 1)
    assert section.reasons[0].message == "Every test was skipped."


EARLY = "before they were through while it ran tests/test_it.py::test_crash."
CRASHES = {
    "segmentation fault": (
        "import ctypes; ctypes.string_at(0)",
        "The interpreter was killed by SIGSEGV while it ran tests/test_it.py::test_crash.",
    ),
    "killed": (
        "import os; os.kill(os.getpid(), 9)",
        "The interpreter was killed by SIGKILL while it ran tests/test_it.py::test_crash.",
    ),
    "exit 0": (
        "import os; os._exit(0)",
        "The tests ended with exit code 0 " + EARLY,
    ),
    "pytest.exit": (
        "import pytest; pytest.exit('done', returncode=0)",
        "The tests ended with exit code 0 " + EARLY,
    ),
    "exit 1": (
        "import os; os._exit(1)",
        "The tests ended with exit code 1 " + EARLY,
    ),
    "exit 3, which is pytest's for itself": (
        "import os; os._exit(3)",
        "The tests ended with exit code 3 " + EARLY,
    ),
}


@pytest.mark.parametrize("case", CRASHES)
def test_run_crash_fails_and_names_the_test(tmp_path, case):
    call, message = CRASHES[case]
    code = f"def test_before(): pass\n\ndef test_crash():\n    {call}\n"
    section = run(tmp_path, code)
    assert (section.status, section.exit_code) == (Status.FAIL, 1)
    assert section.reasons[0].message == message
    assert [(f.name, f.outcome) for f in section.failures] == [
        ("tests/test_it.py::test_crash", "error")
    ]


def test_run_crash_while_collecting(tmp_path):
    section = run(tmp_path, "import os\nos._exit(0)\n")
    assert section.status is Status.FAIL
    assert section.reasons[0].message == (
        "The tests ended with exit code 0 before they were through."
    )


def test_run_results_of_an_earlier_run_do_not_stand_for_this_one(tmp_path):
    assert run(tmp_path, "def test_a(): pass\n").status is Status.PASS
    assert run(tmp_path, "import os\ndef test_a(): os._exit(0)\n").status is Status.FAIL


UNUSABLE = {
    "usage": (
        "def test_a(): pass\n",
        "tests: [nope]",
        "pytest was not used as it allows (exit code 4): ERROR: file or directory not found: nope",
    ),
    "interrupted": (
        "def test_a(): raise KeyboardInterrupt\n",
        "",
        "The test run was interrupted (exit code 2): ",
    ),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_run_that_says_nothing_about_the_tests_is_an_error(tmp_path, case):
    code, config, message = UNUSABLE[case]
    section = run(tmp_path, code, config)
    assert (section.status, section.exit_code) == (Status.ERROR, 2)
    assert section.reasons[0].message.startswith(message)
    assert section.failures[0].details


def test_run_internal_error(tmp_path):
    write(tmp_path, {"conftest.py": "def pytest_sessionstart():\n    raise RuntimeError('x')\n"})
    section = run(tmp_path, "def test_a(): pass\n")
    assert (section.status, section.exit_code) == (Status.ERROR, 2)
    assert section.reasons[0].message.startswith("pytest had an internal error (exit code 3)")


def test_run_conftest_that_does_not_import(tmp_path):
    write(tmp_path, {"conftest.py": "import not_there_at_all\n"})
    section = run(tmp_path, "def test_a(): pass\n")
    assert (section.status, section.exit_code) == (Status.ERROR, 2)
    assert "not_there_at_all" in section.failures[0].details


def test_run_plugin_that_fails_the_run(tmp_path):
    hook = (
        "def pytest_sessionfinish(session):\n    session.exitstatus = 1\n"
        "def pytest_terminal_summary(terminalreporter):\n    print('coverage is 10 %')\n"
    )
    write(tmp_path, {"conftest.py": hook})
    section = run(tmp_path, "def test_a(): pass\n")
    assert section.status is Status.FAIL
    assert section.reasons[0].message.startswith("No test failed, but pytest ended with exit")


def test_run_plugin_that_hides_failures_does_not_pass(tmp_path):
    hook = "def pytest_sessionfinish(session):\n    session.exitstatus = 0\n"
    write(tmp_path, {"conftest.py": hook})
    assert run(tmp_path, "def test_a(): assert False\n").status is Status.FAIL


@pytest.mark.parametrize("path", ["-p no:junitxml", "--collect-only", "@file", ""])
def test_run_path_that_is_an_option(tmp_path, path):
    with pytest.raises(ConfigError, match="which pytest would not take for a path") as caught:
        run(tmp_path, "def test_a(): pass\n", f"tests: ['{path}']")
    assert (caught.value.exit_code, caught.value.key) == (2, ("tests",))


def test_run_without_pytest(tmp_path, monkeypatch):
    monkeypatch.setattr(stage.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ProgramError, match="pytest is not installed") as caught:
        run(tmp_path, "def test_a(): pass\n")
    assert caught.value.exit_code == 3


def test_run_hostile_names_are_only_data(tmp_path):
    hostile = "\n::error::x\r$(touch owned)`id`|<b>\x1b[31m&"
    code = f"""\
import pytest
@pytest.mark.parametrize("v", [{hostile!r}])
def test_a(v):
    print("::set-output name=a::b")
    raise ValueError(v)
"""
    made = context(tmp_path, code, github=True)
    section = stage.run(made)
    (failure,) = section.failures
    assert failure.name.startswith("tests/test_it.py::test_a[")
    assert "\n" not in section.reasons[0].message
    lines = printed(made).splitlines()
    assert lines[0].startswith("::stop-commands::")
    assert lines[-1] == f"::{lines[0].removeprefix('::stop-commands::')}::"
    assert not list(tmp_path.rglob("owned"))


def test_run_project_folder_with_an_odd_name(tmp_path):
    root = tmp_path / "a $HOME ~ $(touch owned) 'q'"
    section = run(root, "def test_a(): assert False\n")
    assert (section.status, section.failures[0].line) == (Status.FAIL, 1)
    assert not list(tmp_path.rglob("owned"))


def test_run_names_files_from_the_project(tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    write(tmp_path, {"pytest.ini": "[pytest]\n"})
    project = write(tmp_path / "models" / "bikes", {"tests/test_it.py": "def test_a(): 1 / 0\n"})
    # pytest's own root is the repository's: its names start there, tracebacks in the project.
    section = stage.run(make_context(project))
    (failure,) = section.failures
    assert (failure.file, failure.line) == ("tests/test_it.py", 1)


def test_run_user_code_cannot_see_tokens(tmp_path):
    code = "import os\ndef test_a(): assert 'GITHUB_TOKEN' not in os.environ\n"
    assert run(tmp_path, code, environ={**os.environ, "GITHUB_TOKEN": "t"}).passed == 1


def test_run_strict_project_is_not_disturbed(tmp_path):
    ini = "[pytest]\naddopts = --strict-config --strict-markers\nfilterwarnings = error\n"
    write(tmp_path, {"pytest.ini": ini + "junit_family = xunit2\n"})
    (failure,) = run(tmp_path, "def test_a():\n    assert False\n").failures
    assert failure.line == 2


def test_run_in_parallel_with_xdist(tmp_path, monkeypatch):
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    write(tmp_path, {"pytest.ini": "[pytest]\naddopts = -n 2\n"})
    section = run(tmp_path, "def test_a(): pass\ndef test_b(): assert False\n")
    assert (section.passed, section.failed) == (1, 1)
    assert section.failures[0].file == "tests/test_it.py"


def test_run_python_is_ours(tmp_path):
    code = f"import sys\ndef test_a(): assert sys.executable == {sys.executable!r}\n"
    assert run(tmp_path, code).passed == 1


def test_run_many_failures_are_summed_up(tmp_path):
    code = "import pytest\n@pytest.mark.parametrize('n', range(30))\ndef test_a(n): assert False\n"
    section = run(tmp_path, code)
    assert (len(section.failures), len(section.reasons)) == (30, 21)
    assert section.reasons[-1].message == "And 10 more; the report lists them all."

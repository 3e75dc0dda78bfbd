"""What `make demo` prints. The run behind it is that of `test_whole_check.py`."""

from __future__ import annotations

import importlib.util
import io
import sys
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from tests.fakes.github_api import Pull, Repository, State
from tests.workflows.engine import ROOT, Run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def demo() -> Any:
    spec = importlib.util.spec_from_file_location("demo", ROOT / "scripts/demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["demo"] = module
    spec.loader.exec_module(module)
    return module


def test_details_are_closed_and_comments_hidden(demo: Any) -> None:
    body = (
        "<!-- assay:report -->\n### Passed\n\na<br>b\n\n<details>\n<summary>More (2)</summary>\n\n"
        "inside\n\n</details>\n\nend\n"
    )
    assert demo.folded(body) == "### Passed\n\na, b\n\n▸ More (2)\n\n\nend\n"


def test_progress_is_one_line_a_stage(demo: Any) -> None:
    out = io.StringIO()
    progress = demo.Progress(Console(file=out, width=80))
    for text in (
        "  ❓  ::group::train",
        "project environment: /x/bin/python (uv.lock; built in 2.1 s)",
        "train: pass (11.5 s)",
        "validate: fail (0.5 s)",
        "something else",
    ):
        progress({"msg": text})
    assert out.getvalue().splitlines() == [
        "   ✓ environment of the project uv.lock; built in 2.1 s",
        "   ✓ train                      pass, 11.5 s",
        "   ✗ validate                   fail, 0.5 s",
    ]


SAID_NO: dict[str, Any] = {
    "exit_code": 1,
    "jobs": {"check": "failure"},
    "outputs": {"check": {"assay": {"verdict": "fail"}}},
}


@pytest.mark.parametrize(
    "run",
    [
        Run(exit_code=0, jobs={"check": "success"}),
        Run(exit_code=1, jobs={"check": "failure"}),  # for another reason than the verdict
        Run(
            exit_code=1,
            jobs={"check": "failure"},
            outputs={"check": {"assay": {"verdict": "error"}}},
        ),
    ],
)
def test_a_check_that_does_not_say_no_is_no_success(demo: Any, run: Run) -> None:
    with pytest.raises(demo.DemoError, match=r"should say no .* \(check: (success|failure)\)"):
        demo._comment(run, state(comments=1))


def test_a_job_that_was_skipped_is_no_success(demo: Any) -> None:
    with pytest.raises(demo.DemoError, match="no job ran"):
        demo._comment(Run(exit_code=0), state(comments=0))


def test_a_missing_comment_is_no_success(demo: Any) -> None:
    run = Run(**SAID_NO)
    with pytest.raises(demo.DemoError, match="0 comments"):
        demo._comment(run, state(comments=0))
    assert demo._comment(run, state(comments=1)) == "hello"


def test_a_failure_shows_the_end_of_the_log(demo: Any, tmp_path: Path) -> None:
    log = ROOT / "build" / f"{tmp_path.name}.txt"
    log.parent.mkdir(exist_ok=True)
    log.write_text("\n".join(f"line {n}" for n in range(100)))
    out = io.StringIO()
    try:
        demo._explain(Console(file=out, width=80), demo.DemoError("It broke [here]."), log)
    finally:
        log.unlink()
    text = out.getvalue()
    assert "The demo failed. It broke [here]." in text
    assert "line 99" in text
    assert "line 74\n" not in text
    assert str(log) in text.replace("\n", "")


def state(*, comments: int) -> State:
    found = State(repositories={"acme/bikes": Repository(id=1, pulls={7: Pull("a" * 40)})})
    for _ in range(comments):
        found.comment("acme/bikes", 7, author="github-actions[bot]", body="hello")
    return found
